"""Help, cancelling, human service, and whatever else people send."""

from zoneinfo import ZoneInfo

from bot import texts
from bot.replies import Reply, ToHuman
from bot.router import Router
from bot.turn import Turn
from handlers.rules.service_hours import is_open

router = Router()
ZONE = ZoneInfo("Asia/Shanghai")


@router.text("菜单", "帮助", "help")
async def menu(turn: Turn) -> str:
    """A numbered list of what can be done, answerable by number."""
    words = ["入会", "我的", "人工"]
    if turn.person.is_member:
        words = ["权益", "签到", "抽奖", "任务", "我的", "绑卡", "会员码", "人工"]
    await turn.offer(words)
    return texts.menu(words)


@router.text("取消")
async def cancel(turn: Turn) -> str:
    """Leave whatever was being asked."""
    if await turn.open_question() is None:
        return texts.NOTHING_TO_CANCEL
    await turn.finish()
    return texts.CANCELLED


@router.text("人工", "客服", "人工客服")
async def human(turn: Turn) -> str | Reply:
    """Hand over to a person, or say when one is there."""
    await turn.finish()
    hours = turn.account.service_hours
    return ToHuman() if is_open(hours, turn.now, ZONE) else texts.no_staff(hours)


@router.when("location")
async def location(_: Turn) -> str:
    """A place was sent."""
    return texts.LOCATION
