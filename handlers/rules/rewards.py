"""What somebody is given for having done something: a kind, how much of it, and of what. Pure data."""

from dataclasses import dataclass

MOST_REWARDS = 10  # of one part


@dataclass(frozen=True, slots=True)
class Reward:
    """`amount` of a kind (`handlers/rewards`). `code`: the earning rule of points, the offer of a benefit, the
    draw of chances.

    `days`: how long make-up cards and chances live, counted from the day after; None: for good, chances until the draw
    closes.
    """

    kind: str
    amount: int
    code: str = ""
    days: int | None = None


@dataclass(frozen=True, slots=True)
class DueReward:
    """A reward that is due for a part of an act; `place` tells the rewards of one part apart."""

    part: str
    place: int
    reward: Reward


def of_part(part: str, rewards: tuple[Reward, ...]) -> tuple[DueReward, ...]:
    """All rewards of one part, in the order they were published."""
    return tuple(DueReward(part, place, reward) for place, reward in enumerate(rewards))
