"""SQL of settlement: terms in force, closing a day, reading statements. Their lines: `settlement_lines.py`."""

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
    SELECT t.id, t.number, t.starts_at, t.benefit_id, t.settlement_price_fen, t.operator_share_bp, t.void_limit_fen,
        t.note, t.created_at, b.code AS benefit, o.login AS decided_by
    FROM settlement_terms t JOIN operator o ON o.id = t.decided_by_id LEFT JOIN benefit b ON b.id = t.benefit_id
"""
# $1 merchant, $2 benefits
TERMS_OF = _both("""
    SELECT number, starts_at, benefit_id, settlement_price_fen, operator_share_bp, void_limit_fen FROM settlement_terms
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
    SELECT merchant_id FROM settlement_entry WHERE statement_id IS NULL AND happened_at < $1 AND merchant_id > $2
    UNION SELECT merchant_id FROM conflict_entry WHERE statement_id IS NULL AND happened_at < $1 AND merchant_id > $2
    ORDER BY merchant_id LIMIT $3
"""
# Closings of one merchant go one after the other; redemptions, which only refer to the row, go on.
_MERCHANT = "SELECT id, code, organization_id FROM merchant WHERE id = $1"
LOCK_MERCHANT = Both(postgres=_MERCHANT + " FOR NO KEY UPDATE", sqlite=_MERCHANT)
LAST_CLOSED = """
    SELECT business_on, ends_at FROM settlement_statement WHERE merchant_id = $1 ORDER BY business_on DESC LIMIT 1
"""
# $1 merchant, $2 from, $3 until
_FIRST = """
    SELECT * FROM (
        SELECT happened_at FROM {entry}
        WHERE merchant_id = $1 AND statement_id IS NULL AND happened_at >= $2 AND happened_at < $3
        ORDER BY happened_at LIMIT 1
    ) AS of_{entry}
"""
FIRST_OPEN = (
    f"{_FIRST.format(entry='settlement_entry')} UNION ALL {_FIRST.format(entry='conflict_entry')}"
    " ORDER BY happened_at LIMIT 1"
)
_ENTRIES = """
    SELECT e.id, r.kind, r.reverses_id AS about_id, r.benefit_id, r.store_id, r.uses, r.settlement_fen,
        r.operator_share_fen, r.merchant_share_fen, r.redeemed_at, o.redeemed_at AS origin_at
    FROM settlement_entry e JOIN redemption r ON r.id = e.redemption_id LEFT JOIN redemption o ON o.id = r.reverses_id
"""
# A page of what no statement has, earlier days too. $1 merchant, $2 the end of the day, $3 after this one, $4 how many
_OPEN = f"""
    {_ENTRIES} WHERE e.merchant_id = $1 AND e.statement_id IS NULL AND e.happened_at < $2 AND e.id > $3
    ORDER BY e.id LIMIT $4
"""
OPEN_ENTRIES = Both(postgres=_OPEN + " FOR NO KEY UPDATE OF e", sqlite=_OPEN)
# $1 the statement, $2 after this one, $3 how many
ENTRIES_OF = f"{_ENTRIES} WHERE e.statement_id = $1 AND e.id > $2 ORDER BY e.id LIMIT $3"
# Second hand-overs that an operator pays, alike: they belong to the day on which they were handed over.
_CONFLICTS = """
    SELECT e.id, 'conflict' AS kind, f.counted_id AS about_id, c.benefit_id, f.store_id, 1 AS uses, f.settlement_fen,
        f.operator_share_fen, f.merchant_share_fen, e.happened_at AS redeemed_at, f.given_at AS origin_at
    FROM conflict_entry e JOIN offline_conflict f ON f.id = e.conflict_id JOIN claim c ON c.id = f.claim_id
"""
_OPEN = f"{_CONFLICTS} WHERE e.merchant_id = $1 AND e.statement_id IS NULL AND e.happened_at < $2 ORDER BY e.id"
OPEN_CONFLICTS = Both(postgres=_OPEN + " FOR NO KEY UPDATE OF e", sqlite=_OPEN)
CONFLICTS_OF = f"{_CONFLICTS} WHERE e.statement_id = $1 ORDER BY e.id"
# $1 the statement, $2 merchant, $3 the end of the day. Who closes counts what is assigned: more than was read is one
# that came in between.
_ASSIGN = "SET statement_id = $1 WHERE merchant_id = $2 AND statement_id IS NULL AND happened_at < $3"
ASSIGN = f"UPDATE settlement_entry {_ASSIGN}"
ASSIGN_CONFLICTS = f"UPDATE conflict_entry {_ASSIGN}"
ASSIGNED = """
    SELECT (SELECT count(*) FROM settlement_entry WHERE statement_id = $1)
        + (SELECT count(*) FROM conflict_entry WHERE statement_id = $1) AS number
"""

# --- reading statements

# With the last word of the merchant, and the batch that pays it.
_REPLY = "FROM statement_reply r WHERE r.statement_id = s.id ORDER BY r.id DESC LIMIT 1"
_STATEMENT = f"""
    SELECT s.*, m.code, m.name, m.organization_id, o.login, (SELECT r.kind {_REPLY}) AS reply,
        (SELECT r.note {_REPLY}) AS reply_note,
        (SELECT b.number FROM payout_statement p JOIN payout_line l ON l.id = p.line_id
            JOIN payout_batch b ON b.id = l.batch_id
            WHERE p.statement_id = s.id AND p.released_at IS NULL) AS payout
    FROM settlement_statement s JOIN merchant m ON m.id = s.merchant_id LEFT JOIN operator o ON o.id = s.closed_by_id
"""  # noqa: S608 - no outside input in any of these
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
