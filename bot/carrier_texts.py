"""What is said of orders that are paid on a phone bill 话费支付."""

from bot.texts import yuan
from models.words import CreditWay


def refunded(title: str, fen: int, way: CreditWay) -> str:
    """Said once money came back: off the bill of its month, or as a credit on another one."""
    if way is CreditWay.CANCELLED:
        return f"{title}已退款{yuan(fen)}元，已从话费账单里冲销。"
    return f"{title}已退款{yuan(fen)}元，已返还到话费账户，以运营商账单为准。"
