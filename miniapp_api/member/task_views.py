"""任务: `GET /me/tasks`, their rewards, and the member's own invitation."""

from typing import Literal

from aiohttp import web
from pydantic import Field

from handlers.errors import MemberFrozen, NotAMember, TaskAlreadyRewarded, TaskNotDone, TaskUnknown
from miniapp_api.auth import person
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.rewards import RewardedOut, RewardOut
from miniapp_api.shapes import Id, Out, Page


class TaskOut(Out):
    """A task as it stands by our own records."""

    id: Id
    code: str
    kind: str
    title: str
    description: str
    button: str
    period: str
    rewards: list[RewardOut]
    progress: Literal["open", "claimable", "done"]
    finished: int = Field(description="times that it was rewarded in this period")
    claimable: int = Field(description="times that it was done and can be claimed now")


class TaskRewardedOut(Out):
    task_id: Id
    count: int
    rewards: list[RewardedOut]


class InvitationOut(Out):
    """The `scene` that links and codes of this member carry. Whoever comes by it is told apart; nothing is owed."""

    code: str


@endpoint(tags=["task"], auth="person")
async def my_tasks(request: web.Request) -> Ok[Page[TaskOut]]:
    """What there is to do, and what is done. Changes nothing."""
    found = await handlers(request).tasks.seen(person(request))
    return Ok(Page(items=[TaskOut.model_validate(each) for each in found]))


@endpoint(
    tags=["task"], auth="person", refuses=[TaskUnknown, TaskNotDone, TaskAlreadyRewarded, NotAMember, MemberFrozen]
)
async def claim_task(request: web.Request, task_id: Id, /, *, idempotency_key: str) -> Created[TaskRewardedOut]:
    """The reward of what was done; our records decide whether it was."""
    answer = await handlers(request).tasks.claim(person(request), task_id, request_id=idempotency_key)
    return reply(answer, TaskRewardedOut.model_validate, status=201)


@endpoint(tags=["task"], auth="person", refuses=[NotAMember, MemberFrozen])
async def my_invitation(request: web.Request) -> Ok[InvitationOut]:
    """The member's own invitation, made when it is first asked for."""
    return Ok(InvitationOut.model_validate(await handlers(request).tasks.inviting(person(request))))


ROUTES = [
    web.get("/me/tasks", my_tasks),
    web.post("/me/tasks/{task_id}/claims", claim_task),
    web.get("/me/invitation", my_invitation),
]
