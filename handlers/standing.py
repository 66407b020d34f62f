"""Whom a member id of any time means now, merges followed; and their row, locked for those who write."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from handlers.errors import MemberFrozen, NotSignedIn
from models.database import require_atomic, row, rows
from models.gathering import Gathered
from models.sql import Both, as_uuid
from models.statements import identity as statements
from models.words import MemberStatus

MERGED_MEANWHILE = 5  # times that a person may be merged while one request waits for their row

by_member: Gathered[UUID] = Gathered(
    statements.FIND_BY_MEMBERS, value_of=lambda member_id: member_id, key_of=lambda found: as_uuid(found["asked"])
)

_merged_into: Gathered[UUID] = Gathered(
    statements.MERGED_INTO, value_of=lambda member_id: member_id, key_of=lambda found: as_uuid(found["canonical_id"])
)


def may_act(found: Mapping[str, Any], *, even_frozen: bool = False) -> None:
    """Raises MemberFrozen, NotSignedIn for whoever may not act.

    `even_frozen`: for the rights that a freeze does not take away (PIPL art. 15, 44-47): see, correct, withdraw, leave.
    """
    if found["status"] == MemberStatus.FROZEN:
        if even_frozen:
            return
        raise MemberFrozen
    if found["status"] != MemberStatus.ACTIVE:
        raise NotSignedIn


async def standing(member_id: UUID, *, even_frozen: bool = False) -> UUID:
    """Whom a member id means now, the row locked until the open transaction ends.

    Doors know people for up to a second longer than the database does: whoever writes for a person asks this first, so
    that nothing lands on a row that was merged away, and no frozen one is changed. Raises NotSignedIn, MemberFrozen.
    """
    return as_uuid((await _standing(statements.STANDING, member_id, even_frozen=even_frozen))["id"])


async def standing_whole(member_id: UUID) -> Mapping[str, Any]:
    """The same with all that `GET /me` reads, and the ordinal. Raises NotSignedIn, MemberFrozen."""
    return await _standing(statements.STANDING_WHOLE, member_id, even_frozen=False)


async def _standing(statement: Both, member_id: UUID, *, even_frozen: bool) -> Mapping[str, Any]:
    require_atomic()
    for _ in range(MERGED_MEANWHILE):
        found = await row(statement, member_id)
        if found is None:
            break
        if found["status"] != MemberStatus.MERGED:
            may_act(found, even_frozen=even_frozen)
            return found
    raise NotSignedIn


async def ids_of(member_id: UUID) -> list[UUID]:
    """All ids of one person: today's, and those of the rows that were merged into it."""
    found = await _merged_into.row(member_id)
    return [member_id, *(map(UUID, found["ids"].split()) if found else ())]


async def canonicals(member_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The ids today of these, of any time, by one read; of those who never were or have left there is none."""
    wanted = sorted(set(member_ids))
    found = await rows(statements.FIND_BY_MEMBERS, wanted) if wanted else []
    return {
        as_uuid(each["asked"]): as_uuid(each["member_id"]) for each in found if each["status"] != MemberStatus.ERASED
    }


async def canonical(member_id: UUID) -> UUID:
    """The id today of a member id of any time. Raises NotSignedIn for one that never was."""
    found = await by_member.row(member_id)
    if found is None or found["status"] == MemberStatus.ERASED:  # they left while this was on its way
        raise NotSignedIn
    return as_uuid(found["member_id"])
