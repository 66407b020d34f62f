"""What must hold of paid membership, of merchants' shares of its fees, and of co-branded membership."""

from models.statements import invariants_co_brands, invariants_plans, invariants_shares

RULES: tuple[tuple[str, str], ...] = (
    *invariants_plans.RULES,
    *invariants_shares.RULES,
    *invariants_co_brands.RULES,
)
