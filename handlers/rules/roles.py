"""Which role may do what. Where they may do it is the scope's question (`organization_scope.py`)."""

from collections.abc import Mapping
from enum import StrEnum

from models.words import OperatorRole


class Capability(StrEnum):
    """One kind of work behind the operators' door."""

    OPERATORS = "operators"
    ACCOUNTS = "accounts"
    CONTENT = "content"  # replies and menus
    CARDS = "cards"  # the service desk: look at one, lost, found, replaced, handed over
    CARD_IMPORTS = "card_imports"
    CODE_POOLS = "code_pools"  # third parties' codes and how their files came in
    MERCHANTS = "merchants"  # brands, merchants, stores, and the kinds of card
    OFFERS = "offers"  # how benefits are had, and their stock
    DRAWS = "draws"  # lucky draws, their stock, and what is sent to winners
    ORGANIZATIONS = "organizations"  # add and rename below the own one
    BENEFITS = "benefits"  # bring in, decide, allot and pause what is in the pool
    BENEFITS_SEEN = "benefits_seen"  # look at the pool and its quotas
    SETTLEMENT = "settlement"  # look at terms, statements, and what was redeemed
    SETTLEMENT_TERMS = "settlement_terms"  # what merchants are settled at
    STATEMENTS = "statements"  # close a day by hand
    PAYOUTS = "payouts"  # pay merchants what they have confirmed
    CLAIMS_SEEN = "claims_seen"  # what members got, at the service desk
    GRANTS = "grants"  # give to many, give again, take back
    BLOCK_LIST = "block_list"  # what identifies nobody
    MERGE_OVERRIDE = "merge_override"  # join more than is one person's measure
    CONFLICTS = "conflicts"  # what was redeemed a second time without a network, and who bears it
    MEMBERS = "members"  # find, look at, merge, decide reviews
    POINTS = "points"  # how points are earned and end
    POINTS_BY_HAND = "points_by_hand"  # give and take, with a reason
    LEVELS = "levels"  # ladders, and the rights of levels
    LEVELS_BY_HAND = "levels_by_hand"  # look at a member's, lift them for a time, with a reason
    PLANS = "plans"  # paid membership: what is sold, and at what price
    PLAN_CODES = "plan_codes"  # activation codes: as good as money
    PLANS_SEEN = "plans_seen"  # what a member has paid for
    CHANNELS = "channels"  # tills, shops and partners that speak for themselves, and their keys
    TASKS = "tasks"  # what members are rewarded for
    ORDERS_SEEN = "orders_seen"  # what was bought, and what became of its money
    REFUNDS = "refunds"  # money that goes back
    WITHDRAWALS = "withdrawals"  # money that members take out: agree, refuse, take back
    WITHDRAWAL_TERMS = "withdrawal_terms"  # by which limits
    CARRIER_TERMS = "carrier_terms"  # how much may be put on a phone bill
    RECONCILIATION = "reconciliation"  # the payment service's bills beside our rows
    COMMISSION_RULES = "commission_rules"  # who promotes at which rates, and the kill switches
    PROMOTERS = "promoters"  # look at them, approve, refuse, stop
    SUPPLIERS = "suppliers"  # who fulfils for us, and with which secret
    JOBS = "jobs"
    AUDIT = "audit"


_ALLOWED: Mapping[OperatorRole, frozenset[Capability]] = {
    OperatorRole.ADMIN: frozenset(Capability),
    OperatorRole.OPERATOR: frozenset(
        {
            Capability.ACCOUNTS,
            Capability.CONTENT,
            Capability.CARDS,
            Capability.CARD_IMPORTS,
            Capability.CODE_POOLS,
            Capability.MERCHANTS,
            Capability.BENEFITS,
            Capability.BENEFITS_SEEN,
            Capability.OFFERS,
            Capability.DRAWS,
            Capability.SETTLEMENT,
            Capability.SETTLEMENT_TERMS,
            Capability.CLAIMS_SEEN,
            Capability.GRANTS,
            Capability.BLOCK_LIST,
            Capability.CONFLICTS,
            Capability.MEMBERS,
            Capability.POINTS,
            Capability.POINTS_BY_HAND,
            Capability.LEVELS,
            Capability.LEVELS_BY_HAND,
            Capability.PLANS,
            Capability.PLAN_CODES,
            Capability.PLANS_SEEN,
            Capability.CHANNELS,
            Capability.TASKS,
            Capability.ORDERS_SEEN,
            Capability.REFUNDS,
            Capability.PROMOTERS,
            Capability.SUPPLIERS,
            Capability.JOBS,
        }
    ),
    OperatorRole.SUPPORT: frozenset(
        {
            Capability.MEMBERS,
            Capability.CARDS,
            Capability.BENEFITS_SEEN,
            Capability.CLAIMS_SEEN,
            Capability.ORDERS_SEEN,
            Capability.POINTS_BY_HAND,
            Capability.LEVELS_BY_HAND,
            Capability.PLANS_SEEN,
        }
    ),
    OperatorRole.FINANCE: frozenset(
        {
            Capability.PLANS_SEEN,
            Capability.ORDERS_SEEN,
            Capability.REFUNDS,
            Capability.WITHDRAWALS,
            Capability.RECONCILIATION,
            Capability.AUDIT,
            Capability.CARD_IMPORTS,
            Capability.BENEFITS_SEEN,
            Capability.CONFLICTS,
            Capability.SETTLEMENT,
            Capability.STATEMENTS,
            Capability.PAYOUTS,
        }
    ),
}


def allows(role: OperatorRole, capability: Capability) -> bool:
    """Whether this role may do this kind of work."""
    return capability in _ALLOWED[role]
