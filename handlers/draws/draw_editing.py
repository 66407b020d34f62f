"""Operators' hands on draws: draft, edit, publish, pause, resume, end.

What members spin is the version that was published last; versions are never changed, and a later one may differ only
to members' advantage, by two operators where it decides otherwise. States move by guarded updates and are read inside
every batch, so that a pause holds everywhere with the next batch.
"""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Operator
from handlers.audit import record
from handlers.codec import to_json
from handlers.draws.draw_acts import ask
from handlers.draws.draw_launching import put_in_force
from handlers.draws.draw_publishing import ready
from handlers.draws.draw_views import DrawVersionView, OperatedDraw, theirs, view
from handlers.draws.seeds import Seeds
from handlers.errors import DrawCodeTaken, DrawStateWrong, OrganizationUnknown
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.canonical import hash_of
from handlers.rules.draw_approval import DrawAct, differences
from handlers.rules.draw_terms import DrawTerms, stored, terms_of
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import rows
from models.draws import Draw, DrawVersion
from models.ids import new_id
from models.statements import draws as statements
from models.words import DrawState

_MOVES = {
    "paused": (statements.PAUSE, DrawState.PAUSED),
    "resumed": (statements.RESUME, DrawState.PUBLISHED),
    "ended": (statements.END, DrawState.ENDED),
}


@dataclass(frozen=True, slots=True)
class DrawDraft:
    """A new draw; of the operator's own organization unless one below is named."""

    code: str
    terms: DrawTerms
    keyword: str = ""
    organization_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class DrawChange:
    """What to change of the draft; None leaves it. Published versions stay as they are."""

    keyword: str | None = None
    terms: DrawTerms | None = None


