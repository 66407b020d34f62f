"""Which role may do what. Where they may do it is the scope's question (`organization_scope.py`)."""

from collections.abc import Mapping
from enum import StrEnum

from models.words import OperatorRole


class Capability(StrEnum):
    """One kind of work behind the operators' door."""

    OPERATORS = "operators"
    ACCOUNTS = "accounts"
    CONTENT = "content"  # replies and menus
    CARDS = "cards"
    MEMBERS = "members"  # find, look at, merge, decide reviews
    JOBS = "jobs"
    AUDIT = "audit"


_ALLOWED: Mapping[OperatorRole, frozenset[Capability]] = {
    OperatorRole.ADMIN: frozenset(Capability),
    OperatorRole.OPERATOR: frozenset(
        {Capability.ACCOUNTS, Capability.CONTENT, Capability.CARDS, Capability.MEMBERS, Capability.JOBS}
    ),
    OperatorRole.SUPPORT: frozenset({Capability.MEMBERS, Capability.CARDS}),
    OperatorRole.FINANCE: frozenset({Capability.AUDIT}),
}


def allows(role: OperatorRole, capability: Capability) -> bool:
    """Whether this role may do this kind of work."""
    return capability in _ALLOWED[role]
