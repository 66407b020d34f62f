"""SQL of settlement: terms in force, closing a day, reading statements and what was redeemed."""

from models.sql import Both


def _both(sql: str) -> Both:
    """`{ids:1}` stands for "one of the ids in $1"."""
    return Both(
        postgres=sql.replace("{ids:1}", "= ANY($1::uuid[])").replace("{ids:2}", "= ANY($2::uuid[])"),
        sqlite=sql.replace("{ids:1}", "IN (SELECT value FROM json_each($1))").replace(
            "{ids:2}", "IN (SELECT value FROM json_each($2))"
        ),
    )


# --- terms

_TERMS = """
    SELECT t.id, t.number, t.starts_at, t.benefit_id, t.settlement_price_fen, t.operator_share_bp, t.note,
        t.created_at, b.code AS benefit, o.login AS decided_by
    FROM settlement_terms t JOIN operator o ON o.id = t.decided_by_id LEFT JOIN benefit b ON b.id = t.benefit_id
"""
# $1 merchant, $2 benefits
TERMS_OF = _both("""
    SELECT number, starts_at, benefit_id, settlement_price_fen, operator_share_bp FROM settlement_terms
    WHERE merchant_id = $1 AND (benefit_id IS NULL OR benefit_id {ids:2})
""")
# $1 merchant, $2 the number before which, $3 how many
TERMS_LISTED = f"{_TERMS} WHERE t.merchant_id = $1 AND t.number < $2 ORDER BY t.number DESC LIMIT $3"
LAST_TERMS = "SELECT COALESCE(max(number), 0) AS number FROM settlement_terms WHERE merchant_id = $1"

# --- closing

# Whoever takes a redemption back holds its entry, and so does whoever assigns it: one waits for the other.
_ENTRY = "SELECT statement_id FROM settlement_entry WHERE redemption_id = $1"
LOCK_ENTRY = Both(postgres=_ENTRY + " FOR NO KEY UPDATE", sqlite=_ENTRY)
# $1 merchants with something open before this instant, $2 after this one, $3 how many
OPEN_MERCHANTS = """
    SELECT DISTINCT merchant_id FROM settlement_entry
    WHERE statement_id IS NULL AND happened_at < $1 AND merchant_id > $2 ORDER BY merchant_id LIMIT $3
"""
# Closings of one merchant go one after the other; redemptions, which only refer to the row, go on.
_MERCHANT = "SELECT id, code, organization_id FROM merchant WHERE id = $1"
LOCK_MERCHANT = Both(postgres=_MERCHANT + " FOR NO KEY UPDATE", sqlite=_MERCHANT)
LAST_CLOSED = """
    SELECT business_on, ends_at FROM settlement_statement WHERE merchant_id = $1 ORDER BY business_on DESC LIMIT 1
"""
# $1 merchant, $2 from, $3 until
FIRST_OPEN = """
    SELECT happened_at FROM settlement_entry
    WHERE merchant_id = $1 AND statement_id IS NULL AND happened_at >= $2 AND happened_at < $3
    ORDER BY happened_at LIMIT 1
"""
_ENTRIES = """
    SELECT e.id, r.kind, r.reverses_id, r.benefit_id, r.store_id, r.uses, r.settlement_fen, r.operator_share_fen,
        r.merchant_share_fen, r.redeemed_at, o.redeemed_at AS origin_at
    FROM settlement_entry e JOIN redemption r ON r.id = e.redemption_id LEFT JOIN redemption o ON o.id = r.reverses_id
"""
# $1 merchant, $2 the end of the day: everything that no statement has, earlier days too.
_OPEN = f"{_ENTRIES} WHERE e.merchant_id = $1 AND e.statement_id IS NULL AND e.happened_at < $2 ORDER BY e.id"
OPEN_ENTRIES = Both(postgres=_OPEN + " FOR NO KEY UPDATE OF e", sqlite=_OPEN)
# $1 the statement, $2 entries
ASSIGN = _both("""
    UPDATE settlement_entry SET statement_id = $1 WHERE id {ids:2} AND statement_id IS NULL RETURNING id
""")
ENTRIES_OF = f"{_ENTRIES} WHERE e.statement_id = $1 ORDER BY e.id"

# --- reading statements

_STATEMENT = """
    SELECT s.*, m.code, m.name, m.organization_id, o.login
    FROM settlement_statement s JOIN merchant m ON m.id = s.merchant_id LEFT JOIN operator o ON o.id = s.closed_by_id
"""
STATEMENT = f"{_STATEMENT} WHERE s.id = $1"
# The newest first. $1 organizations, $2 a merchant's code or null, $3 and $4 days or null, $5 before this, $6 how many
STATEMENTS = _both(f"""
    {_STATEMENT} WHERE m.organization_id {{ids:1}}
        AND (CAST($2 AS text) IS NULL OR m.code = $2)
        AND (CAST($3 AS text) IS NULL OR s.business_on >= $3)
        AND (CAST($4 AS text) IS NULL OR s.business_on <= $4)
        AND s.id < $5
    ORDER BY s.id DESC LIMIT $6
""")
STATEMENTS_OF = f"{_STATEMENT} WHERE s.merchant_id = $1 AND s.id < $2 ORDER BY s.id DESC LIMIT $3"
BENEFIT_NAMES = _both("SELECT id, code, name FROM benefit WHERE id {ids:1}")
EVERY_STATEMENT = "SELECT id FROM settlement_statement WHERE id > $1 ORDER BY id LIMIT $2"

# --- what was redeemed

_REDEEMED = """
    SELECT r.id, r.kind, r.reverses_id, r.receipt, r.redeemed_at, o.redeemed_at AS origin_at, r.uses,
        r.bill_amount_fen, r.settlement_fen, r.operator_share_fen, r.merchant_share_fen,
        m.code AS merchant, m.name AS merchant_name, t.code AS store, t.name AS store_name,
        b.code AS benefit, b.name AS benefit_name, k.name AS clerk, s.id AS statement_id, s.business_on
    FROM redemption r
    JOIN merchant m ON m.id = r.merchant_id
    JOIN store t ON t.id = r.store_id
    JOIN benefit b ON b.id = r.benefit_id
    JOIN clerk k ON k.id = r.clerk_id
    JOIN settlement_entry e ON e.redemption_id = r.id
    LEFT JOIN redemption o ON o.id = r.reverses_id
    LEFT JOIN settlement_statement s ON s.id = e.statement_id
"""
# The newest first. $1 organizations, $2 from, $3 until, codes of $4 merchant, $5 store, $6 benefit or null, $7 and $8
# instant and id of the row before which, $9 how many
REDEEMED = _both(f"""
    {_REDEEMED} WHERE m.organization_id {{ids:1}} AND r.redeemed_at >= $2 AND r.redeemed_at < $3
        AND (CAST($4 AS text) IS NULL OR m.code = $4)
        AND (CAST($5 AS text) IS NULL OR t.code = $5)
        AND (CAST($6 AS text) IS NULL OR b.code = $6)
        AND (r.redeemed_at, r.id) < ($7, $8)
    ORDER BY r.redeemed_at DESC, r.id DESC LIMIT $9
""")
# $1 statement, $2 after this entry, $3 how many
LINES = f"{_REDEEMED} WHERE e.statement_id = $1 AND e.id > $2 ORDER BY e.id LIMIT $3"
