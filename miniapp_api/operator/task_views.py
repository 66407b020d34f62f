"""Tasks as operators draft, publish and stop them."""

from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field, StringConstraints

from handlers.errors import (
    OrganizationUnknown,
    RoleMissing,
    TaskCodeTaken,
    TaskNotPublishable,
    TaskStateWrong,
    TaskUnknown,
)
from handlers.rules.offer_terms import Period
from handlers.rules.tasks import TaskTerms
from handlers.tasks.task_editing import OperatedTask, TaskDraft
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.rewards import RewardOut, Rewards
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page
from models.words import TaskState

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Most = Annotated[int, Field(ge=1, le=1_000)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


class TaskBody(Body):
    """A draft. Its kinds: profile, card, redemption, invite. What is missing or forbidden is said at publish."""

    kind: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    title: Text
    description: LongText = ""
    button: Text = ""
    rewards: Rewards = Field(default_factory=list)
    period: Literal["ever", "day", "week", "month"] = "ever"
    acts_days: Annotated[int, Field(ge=1, le=31, description="check-ins of an invited person who redeems nothing")] = 1
    most_a_day: Most | None = None
    most: Most | None = Field(default=None, description="invited persons that one member is rewarded for")

    def terms(self) -> TaskTerms:
        """As the rules know it."""
        return TaskTerms(
            kind=self.kind,
            title=self.title,
            rewards=tuple(each.reward() for each in self.rewards),
            description=self.description,
            button=self.button,
            period=Period(self.period),
            acts_days=self.acts_days,
            most_a_day=self.most_a_day,
            most=self.most,
        )


class NewTaskBody(TaskBody):
    code: Code
    organization_id: Id | None = Field(default=None, description="null: the operator's own")


class OperatedTaskOut(Out):
    """`version`: what is published, 0 for nothing yet; everything else is the draft's."""

    id: Id
    organization_id: Id
    code: str
    state: TaskState
    version: int
    kind: str
    title: str
    description: str
    button: str
    rewards: list[RewardOut]
    period: str
    acts_days: int
    most_a_day: int | None
    most: int | None

    @classmethod
    def of(cls, task: OperatedTask) -> "OperatedTaskOut":
        """The task with its terms, flat."""
        own = {name: getattr(task, name) for name in ("id", "organization_id", "code", "state", "version")}
        said = {name: getattr(task.terms, name) for name in cls.model_fields if name not in own}
        return cls.model_validate({**own, **said}, from_attributes=True)


@endpoint(tags=["task"], auth="operator", refuses=[RoleMissing])
async def tasks(request: web.Request, limit: Limit = 20, cursor: Cursor | None = None) -> Ok[Page[OperatedTaskOut]]:
    """Those of the operator's organizations, the oldest first."""
    found = await handlers(request).task_editing.listed(operator(request), after=after(cursor), limit=limit + 1)
    items = [OperatedTaskOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["task"], auth="operator", refuses=[RoleMissing, OrganizationUnknown, TaskCodeTaken])
async def draft_task(request: web.Request, body: NewTaskBody, *, idempotency_key: str) -> Created[OperatedTaskOut]:
    """Draft a task; nobody sees it before it is published."""
    draft = TaskDraft(body.code, body.terms(), body.organization_id)
    answer = await handlers(request).task_editing.draft(operator(request), draft, request_id=idempotency_key)
    return reply(answer, OperatedTaskOut.of, status=201)


@endpoint(tags=["task"], auth="operator", refuses=[RoleMissing, TaskUnknown])
async def edit_task(
    request: web.Request, task_id: Id, /, body: TaskBody, *, idempotency_key: str | None = None
) -> Ok[OperatedTaskOut]:
    """Replace the draft; what is published stays until it is published again."""
    editing = handlers(request).task_editing
    answer = await editing.edit(operator(request), task_id, body.terms(), request_id=idempotency_key)
    return reply(answer, OperatedTaskOut.of, status=200)


@endpoint(tags=["task"], auth="operator", refuses=[RoleMissing, TaskUnknown, TaskNotPublishable, TaskStateWrong])
async def publish_task(request: web.Request, task_id: Id, /, *, idempotency_key: str) -> Ok[OperatedTaskOut]:
    """Put the draft in force; what rewards sharing or asks to follow is refused, and the field is named."""
    answer = await handlers(request).task_editing.publish(operator(request), task_id, request_id=idempotency_key)
    return reply(answer, OperatedTaskOut.of, status=200)


@endpoint(tags=["task"], auth="operator", refuses=[RoleMissing, TaskUnknown, TaskStateWrong])
async def stop_task(request: web.Request, task_id: Id, /, *, idempotency_key: str) -> Ok[OperatedTaskOut]:
    """Nobody is rewarded for it from now on."""
    answer = await handlers(request).task_editing.stop(operator(request), task_id, request_id=idempotency_key)
    return reply(answer, OperatedTaskOut.of, status=200)


ROUTES = [
    web.get("/operator/tasks", tasks),
    web.post("/operator/tasks", draft_task),
    web.put("/operator/tasks/{task_id}", edit_task),
    web.post("/operator/tasks/{task_id}/publish", publish_task),
    web.post("/operator/tasks/{task_id}/stop", stop_task),
]
