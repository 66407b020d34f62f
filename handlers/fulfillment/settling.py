"""The one way by which an order at a supplier moves: by our own call, our question, their notice, or two operators.

Within one transaction: the order's row, the claim's state with an event per edge, the unit and the slots, and what is
said to the member. Which of several that hear the same at once has the effect is settled by one guarded UPDATE.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from prometheus_client import Counter

from handlers.benefits.top_ups import replace
from handlers.claims.claims import SYSTEM, give_back, transition
from handlers.claims.paying import return_points
from handlers.draws.reopening import reopen
from handlers.offers.offers import benefit_terms
from handlers.outbox import later
from handlers.ports import SupplierSays
from handlers.rules.benefit_terms import TopUpTerms
from handlers.rules.fulfillment_states import OPEN, after, contradicts, is_about
from models.database import require_atomic, row, rows
from models.fulfillments import FulfillmentAttempt, Supplier
from models.sql import as_uuid
from models.statements import fulfillments as statements
from models.words import ClaimState, FulfillmentAct, FulfillmentState, Heard

CONTRADICTED = "contradicted"

MOVED = Counter("fanpiao_top_ups", "Orders of top-ups by where they went.", ["supplier", "state"])

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """Where the order stands now. `is_believed`: what was said is about this order and its amount."""

    state: FulfillmentState
    is_believed: bool
    has_moved: bool


async def settle(
    order_no: str, says: SupplierSays, act: FulfillmentAct, *, at: datetime, supplier_id: UUID
) -> Settled | None:
    """Take in what a supplier said, inside the open transaction; None where it has no order of this number."""
    require_atomic()
    found = await row(statements.LOCKED, order_no)
    if found is None or as_uuid(found["supplier_id"]) != supplier_id:
        return None
    state, heard, reason = FulfillmentState(found["state"]), says.heard, says.reason
    is_believed = heard is Heard.UNKNOWN or is_about(
        (order_no, int(found["face_value_fen"])), order_no=says.order_no, face_value_fen=says.face_value_fen
    )
    if not is_believed:
        _complain("top_up_mismatch", found, heard)
        heard, reason = Heard.UNKNOWN, "mismatch"
    fallback = await _fallback(found) if heard is Heard.FAILED else None
    target = after(state, heard, has_fallback=fallback is not None)
    has_moved = target is not None and await move(found, state, target, at=at)
    await _note(found, act, heard, reason, at=at, has_moved=has_moved)
    if target is None or not has_moved:
        return Settled(state, is_believed, has_moved=False)
    match target:
        case FulfillmentState.DONE:
            await _arrived(found, at)
        case FulfillmentState.FAILED:
            await came_to_nothing(found, at)
        case FulfillmentState.REPLACED if fallback is not None:
            await _ask_another(found, fallback, at)
    return Settled(target, is_believed, has_moved=True)


async def move(found: Mapping[str, Any], before: FulfillmentState, target: FulfillmentState, *, at: datetime) -> bool:
    """One edge, for one of those who try it at once; whether it was this one."""
    won = bool(await rows(statements.MOVE_ON, as_uuid(found["id"]), before.value, target.value, at))
    if won:
        MOVED.labels(found["supplier"], target.value).inc()
    return won


async def _arrived(found: Mapping[str, Any], at: datetime) -> None:
    """Issued, and used at once: what is on somebody's phone already is not theirs to use here."""
    claim_id = as_uuid(found["claim_id"])
    for before, target in ((ClaimState.PENDING, ClaimState.ISSUED), (ClaimState.ISSUED, ClaimState.USED)):
        if not await transition({claim_id: before}, target, reason="topped_up", actor=SYSTEM, at=at):
            _complain("top_up_of_a_claim_that_is_over", found, Heard.DONE)
            return
    await _say("say_topped_up", found, at)


