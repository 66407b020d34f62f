"""Shares of plans' fees: by which an order is split, what merchants got, and what went back."""

from models.sql import Both

# The shares of the version that an order ($1) was made of: published versions never change.
OF_ORDER = """
    SELECT s.merchant_id, s.share_bp FROM plan_order n
    JOIN membership_plan_version v ON v.plan_id = n.plan_id AND v.number = n.plan_version
    JOIN plan_share s ON s.version_id = v.id WHERE n.order_id = $1 ORDER BY s.merchant_id
"""
# What merchants got of an order ($1), locked, with what was refunded of it in all.
_GIVEN = """
    SELECT e.id, e.order_id, e.merchant_id, e.base_fen, e.share_bp, e.amount_fen, e.back_fen, o.refunded_fen
    FROM plan_share_entry e JOIN sales_order o ON o.id = e.order_id
    WHERE e.order_id = $1 AND e.reverses_id IS NULL ORDER BY e.merchant_id
"""
GIVEN = Both(postgres=_GIVEN + "FOR UPDATE OF e", sqlite=_GIVEN)
# $2 how much more, $3 how much was back before.
TAKE_BACK = """
    UPDATE plan_share_entry SET back_fen = back_fen + $2
    WHERE id = $1 AND back_fen = $3 AND back_fen + $2 <= amount_fen RETURNING back_fen
"""

# --- reading. $1 since, $2 until (half-open)

_SUMS = """
    COUNT(CASE WHEN e.reverses_id IS NULL THEN 1 END) AS given_count,
    COALESCE(SUM(CASE WHEN e.reverses_id IS NULL THEN e.amount_fen END), 0) AS given_fen,
    COUNT(CASE WHEN e.reverses_id IS NOT NULL THEN 1 END) AS back_count,
    COALESCE(-SUM(CASE WHEN e.reverses_id IS NOT NULL THEN e.amount_fen END), 0) AS back_fen
"""
# Of every merchant of these organizations ($3) that has any.
_OF_MERCHANTS = f"""
    SELECT m.id AS merchant_id, m.code, m.name, {_SUMS} FROM plan_share_entry e JOIN merchant m ON m.id = e.merchant_id
    WHERE e.happened_at >= $1 AND e.happened_at < $2 AND m.organization_id {{these}}
    GROUP BY m.id, m.code, m.name ORDER BY m.code
"""  # noqa: S608
OF_MERCHANTS = Both(
    postgres=_OF_MERCHANTS.format(these="= ANY($3::uuid[])"),
    sqlite=_OF_MERCHANTS.format(these="IN (SELECT value FROM json_each($3))"),
)
# The newest first: $4 a merchant's code or null, $5 before this one or null, $6 how many.
_ENTRIES = """
    SELECT e.id, m.code AS merchant, o.number, o.title, e.base_fen, e.share_bp, e.amount_fen, e.reverses_id,
        e.happened_at, s.business_on
    FROM plan_share_entry e JOIN merchant m ON m.id = e.merchant_id JOIN sales_order o ON o.id = e.order_id
    LEFT JOIN share_entry t ON t.share_id = e.id LEFT JOIN settlement_part p ON p.id = t.part_id
    LEFT JOIN settlement_statement s ON s.id = p.statement_id
    WHERE e.happened_at >= $1 AND e.happened_at < $2 AND m.organization_id {these}
        AND (CAST($4 AS text) IS NULL OR m.code = $4) AND ({before} IS NULL OR e.id < {before})
    ORDER BY e.id DESC LIMIT $6
"""
ENTRIES = Both(
    postgres=_ENTRIES.format(these="= ANY($3::uuid[])", before="CAST($5 AS uuid)"),
    sqlite=_ENTRIES.format(these="IN (SELECT value FROM json_each($3))", before="$5"),
)
