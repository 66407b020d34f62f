"""The kinds of reward: what a check-in or a finished task can give. A new kind is one module and one line here."""

from collections.abc import Mapping

from handlers.rewards.base import RewardKind
from handlers.rewards.benefits import BenefitReward
from handlers.rewards.draw_chances import ChancesReward
from handlers.rewards.growth import GrowthReward
from handlers.rewards.makeup_cards import MakeupCardReward
from handlers.rewards.points import PointsReward

KINDS: Mapping[str, RewardKind] = {
    "points": PointsReward(),
    "benefit": BenefitReward(),
    "makeup_card": MakeupCardReward(),
    "growth": GrowthReward(),
    "chances": ChancesReward(),
}
