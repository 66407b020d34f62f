"""Help, cancelling, human service, and whatever else people send."""

from bot import store_texts, texts
from bot.replies import Reply, ToHuman
from bot.router import Router
from bot.turn import Turn
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.distances import E6, Position
from handlers.rules.service_hours import is_open

router = Router()
NEAREST = 3


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
    return ToHuman() if is_open(hours, turn.now, BUSINESS_ZONE) else texts.no_staff(hours)


@router.when("location")
async def location(turn: Turn) -> str:
    """A place was sent: where the nearest stores are."""
    latitude, longitude = turn.inbound.latitude, turn.inbound.longitude
    if latitude is None or longitude is None:
        return store_texts.NO_LOCATION
    place = Position(round(latitude * E6), round(longitude * E6))
    found = await turn.handlers.nearby_stores.nearest(turn.person, place, limit=NEAREST)
    return store_texts.nearest([(each.name, each.distance_metres, each.address) for each in found])
