"""Money back beside a scan without a network: whichever comes first, one of the two is had, and never both."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from handlers.errors import RefundTooEarly, RegrantTooEarly
from handlers.offline import deciding, holding
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.benefit_terms import PackagePart, PackageTerms
from handlers.rules.offer_terms import Validity, ValidityKind
from handlers.rules.offline import OfflineReason
from handlers.rules.redemption import Reason
from handlers.rules.validity import begins, day_of
from models.benefits import Benefit, Offer
from models.claims import Claim
from models.offline import OfflineVerdict
from models.orders import OrderClaim
from models.organizations import Organization
from models.words import BenefitKind, ClaimState, ScanOutcome
from tests.handlers.buying import PRICE, Buyer, a_buyer, breaches, for_sale, stands
from tests.handlers.claimable import a_benefit
from tests.handlers.counter import Counter, open_counter
from tests.handlers.offering import operator_at
from tests.handlers.scanning import a_device, morning_after, net

MINUTES = timedelta(minutes=5)


@dataclass
class Bought:
    """A voucher that was paid for and may be redeemed offline, and where."""

    rooms: Any
    counter: Counter
    ming: Buyer
    order_id: UUID
    claim: Claim

    async def reasons(self) -> list[str | None]:
        told = await self.rooms.handlers.order_refunds.quote(self.ming.person, self.order_id)
        return [line.reason for line in told.lines]

    def after_midnight(self) -> None:
        clock = self.rooms.clock
        midnight = begins(day_of(clock.now(), BUSINESS_ZONE) + timedelta(days=1), BUSINESS_ZONE)
        clock.advance(midnight + MINUTES - clock.now())


async def bought(rooms, counter: Counter | None = None, key: str = "order", **terms: Any) -> Bought:
    counter = counter or await open_counter(rooms)
    offer = await for_sale(rooms, stock=None, limits=(), **terms)
    benefit_id = (await Offer.get(id=offer.id)).benefit_id
    facts = {"is_offline_allowed": True, "settlement_price_fen": 800}
    await Benefit.filter(id=benefit_id).update(merchant_id=counter.merchant.id, **facts)
    ming = await a_buyer(rooms)
    order_id = await ming.buy(offer, key)
    line = await OrderClaim.get(order_id=order_id)
    return Bought(rooms, counter, ming, order_id, await Claim.get(id=line.claim_id))


TODAY = Validity(ValidityKind.DAYS, days=0)


async def test_what_no_device_has_in_a_pack_goes_back_at_once(rooms):
    first = await bought(rooms)
    assert await first.reasons() == [None]
    await first.ming.refund(first.order_id, PRICE)
    device = await a_device(first.counter)
    rooms.clock.advance(2 * MINUTES)
    second = await bought(rooms, first.counter, "second")  # after the pack was fetched: it is not in it
    await second.ming.refund(second.order_id, PRICE, "second")
    device.scan(second.claim)
    (answer,) = (await device.upload()).answers
    assert (answer.outcome, answer.reason) == (ScanOutcome.REJECTED, Reason.REVOKED)
    assert await breaches() == []


@pytest.mark.parametrize("is_uploaded_first", [False, True])
async def test_what_was_scanned_offline_is_not_paid_back_in_whichever_order(rooms, is_uploaded_first):
    held = await bought(rooms)
    device = await a_device(held.counter)
    rooms.clock.advance(MINUTES)
    device.scan(held.claim)
    rooms.clock.advance(MINUTES)
    if is_uploaded_first:
        await device.upload()
    else:
        assert await held.reasons() == ["claim.offline_open"]
        with pytest.raises(RefundTooEarly):
            await held.ming.refund(held.order_id, PRICE)
        (answer,) = (await device.upload()).answers
        assert answer.outcome is ScanOutcome.ACCEPTED
    await morning_after(held.counter)
    assert await held.reasons() == ["claim.used"]
    assert (await stands(held.order_id), [each.settlement_fen for each in await net(held.claim)]) == ("paid", [800])
    assert await breaches() == []


async def test_what_nobody_scanned_goes_back_after_the_cut_off(rooms):
    held = await bought(rooms)
    await a_device(held.counter)
    assert await held.reasons() == ["claim.offline_open"]
    await morning_after(held.counter)
    await held.ming.refund(held.order_id, PRICE)
    assert (await Claim.get(id=held.claim.id)).state is ClaimState.REVOKED
    assert await breaches() == []


async def test_what_ended_at_midnight_waits_for_the_cut_off_of_its_last_day(rooms):
    held = await bought(rooms, validity=TODAY)
    device = await a_device(held.counter)
    rooms.clock.advance(MINUTES)
    device.scan(held.claim)
    held.after_midnight()
    await rooms.handlers.claim_expiry.sweep()
    with pytest.raises(RefundTooEarly):
        await held.ming.refund(held.order_id, PRICE)
    operator = await operator_at(await Organization.get(parent=None))
    give = rooms.handlers.regranting.regrant
    with pytest.raises(RegrantTooEarly):
        await give(operator, held.claim.id, reason="过期", days=3, request_id="one-more")
    assert (await device.upload()).answers[0].outcome is ScanOutcome.ACCEPTED
    await morning_after(held.counter)
    assert await held.reasons() == ["claim.used"]
    assert (await stands(held.order_id), len(await net(held.claim))) == ("paid", 1)
    assert await breaches() == []


async def test_a_package_waits_with_its_part(rooms):
    tea = await a_benefit("茶")
    package = await a_benefit("礼包", BenefitKind.PACKAGE, PackageTerms(parts=(PackagePart(tea.code),)))
    counter, ming = await open_counter(rooms), await a_buyer(rooms)
    await Benefit.filter(id=tea.id).update(merchant_id=counter.merchant.id, is_offline_allowed=True)
    order_id = await ming.buy(await for_sale(rooms, benefit=package))
    whole = await Claim.get(package_id=None)
    await a_device(counter)
    assert await Bought(rooms, counter, ming, order_id, whole).reasons() == ["claim.offline_open"]
    await morning_after(counter)
    await ming.refund(order_id, PRICE)
    assert await breaches() == []


async def test_a_scan_that_the_cut_off_has_not_looked_at_yet_keeps_the_money(rooms, monkeypatch):
    held = await bought(rooms)
    device = await a_device(held.counter)
    device.scan(held.claim)
    monkeypatch.setattr(deciding, "MOST_SCANS_A_DAY", 0)  # on coming in it is one too many, at the cut-off it is not
    assert (await device.upload()).answers[0].reason == OfflineReason.OVER_LIMIT
    held.after_midnight()
    rooms.clock.advance(timedelta(hours=6))
    assert await held.reasons() == ["claim.offline_open"]
    await rooms.handlers.offline_cut_off.close_due()
    assert (await held.reasons(), len(await net(held.claim))) == (["claim.used"], 1)
    assert await breaches() == []


async def test_a_pack_of_another_shop_holds_nothing(rooms):
    held = await bought(rooms)
    await Benefit.filter(id=held.claim.benefit_id).update(terms=await elsewhere(held))
    await a_device(held.counter)
    assert await held.reasons() == [None]


async def elsewhere(held: Bought) -> dict[str, Any]:
    """The terms of a voucher that another shop of the merchant honours."""
    return {**(await Benefit.get(id=held.claim.benefit_id)).terms, "stores": ["elsewhere"]}


@pytest.mark.parametrize("is_swept", [False, True])
async def test_what_was_paid_back_after_all_is_never_settled(rooms, is_swept, monkeypatch):
    """With nothing that waits for the cut-off: the scan is on record as rejected, and the money is had once."""
    held = await bought(rooms, validity=TODAY)
    device = await a_device(held.counter)
    rooms.clock.advance(MINUTES)
    device.scan(held.claim)
    held.after_midnight()
    if is_swept:
        await rooms.handlers.claim_expiry.sweep()
    without_waiting(monkeypatch)
    await held.ming.refund(held.order_id, PRICE)
    (answer,) = (await device.upload()).answers
    assert (answer.outcome, answer.reason) == (ScanOutcome.REJECTED, Reason.REVOKED)
    await morning_after(held.counter)
    assert (await OfflineVerdict.get()).outcome is ScanOutcome.REJECTED
    assert await net(held.claim) == []
    assert await breaches() == []


async def test_what_was_paid_back_after_its_scan_came_in_is_not_settled_at_the_cut_off(rooms, monkeypatch):
    held = await bought(rooms, validity=TODAY)
    device = await a_device(held.counter)
    device.scan(held.claim)
    monkeypatch.setattr(deciding, "MOST_SCANS_A_DAY", 0)
    await device.upload()
    held.after_midnight()
    await rooms.handlers.claim_expiry.sweep()
    without_waiting(monkeypatch)
    await held.ming.refund(held.order_id, PRICE)
    await morning_after(held.counter)
    verdict = await OfflineVerdict.get()
    assert (verdict.outcome, verdict.reason, await net(held.claim)) == (ScanOutcome.REJECTED, Reason.REVOKED, [])
    assert await breaches() == []


def without_waiting(monkeypatch) -> None:
    for name in ("HELD", "UNDECIDED"):
        monkeypatch.setattr(holding.statements, name, "")
