"""What must hold of paid membership and of merchants' shares of its fees."""

from models.statements import invariants_plans, invariants_shares

RULES: tuple[tuple[str, str], ...] = (*invariants_plans.RULES, *invariants_shares.RULES)
