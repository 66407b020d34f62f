"""Set-based SQL of what operators give and take back. Sets of rows travel as one JSON text ($1)."""

from models.sql import Both

_ROWS = {
    "postgres": "jsonb_to_recordset($1::jsonb) AS r({typed})",
    "sqlite": "(SELECT {picked} FROM json_each($1)) AS r",
}


def _both(sql: str, **columns: str) -> Both:
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    picked = ", ".join(f"value ->> '{name}' AS {name}" for name in columns)
    return Both(
        postgres=sql.format(rows=_ROWS["postgres"].format(typed=typed)),
        sqlite=sql.format(rows=_ROWS["sqlite"].format(picked=picked)),
    )


# --- reading a list

# $1 id, $2 now, $3 offer, $4 organization, $5 reason, $6 choices, $7, $8 switches, $9 hash, $10 name, $11, $12 by whom
BEGIN = """
    INSERT INTO grant_batch (id, created_at, kind, offer_id, organization_id, state, reason, choices, is_beyond_limits,
        is_told, returns_to_stock, file_hash, file_name, row_count, made_by_kind, made_by_id)
    VALUES ($1, $2, 'grant', $3, $4, 'reading', $5, $6, $7, $8, false, $9, $10, 0, $11, $12)
    ON CONFLICT (offer_id, file_hash) WHERE state = 'reading' DO NOTHING RETURNING id
"""
# Whoever comes second to the same rows finds another row_count: nothing is read twice.
TAKE_ROWS = """
    UPDATE grant_batch SET row_count = row_count + $3 WHERE id = $1 AND row_count = $2 AND state = 'reading'
    RETURNING id
"""
# $2 now, $3 the list
_ADD_ROWS = """
    INSERT INTO grant_row (id, created_at, grant_id, row_number, member_id, quantity, state, code)
    SELECT r.id, $2, {grant}, r.row_number, r.member_id, r.quantity, r.state, r.code FROM {{rows}}
    WHERE true RETURNING id
"""
_ROW = {"id": "uuid", "row_number": "int", "member_id": "uuid", "quantity": "int", "state": "text", "code": "text"}
ADD_ROWS = Both(
    postgres=_both(_ADD_ROWS.format(grant="CAST($3 AS uuid)"), **_ROW).postgres,
    sqlite=_both(_ADD_ROWS.format(grant="$3"), **_ROW).sqlite,
)
# Which of these members ($2) the list ($1) names already.
_NAMED = (
    "SELECT member_id FROM grant_row WHERE grant_id = $1 AND claim_id IS NULL AND state <> 'refused' AND member_id "
)
NAMED = Both(postgres=_NAMED + "= ANY($2::uuid[])", sqlite=_NAMED + "IN (SELECT value FROM json_each($2))")  # noqa: S608
# The edges of a list: $2 from, $3 to.
MOVE = "UPDATE grant_batch SET state = $3 WHERE id = $1 AND state = $2 RETURNING id"
END = """
    UPDATE grant_batch SET state = $2, finished_at = $3
    WHERE id = $1 AND state IN ('reading', 'checked', 'proposed', 'running') RETURNING id
"""
# On with a list that was stopped after a second operator had approved it.
RESUME = """
    UPDATE grant_batch SET state = 'running', finished_at = NULL
    WHERE id = $1 AND state = 'stopped' AND EXISTS (
        SELECT 1 FROM approval a WHERE a.kind = 'grant' AND a.subject_id = CAST($1 AS text) AND a.outcome = 'approved'
    ) RETURNING id
"""
# How often it was resumed: asked under the lock on the list's row, this is the round that is under way.
ROUND = "SELECT COALESCE(max(number), 0) AS number FROM grant_resume WHERE grant_id = $1"
FIGURES = """
    SELECT state, code, count(*) AS row_count, sum(quantity) AS quantity FROM grant_row
    WHERE grant_id = $1 GROUP BY state, code
"""

# --- going through it

# What the dry run expects of rows that wait.
_EXPECT = """
    UPDATE grant_row SET code = r.code FROM {rows} WHERE grant_row.id = r.id AND grant_row.state = 'waiting'
    RETURNING grant_row.id AS id
"""
EXPECT = _both(_EXPECT, id="uuid", code="text")
# What became of rows, each once: who comes second finds none that waits. $2 when.
_SETTLE = """
    UPDATE grant_row SET state = r.state, code = r.code, done_at = $2 FROM {rows}
    WHERE grant_row.id = r.id AND grant_row.state = 'waiting' RETURNING grant_row.id AS id
"""
SETTLE = _both(_SETTLE, id="uuid", state="text", code="text")

# --- taking a list back: what the list ($1) gave and nobody has used, in the order in which it was given

UNUSED = """
    SELECT g.claim_id, c.member_id FROM grant_row r JOIN granted_claim g ON g.grant_row_id = r.id
    JOIN claim c ON c.id = g.claim_id
    WHERE r.grant_id = $1 AND c.state IN ('issued', 'partly_used') AND c.uses_left = c.uses_total ORDER BY c.id
"""
_ADD_UNDONE = """
    INSERT INTO grant_row (id, created_at, grant_id, row_number, member_id, claim_id, quantity, state, code)
    SELECT r.id, $2, {grant}, r.row_number, r.member_id, r.claim_id, 1, 'waiting', '' FROM {{rows}}
    WHERE true RETURNING id
"""
_UNDONE = {"id": "uuid", "row_number": "int", "member_id": "uuid", "claim_id": "uuid"}
ADD_UNDONE = Both(
    postgres=_both(_ADD_UNDONE.format(grant="CAST($3 AS uuid)"), **_UNDONE).postgres,
    sqlite=_both(_ADD_UNDONE.format(grant="$3"), **_UNDONE).sqlite,
)

