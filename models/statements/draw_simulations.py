"""Simulations of draws, and what they said."""

ADD = """
    INSERT INTO draw_simulation (id, created_at, draw_id, operator_id, rules_hash, plan, report)
    VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
"""
_SEEN = """
    SELECT id, created_at, operator_id, rules_hash, CAST(plan AS TEXT) AS plan, CAST(report AS TEXT) AS report
    FROM draw_simulation WHERE draw_id = $1
"""
ONE = _SEEN + " AND id = $2"
OF_DRAW = _SEEN + " AND id < $2 ORDER BY id DESC LIMIT $3"
# The newest of the rules that are published.
NEWEST_OF = _SEEN + " AND rules_hash = $2 ORDER BY id DESC LIMIT 1"
OF_RULES = "SELECT id FROM draw_simulation WHERE draw_id = $1 AND rules_hash = $2 LIMIT 1"

SPUN = "SELECT id, organization_id, code FROM draw WHERE last_sequence > 0 AND last_at > $1 ORDER BY id"
