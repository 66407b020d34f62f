"""What people take back in WeChat itself: deleted here, answered with silence."""

from bot.router import Router
from bot.turn import Turn

router = Router()


@router.event("user_authorization_revoke")
async def revoked(turn: Turn) -> None:
    """The person withdrew an authorization in WeChat's settings."""
    taken_back = turn.inbound.fields.get("RevokeInfo")
    await turn.handlers.authorizations.revoked(turn.person, taken_back="" if taken_back is None else str(taken_back))


@router.event("user_info_modified")
async def modified(turn: Turn) -> None:
    """WeChat changed or cleaned the person's profile."""
    await turn.handlers.authorizations.info_modified(turn.person)


@router.event("user_authorization_cancellation")
async def cancelled(turn: Turn) -> None:
    """The person closed their account with this mini-program or official account."""
    await turn.handlers.authorizations.cancelled(turn.person, turn.account, openid=turn.inbound.openid)