# --- claims at the service desk

# These claims ($1) of these members ($2) and the parts of those that are packages, locked in the order of ids.
_FAMILY = """
    SELECT c.id, c.package_id, c.state, c.uses_total, c.uses_left, c.expires_at, c.offer_id, c.offer_version,
        c.is_returned, c.stock_buckets, c.benefit_id, c.member_id, COALESCE(m.canonical_id, m.id) AS owner_id, b.name,
        b.code, b.kind
    FROM claim c JOIN benefit b ON b.id = c.benefit_id JOIN member m ON m.id = c.member_id
    WHERE c.member_id {members} AND (c.id {claims} OR c.package_id {claims}) ORDER BY c.id
"""
LOCK_FAMILY = Both(
    postgres=_FAMILY.format(members="= ANY($2::uuid[])", claims="= ANY($1::uuid[])") + " FOR UPDATE OF c",
    sqlite=_FAMILY.format(
        members="IN (SELECT value FROM json_each($2))", claims="IN (SELECT value FROM json_each($1))"
    ),
)
_SEEN = """
    SELECT c.id, c.member_id, COALESCE(m.canonical_id, m.id) AS owner_id, w.organization_id AS owner_place, c.state,
        c.source, c.uses_total, c.uses_left, c.claimed_at, c.expires_at, c.package_id, c.offer_id, c.offer_version,
        c.is_returned, o.organization_id, o.code AS offer, b.name, b.kind, b.code AS benefit,
        CASE WHEN b.is_paused OR NOT COALESCE(t.is_active, true) OR o.state = 'paused' THEN 1 ELSE 0 END AS is_paused,
        n.claim_id AS regranted_as, p.old_claim_id AS regrant_of, n.spoilt_code_id, g.grant_row_id,
        (SELECT r.grant_id FROM grant_row r WHERE r.id = g.grant_row_id) AS grant_id
    FROM claim c JOIN member m ON m.id = c.member_id JOIN member w ON w.id = COALESCE(m.canonical_id, m.id)
    JOIN offer o ON o.id = c.offer_id JOIN benefit b ON b.id = c.benefit_id LEFT JOIN merchant t ON t.id = b.merchant_id
    LEFT JOIN regrant n ON n.old_claim_id = c.id LEFT JOIN regrant p ON p.claim_id = c.id
    LEFT JOIN granted_claim g ON g.claim_id = c.id
"""
SEEN = _SEEN + "WHERE c.id = $1"
# $1 all ids of one person, $2 before this claim (null: from the newest), $3 how many
_OF_MEMBER = _SEEN + "WHERE c.member_id {members} AND ({before} IS NULL OR c.id < {before}) ORDER BY c.id DESC LIMIT $3"
OF_MEMBER = Both(
    postgres=_OF_MEMBER.format(members="= ANY($1::uuid[])", before="CAST($2 AS uuid)"),
    sqlite=_OF_MEMBER.format(members="IN (SELECT value FROM json_each($1))", before="$2"),
)
# Another unit for a claim whose own went back: no row where there is none.
TAKE_AGAIN = """
    UPDATE offer_stock SET left_count = left_count - 1, taken_count = taken_count + 1
    WHERE offer_id = $1 AND bucket = 'total' AND left_count >= 1 RETURNING left_count
"""
# The benefit of a claim ($1), as further claims of it are written.
BENEFIT_OF = """
    SELECT b.id, b.code, b.name, b.kind, CAST(b.terms AS TEXT) AS terms, b.merchant_id, b.state,
        b.settlement_price_fen,
        CASE WHEN b.is_paused OR NOT COALESCE(m.is_active, true) THEN 1 ELSE 0 END AS is_paused
    FROM claim c JOIN benefit b ON b.id = c.benefit_id LEFT JOIN merchant m ON m.id = b.merchant_id WHERE c.id = $1
"""
# Whether a claim ($1), or the package it is a part of, was paid back: its money, its points, or points from outside.
PAID_BACK = """
    SELECT p.id FROM claim c JOIN claim p ON p.id = c.id OR p.id = c.package_id WHERE c.id = $1 AND (
        EXISTS (SELECT 1 FROM order_claim k WHERE k.claim_id = p.id AND k.refund_id IS NOT NULL)
        OR EXISTS (SELECT 1 FROM transfer t WHERE t.cause_kind = 'claim_returned' AND t.cause_id = CAST(p.id AS TEXT))
        OR EXISTS (SELECT 1 FROM outside_share s WHERE s.claim_id = p.id AND s.state IN ('returning', 'returned'))
    ) LIMIT 1
"""
KEEP_REGRANT = """
    INSERT INTO regrant (id, created_at, old_claim_id, claim_id, spoilt_code_id, reason, operator_id, approved_by_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (old_claim_id) DO NOTHING RETURNING id
"""
