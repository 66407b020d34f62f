"""Refunds: asked for by whoever paid, given by operators, or made by the house where it could not give what was paid
for; then sent, heard of and asked about until they are closed.
"""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from handlers.actors import Operator, Person
from handlers.audit import record
from handlers.claims.claim_expiry import end
from handlers.claims.paying import return_points
from handlers.errors import (
    OrderRefundUnknown,
    OrderUnknown,
    PayNoticeUnreadable,
    RefundNotFailed,
    RefundNothing,
    RefundQuoteChanged,
    RefundTooEarly,
)
from handlers.grants.taking_back import family, take_back
from handlers.orders.in_time import InTime
from handlers.orders.order_views import RefundSeen, refund_of
from handlers.orders.quoting import TOO_EARLY, Quote, is_unused, of_term, quote, unused_fen
from handlers.orders.refunding import Settled, send_another, send_back, settle
from handlers.orders.returning import alone, give_part, payable
from handlers.orders.services import PaymentServices
from handlers.orders.watching import BATCH, each_of
from handlers.paid_terms.cutting import cut_term
from handlers.ports import Clock, RefundSays, ToRefund
from handlers.requests import Actor, Answer, once
from handlers.retrying import again, refusing
from handlers.rules.order_states import refund_pause
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.standing import standing
from models.database import atomic, row, rows
from models.sql import as_uuid
from models.statements import orders as statements
from models.words import ClaimState, OrderRefundCause, OrderRefundState, OrderState, RefundHeard

REASON = "refunded"  # of the claims' edges

log = logging.getLogger(__name__)


