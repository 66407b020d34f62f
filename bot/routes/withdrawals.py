"""提现: what there is of money, and what is on its way."""

from bot import texts, withdrawal_texts
from bot.router import Router
from bot.turn import Turn
from handlers.recurring import BUSINESS_ZONE
from models.words import WithdrawalState

router = Router()


@router.text("提现", "余额", "我的余额")
async def withdrawals(turn: Turn) -> str:
    """The balance; taking out and taking happen in the mini-program."""
    seen = await turn.handlers.withdrawals.asking.balance(turn.person)
    if seen.under_way is None and not seen.available_fen:
        return withdrawal_texts.NOTHING if turn.person.is_member else texts.NOT_YET_MEMBER
    one, said = seen.under_way, ""
    if one is not None and one.state is WithdrawalState.CONFIRM and one.confirm_by is not None:
        said = withdrawal_texts.waits(one.amount_fen, texts.until(one.confirm_by, BUSINESS_ZONE))
    elif one is not None:
        is_in_review = one.state is WithdrawalState.REVIEW
        said = withdrawal_texts.under_way(one.amount_fen, is_in_review=is_in_review)
    return withdrawal_texts.balance(seen.available_fen, said)
