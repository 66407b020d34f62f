"""SQL of settlement: terms in force, closing a day, reading statements.

Their parts: `settlement_parts.py`; their lines: `settlement_lines.py`; the parts of sales: `sales.py`.
"""

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
        t.sale_share_bp, t.fee_bp, t.fee_flat_fen, t.period, t.note, t.created_at, b.code AS benefit,
        o.login AS decided_by
    FROM settlement_terms t JOIN operator o ON o.id = t.decided_by_id LEFT JOIN benefit b ON b.id = t.benefit_id
"""
_VERSIONS = """
    SELECT merchant_id, number, starts_at, benefit_id, settlement_price_fen, operator_share_bp, void_limit_fen,
        sale_share_bp, fee_bp, fee_flat_fen, period
    FROM settlement_terms WHERE merchant_id
"""
TERMS_OF_MERCHANT = f"{_VERSIONS} = $1"
# $1 merchants, $2 benefits
TERMS_OF = _both(f"{_VERSIONS} {{ids:1}} AND (benefit_id IS NULL OR benefit_id {{ids:2}})")
# $1 merchant, $2 the number before which, $3 how many
TERMS_LISTED = f"{_TERMS} WHERE t.merchant_id = $1 AND t.number < $2 ORDER BY t.number DESC LIMIT $3"
LAST_TERMS = "SELECT COALESCE(max(number), 0) AS number FROM settlement_terms WHERE merchant_id = $1"

# --- closing

ENTRIES = "settlement_entry", "conflict_entry", "sale_entry", "share_entry"
# Where something of a merchant may be that no statement has: in no part yet, or in a part that none has taken.
_OPEN = (
    *((each, "part_id", "happened_at") for each in ENTRIES),
    ("settlement_part", "statement_id", "begins_at"),
)
# Whoever takes a redemption back holds its entry and the part that this is in, and so does whoever seals the one and
# takes the other: one waits for the other. Many of one part are taken back at a time.
_ENTRY = "SELECT part_id FROM settlement_entry WHERE redemption_id = $1"
LOCK_ENTRY = Both(postgres=_ENTRY + " FOR NO KEY UPDATE", sqlite=_ENTRY)
_PART = "SELECT statement_id FROM settlement_part WHERE id = $1"
HOLD_PART = Both(postgres=_PART + " FOR SHARE", sqlite=_PART)
# $1 merchants with something open before this instant, $2 after this one, $3 how many
_OPEN_AT = "SELECT merchant_id FROM {place} WHERE {taken} IS NULL AND {at} < $1 AND merchant_id > $2"
OPEN_MERCHANTS = (
    " UNION ".join(_OPEN_AT.format(place=place, taken=taken, at=at) for place, taken, at in _OPEN)
    + " ORDER BY merchant_id LIMIT $3"
)
# Closings of one merchant go one after the other; redemptions, which only refer to the row, go on.
_MERCHANT = "SELECT id, code, organization_id FROM merchant WHERE id = $1"
LOCK_MERCHANT = Both(postgres=_MERCHANT + " FOR NO KEY UPDATE", sqlite=_MERCHANT)
LAST_CLOSED = """
    SELECT business_on, ends_at FROM settlement_statement WHERE merchant_id = $1 ORDER BY business_on DESC LIMIT 1
"""
# $1 merchant, $2 from, $3 until
_FIRST = """
    SELECT * FROM (
        SELECT {at} AS happened_at FROM {place}
        WHERE merchant_id = $1 AND {taken} IS NULL AND {at} >= $2 AND {at} < $3
        ORDER BY {at} LIMIT 1
    ) AS of_{place}
"""
FIRST_OPEN = (
    " UNION ALL ".join(_FIRST.format(place=place, taken=taken, at=at) for place, taken, at in _OPEN)
    + " ORDER BY happened_at LIMIT 1"
)
_ENTRIES = """
    SELECT e.id, r.kind, r.reverses_id AS about_id, r.benefit_id, r.store_id, r.uses, r.settlement_fen,
        r.operator_share_fen, r.merchant_share_fen, r.redeemed_at, o.redeemed_at AS origin_at
    FROM settlement_entry e JOIN redemption r ON r.id = e.redemption_id LEFT JOIN redemption o ON o.id = r.reverses_id
