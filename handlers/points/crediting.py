"""Points that came with a claim: credited with it, and taken back with it as far as they are still there.

Called inside an open transaction; the claim is the cause.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.ledger.posting import post, settle
from handlers.points.points_terms import terms
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.ledger import POINTS, Cause, Move, Side, Unit, of_member
from handlers.rules.points import ends_at
from models.database import rows
from models.sql import as_uuid
from models.statements import points as statements
from models.words import LedgerAccountKind

CREDITED, RECALLED = "benefit_points", "benefit_points_back"
_ISSUED = Side(LedgerAccountKind.ISSUED)


@dataclass(frozen=True, slots=True)
class Credit:
    """What one claim brings its member (by the canonical id)."""

    claim_id: UUID
    member_id: UUID
    points: int


async def credit(credits_: Sequence[Credit], *, at: datetime) -> None:
    """Give them, with the end that the programme's terms say. Again, nothing happens. Raises SerializationConflict."""
    held = await terms()
    ends = ends_at(held.expiry, held.expiry_count, at, BUSINESS_ZONE)
    unit = Unit(held.programme_id, POINTS)
    moves = [
        Move(
            unit, _ISSUED, of_member(each.member_id), each.points, Cause(CREDITED, str(each.claim_id)), expires_at=ends
        )
        for each in credits_
    ]
    await post(moves, at=at)


async def recall(claim_ids: Collection[UUID], *, at: datetime) -> int:
    """What revoked claims brought goes, as far as their member still has as much; of how many claims it did.

    From whoever their member is today. Again, nothing happens. Raises SerializationConflict.
    """
    found = await rows(statements.CREDITED, sorted(claim_ids)) if claim_ids else []
    if not found:
        return 0
    unit = Unit((await terms()).programme_id, POINTS)
    owners = sorted({as_uuid(each["owner_id"]) for each in found})
    balances = await settle([(unit, of_member(owner)) for owner in owners], at=at)
    left = {owner: max(balances[unit, of_member(owner)].available, 0) for owner in owners}
    moves: list[Move] = []
    for each in found:
        owner = as_uuid(each["owner_id"])
        amount = min(int(each["amount"]), left[owner])
        if amount:
            left[owner] -= amount
            cause = Cause(RECALLED, str(as_uuid(each["id"])))
            moves.append(Move(unit, of_member(owner), _ISSUED, amount, cause, reverses=as_uuid(each["transfer_id"])))
    if moves:
        await post(moves, at=at)
    return len(moves)
