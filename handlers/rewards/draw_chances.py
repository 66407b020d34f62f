"""Chances of a draw (抽奖次数) as a reward: a lot each, with its source and its end.

The draw's row is not locked: whoever spins holds it before the members' rows, which are ours already.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from handlers.draws.chances import Chances, OpenDraw, give_chances, open_draws
from handlers.offers.offers import askers
from handlers.points.points_terms import terms
from handlers.rewards.base import Gift, Given, Giving
from handlers.rules.rewards import Reward
from handlers.rules.validity import begins, day_of

MOST_AT_ONCE = 10
LONGEST = 3_660  # days
ENDED, AUDIENCE = "ended", "audience"


class ChancesReward:
    """`code` is the draw. `days`: how long the chances live; None: until the draw closes, which ends them anyway."""

    async def problem(self, reward: Reward) -> str:
        """Published, not ended, and spun with chances."""
        draw = (await open_draws([reward.code])).get(reward.code)
        if draw is None:
            return f"没有可以抽的活动“{reward.code}”"
        if not draw.takes_chances:
            return f"活动“{reward.code}”不用抽奖次数"
        if reward.days is not None and not 0 <= reward.days <= LONGEST:
            return "抽奖次数的有效天数不对"
        return "" if 0 < reward.amount <= MOST_AT_ONCE else f"抽奖次数一次1到{MOST_AT_ONCE}次"

    async def give(self, gifts: Sequence[Gift], giving: Giving) -> Mapping[UUID, Given]:
        """Draw by draw. What could not be spun any more, or never in their city, is cut."""
        draws = await open_draws({gift.reward.code for gift in gifts})
        who = await askers({gift.member_id for gift in gifts})
        given: dict[UUID, Given] = {}
        theirs: dict[str, list[Gift]] = {}
        for gift in gifts:
            draw = draws.get(gift.reward.code)
            if draw is None or draw.closes_at <= giving.at:
                given[gift.id] = Given(0, cut_by=ENDED)
            elif draw.organization_id not in who[gift.member_id].organization_path:
                given[gift.id] = Given(0, cut_by=AUDIENCE)
            else:
                theirs.setdefault(gift.reward.code, []).append(gift)
        programme_id = (await terms()).programme_id
        for code in sorted(theirs):
            given |= await _give(programme_id, draws[code], theirs[code], giving)
        return given


async def _give(programme_id: UUID, draw: OpenDraw, gifts: Sequence[Gift], giving: Giving) -> dict[UUID, Given]:
    chances = {gift.id: _chances(gift, giving) for gift in gifts}
    posted = await give_chances(programme_id, draw.id, list(chances.values()), closes_at=draw.closes_at, at=giving.at)
    return {gift_id: Given(each.amount, posted[each.cause].transfer_ids[0]) for gift_id, each in chances.items()}


def _chances(gift: Gift, giving: Giving) -> Chances:
    reward, today = gift.reward, day_of(giving.at, giving.zone)
    ends_at = None if reward.days is None else begins(today + timedelta(days=reward.days + 1), giving.zone)
    return Chances(gift.member_id, reward.amount, gift.act, str(gift.id), ends_at)
