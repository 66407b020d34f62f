"""Taking a merge back within 90 days: the two are again who they were.

What was moved goes back, by the list in the merge row; value rows never moved, so they split by themselves. What was
bound, given or changed after the merge stays with the survivor, in whose name it was done. With nothing in between, the
state is exactly that before the merge; the history has two lines more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.errors import LaterMergeFirst, MergeNotReversible, MergeUnknown
from handlers.identity.identity_events import note
from handlers.identity.merging import profile_bound_to
from handlers.ledger.carrying import carry_back
from handlers.levels.following import part_levels
from handlers.ports import Vault
from models.consents import Consent
from models.database import dialect, require_atomic, rows
from models.identity import Attribution, Follower, Identifier, Member, MemberMerge
from models.linking import BoundNumber
from models.statements import checkins
from models.statements import identity as statements
from models.statements import linking as linking_statements
from models.words import IdentifierStatus, IdentityAct, MemberStatus, Namespace


@dataclass(frozen=True, slots=True)
class Unmerged:
    """The two are two again. Sessions of both have to end: each may have been opened as the other."""

    winner_id: UUID
    loser_id: UUID


async def unmerge(merge_id: UUID, *, now: datetime, vault: Vault) -> Unmerged:
    """Undo a merge inside the open transaction; end the sessions of both after the commit.

    Raises MergeUnknown (also when it was undone before), MergeNotReversible, LaterMergeFirst.
    """
    require_atomic()
    found = await MemberMerge.get_or_none(id=merge_id)
    if found is None:
        raise MergeUnknown
    winner_id, loser_id = found.winner_id, found.loser_id  # type: ignore[attr-defined]
    if dialect() == "postgres":
        await rows(statements.LOCK_MEMBERS, sorted([winner_id, loser_id]))
    merge = await MemberMerge.get_or_none(id=merge_id)  # again, now that nobody else is at these two
    if merge is None:
        raise MergeUnknown
    await _refuse_unless_reversible(merge, winner_id, loser_id, now)
    moved: Mapping[str, Any] = merge.moved
    for table, name in ((Identifier, "identifiers"), (BoundNumber, "numbers"), (Attribution, "attributions")):
        await table.filter(id__in=_ids(moved, name), member_id=winner_id).update(member_id=loser_id)
    await Follower.filter(id__in=_ids(moved, "followings"), member_id=winner_id).update(member_id=loser_id)
    await Member.filter(id__in=_ids(moved, "members"), canonical_id=winner_id).update(canonical_id=loser_id)
    await _return_consents(moved.get("consents", {}), winner_id, loser_id, merge.merged_at)
    await rows(linking_statements.RETURN_REQUESTS, moved.get("requests", []), str(winner_id), str(loser_id))
    loser_status = MemberStatus(moved.get("status", MemberStatus.ACTIVE))
    await Member.filter(id=loser_id).update(status=loser_status, canonical_id=None)
    if loser_status is MemberStatus.FROZEN and moved.get("winner_status") == MemberStatus.ACTIVE:
        await Member.filter(id=winner_id).update(status=MemberStatus.ACTIVE)
    await _empty_blanks(moved.get("filled", []), winner_id, loser_id, vault)
    await rows(checkins.RECOUNT, [winner_id, loser_id])
    await carry_back(merge_id, winner_id=winner_id, loser_id=loser_id, at=now)
    await part_levels(merge_id, winner_id=winner_id, at=now)
    await MemberMerge.filter(id=merge_id).delete()
    await note(IdentityAct.UNMERGE, winner_id, at=now, vault=vault, other_id=loser_id, merge=str(merge_id))
    await note(IdentityAct.UNMERGE, loser_id, at=now, vault=vault, other_id=winner_id, merge=str(merge_id))
    return Unmerged(winner_id, loser_id)


async def _refuse_unless_reversible(merge: MemberMerge, winner_id: UUID, loser_id: UUID, now: datetime) -> None:
    winner, loser = await Member.get(id=winner_id), await Member.get(id=loser_id)
    if merge.reversible_until <= now or MemberStatus.ERASED in {winner.status, loser.status}:
        raise MergeNotReversible
    later = MemberMerge.filter(merged_at__gt=merge.merged_at).order_by("-merged_at")
    for side in ("winner_id", "loser_id"):
        newest = await later.filter(**{side: winner_id}).first()
        if newest is not None:
            raise LaterMergeFirst(merge_id=str(newest.id))
    if winner.status is MemberStatus.MERGED:  # in the same instant as this one
        took_in = await MemberMerge.get(loser_id=winner_id)
        raise LaterMergeFirst(merge_id=str(took_in.id))


def _ids(moved: Mapping[str, Any], name: str) -> list[UUID]:
    return [UUID(each) for each in moved.get(name, [])]


async def _return_consents(
    consents: Mapping[str, list[str]], winner_id: UUID, loser_id: UUID, merged_at: datetime
) -> None:
    await Consent.filter(id__in=_ids(consents, "moved"), member_id=winner_id).update(member_id=loser_id)
    closed = await Consent.filter(id__in=_ids(consents, "closed"), withdrawn_at=merged_at)
    for consent in closed:  # unless the person has agreed again meanwhile
        again = Consent.filter(member_id=consent.member_id, purpose=consent.purpose, withdrawn_at=None)  # type: ignore[attr-defined]
        if not await again.exists():
            await Consent.filter(id=consent.id).update(withdrawn_at=None)


async def _empty_blanks(filled: Sequence[str], winner_id: UUID, loser_id: UUID, vault: Vault) -> None:
    """What the survivor only had from the other goes; what they said of themselves since then stays."""
    winner, loser = await Member.get(id=winner_id), await Member.get(id=loser_id)
    if "profile_cipher" in filled and _profile(winner, vault) == _profile(loser, vault):
        await Member.filter(id=winner_id).update(profile_cipher="")
    if "organization_id" in filled:  # a city that was chosen since then is another one
        await Member.filter(id=winner_id, organization_id=loser.organization_id).update(organization_id=None)  # type: ignore[attr-defined]
    for member in (winner, loser):
        phones = Identifier.filter(member_id=member.id, namespace=Namespace.PHONE, status=IdentifierStatus.ACTIVE)
        if member.phone_tail and not await phones.exists():
            await Member.filter(id=member.id).update(phone_tail="")


def _profile(member: Member, vault: Vault) -> str:
    if not member.profile_cipher:
        return ""
    return vault.decrypt(member.profile_cipher, bound_to=profile_bound_to(member.id))
