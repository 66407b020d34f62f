"""A draft of a draw put in force: version, stock and promise. Inside the open transaction."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Operator
from handlers.audit import record
from handlers.draws.commitments import RULES, commit, open_day
from handlers.draws.held import HeldDraw, hold
from handlers.draws.seeds import Seeds
from handlers.errors import DrawNotPublishable, DrawStateWrong
from handlers.offers.offers import bucket_rows, published
from handlers.rules.draw_rules import Prize, PrizeKind
from handlers.rules.draw_terms import terms_of
from handlers.rules.stock_buckets import TOTAL
from models.database import rows
from models.draws import Draw, DrawVersion
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import dump_rows
from models.statements import draws as statements
from models.statements import offers as offer_statements


async def put_in_force(
    operator: Operator,
    draw: Draw,
    before: HeldDraw | None,
    seeds: Seeds,
    *,
    now: datetime,
    zone: ZoneInfo,
    proposed_by: UUID | None = None,
    approval: UUID | None = None,
) -> None:
    """The draft as the next version, with its stock and its promise, on record. `proposed_by`: the operator approves.

    Raises DrawStateWrong, DrawNotPublishable, SerializationConflict.
    """
    rules = terms_of(draw.terms).rules
    if not await rows(statements.PUBLISH, draw.id, draw.version, rules.opens_at, rules.closes_at):
        raise DrawStateWrong(state=str(draw.state))
    number, by = draw.version + 1, proposed_by or operator.id
    await DrawVersion.create(draw_id=draw.id, number=number, terms=draw.terms, published_by_id=by, published_at=now)
    held = await hold(draw.id)
    if held is None:
        raise SerializationConflict("what was published cannot be seen")
    await begin(by, held, before, seeds, now=now, zone=zone)
    told = {"code": draw.code, "version": number, "proposed_by": proposed_by, "approval": approval}
    place = held.organization_id
    await record(operator, "draw.published", "draw", draw.id, at=now, organization_id=place, **told)


async def begin(
    by: UUID, held: HeldDraw, before: HeldDraw | None, seeds: Seeds, *, now: datetime, zone: ZoneInfo
) -> None:
    """The stock of prizes that have none yet, what a later version adds to it, and the promise that says so.

    `held`: with the new version; `before`: with the one that was published until now, None for the first.
    """
    had = {each.code: each for each in before.version.table.prizes} if before else {}
    if before is not None:
        await open_day(before, seeds, now=now, zone=zone)
        held.commitment_count, held.committed, held.day = before.commitment_count, before.committed, before.day
    change: dict[str, int] = {}
    fresh: list[dict[str, object]] = []
    for prize in held.version.table.prizes:
        old = had.get(prize.code)
        more = (prize.stock or 0) - ((old.stock or 0) if old else 0)
        if old is None:
            fresh.append({"id": new_id(), "draw_id": held.id, "code": prize.code, "units": prize.stock})
        elif more and not await rows(statements.CHANGE_STOCK, held.id, prize.code, more):
            raise SerializationConflict("the stock moved while the draw was locked")
        if more:
            change[prize.code] = more
            await from_offer(prize, more, held.code, by, now=now)
    if fresh:
        await rows(statements.KEEP_PRIZES, dump_rows(fresh), now)
    await note_changes(held.id, change, "published", by, now=now)
    if before is None:
        await open_day(held, seeds, now=now, zone=zone)
        return
    day, at = await open_day(held, seeds, now=now, zone=zone)
    known = {code: delta for code, delta in change.items() if code in had}
    await commit(held, RULES, known, day=day, at=at, zone=zone)


async def from_offer(prize: Prize, units: int, code: str, operator_id: UUID | None, *, now: datetime) -> None:
    """Units of a benefit prize come out of the stock of its offer (or go back), if that has a limit.

    Raises DrawNotPublishable: there are not so many.
    """
    if prize.kind is not PrizeKind.BENEFIT:
        return
    offer = (await published([UUID(prize.reference)])).get(UUID(prize.reference))
    if offer is None or offer.terms.stock is None:
        return
    if not await rows(offer_statements.CHANGE_STOCK, offer.id, TOTAL, -units):
        raise DrawNotPublishable(
            why=f"“{prize.name}”对应的权益活动库存不够。", problems=[{"field": "stock", "problem": "more_than_offer"}]
        )
    told = [(str(new_id()), offer.id, TOTAL, -units)]
    await rows(offer_statements.ADD_CHANGES, bucket_rows(told, reason=f"draw:{code}", operator_id=operator_id), now)


async def note_changes(
    draw_id: UUID, change: Mapping[str, int], reason: str, operator_id: UUID | None, *, now: datetime
) -> None:
    """What was added to stocks or taken from them, on record."""
    told = [
        {"id": new_id(), "draw_id": draw_id, "code": code, "delta": delta, "reason": reason, "operator_id": operator_id}
        for code, delta in sorted(change.items())
        if delta
    ]
    if told:
        await rows(statements.ADD_CHANGES, dump_rows(told), now)
