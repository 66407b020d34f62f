"""Operators' hands on what there is to win: what was published only grows, and by two of them.

And who gets the consolation alone, and chances by hand, which two give as well.
"""

from dataclasses import dataclass
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.draws.draw_acts import DrawProposed, ask, growing, spinnable
from handlers.draws.draw_views import PrizeStock, theirs
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.draw_approval import DrawAct
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.sighting import member_to_change, seen_member
from handlers.standing import ids_of
from models.database import rows
from models.draws import DrawBlock
from models.statements import draws as statements


@dataclass(frozen=True, slots=True)
class Blocked:
    """Whether a member gets the consolation alone."""

    member_id: UUID
    is_blocked: bool


@refusing
class DrawStock:
    """Looks at the prizes of draws within the operator's subtree, and asks for more of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

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
    ) -> Answer[DrawProposed]:
        """Ask for more units of a prize; they are there once a second operator approves.

        Raises RoleMissing, DrawUnknown, DrawStateWrong (not published), PrizeUnknown (or without a limit),
        PrizeStockBelowAwarded, PrizeStockOnlyGrows, KeyReused.
        """
        scope = await allowed(operator, Capability.DRAWS)

        async def effect() -> DrawProposed:
            draw = await theirs(scope, draw_id)
            await growing(draw, code, delta)
            return await ask(operator, draw, DrawAct.STOCK, reason, at=self._clock.now(), prize=code, delta=delta)

        facts = {"id": draw_id, "code": code, "delta": delta, "reason": reason}
        return await once(operator, "draw.stock", request_id, facts=facts, result=DrawProposed, effect=effect)

    async def give_chances(
        self, operator: Operator, draw_id: UUID, member_id: UUID, *, amount: int, reason: str, request_id: str
    ) -> Answer[DrawProposed]:
        """Ask for chances for a member; they are given once a second operator approves, and end with the draw.

        Raises RoleMissing, DrawUnknown, DrawStateWrong (not published, or over), MemberUnknown, MemberFrozen,
        KeyReused.
        """
        scope = await allowed(operator, Capability.DRAWS)

        async def effect() -> DrawProposed:
            draw, now = await theirs(scope, draw_id), self._clock.now()
            await spinnable(draw, now=now)
            today = (await member_to_change(scope, member_id)).id
            return await ask(operator, draw, DrawAct.CHANCES, reason, at=now, member=str(today), amount=amount)

        facts = {"id": draw_id, "member": member_id, "amount": amount, "reason": reason}
        return await once(operator, "draw.chances", request_id, facts=facts, result=DrawProposed, effect=effect)

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
