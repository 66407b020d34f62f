"""One more of the same, or the money back: never both, whichever comes first and however close they come."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from handlers.actors import Operator
from handlers.errors import RefundNothing, RegrantPaidBack
from handlers.grants import regranting
from handlers.orders import refunds
from handlers.orders.refunding import send_back
from handlers.rules.offer_terms import Price, Validity, ValidityKind
from models.benefits import Benefit
from models.claims import Claim
from models.database import atomic
from models.grants import Regrant
from models.orders import OrderClaim
from models.organizations import Organization
from models.statements import grants as grant_statements
from models.statements import orders as order_statements
from models.words import ClaimState, OrderRefundCause
from tests.handlers.buying import PRICE, Buyer, a_buyer, breaches, for_sale, stands
from tests.handlers.claimable import an_offer
from tests.handlers.counter import open_counter
from tests.handlers.offering import operator_at
from tests.handlers.test_benefit_machine import like
from tests.handlers.test_points import Mall
from tests.handlers.test_refund_races import one_inside_the_other
from tests.handlers.test_settlement_races import Held

USED, AGAIN = "退掉的权益不能再使用", "退掉的权益没有还能用的补发"


@dataclass
class Sold:
    """Something that was paid for and ran out unused, and whoever may give it again."""

    rooms: Any
    ming: Buyer
    order_id: UUID
    old: Claim
    operator: Operator

    async def regrant(self) -> Any:
        give = self.rooms.handlers.regranting.regrant
        return await give(self.operator, self.old.id, reason="过期", days=7, request_id="one-more")

    async def refund(self) -> Any:
        return await self.ming.refund(self.order_id, PRICE)

    async def return_revoked(self) -> None:
        """The job that sends back what is owed."""
        await self.rooms.handlers.order_refunds.return_revoked(self.order_id)

    async def reasons(self) -> list[str | None]:
        told = await self.rooms.handlers.order_refunds.quote(self.ming.person, self.order_id)
        return [line.reason for line in told.lines]


@pytest.fixture
async def sold(rooms) -> Sold:
    offer = await for_sale(rooms, validity=Validity(ValidityKind.DAYS, days=1))
    ming = await a_buyer(rooms)
    order_id = await ming.buy(offer)
    operator = await operator_at(await Organization.get(parent=None))
    held = Sold(rooms, ming, order_id, await Claim.get(), operator)
    rooms.clock.advance(timedelta(days=3))
    await rooms.handlers.claim_expiry.sweep()
    return held


@pytest.fixture
async def taken_away(rooms) -> AsyncIterator[Sold]:
    """An operator took it back, and its money is not yet on its way."""
    ming, operator = await a_buyer(rooms), await operator_at(await Organization.get(parent=None))
    order_id = await ming.buy(await for_sale(rooms))
    held = Sold(rooms, ming, order_id, await Claim.get(), operator)
    await rooms.handlers.claim_desk.revoke(operator, held.old.id, reason="发错了", request_id="revoke")
    yield held
    assert await breaches() == []


async def test_what_was_given_again_is_not_paid_back(sold):
    await sold.regrant()
    assert await sold.reasons() == ["claim.regranted"]
    with pytest.raises(RefundNothing):
        await sold.refund()
    assert await stands(sold.order_id) == "paid"


async def test_what_was_paid_back_is_not_given_again(sold):
    await sold.refund()
    with pytest.raises(RegrantPaidBack):
        await sold.regrant()
    assert await Regrant.all().count() == 0


async def test_what_was_paid_back_unused_is_not_given_again(rooms):
    offer, ming = await for_sale(rooms), await a_buyer(rooms)
    order_id = await ming.buy(offer)
    await ming.refund(order_id, PRICE)
    held = Sold(rooms, ming, order_id, await Claim.get(), await operator_at(await Organization.get(parent=None)))
    assert held.old.state is ClaimState.REVOKED
    with pytest.raises(RegrantPaidBack):
        await held.regrant()
    assert await breaches() == []


async def test_what_gave_its_points_back_is_not_given_again(rooms):
    ming, operator = await rooms.member("o-ming"), await operator_at(await Organization.get(parent=None))
    mall = Mall(rooms, operator.organization_id, operator)
    await mall.rule()
    await mall.earn(ming, 9)
    offer = await an_offer(rooms.clock.now(), price=Price(points=5))
    await rooms.handlers.claiming.claim(ming, offer_id=offer.id, request_id="claim")
    old, revoke = await Claim.get(), rooms.handlers.claim_desk.revoke
    await revoke(operator, old.id, reason="发错了", request_id="revoke")
    assert await mall.seen(ming) == (9, 0)
    with pytest.raises(RegrantPaidBack):
        await rooms.handlers.regranting.regrant(operator, old.id, reason="发错了", request_id="one-more")
    assert await breaches() == []


# --- what was taken away is owed, unless it is given again


async def test_what_was_taken_away_and_given_again_is_not_owed_besides(taken_away):
    await taken_away.regrant()
    await taken_away.return_revoked()
    assert (await stands(taken_away.order_id), await refunded()) == ("paid", 0)


async def test_what_was_taken_away_and_paid_back_is_not_given_again(taken_away):
    await taken_away.return_revoked()
    with pytest.raises(RegrantPaidBack):
        await taken_away.regrant()


@pytest.mark.parametrize("is_refund_first", [False, True])
async def test_at_once_what_was_taken_away_is_paid_back_or_given_again(taken_away, monkeypatch, is_refund_first):
    if is_refund_first:
        held = Held(monkeypatch, refunds, "send_back")
        _, refused = await one_inside_the_other(held, taken_away.return_revoked(), taken_away.regrant())
        assert isinstance(refused, RegrantPaidBack)
    else:
        held = Held(monkeypatch, regranting, "issue")
        await one_inside_the_other(held, taken_away.regrant(), taken_away.return_revoked())
    assert (await Regrant.all().count(), await refunded()) == ((0, 1) if is_refund_first else (1, 0))


# --- what `doctor` says


async def test_doctor_names_what_was_paid_back_and_is_redeemed(rooms):
    counter, ming = await open_counter(rooms), await a_buyer(rooms)
    order_id = await ming.buy(await for_sale(rooms))
    claim = await Claim.get()
    await Benefit.filter(id=claim.benefit_id).update(merchant_id=counter.merchant.id)
    await counter.redeem(counter.typed(claim))
    async with atomic():
        lines = [(await OrderClaim.get()).id]
        await send_back(order_id, PRICE, OrderRefundCause.OPERATOR, at=rooms.clock.now(), claims=lines)
    assert await breaches() == [USED]
    await Claim.all().update(state=ClaimState.EXPIRED)  # as one that time ended before its scan came in
    assert USED in await breaches()


# --- at once


@pytest.mark.parametrize("is_refund_first", [False, True])
async def test_at_once_one_of_the_two_is_had(sold, monkeypatch, is_refund_first):
    first, second = await at_once(sold, monkeypatch, is_refund_first=is_refund_first)
    assert not isinstance(first, BaseException)
    assert isinstance(second, RegrantPaidBack if is_refund_first else RefundNothing)
    assert (await Regrant.all().count(), await refunded()) == ((0, 1) if is_refund_first else (1, 0))
    assert await breaches() == []


@pytest.mark.parametrize("is_refund_first", [False, True])
async def test_without_looking_for_the_other_both_are_had(sold, monkeypatch, is_refund_first):
    monkeypatch.setattr(grant_statements, "PAID_BACK", "")
    blind = like(order_statements.CLAIMS, "SELECT 1 FROM regrant g WHERE g.old_claim_id", "SELECT 1 WHERE NULL")
    monkeypatch.setattr(order_statements, "CLAIMS", blind)
    await at_once(sold, monkeypatch, is_refund_first=is_refund_first)
    assert (await Regrant.all().count(), await refunded()) == (1, 1)
    assert await breaches() == [AGAIN]


async def at_once(sold: Sold, monkeypatch, *, is_refund_first: bool) -> list[object]:
    """The second comes while the first has decided and not yet written."""
    if is_refund_first:
        held = Held(monkeypatch, refunds, "send_back")
        return await one_inside_the_other(held, sold.refund(), sold.regrant())
    held = Held(monkeypatch, regranting, "issue")
    return await one_inside_the_other(held, sold.regrant(), sold.refund())


async def refunded() -> int:
    return await OrderClaim.filter(refund_id__not_isnull=True).count()
