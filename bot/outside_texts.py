"""What is said of points that somebody outside keeps (a carrier's own 积分)."""


def priced(title: str, points: int, account: str) -> str:
    """What can be had for points of somebody else, with what it costs and whose they are."""
    return f"{title}（{points}{account}积分）"


def in_mini_program(title: str, points: int, account: str) -> str:
    """What points of somebody else buy: how many, whose, and where it is had."""
    return f"{title}需要{points}{account}积分，从您在{account}的积分里扣。请在小程序“领券”里兑换。"
