"""Who asks for claims or spins: as they stand now, their rows locked, so that limits count over all that is theirs."""

from collections.abc import Sequence
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


async def claimants(member_ids: Sequence[UUID]) -> dict[UUID, Asker | DomainError]:
    """Everybody as they stand now, rows locked in the order of ids, by the id they asked under."""
    ids = sorted(set(member_ids))
    if not ids:
        return {}
    found = {as_uuid(each["id"]): each for each in await rows(statements.CLAIMANTS, ids)}
    people: dict[UUID, Asker | DomainError] = {}
    asking = await askers(ids)
    moved = {each.member_id for each in asking.values()} - found.keys()
    if moved:  # merged within the last second
        more = await rows(statements.CLAIMANTS, sorted(moved))
        found |= {as_uuid(each["id"]): each for each in more}
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
