"""Who asks for claims or spins: as they stand now, their rows locked, so that limits count over all that is theirs."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from handlers.errors import DomainError, MemberFrozen, NotSignedIn
from handlers.offers.offers import askers
from handlers.rules.eligibility import Asker
from handlers.standing import may_act
from models.database import rows
from models.failures import SerializationConflict
from models.sql import as_uuid
from models.statements import claims as statements
from models.words import MemberStatus

Locked = dict[UUID, Mapping[str, Any]]


async def claimants(member_ids: Collection[UUID]) -> dict[UUID, Asker | DomainError]:
    """Everybody as they stand now, rows locked in the order of ids, by the id they asked under."""
    return await standing(member_ids, await lock(member_ids))


async def lock(member_ids: Collection[UUID]) -> Locked:
    """Their rows, locked in the order of ids. What is asked behind it sees what others did with theirs before."""
    ids = sorted(set(member_ids))
    return {as_uuid(each["id"]): each for each in await rows(statements.CLAIMANTS, ids)} if ids else {}


async def standing(member_ids: Collection[UUID], locked: Locked) -> dict[UUID, Asker | DomainError]:
    """How these people stand whose rows were locked; whoever was merged lately is locked under their new id."""
    ids = sorted(set(member_ids))
    if not ids:
        return {}
    found, people = dict(locked), dict[UUID, Asker | DomainError]()
    asking = await askers(ids)
    if moved := {each.member_id for each in asking.values()} - found.keys():  # merged within the last second
        found |= await lock(moved)
    for member_id in ids:
        asker = asking.get(member_id)
        stands = found.get(asker.member_id) if asker else None
        if asker is None or stands is None:
            people[member_id] = NotSignedIn()
            continue
        if stands["status"] == MemberStatus.MERGED:
            raise SerializationConflict("merged while we waited")
        try:
            may_act(stands)
            people[member_id] = asker
        except (MemberFrozen, NotSignedIn) as refusal:
            people[member_id] = refusal
    return people
