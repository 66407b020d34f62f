"""联名会员: what the code of a partner's agreement offers whoever scanned it, and what somebody has joined."""

from bot import co_brand_texts, plan_texts
from bot.router import Router, Said
from bot.turn import Turn
from handlers.errors import CoBrandJoined, CoBrandUnknown
from handlers.recurring import BUSINESS_ZONE

router = Router()
MOST = 8


@router.text("联名", "联名会员")
async def mine(turn: Turn) -> Said:
    """Each with until when it runs."""
    found = await turn.handlers.co_brands.joining.mine(turn.person)
    return co_brand_texts.mine(
        [
            co_brand_texts.held(
                each.name,
                each.partner_name,
                each.level_name,
                plan_texts.moment(each.ends_at, BUSINESS_ZONE),
                is_running=each.is_running,
            )
            for each in found[:MOST]
        ]
    )


async def offered(turn: Turn) -> str | None:
    """What the scene of a scan or a follow offers; None: it is no entry of an agreement that is open."""
    try:
        seen = await turn.handlers.co_brands.joining.offered(turn.person, turn.inbound.scene)
    except CoBrandUnknown:
        return None
    if seen.reason == CoBrandJoined.code:
        return co_brand_texts.joined_already(seen.name)
    if seen.reason is not None:
        return None
    until = plan_texts.moment(seen.ends_at, BUSINESS_ZONE)
    return co_brand_texts.offered(seen.name, seen.partner_name, seen.level_name, seen.price_fen, until)