@refusing
class DrawEditing:
    """Makes, changes and publishes draws within the operator's subtree."""

    def __init__(
        self, clock: Clock, seeds: Seeds, zone: ZoneInfo = BUSINESS_ZONE, *, points_are_worth_money: bool = False
    ) -> None:
        self._clock = clock
        self._seeds = seeds
        self._zone = zone
        self._are_worth_money = points_are_worth_money

    async def listing(
        self, operator: Operator, *, state: DrawState | None = None, after: UUID | None, limit: int
    ) -> tuple[OperatedDraw, ...]:
        """Draws of the subtree, in the order they were added. Raises RoleMissing."""
        scope = await allowed(operator, Capability.DRAWS)
        found = Draw.filter(organization_id__in=list(scope.organization_ids)).order_by("id").limit(limit)
        if state is not None:
            found = found.filter(state=state)
        return tuple([view(each) for each in await (found.filter(id__gt=after) if after else found)])

    async def one(self, operator: Operator, draw_id: UUID) -> OperatedDraw:
        """Raises RoleMissing, DrawUnknown."""
        return view(await theirs(await allowed(operator, Capability.DRAWS), draw_id))

    async def versions(
        self, operator: Operator, draw_id: UUID, *, before: int | None, limit: int
    ) -> tuple[DrawVersionView, ...]:
        """What was published, the newest first. Raises RoleMissing, DrawUnknown."""
        draw = await theirs(await allowed(operator, Capability.DRAWS), draw_id)
        found = DrawVersion.filter(draw_id=draw.id).order_by("-number").limit(limit)
        listed: Any = await (found.filter(number__lt=before) if before is not None else found)
        return tuple(
            DrawVersionView(each.number, terms_of(each.terms), each.published_at, each.published_by_id)
            for each in listed
        )

    async def draft(self, operator: Operator, draft: DrawDraft, *, request_id: str) -> Answer[OperatedDraw]:
        """A new draw that nobody sees yet. What is missing or impossible is said when it is published.

        Raises RoleMissing, OrganizationUnknown, DrawCodeTaken, KeyReused.
        """
        scope = await allowed(operator, Capability.DRAWS)
        place = draft.organization_id or operator.organization_id
        if not scope.sees(place):
            raise OrganizationUnknown

        async def effect() -> OperatedDraw:
            draw_id, now, terms = new_id(), self._clock.now(), stored(draft.terms)
            if not await rows(statements.KEEP, draw_id, now, place, draft.code, draft.keyword, terms):
                raise DrawCodeTaken
            await record(operator, "draw.drafted", "draw", draw_id, at=now, organization_id=place, code=draft.code)
            return view(await Draw.get(id=draw_id))

        facts = to_json(draft)
        return await once(operator, "draw.draft", request_id, facts=facts, result=OperatedDraw, effect=effect)

    async def edit(
        self, operator: Operator, draw_id: UUID, change: DrawChange, *, request_id: str | None = None
    ) -> Answer[OperatedDraw]:
        """Change the draft; what is published stays until it is published again.

        Raises RoleMissing, DrawUnknown, DrawStateWrong (it has ended), KeyReused.
        """
        scope = await allowed(operator, Capability.DRAWS)

        async def effect() -> OperatedDraw:
            draw = await theirs(scope, draw_id, locked=True)
            if draw.state is DrawState.ENDED:
                raise DrawStateWrong(state=str(draw.state))
            if change.keyword is not None:
                draw.keyword = change.keyword
            if change.terms is not None:
                draw.terms = stored(change.terms)
            await draw.save(update_fields=["keyword", "terms"])
            changed = [name for name in ("keyword", "terms") if getattr(change, name) is not None]
            await self._record(operator, "draw.edited", draw, changed=changed)
            return view(draw)

        facts = to_json({"id": draw_id, "change": change})
        return await once(operator, "draw.edit", request_id, facts=facts, result=OperatedDraw, effect=effect)

    async def publish(self, operator: Operator, draw_id: UUID, *, request_id: str) -> Answer[OperatedDraw]:
        """Put the draft in force as the next version, with its stock and its promise; a paused draw stays paused.

        Where a later version decides otherwise than the one that is published, it is asked for alone: `approval_id` of
        the answer is what a second operator has to approve.

        Raises RoleMissing, DrawUnknown, DrawStateWrong, DrawNotPublishable (with every reason; one of them: this
        version was never simulated), KeyReused.
        """
        scope = await allowed(operator, Capability.DRAWS)

        async def effect() -> OperatedDraw:
            now, draw = self._clock.now(), await theirs(scope, draw_id, locked=True)
            before = await ready(draw, now=now, points_are_worth_money=self._are_worth_money)
            changed = differences(before.version.terms.rules, terms_of(draw.terms).rules) if before else ()
            if changed:
                facts = {"number": draw.version, "terms_hash": hash_of(draw.terms), "changed": changed}
                asked = await ask(operator, draw, DrawAct.VERSION, "", at=now, **facts)
                return replace(view(draw), approval_id=asked.approval_id)
            await put_in_force(operator, draw, before, self._seeds, now=now, zone=self._zone)
            return view(await Draw.get(id=draw.id))

        return await once(operator, "draw.publish", request_id, facts=draw_id, result=OperatedDraw, effect=effect)

    async def pause(self, operator: Operator, draw_id: UUID, *, reason: str, request_id: str) -> Answer[OperatedDraw]:
        """Nobody can spin until it is resumed. Raises RoleMissing, DrawUnknown, DrawStateWrong, KeyReused."""
        return await self._move(operator, draw_id, "paused", reason, request_id)

    async def resume(self, operator: Operator, draw_id: UUID, *, reason: str, request_id: str) -> Answer[OperatedDraw]:
        """Spins go on. Raises RoleMissing, DrawUnknown, DrawStateWrong, KeyReused."""
        return await self._move(operator, draw_id, "resumed", reason, request_id)

    async def end(self, operator: Operator, draw_id: UUID, *, reason: str, request_id: str) -> Answer[OperatedDraw]:
        """For good; what was won stays. Raises RoleMissing, DrawUnknown, DrawStateWrong, KeyReused."""
        return await self._move(operator, draw_id, "ended", reason, request_id)

    async def _move(
        self, operator: Operator, draw_id: UUID, act: str, reason: str, request_id: str
    ) -> Answer[OperatedDraw]:
        scope = await allowed(operator, Capability.DRAWS)
        statement, state = _MOVES[act]

        async def effect() -> OperatedDraw:
            draw = await theirs(scope, draw_id)
            if not await rows(statement, draw_id, state):
                raise DrawStateWrong(state=str((await Draw.get(id=draw_id)).state))
            await self._record(operator, f"draw.{act}", draw, reason=reason)
            return view(await Draw.get(id=draw_id))

        facts = {"id": draw_id, "reason": reason}
        return await once(operator, f"draw.{act}", request_id, facts=facts, result=OperatedDraw, effect=effect)

    async def _record(self, operator: Operator, action: str, draw: Draw, **facts: object) -> None:
        place: UUID = draw.organization_id  # type: ignore[attr-defined]
        await record(
            operator, action, "draw", draw.id, at=self._clock.now(), organization_id=place, code=draw.code, **facts
        )
