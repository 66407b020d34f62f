"""What claims cost, for those that go back ($1)."""

from models.sql import Both

# Unused ones alone, and not those that gave their points back before.
_PAID = """
    SELECT c.id, t.id AS transfer_id, t.amount, COALESCE(m.canonical_id, m.id) AS owner_id
    FROM claim c JOIN member m ON m.id = c.member_id
    JOIN transfer t ON t.cause_kind = 'claim' AND t.cause_id = CAST(c.id AS TEXT) AND t.leg = 0
    LEFT JOIN reversed_transfer v ON v.transfer_id = t.id
    WHERE c.price_points > 0 AND c.uses_left = c.uses_total AND v.id IS NULL
    AND NOT EXISTS (SELECT 1 FROM claim p WHERE p.package_id = c.id AND p.uses_left < p.uses_total) AND c.id
"""
PAID = Both(postgres=_PAID + "= ANY($1::uuid[])", sqlite=_PAID + "IN (SELECT value FROM json_each($1))")  # noqa: S608
