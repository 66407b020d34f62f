"""Growth (成长值) as a reward: whoever reaches a level by it has that in the same transaction."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from handlers.levels.growth import GrowthEarning, earn_growth
from handlers.rewards.base import Gift, Given, Giving
from handlers.rules.rewards import Reward

MOST_AT_ONCE = 1_000_000


class GrowthReward:
    """`amount` growth, which never ends."""

    async def problem(self, reward: Reward) -> str:
        """An amount, and nothing else."""
        if reward.code:
            return "成长值不用填编号"
        if reward.days is not None:
            return "成长值不会到期，不用填天数"
        return "" if 0 < reward.amount <= MOST_AT_ONCE else "成长值数不对"

    async def give(self, gifts: Sequence[Gift], giving: Giving) -> Mapping[UUID, Given]:
        """One earning each, in one go; nothing of it is ever cut."""
        earnings = {gift.id: GrowthEarning(gift.member_id, gift.reward.amount, gift.cause) for gift in gifts}
        earned = await earn_growth(list(earnings.values()), at=giving.at)
        told = {gift_id: earned[each] for gift_id, each in earnings.items()}
        return {gift_id: Given(each.amount, each.transfer_id) for gift_id, each in told.items()}
