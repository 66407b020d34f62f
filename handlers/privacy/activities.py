"""What is held about what somebody did day by day: check-ins, tasks, rewards, invitations, prizes that wait."""

from uuid import UUID

from handlers.privacy import held
from models.checkins import CheckIn, FinishedTask, GivenReward, Invitation
from models.draws import DuePrize


async def check_ins(ids: list[UUID]) -> tuple[held.HeldCheckIn, ...]:
    """The days on which they checked in."""
    found = await CheckIn.filter(member_id__in=ids).order_by("business_on", "id")
    return tuple(held.HeldCheckIn(each.business_on, each.is_made_up, each.checked_in_at) for each in found)


async def finished_tasks(ids: list[UUID]) -> tuple[held.HeldTask, ...]:
    """Without the subject, who is somebody else."""
    found = await FinishedTask.filter(member_id__in=ids).order_by("id").prefetch_related("task")
    return tuple(held.HeldTask(each.task.code, each.period, each.finished_at) for each in found)


async def rewards(ids: list[UUID]) -> tuple[held.HeldReward, ...]:
    """What they were given for it."""
    return tuple(
        held.HeldReward(each.act, each.part, each.kind, each.code, each.amount, each.given_at)
        for each in await GivenReward.filter(member_id__in=ids).order_by("id")
    )


async def invitations(ids: list[UUID]) -> tuple[held.HeldInvitation, ...]:
    """Their own code."""
    found = await Invitation.filter(member_id__in=ids).order_by("id")
    return tuple(held.HeldInvitation(each.code, each.created_at) for each in found)


async def due_prizes(ids: list[UUID]) -> tuple[held.HeldDuePrize, ...]:
    """What they won that asks something of them."""
    found = await DuePrize.filter(member_id__in=ids).order_by("id")
    return tuple(held.HeldDuePrize(each.name, each.state, each.deadline_at) for each in found)
