"""Tasks as operators draft, publish and stop them. Nothing that rewards sharing or asks to follow is published."""

from dataclasses import dataclass
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.codec import from_json, to_json
from handlers.errors import (
    OrganizationUnknown,
    TaskCodeTaken,
    TaskNotPublishable,
    TaskStateWrong,
    TaskUnknown,
)
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rewards import giving
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.rules.tasks import TaskTerms, problems_of
from handlers.scopes import allowed
from models.checkins import Task, TaskVersion
from models.database import rows
from models.ids import new_id
from models.statements import tasks as statements
from models.words import TaskState


@dataclass(frozen=True, slots=True)
class TaskDraft:
    """A new task. `organization_id` None: the operator's own."""

    code: str
    terms: TaskTerms
    organization_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OperatedTask:
    """A task as operators see it: `terms` are the draft's, `version` is what is published (0: nothing yet)."""

    id: UUID
    organization_id: UUID
    code: str
    state: TaskState
    version: int
    terms: TaskTerms


@refusing
class TaskEditing:
    """Drafts, edits, publishes and stops."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def listed(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[OperatedTask, ...]:
        """Those of the operator's organizations, the oldest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.TASKS)
        found = Task.filter(organization_id__in=list(scope.organization_ids)).order_by("id").limit(limit)
        return tuple(_view(each) for each in await (found.filter(id__gt=after) if after else found))

    async def draft(self, operator: Operator, draft: TaskDraft, *, request_id: str) -> Answer[OperatedTask]:
        """A new task that nobody sees yet. Raises RoleMissing, OrganizationUnknown, TaskCodeTaken, KeyReused."""
        scope = await allowed(operator, Capability.TASKS)
        place = draft.organization_id or operator.organization_id
        if not scope.sees(place):
            raise OrganizationUnknown

        async def effect() -> OperatedTask:
            task_id, now = new_id(), self._clock.now()
            if not await rows(statements.KEEP_TASK, task_id, now, place, draft.code, to_json(draft.terms)):
                raise TaskCodeTaken
            return await self._done(operator, "task.drafted", await Task.get(id=task_id))

        return await once(operator, "task.draft", request_id, facts=draft, result=OperatedTask, effect=effect)

    async def edit(
        self, operator: Operator, task_id: UUID, terms: TaskTerms, *, request_id: str | None = None
    ) -> Answer[OperatedTask]:
        """Change the draft; what is published stays until it is published again. Raises RoleMissing, TaskUnknown."""
        scope = await allowed(operator, Capability.TASKS)

        async def effect() -> OperatedTask:
            task = await _theirs(scope, task_id)
            task.terms = to_json(terms)
            await task.save(update_fields=["terms"])
            return await self._done(operator, "task.edited", task)

        facts = {"id": task_id, "terms": terms}
        return await once(operator, "task.edit", request_id, facts=facts, result=OperatedTask, effect=effect)

    async def publish(self, operator: Operator, task_id: UUID, *, request_id: str) -> Answer[OperatedTask]:
        """Put the draft in force as the next version. Raises RoleMissing, TaskUnknown, TaskNotPublishable."""
        scope = await allowed(operator, Capability.TASKS)

        async def effect() -> OperatedTask:
            task = await _theirs(scope, task_id)
            await _check(from_json(TaskTerms, task.terms))
            number = task.version + 1
            if not await rows(statements.PUBLISH, task.id, task.version):
                raise TaskStateWrong(state=str(task.state))
            await TaskVersion.create(
                task_id=task.id,
                number=number,
                terms=task.terms,
                published_by_id=operator.id,
                published_at=self._clock.now(),
            )
            return await self._done(operator, "task.published", await Task.get(id=task_id), version=number)

        return await once(operator, "task.publish", request_id, facts=task_id, result=OperatedTask, effect=effect)

    async def stop(self, operator: Operator, task_id: UUID, *, request_id: str) -> Answer[OperatedTask]:
        """Nobody is rewarded for it from now on. Raises RoleMissing, TaskUnknown, TaskStateWrong."""
        scope = await allowed(operator, Capability.TASKS)

        async def effect() -> OperatedTask:
            task = await _theirs(scope, task_id)
            if not await rows(statements.STOP, task_id):
                raise TaskStateWrong(state=str(task.state))
            return await self._done(operator, "task.stopped", await Task.get(id=task_id))

        return await once(operator, "task.stop", request_id, facts=task_id, result=OperatedTask, effect=effect)

    async def _done(self, operator: Operator, action: str, task: Task, **facts: object) -> OperatedTask:
        view, now = _view(task), self._clock.now()
        place = view.organization_id
        await record(operator, action, "task", task.id, at=now, organization_id=place, code=task.code, **facts)
        return view


async def _check(terms: TaskTerms) -> None:
    problems = [*problems_of(terms), *await giving.problems_of({"rewards": terms.rewards})]
    if problems:
        raise TaskNotPublishable(
            why="；".join(dict.fromkeys(why for _, why in problems)) + "。",
            problems=[{"field": field, "problem": why} for field, why in problems],
        )


async def _theirs(scope: Scope, task_id: UUID) -> Task:
    task = await Task.filter(id=task_id).select_for_update(no_key=True).first()
    if task is None or not scope.sees(task.organization_id):  # type: ignore[attr-defined]
        raise TaskUnknown
    return task


def _view(task: Task) -> OperatedTask:
    return OperatedTask(
        id=task.id,
        organization_id=task.organization_id,  # type: ignore[attr-defined]
        code=task.code,
        state=task.state,
        version=task.version,
        terms=from_json(TaskTerms, task.terms),
    )
