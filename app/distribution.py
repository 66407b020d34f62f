"""The use cases of distribution, wired: promoters, their links, the rules, and commissions becoming available."""

from typing import TypedDict

from handlers.accounts.accounts import Accounts
from handlers.distribution.commission_rules import CommissionRules
from handlers.distribution.leaderboard import PromoterDays
from handlers.distribution.operator_promoters import OperatorPromoters
from handlers.distribution.promoter_links import PromoterLinks
from handlers.distribution.promoters import Promoters
from handlers.distribution.releasing import CommissionReleasing
from handlers.ports import Clock, Randomness, WeChat


class Distribution(TypedDict):
    """By the names that the catalogue has for them."""

    commission_releasing: CommissionReleasing
    commission_rules: CommissionRules
    operator_promoters: OperatorPromoters
    promoter_days: PromoterDays
    promoter_links: PromoterLinks
    promoters: Promoters


def distribution(clock: Clock, randomness: Randomness, wechat: WeChat, accounts: Accounts) -> Distribution:
    """All of them."""
    return Distribution(
        commission_releasing=CommissionReleasing(clock),
        commission_rules=CommissionRules(clock),
        operator_promoters=OperatorPromoters(clock),
        promoter_days=PromoterDays(clock),
        promoter_links=PromoterLinks(clock, randomness, wechat, accounts),
        promoters=Promoters(clock),
    )
