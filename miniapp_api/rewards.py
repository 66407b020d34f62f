"""Rewards as both doors show them: what is promised, and what was given."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from handlers.rules.rewards import Reward
from miniapp_api.shapes import Body, Out

RewardAmount = Annotated[int, Field(ge=1, le=1_000_000_000)]
RewardCode = Annotated[str, StringConstraints(max_length=64)]


class RewardBody(Body):
    """`code`: of points the earning rule, of a benefit the offer, of chances the draw.

    `days`: how long make-up cards and chances live.
    """

    kind: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    amount: RewardAmount
    code: RewardCode = ""
    days: Annotated[int, Field(ge=0, le=3_660)] | None = None

    def reward(self) -> Reward:
        """As the rules know it."""
        return Reward(self.kind, self.amount, self.code, self.days)


class RewardOut(Out):
    """What is promised."""

    kind: str
    amount: int
    code: str
    days: int | None


class RewardedOut(Out):
    """What was given for which part: `daily`, `streak:7`, `month:20`, `task`. Less than `wanted` has its reason."""

    part: str
    kind: str
    code: str
    wanted: int
    amount: int
    cut_by: str = Field(
        description="empty where nothing was cut; else cap, budget, rule, stock, limit, paused, ended, audience"
    )


Rewards = Annotated[list[RewardBody], Field(max_length=10)]
Part = Literal["streak", "month"]