"""
# A page of what no part has. $1 merchant, from $2 until $3, $4 after this one, $5 up to this one, $6 how many. Not
# locked: rows never change, only more can come, and whoever seals them counts and waits for who holds one.
_WHERE_OPEN = """
    WHERE e.merchant_id = $1 AND e.part_id IS NULL AND e.happened_at >= $2 AND e.happened_at < $3
        AND e.id > $4 AND e.id <= $5
    ORDER BY e.id LIMIT $6
"""
OPEN_ENTRIES = f"{_ENTRIES} {_WHERE_OPEN}"
# $1 the part, $2 after this one, $3 how many
_WHERE_OF = "WHERE e.part_id = $1 AND e.id > $2 ORDER BY e.id LIMIT $3"
ENTRIES_OF = f"{_ENTRIES} {_WHERE_OF}"
# Second hand-overs that an operator pays, alike: they belong to the day on which they were handed over.
_CONFLICTS = """
    SELECT e.id, 'conflict' AS kind, f.counted_id AS about_id, c.benefit_id, f.store_id, 1 AS uses, f.settlement_fen,
        f.operator_share_fen, f.merchant_share_fen, e.happened_at AS redeemed_at, f.given_at AS origin_at
    FROM conflict_entry e JOIN offline_conflict f ON f.id = e.conflict_id JOIN claim c ON c.id = f.claim_id
"""
OPEN_CONFLICTS = f"{_CONFLICTS} {_WHERE_OPEN}"
CONFLICTS_OF = f"{_CONFLICTS} {_WHERE_OF}"
# Of a sale the merchant's part is what the operator pays; it happened nowhere.
_SALES = """
    SELECT e.id, CASE WHEN e.reverses_id IS NULL THEN 'sale' ELSE 'sale_refund' END AS kind, e.reverses_id AS about_id,
        e.benefit_id, NULL AS store_id, 1 AS uses, e.settlement_fen, e.settlement_fen AS operator_share_fen,
        0 AS merchant_share_fen, e.happened_at AS redeemed_at, o.happened_at AS origin_at
    FROM sale_entry e LEFT JOIN sale_entry o ON o.id = e.reverses_id
"""
OPEN_SALES = f"{_SALES} {_WHERE_OPEN}"
SALES_OF = f"{_SALES} {_WHERE_OF}"
# Of a plan's fee the share is what the operator pays; in the benefit's place stands the plan.
_SHARES = """
    SELECT e.id, CASE WHEN s.reverses_id IS NULL THEN 'plan_share' ELSE 'plan_share_refund' END AS kind,
        s.reverses_id AS about_id, n.plan_id AS benefit_id, NULL AS store_id, 1 AS uses,
        abs(s.amount_fen) AS settlement_fen, abs(s.amount_fen) AS operator_share_fen, 0 AS merchant_share_fen,
        e.happened_at AS redeemed_at, o.happened_at AS origin_at
    FROM share_entry e JOIN plan_share_entry s ON s.id = e.share_id JOIN plan_order n ON n.order_id = s.order_id
    LEFT JOIN plan_share_entry o ON o.id = s.reverses_id
"""
OPEN_SHARES = f"{_SHARES} {_WHERE_OPEN}"
SHARES_OF = f"{_SHARES} {_WHERE_OF}"

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
# Of benefits, and of plans as they were published last.
NAMES = _both("""
    SELECT id, code, name, false AS is_plan FROM benefit WHERE id {ids:1}
    UNION ALL SELECT p.id, p.code, v.terms ->> 'name', true FROM membership_plan p
    JOIN membership_plan_version v ON v.plan_id = p.id AND v.number = p.version WHERE p.id {ids:1}
""")
EVERY_STATEMENT = "SELECT id FROM settlement_statement WHERE id > $1 ORDER BY id LIMIT $2"
