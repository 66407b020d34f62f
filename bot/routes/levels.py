"""等级: which one it is, what is missing to the next, and what keeps it."""

from bot import texts
from bot.router import Router
from bot.turn import Turn
from handlers.recurring import BUSINESS_ZONE

router = Router()


@router.text("等级", "我的等级", "会员等级", "成长值")
async def level(turn: Turn) -> str:
    """Their level, growth, the next one, and until when what has to come."""
    if not turn.person.is_member:
        return texts.NOT_YET_MEMBER
    seen = await turn.handlers.my_level.view(turn.person)
    coming = (seen.next.name, seen.next.missing) if seen.next else None
    keep = (texts.until(seen.keep.judged_at, BUSINESS_ZONE), seen.keep.missing) if seen.keep else None
    return texts.level(seen.name, seen.growth, coming, keep)
