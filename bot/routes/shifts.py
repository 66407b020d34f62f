"""当班 and 交班: a clerk's shift in chat, where the own account is the till."""

from bot import counter_texts
from bot.router import Router
from bot.routes.clerk import device_of
from bot.turn import Turn
from handlers.errors import NoShift, ShiftOpen

router = Router()


@router.text("当班", "上班")
async def open_shift(turn: Turn) -> str:
    """Begin a shift; one that is open says what is new in it."""
    clerk = await turn.handlers.clerk_sessions.serving(turn.person)
    if clerk is None:
        return counter_texts.CLERKS_REDEEM
    request_id = turn.request_id or f"chat:{turn.act}"
    try:
        answer = await turn.handlers.shifts.open(clerk, device_id=device_of(turn), request_id=request_id)
    except ShiftOpen:
        now = await turn.handlers.shifts.current(clerk, device_id=device_of(turn))
        return counter_texts.shift_goes_on(now.redeemed_count, now.redeemed_fen, now.reversed_count)
    return counter_texts.shift_opened(answer.value.store)


@router.text("交班", "下班")
async def close_shift(turn: Turn) -> str:
    """End it, and say its totals."""
    clerk = await turn.handlers.clerk_sessions.serving(turn.person)
    if clerk is None:
        return counter_texts.CLERKS_REDEEM
    request_id = turn.request_id or f"chat:{turn.act}"
    try:
        answer = await turn.handlers.shifts.close(clerk, device_id=device_of(turn), request_id=request_id)
    except NoShift:
        return counter_texts.NO_SHIFT
    done = answer.value
    lines = [(each.benefit, each.redeemed_count, each.reversed_count) for each in done.by_benefit]
    return counter_texts.shift_closed(
        done.redeemed_count, done.redeemed_fen, done.reversed_count, done.reversed_fen, lines
    )
