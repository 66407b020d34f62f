"""签到, 补签 and 任务."""

from collections.abc import Sequence
from datetime import date

from bot import check_in_texts, texts
from bot.router import Router
from bot.turn import LIST_MAX, Turn
from handlers.rewards.giving import Rewarded
from handlers.tasks.tasks import Progress

router = Router()

_PROGRESS = {Progress.OPEN: "未完成", Progress.CLAIMABLE: "可领取", Progress.DONE: "已完成"}


@router.text("签到", "打卡", "每日签到")
async def check_in(turn: Turn) -> str:
    """Once a business day; the message's own id is the key."""
    if not turn.person.is_member:
        return texts.NOT_YET_MEMBER
    done = (await turn.handlers.check_ins.check_in(turn.person, request_id=turn.request_id or turn.act)).value
    return check_in_texts.checked_in(done.streak, done.in_month, _items(done.rewards))


@router.text("补签")
async def mend(turn: Turn) -> str:
    """The missed days that a card reaches, answerable by number."""
    return await _which_day(turn)


async def _which_day(turn: Turn) -> str:
    if not turn.person.is_member:
        return texts.NOT_YET_MEMBER
    seen = await turn.handlers.check_in_calendar.month(turn.person)
    days = list(seen.mendable[:LIST_MAX])
    if not days:
        return check_in_texts.NOTHING_TO_MEND
    await turn.offer([f"补签{each.isoformat()}" for each in days])
    return check_in_texts.which_day([_day(each) for each in days], seen.card_count)


@router.opening("补签")
async def make_up(turn: Turn, said: str) -> str:
    """补签 <day>, as the numbered list says it; anything else is asked about."""
    try:
        on = date.fromisoformat(said.strip())
    except ValueError:
        return await _which_day(turn)
    done = (await turn.handlers.check_ins.mend(turn.person, on, request_id=turn.request_id or turn.act)).value
    return check_in_texts.made_up(_day(on), done.streak, _items(done.rewards))


@router.text("任务", "做任务", "我的任务")
async def tasks(turn: Turn) -> str:
    """What there is to do, and where each stands."""
    if not turn.person.is_member:
        return texts.NOT_YET_MEMBER
    found = await turn.handlers.tasks.seen(turn.person)
    return (
        check_in_texts.tasks([(each.title, _PROGRESS[each.progress]) for each in found])
        if found
        else check_in_texts.NO_TASKS
    )


def _items(rewards: Sequence[Rewarded]) -> list[tuple[str, str]]:
    return [
        (
            check_in_texts.reward_part(each.part),
            check_in_texts.a_reward(each.kind, each.amount, is_cut=bool(each.cut_by)),
        )
        for each in rewards
    ]


def _day(on: date) -> str:
    return f"{on.month}月{on.day}日"
