"""Claims that cost points: paid in the transaction that gives them, returned once when one goes back unused."""

import asyncio
from datetime import timedelta

import pytest

from handlers import lanes
from handlers.claims import claiming, paying
from handlers.errors import OfferPriced, OfferSoldOut, PointsShort
from handlers.points.points import EntryKind
from handlers.retrying import DatabaseBusy
from handlers.rules.benefit_terms import VoucherTerms
from handlers.rules.offer_terms import Audience, AudiencePrice, Limit, Period, Price, Validity, ValidityKind
from models.claims import Claim
from models.database import atomic
from models.identity import Member
from models.ledger import Transfer
from models.organizations import Organization
from models.words import ClaimState, Heard, PointsExpiry
from tests.handlers.charging import NUMBER, a_supplier, a_top_up, order_of
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.conftest import MEMBERSHIP
from tests.handlers.counter import open_counter
from tests.handlers.offering import key, operator_at
from tests.handlers.test_claiming import holds
from tests.handlers.test_points import Mall
from tests.handlers.test_unmerging import merge
from tests.handlers.trips import counting_trips

OFTEN = (Limit(Period.EVER, 1_000),)
FIVE = {"price": Price(points=5), "limits": OFTEN}


@pytest.fixture
async def mall(far):
    """Whatever a test does, `doctor` has nothing to say in the end."""
    root = await Organization.get(parent=None)
    mall = Mall(far, root, await operator_at(root))
    await mall.rule()
    yield mall
    await holds()


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


async def claim(mall, person, offer, **more):
    facts = {"offer_id": offer.id, "request_id": key(), **more}
    return (await mall.rooms.handlers.claiming.claim(person, **facts)).value.claims


async def offered(mall, **more):
    return await an_offer(mall.rooms.clock.now(), **{**FIVE, **more})


async def test_a_claim_is_paid_with_it_and_its_entry_is_the_claims_own(mall, ming):
    await mall.earn(ming, 12)
    offer = await offered(mall, stock=3)
    (issued,) = await claim(mall, ming, offer)
    assert (await Claim.get(id=issued.id)).price_points == 5
    assert (await Transfer.get(cause_kind="claim")).cause_id == str(issued.id)
    assert await mall.seen(ming) == (7, 0)
    assert await mall.entries(ming, limit=1) == [(EntryKind.SPENT, -5)]


async def test_asking_again_with_the_key_pays_once(mall, ming):
    await mall.earn(ming, 12)
    offer = await offered(mall)
    first = await claim(mall, ming, offer, request_id="tap")
    assert await claim(mall, ming, offer, request_id="tap") == first
    assert await mall.seen(ming) == (7, 0)


async def test_whoever_has_too_few_gets_nothing_and_takes_nothing(mall, ming):
    await mall.earn(ming, 9)
    offer = await offered(mall, stock=3)
    with pytest.raises(PointsShort) as refused:
        await claim(mall, ming, offer, quantity=2)
    assert refused.value.facts == {"unit": "points", "needed": 10, "available": 9}
    assert (await offer.left(), await mall.seen(ming), await Claim.all().count()) == (3, (9, 0), 0)


async def test_what_is_pending_or_over_pays_for_nothing(mall, ming, clock):
    await mall.rule(pending_days=7)
    await mall.earn(ming, 9)
    with pytest.raises(PointsShort):
        await claim(mall, ming, await offered(mall))


async def test_what_has_come_due_pays_and_what_is_over_goes_in_the_same_transaction(mall, ming, clock):
    await mall.terms(expiry=PointsExpiry.DAYS, expiry_count=10)
    await mall.earn(ming, 9)
    clock.advance(timedelta(days=5))
    await mall.rule(pending_days=2)
    await mall.earn(ming, 6)
    clock.advance(timedelta(days=7))
    offer = await offered(mall, stock=9)
    with pytest.raises(PointsShort) as refused:  # the nine are over
        await claim(mall, ming, offer, quantity=2)
    assert refused.value.facts["available"] == 6
    assert [(kind, amount) for kind, amount in await mall.entries(ming, limit=9) if kind is EntryKind.EXPIRED] == []
    await claim(mall, ming, offer)
    assert await mall.seen(ming) == (1, 0)
    told = [amount for kind, amount in await mall.entries(ming, limit=9) if kind is EntryKind.EXPIRED]
    assert told == [-9]


async def test_a_claim_that_is_paid_with_points_takes_nine_trips(mall, ming):
    await mall.earn(ming, 99)
    offer = await offered(mall, stock=9)
    await claim(mall, ming, offer)
    with counting_trips() as trips:
        await claim(mall, ming, offer)
    # Begin, who; as they stand, known already, the offer; slots, units, purse, lots; all that is written, commit.
    assert trips.count <= 9


async def test_of_fifty_at_once_exactly_as_many_get_one_as_can_be_paid(mall, ming):
    await mall.earn(ming, 52)
    offer = await offered(mall, stock=100)
    outcomes = await asyncio.gather(*(claim(mall, ming, offer) for _ in range(50)), return_exceptions=True)
    assert sum(isinstance(each, PointsShort) for each in outcomes) == 40
    assert (await offer.left(), await mall.seen(ming)) == (90, (2, 0))


async def test_without_the_purse_the_ledger_itself_stops_whoever_cannot_pay(mall, ming, monkeypatch):
    """The negative control: the lane believes everybody, and the transaction breaks instead of giving it away."""
    monkeypatch.setattr(paying.Purses, "take", lambda *_: None)
    await mall.earn(ming, 4)
    offer = await offered(mall, stock=3)
    with pytest.raises(DatabaseBusy):  # decided again, and again, with the same end
        await claim(mall, ming, offer)
    assert (await offer.left(), await mall.seen(ming), await Claim.all().count()) == (3, (4, 0), 0)


