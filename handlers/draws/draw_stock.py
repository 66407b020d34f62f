"""Operators' hands on what there is to win: what was published only grows, by a promise that says when and by how much.

And who gets the consolation alone, and chances given by hand.
"""

from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Operator
from handlers.audit import record
from handlers.draws.chances import Chances, give_chances
from handlers.draws.commitments import STOCK, commit, open_day, units_of
from handlers.draws.draw_publishing import from_offer, note_changes
from handlers.draws.draw_views import PrizeStock, theirs
from handlers.draws.held import hold
from handlers.draws.seeds import Seeds
from handlers.errors import (
    DrawStateWrong,
    PrizeStockBelowAwarded,
    PrizeStockOnlyGrows,
    PrizeUnknown,
    StockTooLarge,
)
from handlers.points.points_terms import terms
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.sighting import member_to_change, seen_member
from handlers.standing import ids_of
from models.database import rows
from models.draws import DrawBlock
from models.ids import new_id
from models.statements import draws as statements


@dataclass(frozen=True, slots=True)
class ChancesGiven:
    """What was given by hand; `replayed` acts give nothing twice."""

    draw_id: UUID
    member_id: UUID
    amount: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """Whether a member gets the consolation alone."""

    member_id: UUID
    is_blocked: bool


@refusing
class DrawStock:
    """Looks at and adds to the prizes of draws within the operator's subtree."""

    def __init__(self, clock: Clock, seeds: Seeds, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._seeds = seeds
        self._zone = zone

    async def view(self, operator: Operator, draw_id: UUID) -> tuple[PrizeStock, ...]:
        """Every prize by code; empty before the first publication. Raises RoleMissing, DrawUnknown."""
        draw = await theirs(await allowed(operator, Capability.DRAWS), draw_id)
        return tuple(
            PrizeStock(
                each["code"], each["added_count"], each["left_count"], each["returned_count"], each["awarded_count"]
            )
            for each in await rows(statements.PRIZES, draw.id)
        )

    async def change(
        self, operator: Operator, draw_id: UUID, *, code: str, delta: int, reason: str, request_id: str
    ) -> Answer[PrizeStock]:
        """Add units to a prize.

        Raises RoleMissing, DrawUnknown, DrawStateWrong (not published), PrizeUnknown (or without a limit),
        PrizeStockBelowAwarded, PrizeStockOnlyGrows, StockTooLarge, DrawNotPublishable (its offer has fewer), KeyReused.
        """
        scope = await allowed(operator, Capability.DRAWS)

        async def effect() -> PrizeStock:
            draw, now = await theirs(scope, draw_id), self._clock.now()
            held = await hold(draw_id)
            if held is None:
                raise DrawStateWrong(state=str(draw.state))
            day, at = await open_day(held, self._seeds, now=now, zone=self._zone)
            units = (await units_of(draw_id)).get(code)
            if units is None or units.left is None or not delta:
                raise PrizeUnknown
            if units.left + delta < 0:
                raise PrizeStockBelowAwarded(left=units.left, awarded=units.awarded)
            if delta < 0:
                raise PrizeStockOnlyGrows
            await from_offer(
                held.version.table.prizes[held.version.table.places[code]], delta, draw.code, operator.id, now=now
            )
            if not await rows(statements.CHANGE_STOCK, draw_id, code, delta):
                raise StockTooLarge
            await note_changes(draw_id, {code: delta}, reason, operator.id, now=now)
            await commit(held, STOCK, {code: delta}, day=day, at=at, zone=self._zone)
            place = held.organization_id
            told = {"code": draw.code, "prize": code, "delta": delta, "reason": reason}
            await record(operator, "draw.stock_changed", "draw", draw_id, at=now, organization_id=place, **told)
            return next(each for each in await self.view(operator, draw_id) if each.code == code)

        facts = {"id": draw_id, "code": code, "delta": delta, "reason": reason}
        return await once(operator, "draw.stock", request_id, facts=facts, result=PrizeStock, effect=effect)

    async def give_chances(
        self, operator: Operator, draw_id: UUID, member_id: UUID, *, amount: int, reason: str, request_id: str
    ) -> Answer[ChancesGiven]:
        """Chances by hand; they end with the draw.

        Raises RoleMissing, DrawUnknown, DrawStateWrong (not published, or over), MemberUnknown, MemberFrozen,
        KeyReused.
        """
        scope = await allowed(operator, Capability.DRAWS)

        async def effect() -> ChancesGiven:
            draw, now = await theirs(scope, draw_id), self._clock.now()
            held = await hold(draw_id)
            if held is None or held.version.terms.rules.closes_at <= now:
                raise DrawStateWrong(state=str(draw.state))
            today, act = (await member_to_change(scope, member_id)).id, new_id()
            gift = Chances(today, amount, "operator", str(act))
            closes_at = held.version.terms.rules.closes_at
            await give_chances((await terms()).programme_id, draw_id, [gift], closes_at=closes_at, at=now)
            told = {"draw": draw.code, "amount": amount, "reason": reason}
            place = held.organization_id
            await record(operator, "draw.chances_given", "member", today, at=now, organization_id=place, **told)
            return ChancesGiven(draw_id, today, amount)

        facts = {"id": draw_id, "member": member_id, "amount": amount, "reason": reason}
        return await once(operator, "draw.chances", request_id, facts=facts, result=ChancesGiven, effect=effect)

    async def block(
        self, operator: Operator, member_id: UUID, *, is_blocked: bool, reason: str, request_id: str
    ) -> Answer[Blocked]:
        """From the next spin on this member gets the consolation alone, in every draw; or everything again.

        Raises RoleMissing, MemberUnknown, KeyReused.
        """

        async def effect() -> Blocked:
            today = await seen_member(operator, Capability.DRAWS, member_id)
            noted = DrawBlock.filter(member_id__in=await ids_of(today))
            if not is_blocked:
                await noted.delete()
            elif not await noted.exists():
                await DrawBlock.create(member_id=today, reason=reason, operator_id=operator.id)
            act = "draw.member_blocked" if is_blocked else "draw.member_unblocked"
            await record(operator, act, "member", member_id, at=self._clock.now(), reason=reason)
            return Blocked(member_id, is_blocked)

        facts = {"member": member_id, "is_blocked": is_blocked, "reason": reason}
        return await once(operator, "draw.block", request_id, facts=facts, result=Blocked, effect=effect)
