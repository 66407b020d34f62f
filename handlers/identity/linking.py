"""Two members whom somebody says are one: joined unless the facts contradict it, or it is too much for one person.

Resolving identifiers finds such people by itself (`handlers/identity/identity.py`), operators decide for themselves
(`handlers/desk/operator_members.py`); here a ticket or a freshly proven phone says so.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.errors import MemberFrozen, SameMember
from handlers.identity.holders import locked_pair
from handlers.identity.identity_events import note
from handlers.identity.merging import absorb
from handlers.identity.reviews import open_review
from handlers.ports import Vault
from handlers.rules.identity import contested, is_too_much, survivors
from handlers.rules.namespaces import REGISTRY, Registry
from models.database import require_atomic
from models.identity import Member
from models.words import IdentityAct, MemberStatus, Namespace, ReviewKind


@dataclass(frozen=True, slots=True)
class LinkOutcome:
    """What became of the two: one member now, or two with a case for people (`contradicting`, or `is_held`)."""

    member_id: UUID
    absorbed_id: UUID | None = None
    contradicting: tuple[Namespace, ...] = ()
    is_held: bool = False


async def link_members(
    one_id: UUID, other_id: UUID, *, reason: str, now: datetime, vault: Vault, registry: Registry = REGISTRY
) -> LinkOutcome:
    """Join two members inside the open transaction, or note why not: a conflict on both and a case for people.

    Raises SameMember, MemberFrozen (either of them).
    """
    require_atomic()
    one, other = await locked_pair(one_id, other_id, now, registry)
    if one.member_id == other.member_id:
        raise SameMember
    if await Member.filter(id__in=[one.member_id, other.member_id], status=MemberStatus.FROZEN).exists():
        raise MemberFrozen
    if contradicting := contested((one, other), registry):
        await _note_refusal(one.member_id, other.member_id, reason, "contradiction", now, vault)
        await open_review(
            ReviewKind.CONFLICT, one.member_id, other.member_id, at=now, reason=reason, namespaces=list(contradicting)
        )
        return LinkOutcome(one.member_id, contradicting=contradicting)
    if is_too_much((one, other), registry):
        await _note_refusal(one.member_id, other.member_id, reason, "fuse", now, vault)
        await open_review(ReviewKind.FUSE, one.member_id, other.member_id, at=now, reason=reason)
        return LinkOutcome(one.member_id, is_held=True)
    winner_id, loser_id = survivors((one, other))
    await absorb(winner_id=winner_id, loser_id=loser_id, reason=reason, now=now, vault=vault)
    return LinkOutcome(winner_id, loser_id)


async def _note_refusal(one_id: UUID, other_id: UUID, reason: str, why: str, now: datetime, vault: Vault) -> None:
    await note(IdentityAct.CONFLICT, one_id, at=now, vault=vault, other_id=other_id, reason=reason, why=why)