async def test_offers_that_are_pressed_at_once_share_a_transaction_and_one_purse(mall, ming, monkeypatch):
    """Eight offers at five points each, and thirteen points: the first two that were pressed, and nothing else."""
    await mall.earn(ming, 13)
    offers = [await offered(mall, stock=3) for _ in range(8)]
    batches = []

    async def counting(allowed, **rest):
        batches.append(len({each.offer.id for each in allowed}))
        return await plain(allowed, **rest)

    plain = claiming.allot
    monkeypatch.setattr(claiming, "allot", counting)
    monkeypatch.setattr(lanes, "SHARED", 1)
    done = await asyncio.gather(*(claim(mall, ming, each) for each in offers), return_exceptions=True)
    assert batches == [8]
    assert [isinstance(each, PointsShort) for each in done] == [False, False, *[True] * 6]
    assert [await each.left() for each in offers] == [2, 2, *[3] * 6]
    assert [each[0].offer_id for each in done[:2]] == [each.id for each in offers[:2]]
    assert await mall.seen(ming) == (3, 0)


async def test_what_is_sold_out_is_not_paid_and_who_cannot_pay_takes_nobodys_place(mall, ming, far):
    hong = await far.member("o-hong")
    await mall.earn(ming, 20)
    offer = await offered(mall, stock=1)
    outcomes = await asyncio.gather(
        claim(mall, hong, offer), claim(mall, ming, offer), claim(mall, ming, offer), return_exceptions=True
    )
    assert [type(each) for each in outcomes] == [PointsShort, tuple, OfferSoldOut]
    assert await mall.seen(ming) == (15, 0)


async def test_each_pays_the_price_that_is_theirs(mall, ming, far):
    hong = await far.member("o-hong")
    mine = AudiencePrice(Audience(member_list=(ming.member_id,)), Price(points=2))
    offer = await offered(mall, prices=(mine,))
    for each in (ming, hong):
        await mall.earn(each, 9)
        await claim(mall, each, offer)
    assert (await mall.seen(ming), await mall.seen(hong)) == ((7, 0), (4, 0))


async def test_points_do_not_pay_for_what_costs_money_too(mall, ming):
    await mall.earn(ming, 9)
    offer = await offered(mall, price=Price(points=5, fen=1))
    with pytest.raises(OfferPriced):
        await claim(mall, ming, offer)


async def test_what_expires_unused_gives_its_points_back_where_it_goes_back(mall, ming, clock):
    await mall.earn(ming, 20)
    week = Validity(ValidityKind.DAYS, days=7)
    back = await offered(mall, validity=week, returns_to_stock=True, stock=2)
    kept = await offered(mall, validity=week, stock=2)
    await claim(mall, ming, back)
    await claim(mall, ming, kept)
    clock.advance(timedelta(days=9))
    for _ in range(2):
        await mall.rooms.handlers.claim_expiry.sweep()
    assert (await mall.seen(ming), await back.left(), await kept.left()) == ((15, 0), 2, 1)
    assert await mall.entries(ming, limit=1) == [(EntryKind.RETURNED, 5)]


async def test_what_an_operator_takes_back_is_paid_back_to_whoever_they_are_today(mall, ming, far):
    other = await far.person("o-far", account="far0")
    await far.handlers.membership.join(other, agreed=[MEMBERSHIP], request_id="join")
    await mall.earn(other, 9)
    (issued,) = await claim(mall, await far.person("o-far", account="far0"), await offered(mall))
    await merge(far, ming, other)
    desk = far.handlers.claim_desk
    await desk.revoke(mall.operator, issued.id, reason="发错了", request_id=key())
    assert (await Claim.get(id=issued.id)).state is ClaimState.REVOKED
    assert await mall.seen(ming) == (9, 0)
    async with atomic():
        assert await paying.return_points([issued.id], at=far.clock.now()) == 0
    assert await mall.seen(ming) == (9, 0)


@pytest.mark.parametrize(("uses", "redeemed", "left"), [(1, 0, 9), (2, 1, 4)])
async def test_what_is_voided_is_paid_back_unless_some_of_it_was_used(mall, ming, far, uses, redeemed, left):
    counter = await open_counter(far)
    await mall.earn(ming, 9)
    benefit = await a_benefit("洗车", merchant=counter.merchant, terms=VoucherTerms(uses=uses))
    (issued,) = await claim(mall, ming, await offered(mall, benefit=benefit))
    held = await Claim.get(id=issued.id)
    for _ in range(redeemed):
        await counter.redeem(counter.typed(held))
    await far.handlers.voiding.void(counter.manager, issued.id, reason="商品下架", request_id=key())
    assert (await Claim.get(id=issued.id)).state is ClaimState.REVOKED
    assert await mall.seen(ming) == (left, 0)


async def test_a_top_up_that_fails_is_paid_back(mall, ming, far):
    await a_supplier(far)
    far.supplier.becomes, far.supplier.reason = Heard.FAILED, "out_of_stock"
    await mall.earn(ming, 9)
    (issued,) = await claim(mall, ming, await a_top_up(far, **FIVE), recharge_to=NUMBER)
    assert await mall.seen(ming) == (4, 0)
    await far.handlers.top_up_orders.look((await order_of(issued.id)).id)
    assert (await Claim.get(id=issued.id)).state is ClaimState.REVOKED
    assert await mall.seen(ming) == (9, 0)


async def test_whoever_leaves_takes_no_points_along(mall, ming, far):
    await mall.earn(ming, 9)
    await claim(mall, ming, await offered(mall, returns_to_stock=True, stock=2))
    await far.handlers.departures.leave(ming)
    assert await Member.filter(id=ming.member_id, status="erased").exists()
    assert await mall.seen(ming) == (0, 0)
