"""Following, leaving, and scanning a code."""

from bot import texts
from bot.router import Router, Said
from bot.routes import co_brands
from bot.speaking import speak
from bot.turn import Turn
from handlers.rules.replies import SaidContent

router = Router()


@router.event("subscribe", "subscribe_scan")
async def followed(turn: Turn) -> Said:
    """关注: welcome, or welcome back, unless an operator says something else; the code that brought them is kept."""
    followed = await turn.handlers.following.follow(turn.person, turn.account, scene=turn.inbound.scene)
    content = await _for_scene(turn) or await turn.handlers.replies.on_follow(turn.account.id)
    if content is not None:
        return await speak(turn, content)
    if (offered := await co_brands.offered(turn)) is not None:
        return offered
    if not turn.person.is_member:
        return texts.welcome(turn.account.brand_name)
    if followed.is_first:
        return texts.welcome_member(turn.account.brand_name, turn.person.number or "")
    return texts.welcome_back()


@router.event("unsubscribe")
async def left(turn: Turn) -> None:
    """取消关注: nothing they own changes, and nothing can be said to them."""
    await turn.handlers.following.unfollow(turn.person, turn.account)


@router.event("scan")
async def scanned(turn: Turn) -> Said:
    """A follower scans one of our codes."""
    await turn.handlers.following.scan(turn.person, turn.account, scene=turn.inbound.scene)
    content = await _for_scene(turn)
    if content is not None:
        return await speak(turn, content)
    return await co_brands.offered(turn) or texts.scanned(turn.account.brand_name)


async def _for_scene(turn: Turn) -> SaidContent | None:
    scene = turn.inbound.scene
    return await turn.handlers.replies.on_scene(turn.account.id, scene) if scene else None
