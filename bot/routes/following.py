"""Following, leaving, and scanning a code."""

from bot import texts
from bot.router import Router
from bot.turn import Turn

router = Router()


@router.event("subscribe", "subscribe_scan")
async def followed(turn: Turn) -> str:
    """关注: welcome, or welcome back; the code that brought a new person is remembered."""
    followed = await turn.handlers.following.follow(turn.person, turn.account, scene=turn.inbound.scene)
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
async def scanned(turn: Turn) -> str:
    """A follower scans one of our codes."""
    await turn.handlers.following.scan(turn.person, turn.account)
    return texts.scanned(turn.account.brand_name)