async def came_to_nothing(found: Mapping[str, Any], at: datetime, *, reason: str = "top_up_failed") -> None:
    """The claim is revoked, its unit is back in the stock and its slots are free: they, or somebody else, may claim.

    What was won waits for its winner again, and they are told so.
    """
    claim_id = as_uuid(found["claim_id"])
    pending = {claim_id: ClaimState.PENDING}
    if await transition(pending, ClaimState.REVOKED, reason=reason, actor=SYSTEM, at=at):
        await give_back([claim_id])
        await return_points([claim_id], at=at)
        await rows(statements.FREE_SLOTS, claim_id)
        if not await reopen(claim_id, at=at):
            await _say("say_top_up_failed", found, at)


async def _ask_another(found: Mapping[str, Any], fallback: tuple[str, str], at: datetime) -> None:
    supplier, product = fallback
    face_value, ordinal = int(found["face_value_fen"]), int(found["ordinal"]) + 1
    await replace(supplier, product, face_value, as_uuid(found["claim_id"]), ordinal=ordinal, now=at)


async def _fallback(found: Mapping[str, Any]) -> tuple[str, str] | None:
    """The second supplier and its name for the product, where the first one failed and the second may be asked."""
    terms = benefit_terms(found["kind"], found["terms"])
    if not isinstance(terms, TopUpTerms) or terms.fallback_supplier is None or terms.fallback_product is None:
        return None
    if found["supplier"] != terms.supplier:  # it was the second that failed
        return None
    can_be_asked = await Supplier.filter(code=terms.fallback_supplier, is_paused=False).exists()
    return (terms.fallback_supplier, terms.fallback_product) if can_be_asked else None


async def _say(kind: str, found: Mapping[str, Any], at: datetime) -> None:
    """By the id of the order: neither the number nor what was charged stands in a job."""
    order_id, member_id = as_uuid(found["id"]), str(as_uuid(found["member_id"]))
    await later(
        kind,
        key=f"{kind}:{order_id}",
        at=at,
        order_key=f"chat:{member_id}",
        member_id=member_id,
        fulfillment_id=str(order_id),
    )


async def note(
    order_id: UUID, act: FulfillmentAct, result: str, *, at: datetime, reason: str = "", has_moved: bool = False
) -> None:
    """An attempt, kept for good. `has_moved`: the order stands elsewhere since."""
    await FulfillmentAttempt.create(
        fulfillment_id=order_id, act=act, result=result, reason=reason, has_moved=has_moved, happened_at=at
    )


async def _note(
    found: Mapping[str, Any], act: FulfillmentAct, heard: Heard, reason: str, *, at: datetime, has_moved: bool
) -> None:
    """Our own calls always; of their notices those that changed something, so that repeating one fills no table.

    What a supplier says at last of an order that operators settled is kept once, though it only agrees.
    """
    order_id, state = as_uuid(found["id"]), FulfillmentState(found["state"])
    if not has_moved and contradicts(state, heard):
        _complain("top_up_contradicted", found, heard)
        if not await rows(statements.ALREADY_NOTED, order_id, CONTRADICTED):
            await note(order_id, act, CONTRADICTED, at=at, reason=heard.value)
    elif has_moved or act is not FulfillmentAct.NOTICE or await _is_late_word(order_id, state, heard):
        await note(order_id, act, heard.value, at=at, reason=reason, has_moved=has_moved)


async def _is_late_word(order_id: UUID, state: FulfillmentState, heard: Heard) -> bool:
    """Whether this is the first time that a supplier says so of an order that was settled without it."""
    if state in OPEN or heard is Heard.UNKNOWN or not await rows(statements.BY_HAND, order_id):
        return False
    return not await FulfillmentAttempt.filter(
        fulfillment_id=order_id, act=FulfillmentAct.NOTICE, result=heard.value
    ).exists()


def _complain(event: str, found: Mapping[str, Any], heard: Heard) -> None:
    """What people have to look at: money may have moved without us, or twice."""
    facts = {"order_no": found["order_no"], "supplier": found["supplier"], "state": found["state"], "heard": heard}
    log.error(event, extra=facts)
