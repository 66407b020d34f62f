"""积分: how many there are, and what ends first."""

from bot import texts
from bot.router import Router
from bot.turn import Turn
from handlers.recurring import BUSINESS_ZONE

router = Router()


@router.text("积分", "我的积分", "查积分")
async def points(turn: Turn) -> str:
    """What they can spend, what is still to come, and what ends within a month."""
    seen = await turn.handlers.points.view(turn.person)
    soon = [(each.points, texts.until(each.expires_at, BUSINESS_ZONE)) for each in seen.expiring]
    if not turn.person.is_member and not (seen.available or seen.pending):
        return texts.NOT_YET_MEMBER
    return texts.points(seen.available, seen.pending, soon)
