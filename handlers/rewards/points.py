"""Points as a reward: by an earning rule, with its cap, its pending days and the programme's budget."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from handlers.points.earning import Earning, earn
from handlers.points.points_terms import earning_terms
from handlers.rewards.base import Gift, Given, Giving
from handlers.rules.points import MOST
from handlers.rules.rewards import Reward

LONGEST_RULE = 31  # a cause names the rule and the gift


class PointsReward:
    """`code` is the earning rule; whoever is at its cap gets what is left."""

    async def problem(self, reward: Reward) -> str:
        """The rule has to be there."""
        if reward.code not in (await earning_terms()).rules or len(reward.code) > LONGEST_RULE:
            return f"没有积分规则“{reward.code}”"
        if reward.days is not None:
            return "积分的有效期由积分规则决定，不能单独填写"
        return "" if 0 < reward.amount <= MOST else "积分数不对"

    async def give(self, gifts: Sequence[Gift], giving: Giving) -> Mapping[UUID, Given]:
        """One earning each, in one go."""
        earnings = {
            gift.id: Earning(gift.member_id, gift.reward.code, gift.reward.amount, gift.id.hex) for gift in gifts
        }
        earned = await earn(list(earnings.values()), at=giving.at, zone=giving.zone)
        told = {gift_id: earned[each] for gift_id, each in earnings.items()}
        return {gift_id: Given(each.amount, each.transfer_id, each.cut_by or "") for gift_id, each in told.items()}
