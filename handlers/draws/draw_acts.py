"""What two operators do to a draw together: how the first one asks, and what is done when the second one approves.

Plain functions inside an open transaction. What is done is checked then, whatever held when it was asked for.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Operator
from handlers.approvals import Proposal, propose
from handlers.audit import record
from handlers.draws.chances import Chances, give_chances
from handlers.draws.commitments import STOCK, Units, commit, open_day, units_of
from handlers.draws.draw_launching import from_offer, note_changes
from handlers.draws.held import HeldDraw, hold
from handlers.draws.seeds import Seeds
from handlers.errors import DrawStateWrong, PrizeStockBelowAwarded, PrizeStockOnlyGrows, PrizeUnknown, StockTooLarge
from handlers.points.points_terms import terms
from handlers.rules.draw_approval import DrawAct
from handlers.rules.organization_scope import Scope
from handlers.sighting import member_to_change
from models.database import rows
from models.draws import Draw
from models.ids import new_id
from models.statements import draws as statements

KIND = "draw"  # of approvals; which act it is stands in the facts


@dataclass(frozen=True, slots=True)
class DrawProposed:
    """Asked for; nothing of the draw has changed, and a second operator has to approve."""

    draw_id: UUID
    act: DrawAct
    approval_id: UUID


async def ask(
    operator: Operator, draw: Draw, act: DrawAct, reason: str, *, at: datetime, **facts: object
) -> DrawProposed:
    """Put it before a second operator, and on record."""
    place: UUID = draw.organization_id  # type: ignore[attr-defined]
    approval_id = await propose(operator, KIND, draw.id, place=place, facts={"act": act.value, **facts}, reason=reason)
    told = {"code": draw.code, "approval": approval_id, "reason": reason, **facts}
    await record(operator, f"draw.{act}_proposed", "draw", draw.id, at=at, organization_id=place, **told)
    return DrawProposed(draw.id, act, approval_id)


async def spinnable(draw: Draw, *, now: datetime) -> HeldDraw:
    """The draw, held, if chances of it are worth something. Raises DrawStateWrong (not published, or over)."""
    held = await hold(draw.id)
    if held is None or held.version.terms.rules.closes_at <= now:
        raise DrawStateWrong(state=str(draw.state))
    return held


async def growing(draw: Draw, code: str, delta: int) -> HeldDraw:
    """The draw, held, if `delta` units may come to this prize.

    Raises DrawStateWrong (not published), PrizeUnknown (or without a limit), PrizeStockBelowAwarded,
    PrizeStockOnlyGrows.
    """
    held = await hold(draw.id)
    if held is None:
        raise DrawStateWrong(state=str(draw.state))
    units: Units | None = (await units_of(draw.id)).get(code)
    if units is None or units.left is None or not delta:
        raise PrizeUnknown
    if units.left + delta < 0:
        raise PrizeStockBelowAwarded(left=units.left, awarded=units.awarded)
    if delta < 0:
        raise PrizeStockOnlyGrows
    return held


async def add_units(
    operator: Operator, draw: Draw, proposed: Proposal, seeds: Seeds, *, now: datetime, zone: ZoneInfo
) -> None:
    """More of a prize, with the promise that says from which spin on.

    Raises DrawStateWrong, PrizeUnknown, StockTooLarge, DrawNotPublishable (its offer has fewer).
    """
    code, delta, by = proposed.facts["prize"], int(proposed.facts["delta"]), proposed.proposed_by
    held = await growing(draw, code, delta)
    day, at = await open_day(held, seeds, now=now, zone=zone)
    await from_offer(held.version.table.prizes[held.version.table.places[code]], delta, draw.code, by, now=now)
    if not await rows(statements.CHANGE_STOCK, draw.id, code, delta):
        raise StockTooLarge
    await note_changes(draw.id, {code: delta}, proposed.reason, by, now=now)
    await commit(held, STOCK, {code: delta}, day=day, at=at, zone=zone)
    told = {"code": draw.code, "prize": code, "delta": delta, "reason": proposed.reason, **_asked(proposed)}
    place = held.organization_id
    await record(operator, "draw.stock_changed", "draw", draw.id, at=now, organization_id=place, **told)


async def give_by_hand(operator: Operator, scope: Scope, draw: Draw, proposed: Proposal, *, now: datetime) -> None:
    """Chances for a member; they end with the draw. Raises DrawStateWrong, MemberUnknown, MemberFrozen."""
    held, amount = await spinnable(draw, now=now), int(proposed.facts["amount"])
    today = (await member_to_change(scope, UUID(proposed.facts["member"]))).id
    gift = Chances(today, amount, "operator", str(new_id()))
    closes_at = held.version.terms.rules.closes_at
    await give_chances((await terms()).programme_id, draw.id, [gift], closes_at=closes_at, at=now)
    told = {"draw": draw.code, "amount": amount, "reason": proposed.reason, **_asked(proposed)}
    place = held.organization_id
    await record(operator, "draw.chances_given", "member", today, at=now, organization_id=place, **told)


def _asked(proposed: Proposal) -> dict[str, object]:
    return {"proposed_by": proposed.proposed_by, "approval": proposed.id}
