"""What the chat says about money that members take out."""

from bot.texts import yuan

NOTHING = "您还没有可以提现的余额。回复“我的”看看有什么。"


def balance(available_fen: int, under_way: str) -> str:
    """提现: what there is, and what is on its way; the money is taken out in the mini-program."""
    has = f"余额{yuan(available_fen)}元可以提现，请在小程序“提现”里申请。"
    return f"{under_way}\n余额{yuan(available_fen)}元。" if under_way else has


def waits(fen: int, deadline: str) -> str:
    """Said once the payee has to take it, and whenever they ask until then."""
    return f"提现{yuan(fen)}元待您确认，请在{deadline}前到小程序确认收款，逾期退回余额。"


def under_way(fen: int, *, is_in_review: bool) -> str:
    """What there is to say of one that nobody has to do anything about."""
    return (
        f"提现{yuan(fen)}元正在审核，有结果会告诉您。" if is_in_review else f"提现{yuan(fen)}元正在处理，不用重复申请。"
    )


def arrived(fen: int) -> str:
    """Said once it is in their wallet."""
    return f"提现{yuan(fen)}元已到您的微信零钱，请到微信支付查看。"


def returned(fen: int) -> str:
    """Said once it came back: not taken in time, taken back, or WeChat did not do it."""
    return f"提现{yuan(fen)}元没有完成，已退回余额，您可以重新申请。"


def refused(fen: int) -> str:
    """Said once operators refused it; why is told by people."""
    return f"提现{yuan(fen)}元没有通过审核，已退回余额。想了解原因请回复“人工”。"
