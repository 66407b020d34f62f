"""What was scanned without a network while it was paused does not count; what was scanned before or after does."""

from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from handlers.benefits.benefit_reviews import BenefitReviews
from handlers.offline import uploads
from handlers.rules.pauses import was_off
from handlers.shops.merchants import MerchantChange
from models.benefits import Benefit, Offer
from models.organizations import Organization
from models.pauses import Pause
from models.programmes import Merchant
from models.words import OfferState, PausedKind
from tests.handlers.counter import open_counter
from tests.handlers.offering import key, operator_at
from tests.handlers.scanning import a_device, morning_after, net, offline_claim, opened
from tests.handlers.test_offline_uploads import told

MINUTE = timedelta(minutes=1)
SWITCHES = list(PausedKind)
BEFORE, PAUSED, AFTER = [("accepted", "")], [("rejected", "redemption.paused")], [("accepted", "")]


class Shop:
    """A counter whose benefits all hang on one switch, and the operator who throws it."""

    def __init__(self, counter, ming, operator, kind) -> None:
        self.counter, self.ming, self.operator, self.kind = counter, ming, operator, kind

    async def claims(self, number: int) -> list:
        """Of one benefit and one offer."""
        made = [await offline_claim(self.counter, self.ming) for _ in range(number)]
        for each in made[1:]:
            each.benefit_id, each.offer_id = made[0].benefit_id, made[0].offer_id
            await each.save(update_fields=["benefit_id", "offer_id"])
        self.benefit_id, self.offer_id = made[0].benefit_id, made[0].offer_id
        return made

    async def throw(self, *, is_off: bool) -> None:
        handlers, facts = self.counter.handlers, {"reason": "盘点", "request_id": key()}
        if self.kind is PausedKind.MERCHANT:
            change = MerchantChange(is_active=not is_off)
            await handlers.merchants.change(self.operator, self.counter.merchant.id, change, request_id=key())
        elif self.kind is PausedKind.BENEFIT:
            reviews: BenefitReviews = handlers.benefit_reviews
            await (reviews.pause if is_off else reviews.resume)(self.operator, self.benefit_id, **facts)
        else:
            editing = handlers.offer_editing
            await (editing.pause if is_off else editing.resume)(self.operator, self.offer_id, **facts)


@pytest.fixture(params=SWITCHES)
async def shop(rooms, request):
    counter, ming = await open_counter(rooms), await rooms.member("o-ming")
    return Shop(counter, ming, await operator_at(await Organization.get(parent=None)), request.param)


async def scanned_around_a_pause(shop, clock) -> tuple:
    """A scan before, one while it was off, one after; nothing is uploaded yet."""
    claims = await shop.claims(3)
    device = await a_device(shop.counter)
    scans = [device.scan(claims[0])]
    clock.advance(MINUTE)
    await shop.throw(is_off=True)
    clock.advance(MINUTE)
    scans.append(device.scan(claims[1]))
    clock.advance(MINUTE)
    await shop.throw(is_off=False)
    clock.advance(MINUTE)
    scans.append(device.scan(claims[2]))
    return device, claims, scans


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
async def test_a_scan_is_judged_by_what_was_off_when_it_was_made_whatever_comes_in_first(shop, clock, order):
    device, claims, scans = await scanned_around_a_pause(shop, clock)
    expected = [BEFORE, PAUSED, AFTER]
    for number in order:
        assert told(await device.upload([scans[number]])) == expected[number]
    await morning_after(shop.counter)
    assert [len(await net(each)) for each in claims] == [1, 0, 1]


async def test_what_was_scanned_before_counts_though_it_comes_in_while_it_is_off(shop, clock):
    (claim,) = await shop.claims(1)
    device = await a_device(shop.counter)
    device.scan(claim)
    clock.advance(MINUTE)
    await shop.throw(is_off=True)
    assert told(await device.upload()) == BEFORE
    assert len(await net(claim)) == 1


async def test_without_the_history_a_scan_is_judged_by_the_moment_of_its_upload(shop, clock, monkeypatch):
    """The negative control: it counts where the upload comes after the pause, and does not where it comes within it."""

    async def forgotten(*_):
        return {}

    monkeypatch.setattr(uploads, "pauses_since", forgotten)
    device, claims, scans = await scanned_around_a_pause(shop, clock)
    assert told(await device.upload([scans[1]])) != PAUSED
    await shop.throw(is_off=True)
    assert told(await device.upload([scans[0]])) == PAUSED
    assert [len(await net(each)) for each in claims] == [0, 1, 0]


async def test_what_is_off_since_before_pauses_were_kept_is_off(shop, clock):
    (claim,) = await shop.claims(1)
    device = await a_device(shop.counter)
    await Benefit.filter(id=shop.benefit_id).update(is_paused=shop.kind is PausedKind.BENEFIT)
    if shop.kind is PausedKind.OFFER:
        await Offer.filter(id=shop.offer_id).update(state=OfferState.PAUSED)
    await Merchant.filter(id=shop.counter.merchant.id).update(is_active=shop.kind is not PausedKind.MERCHANT)
    device.scan(claim)
    assert told(await device.upload()) == PAUSED


async def test_a_pause_is_noted_once_and_stays_as_it_was(shop, clock):
    await shop.claims(1)
    began_at = clock.now()
    await shop.throw(is_off=True)
    (open_one,) = await Pause.all()
    assert (open_one.subject_kind, open_one.began_at, open_one.ended_at) == (shop.kind, began_at, None)
    if shop.kind is not PausedKind.OFFER:  # an offer that is paused refuses to be paused again
        clock.advance(MINUTE)
        await shop.throw(is_off=True)
        assert [each.began_at for each in await Pause.all()] == [began_at]
    with pytest.raises(IntegrityError):
        await Pause.create(subject_kind=shop.kind, subject_id=open_one.subject_id, began_at=began_at)
    await shop.throw(is_off=False)
    (over,) = await Pause.all()
    assert over.ended_at == clock.now()
    with pytest.raises((IntegrityError, OperationalError)):
        await Pause.all().update(ended_at=began_at)


async def test_an_offer_that_ends_is_paused_no_more_and_a_paused_one_is_in_no_pack(rooms, clock):
    counter, ming = await open_counter(rooms), await rooms.member("o-ming")
    shop = Shop(counter, ming, await operator_at(await Organization.get(parent=None)), PausedKind.OFFER)
    await shop.claims(2)
    await shop.throw(is_off=True)
    device = await a_device(counter)
    assert opened(device.fetched)["entries"] == []
    clock.advance(MINUTE)
    await counter.handlers.offer_editing.end(shop.operator, shop.offer_id, reason="过季", request_id=key())
    assert (await Pause.get()).ended_at == clock.now()
    await device.sync()
    assert len(opened(device.fetched)["entries"]) == 2


def test_a_pause_is_half_open_and_what_nobody_noted_is_off_as_long_as_it_is(clock):
    now = clock.now()
    over, still = (now, now + MINUTE), (now + 2 * MINUTE, None)
    cases = [-1, 0, 1, 2, 3]
    assert [was_off(now + each * MINUTE, [over], is_off_now=False) for each in cases] == [0, 1, 0, 0, 0]
    assert [was_off(now + each * MINUTE, [over, still], is_off_now=True) for each in cases] == [0, 1, 0, 1, 1]
    assert [was_off(now + each * MINUTE, [over], is_off_now=True) for each in cases] == [1, 1, 1, 1, 1]