@refusing
class OrderRefunds:
    """Sends money back, each part once."""

    def __init__(self, clock: Clock, services: PaymentServices) -> None:
        self._clock = clock
        self._services = services
        self._in_time = InTime()

    async def quote(self, person: Person, order_id: UUID) -> Quote:
        """What would come back now. Raises OrderUnknown."""
        found = await row(statements.OWN, person.member_id, order_id)
        if found is None:
            raise OrderUnknown
        return await quote(found, at=self._clock.now())

    async def ask(
        self, person: Person, order_id: UUID, *, amount_fen: int, reason: str = "", request_id: str
    ) -> Answer[RefundSeen]:
        """Everything that can come back goes back: the claims are revoked, the money is on its way.

        `amount_fen`: what the quote said. Raises OrderUnknown, RefundNothing, RefundTooEarly, RefundQuoteChanged,
        NotSignedIn, MemberFrozen, KeyReused.
        """

        async def effect() -> RefundSeen:
            member_id = await standing(person.member_id)
            found = await row(statements.OWN_LOCKED, member_id, order_id)
            if found is None:
                raise OrderUnknown
            return await self._give_back(found, person, OrderRefundCause.MEMBER, reason, expected=amount_fen)

        facts = {"order": order_id, "amount_fen": amount_fen}
        return await once(person, "order.refund", request_id, facts=facts, result=RefundSeen, effect=effect)

    async def give(
        self, operator: Operator, order_id: UUID, *, amount_fen: int, reason: str, request_id: str
    ) -> Answer[RefundSeen]:
        """By an operator: any part of what was paid and is still here; whoever paid keeps what they hold.

        Raises RoleMissing, OrderUnknown, RefundNothing, RefundTooLate, OrderRefundTooMuch, RefundNeedsSecond (propose
        it), KeyReused.
        """
        scope = await allowed(operator, Capability.REFUNDS)

        async def effect() -> RefundSeen:
            now = self._clock.now()
            found = await row(statements.LOCKED_BY_ID, order_id)
            if found is None or not scope.sees(as_uuid(found["organization_id"])):
                raise OrderUnknown
            payable(found, now)
            await alone(order_id, amount_fen)
            return await refund_of(await give_part(operator, found, amount_fen, reason, at=now))

        facts = {"order": order_id, "amount_fen": amount_fen, "reason": reason}
        return await once(operator, "order.refund", request_id, facts=facts, result=RefundSeen, effect=effect)

    async def send_another(self, operator: Operator, refund_id: UUID, *, request_id: str) -> Answer[RefundSeen]:
        """By an operator: what the payment service closed without effect is tried anew, under another number.

        Raises RoleMissing, OrderRefundUnknown, RefundNotFailed, KeyReused.
        """
        scope = await allowed(operator, Capability.REFUNDS)

        async def effect() -> RefundSeen:
            now = self._clock.now()
            found = await row(statements.REFUND_LOCKED_BY_ID, refund_id)
            if found is None or not scope.sees(as_uuid(found["organization_id"])):
                raise OrderRefundUnknown
            another_id = await send_another(found, at=now)
            if another_id is None:
                raise RefundNotFailed(state=str(found["state"]))
            place, about = as_uuid(found["organization_id"]), as_uuid(found["order_id"])
            told = {"refund": str(another_id), "instead_of": str(refund_id)}
            await record(operator, "order.refund_sent_anew", "order", about, at=now, organization_id=place, **told)
            return await refund_of(another_id)

        facts = {"refund": refund_id}
        return await once(operator, "order.refund_anew", request_id, facts=facts, result=RefundSeen, effect=effect)

    async def return_unfulfilled(self) -> int:
        """Money for claims that were revoked because a supplier could not do them goes back; of how many orders."""
        due = [as_uuid(each["order_id"]) for each in await rows(statements.UNFULFILLED, BATCH)]
        await each_of(due, self.return_revoked, "order_not_returned")
        return len(due)

    async def hear(self, headers: Mapping[str, str], body: bytes) -> OrderRefundState:
        """A notice about a refund; the same one again changes nothing and is answered alike.

        Raises PayNoticeForged, PayNoticeUnreadable, PaymentUnavailable (not done in time).
        """
        says = self._services.wechat.refund_notice(headers, body, now=self._clock.now())
        settled = await self._in_time.done(self._settle(says.number or "", says))
        if settled is None or not settled.is_believed:
            raise PayNoticeUnreadable
        return settled.state

    async def look(self, refund_id: UUID) -> None:
        """Send it, or ask what became of it; what was perhaps sent is asked about before it is sent again.

        Always under the same number, which is the same refund there.
        """
        found = await again(lambda: self._begin(refund_id))
        if found is None:
            return
        service = self._services.of(found["method"])
        if found["state"] != OrderRefundState.WAITING:
            says = await service.query_refund(found["number"])
            await self._settle(found["number"], says)
            if says.heard is not RefundHeard.ABSENT:
                return
        wanted = ToRefund(
            found["number"],
            found["order_number"],
            int(found["amount_fen"]),
            int(found["total_fen"]),
            found["reason"],
        )
        await self._settle(found["number"], await service.refund(wanted))

    async def close(self) -> None:
        """Let what goes on behind an answer end."""
        await self._in_time.close()

    async def poll(self) -> int:
        """Look at every refund whose time has come; how many there were."""
        due = [as_uuid(each["id"]) for each in await rows(statements.REFUNDS_DUE, self._clock.now(), BATCH)]
        await each_of(due, self.look, "refund_not_looked_at")
        return len(due)

    async def _give_back(
        self,
        found: Mapping[str, Any],
        actor: Actor,
        cause: OrderRefundCause,
        reason: str,
        *,
        expected: int,
    ) -> RefundSeen:
        """What can come back does: the claims are locked, looked at once more, and revoked."""
        now, order_id = self._clock.now(), as_uuid(found["id"])
        if found["offer_id"] is None:
            return await self._give_back_term(found, actor, cause, reason, expected=expected)
        held = await rows(statements.CLAIMS, [order_id])
        await family([as_uuid(each["claim_id"]) for each in held])
        told = await quote(found, at=now)
        returning = {line.claim_id for line in told.lines if line.reason is None}
        if not returning or not told.amount_fen:
            raise RefundTooEarly if any(line.reason == TOO_EARLY for line in told.lines) else RefundNothing
        if told.amount_fen != expected:
            raise RefundQuoteChanged(amount_fen=told.amount_fen)
        taken = await take_back(returning, actor=actor, at=now, only_unused=True, is_told=False, reason=REASON)
        # Whose time was over nobody takes back: they end as the sweep would end them, and their points come back too.
        over = [
            {"id": each["claim_id"], "state": each["state"], **_version(found)}
            for each in held
            if as_uuid(each["claim_id"]) in returning - taken.claim_ids and each["state"] == ClaimState.ISSUED
        ]
        await end(over, ClaimState.EXPIRED, reason="time", at=now)
        await return_points(returning, at=now)
        await rows(statements.FREE_OF_CLAIMS, sorted(returning))
        lines = [as_uuid(each["id"]) for each in held if as_uuid(each["claim_id"]) in returning]
        return await refund_of(await send_back(order_id, told.amount_fen, cause, at=now, reason=reason, claims=lines))

    async def _give_back_term(
        self, found: Mapping[str, Any], actor: Actor, cause: OrderRefundCause, reason: str, *, expected: int
    ) -> RefundSeen:
        """The term of a plan's order is cut, what came with it and is unused is revoked, and the rest goes back."""
        now, order_id = self._clock.now(), as_uuid(found["id"])
        if not (await quote(found, at=now)).amount_fen:
            raise RefundNothing
        term = await cut_term(order_id, actor=actor, at=now)
        amount = of_term(term, int(found["amount_fen"]), int(found["refunded_fen"]))
        if not amount:
            raise RefundNothing
        if amount != expected:
            raise RefundQuoteChanged(amount_fen=amount)
        return await refund_of(await send_back(order_id, amount, cause, at=now, reason=reason))

    async def return_revoked(self, order_id: UUID) -> None:
        """Money for what is unused of an order's claims that were taken away goes back; again, nothing happens."""

        async def attempt() -> None:
            async with atomic():
                found = await row(statements.LOCKED_BY_ID, order_id)
                # Locked, as whoever gives one more for one of them has it: what was given again is not owed.
                await family([as_uuid(each["claim_id"]) for each in await rows(statements.CLAIMS, [order_id])])
                lines = [
                    each
                    for each in await rows(statements.CLAIMS, [order_id])
                    if each["refund_id"] is None and each["state"] == "revoked" and not each["is_regranted"]
                ]
                if found is None or not lines or OrderState(found["state"]) is not OrderState.PAID:
                    return
                # An operator may have given back a part of it before.
                amount = min(sum(map(unused_fen, lines)), int(found["amount_fen"]) - int(found["refunded_fen"]))
                if not amount:
                    return
                ids, whole = [as_uuid(each["id"]) for each in lines], [each for each in lines if is_unused(each)]
                await send_back(
                    order_id,
                    amount,
                    OrderRefundCause.UNFULFILLED,
                    at=self._clock.now(),
                    claims=ids,
                    unsold_claims=[as_uuid(each["id"]) for each in whole],
                )

        await again(attempt)

    async def _begin(self, refund_id: UUID) -> Mapping[str, Any] | None:
        """Whose look this is; what is to be sent counts as sent from here on."""
        async with atomic():
            now = self._clock.now()
            found = await row(statements.REFUND, refund_id)
            if found is None:
                return None
            following = now + refund_pause(int(found["look_count"]) + 1)
            if not await rows(statements.TAKE_REFUND_LOOK, refund_id, now, following):
                return None
            if found["state"] == OrderRefundState.WAITING:
                await rows(statements.SEND_REFUND, refund_id, now)
            return found

    async def _settle(self, number: str, says: RefundSays) -> Settled | None:
        async def attempt() -> Settled | None:
            async with atomic():
                return await settle(number, says, at=self._clock.now())

        return await again(attempt)


def _version(found: Mapping[str, Any]) -> dict[str, object]:
    return {"offer_id": found["offer_id"], "offer_version": found["offer_version"]}
