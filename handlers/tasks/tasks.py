"""任务 as members meet them: what there is to do, what is done by the evidence of our tables, and its reward, once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from handlers.actors import Person
from handlers.codec import from_json
from handlers.errors import MemberFrozen, NotAMember, NotSignedIn, TaskAlreadyRewarded, TaskNotDone, TaskUnknown
from handlers.offers.offers import askers
from handlers.outbox import JobContext, later
from handlers.ports import Clock, Randomness, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import again, refusing
from handlers.rewards.base import Giving
from handlers.rewards.giving import Awarded, Rewarded, give
from handlers.rules.eligibility import Asker
from handlers.rules.offer_terms import Period
from handlers.rules.rewards import Reward, of_part
from handlers.rules.tasks import INVITE, TaskTerms, room_left
from handlers.rules.validity import day_of, period_begins_at, period_key
from handlers.standing import ids_of, standing
from handlers.tasks.invitations import invitation_of
from handlers.tasks.kinds import KINDS
from handlers.tasks.kinds.base import Doer
from models.database import atomic, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_instant, as_uuid, dump_rows
from models.statements import tasks as statements
from models.words import RewardedAct

PART = "task"
JOB = "finish_tasks"


class Progress(StrEnum):
    """Where a member stands with a task in its current period."""

    OPEN = "open"
    CLAIMABLE = "claimable"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class PublishedTask:
    """A task in the version that holds."""

    id: UUID
    code: str
    organization_id: UUID
    version: int
    terms: TaskTerms


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """A task as a member sees it. Of invitations `finished` are those that were rewarded, `claimable` those to come."""

    id: UUID
    code: str
    kind: str
    title: str
    description: str
    button: str
    period: Period
    rewards: tuple[Reward, ...]
    progress: Progress
    finished: int
    claimable: int


@dataclass(frozen=True, slots=True)
class TaskRewarded:
    """What was given, and for how many times that the task was done."""

    task_id: UUID
    count: int
    rewards: tuple[Rewarded, ...]


@dataclass(frozen=True, slots=True)
class Inviting:
    """How somebody invites: the scene of their links."""

    code: str


@refusing
class Tasks:
    """Shows tasks, and gives their rewards."""

    def __init__(self, clock: Clock, vault: Vault, randomness: Randomness, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._vault = vault
        self._randomness = randomness
        self._zone = zone

    async def seen(self, person: Person) -> tuple[TaskSeen, ...]:
        """What is published in their city and above, each as it stands by the tables now. Changes nothing."""
        who = await _asker(person.member_id)
        if who is None or not who.is_member:
            return ()
        return tuple([await self._seen(each, who) for each in await _published() if _is_theirs(each, who)])

    async def claim(self, person: Person, task_id: UUID, *, request_id: str) -> Answer[TaskRewarded]:
        """The reward of a task for every time that it was done and not yet rewarded.

        Raises TaskUnknown, TaskNotDone, TaskAlreadyRewarded, NotAMember, NotSignedIn, MemberFrozen, KeyReused.
        """

        async def effect() -> TaskRewarded:
            return await self._finish(await standing(person.member_id), task_id)

        return await once(person, "task", request_id, facts=task_id, result=TaskRewarded, effect=effect)

    async def inviting(self, person: Person) -> Inviting:
        """The member's own invitation. Raises NotAMember, NotSignedIn, MemberFrozen."""
        async with atomic():
            member_id = await standing(person.member_id)
            if (who := await _asker(member_id)) is None or not who.is_member:
                raise NotAMember
            return Inviting(await invitation_of(member_id, self._randomness, at=self._clock.now()))

    # --- after an act, by the worker

    async def after(self, job: JobContext, member_id: UUID) -> None:
        """Plan to look at the tasks of somebody who did something (the job tells of it), and of who invited them."""
        async with atomic():
            await later(JOB, key=f"{JOB}:{job.key}", at=self._clock.now(), member_id=str(member_id))

    async def finish_all(self, member_id: UUID) -> int:
        """Give whatever is due to a member, and to whoever invited them; how many tasks that were."""
        inviters = [as_uuid(each["member_id"]) for each in await rows(statements.INVITERS, await ids_of(member_id))]
        done, published = 0, await _published()
        for one in (member_id, *inviters):
            for each in published:
                if one == member_id or each.terms.kind == INVITE:
                    done += await self._finish_quietly(one, each.id)
        return done

    async def _finish_quietly(self, member_id: UUID, task_id: UUID) -> bool:
        async def attempt() -> bool:
            async with atomic():
                await self._finish(await standing(member_id), task_id)
                return True

        try:
            return await again(attempt)
        except (TaskNotDone, TaskAlreadyRewarded, TaskUnknown, NotAMember, NotSignedIn, MemberFrozen):
            return False

    # --- the decision

    async def _finish(self, member_id: UUID, task_id: UUID) -> TaskRewarded:
        """Inside the open transaction, with the member's row locked."""
        giving = Giving(self._clock.now(), self._zone, self._vault)
        who = await _asker(member_id)
        task = next(iter(await _published(task_id)), None)
        if who is None or task is None or not _is_theirs(task, who):
            raise TaskUnknown
        if not who.is_member:
            raise NotAMember
        fresh, finished = await self._fresh(task, who, giving.at)
        if not fresh:
            raise TaskAlreadyRewarded if finished else TaskNotDone
        acts = {new_id(): subject for subject in fresh}
        period = period_key(task.terms.period, giving.at, self._zone)
        listed = [
            {
                "id": act_id,
                "task_id": task.id,
                "version": task.version,
                "member_id": member_id,
                "period": period,
                "subject": subject,
            }
            for act_id, subject in acts.items()
        ]
        if len(await rows(statements.FINISH, dump_rows(listed), giving.at)) < len(listed):
            raise SerializationConflict("a task was finished meanwhile")
        awarded = [Awarded(act_id, member_id, due) for act_id in acts for due in of_part(PART, task.terms.rewards)]
        given = await give(RewardedAct.TASK, awarded, giving)
        return TaskRewarded(task.id, len(acts), tuple(one for act_id in acts for one in given[act_id]))

    async def _fresh(self, task: PublishedTask, who: Asker, now: datetime) -> tuple[list[str], int]:
        """What was done and may still be rewarded, by subject; and how much of it was rewarded already."""
        terms = task.terms
        period = period_key(terms.period, now, self._zone)
        ids = tuple(sorted({who.member_id, *who.ids}))
        found = await rows(statements.FINISHED, list(ids), task.id)
        finished = [each for each in found if each["period"] == period]
        since = period_begins_at(terms.period, now, self._zone)
        known = {each["subject"] for each in finished}
        doer = Doer(who.member_id, ids, now, since, self._vault)
        fresh = [each for each in await KINDS[terms.kind].done(doer, terms) if each not in known]
        today = day_of(now, self._zone)
        finished_today = sum(day_of(as_instant(each["finished_at"]), self._zone) == today for each in finished)
        room = room_left(terms, finished=len(finished), finished_today=finished_today)
        return fresh[:room], len(finished)

    async def _seen(self, task: PublishedTask, who: Asker) -> TaskSeen:
        fresh, finished = await self._fresh(task, who, self._clock.now())
        terms = task.terms
        is_over = finished > 0 and (terms.kind != INVITE or finished >= (terms.most or finished + 1))
        progress = Progress.CLAIMABLE if fresh else Progress.DONE if is_over else Progress.OPEN
        return TaskSeen(
            id=task.id,
            code=task.code,
            kind=terms.kind,
            title=terms.title,
            description=terms.description,
            button=terms.button,
            period=terms.period,
            rewards=terms.rewards,
            progress=progress,
            finished=finished,
            claimable=len(fresh),
        )


async def _asker(member_id: UUID) -> Asker | None:
    return (await askers([member_id])).get(member_id)


async def _published(task_id: UUID | None = None) -> Sequence[PublishedTask]:
    return [_task(each) for each in await rows(statements.PUBLISHED, task_id)]


def _task(found: Mapping[str, Any]) -> PublishedTask:
    terms = found["terms"]
    return PublishedTask(
        id=as_uuid(found["id"]),
        code=found["code"],
        organization_id=as_uuid(found["organization_id"]),
        version=int(found["version"]),
        terms=from_json(TaskTerms, orjson.loads(terms) if isinstance(terms, str | bytes) else terms),
    )


def _is_theirs(task: PublishedTask, who: Asker) -> bool:
    return task.organization_id in who.organization_path
