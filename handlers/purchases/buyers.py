"""Who bought: members by their ids, cards and phones, many at once, their rows locked for whoever credits them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from handlers.purchases.told import Buyer
from handlers.standing import MERGED_MEANWHILE
from models.database import rows
from models.failures import SerializationConflict
from models.sql import as_uuid, dump_rows
from models.statements import purchases as statements
from models.words import BuyerKind

EVER = datetime(1970, 1, 1, tzinfo=UTC)


async def buyers(asked: Iterable[Buyer], *, at: datetime, dormant_after: timedelta | None) -> dict[Buyer, UUID]:
    """Those who are members, by their canonical ids; whoever is nobody yet, or may not act, is left out."""
    wanted = {each for each in asked if each.kind is not BuyerKind.NOBODY}
    if not wanted:
        return {}
    text = dump_rows(
        [
            {
                "kind": each.kind,
                "value": each.value,
                "member_id": each.value if each.kind is BuyerKind.MEMBER else None,
            }
            for each in wanted
        ]
    )
    found = await rows(statements.BUYERS, text, at - dormant_after if dormant_after else EVER)
    theirs: dict[Buyer, set[UUID]] = {}
    for each in found:
        theirs.setdefault(Buyer(BuyerKind(each["kind"]), each["value"]), set()).add(as_uuid(each["member_id"]))
    # Kinds of card may share a number: what means two people means nobody.
    return {buyer: members.pop() for buyer, members in theirs.items() if len(members) == 1}


async def locked_buyers(
    asked: Iterable[Buyer], *, at: datetime, dormant_after: timedelta | None, beside: Iterable[UUID] = ()
) -> dict[Buyer, UUID]:
    """The same, their rows and those of the members `beside` locked in the order of ids: nobody merges them now."""
    wanted, others = set(asked), set(beside)
    for _ in range(MERGED_MEANWHILE):
        found = await buyers(wanted, at=at, dormant_after=dormant_after)
        members = {*found.values(), *others}
        if not members:
            return {}
        locked = {as_uuid(each["id"]) for each in await rows(statements.LOCK_BUYERS, sorted(members))}
        if locked.issuperset(found.values()):
            return found
    raise SerializationConflict("buyers were merged while they were locked")
