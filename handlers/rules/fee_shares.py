"""Fused plans (融合套餐): one fee is split by rule among several merchants, and refunds take from each alike.

Each share is floored by itself; what is left over by flooring, or is given to nobody, stays with the house.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handlers.rules.problems import Problem

WHOLE = 10_000  # basis points
MOST_SHARES = 20


@dataclass(frozen=True, slots=True)
class FeeShare:
    """What of every fee belongs to a merchant (its code), in basis points."""

    merchant: str
    share_bp: int


def split(paid_fen: int, shares_bp: Sequence[int]) -> tuple[int, ...]:
    """What each gets of what was really paid. Shares that are at most the whole together never pass it."""
    return tuple(paid_fen * each // WHOLE for each in shares_bp)


def goes_back(amount_fen: int, base_fen: int, refunded_fen: int, back_fen: int) -> int:
    """How much more of a share goes back once `refunded_fen` of `base_fen` went back in all; `back_fen` did before.

    What the merchant keeps is floored, so that many small refunds take as much as one large one, whatever their order;
    a whole refund takes all of it.
    """
    kept = amount_fen * max(base_fen - refunded_fen, 0) // base_fen if base_fen else 0
    return max(amount_fen - kept - back_fen, 0)


def problems_of(shares: Sequence[FeeShare]) -> tuple[Problem, ...]:
    """What stands against selling a plan with these shares."""
    return tuple(_problems(shares))


def _problems(shares: Sequence[FeeShare]) -> Iterator[Problem]:
    if len(shares) > MOST_SHARES:
        yield Problem("shares", "too_many", f"最多分给{MOST_SHARES}个商户")
    if any(count > 1 for count in Counter(each.merchant for each in shares).values()):
        yield Problem("shares", "merchant_twice", "同一个商户只能写一次")
    if any(not 0 < each.share_bp <= WHOLE for each in shares):
        yield Problem("shares", "out_of_range", "每份比例要大于0、不超过100%")
    elif sum(each.share_bp for each in shares) > WHOLE:
        yield Problem("shares", "more_than_whole", "各商户的比例合计不能超过100%")
