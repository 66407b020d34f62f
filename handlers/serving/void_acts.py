"""What voiding does, whoever asked for it: plain functions inside the open transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.audit import record
from handlers.claims.claims import transition
from handlers.claims.owing import owe_back
from handlers.claims.paying import return_points
from handlers.codec import from_json
from handlers.errors import ClaimNotVoidable, ClaimUnknown
from handlers.merchant_terms import terms_of
from handlers.outbox import later
from handlers.requests import Actor
from handlers.rules.benefit_terms import TERMS_OF
from handlers.rules.claim_states import stands
from handlers.rules.organization_scope import Scope
from handlers.rules.redemption import REDEEMABLE
from handlers.rules.settlement_terms import void_limit
from handlers.rules.voiding import is_voidable, worth_fen
from models.database import require_atomic, rows
from models.failures import SerializationConflict
from models.sql import as_instant, as_uuid
from models.statements import voiding as statements
from models.words import BenefitKind, ClaimState

VOIDED = "voided"
Row = Mapping[str, Any]


async def of_merchant(merchant_id: UUID, claim_id: UUID) -> Sequence[Row]:
    """The claim and its parts, locked: all of what this merchant gives. Raises ClaimUnknown."""
    require_atomic()
    found = await rows(statements.LOCK, claim_id)
    if not found or any(not _is_of(each, merchant_id) for each in found):
        raise ClaimUnknown
    return found


async def of_subtree(scope: Scope, claim_id: UUID) -> Sequence[Row]:
    """The same, of a benefit or an offer of the subtree. Raises ClaimUnknown."""
    require_atomic()
    found = await rows(statements.LOCK, claim_id)
    own = next((each for each in found if as_uuid(each["id"]) == claim_id), None)
    if own is None or not any(
        scope.sees(as_uuid(own[column])) for column in ("benefit_organization_id", "offer_organization_id")
    ):
        raise ClaimUnknown
    return found


def voidable(found: Sequence[Row], claim_id: UUID, now: datetime) -> list[Row]:
    """The claim and those of its parts that still stand. Raises ClaimUnknown, ClaimNotVoidable."""
    held = []
    for each in found:
        state = ClaimState(each["state"])
        expires_at = as_instant(each["expires_at"]) if each["expires_at"] else None
        if is_voidable(state, expires_at, now):
            held.append(each)
        elif as_uuid(each["id"]) == claim_id:
            raise ClaimNotVoidable(state=stands(state, expires_at, now).value)
    if not held:
        raise ClaimUnknown
    return held


def worth_of(held: Sequence[Row]) -> int:
    """What the member loses, in fen."""
    return sum(
        worth_fen(
            from_json(TERMS_OF[BenefitKind(each["kind"])], each["terms"]),
            price_fen=max(int(each["settlement_price_fen"]), int(each["price_fen"])),
            uses_left=int(each["uses_left"]),
            uses_total=int(each["uses_total"]),
        )
        for each in held
    )


async def manager_limit(merchant_id: UUID, own: Row, now: datetime, *, otherwise: int) -> int:
    """What a manager of this merchant voids alone, in fen, of the benefit of this claim."""
    benefit_id = as_uuid(own["benefit_id"])
    terms = await terms_of({merchant_id: [benefit_id]})
    return void_limit(terms[merchant_id], benefit_id, now, otherwise=otherwise)


def own_of(found: Sequence[Row], claim_id: UUID) -> Row:
    """The claim itself, among its parts."""
    return next(each for each in found if as_uuid(each["id"]) == claim_id)


def place_of(found: Sequence[Row], claim_id: UUID, scope: Scope | None) -> UUID:
    """Where the act is on record: with who offered it where the operator sees them, else with who brought it in."""
    own = own_of(found, claim_id)
    offered_by = as_uuid(own["offer_organization_id"])
    return offered_by if scope and scope.sees(offered_by) else as_uuid(own["benefit_organization_id"])


def state_of(found: Sequence[Row], claim_id: UUID) -> ClaimState:
    """As it is stored."""
    return ClaimState(own_of(found, claim_id)["state"])


async def revoke(
    actor: Actor,
    claim_id: UUID,
    held: Sequence[Row],
    worth: int,
    reason: str,
    *,
    now: datetime,
    place: UUID,
    proposed_by: UUID | None = None,
) -> None:
    """End these claims for good, on record, and tell the member. Raises SerializationConflict."""
    require_atomic()
    states = {as_uuid(each["id"]): ClaimState(each["state"]) for each in held}
    moved = await transition(states, ClaimState.REVOKED, reason=VOIDED, actor=actor, at=now)
    if len(moved) < len(held):
        raise SerializationConflict("a claim moved meanwhile")
    await return_points(moved, at=now)
    await owe_back(moved, at=now)
    told = {"reason": reason, "worth_fen": worth, "claims": len(held), "proposed_by": proposed_by}
    await record(actor, "claim.voided", "claim", claim_id, at=now, organization_id=place, **told)
    own = own_of(held, claim_id)
    owner_id = str(own["owner_id"])
    said = {"member_id": owner_id, "benefit": own["name"]}
    await later("say_voided", key=f"voided:{claim_id}", at=now, order_key=f"chat:{owner_id}", **said)


def _is_of(found: Row, merchant_id: UUID) -> bool:
    is_theirs = bool(found["merchant_id"]) and as_uuid(found["merchant_id"]) == merchant_id
    return is_theirs and BenefitKind(found["kind"]) in REDEEMABLE
