"""SQL of confirming statements and paying them. Sets of rows travel as one JSON text ($1)."""

from models.sql import Both, of_rows

_THESE = "= ANY($1::uuid[])"
_OF_THESE = "IN (SELECT value FROM json_each($1))"
# What the operator bears less the fees on it, which is what it pays.
_PAYABLE = "s.redeemed_operator_fen - s.redeemed_fee_fen - s.reversed_operator_fen + s.reversed_fee_fen"

# Whoever replies holds the statement's row: one reply after the other.
_STATEMENT = f"""
    SELECT s.id, s.merchant_id, m.organization_id, ({_PAYABLE}) AS payable_fen,
        (SELECT r.kind FROM statement_reply r WHERE r.statement_id = s.id ORDER BY r.id DESC LIMIT 1) AS reply
    FROM settlement_statement s JOIN merchant m ON m.id = s.merchant_id WHERE s.id = $1
"""  # noqa: S608 - no outside input in any of these
LOCK_STATEMENT = Both(postgres=_STATEMENT + " FOR NO KEY UPDATE OF s", sqlite=_STATEMENT)

# What the merchants of these organizations ($1) confirmed of days up to $2, and no batch has. Locked, so that of two
# batches at once one finds what the other has left.
_DUE = f"""
    SELECT s.id, s.merchant_id, ({_PAYABLE}) AS payable_fen
    FROM settlement_statement s JOIN merchant m ON m.id = s.merchant_id
    JOIN statement_reply r ON r.statement_id = s.id AND r.kind = 'confirmed'
    WHERE m.organization_id {{these}} AND s.business_on <= $2
    AND NOT EXISTS (SELECT 1 FROM payout_statement p WHERE p.statement_id = s.id AND p.released_at IS NULL)
    ORDER BY s.id
"""  # noqa: S608
DUE = Both(postgres=_DUE.format(these=_THESE) + " FOR NO KEY UPDATE OF s", sqlite=_DUE.format(these=_OF_THESE))
ADD_LINES = of_rows(
    """
    INSERT INTO payout_line (id, created_at, batch_id, merchant_id, amount_fen)
    SELECT r.id, $2, $3, r.merchant_id, r.amount_fen FROM {rows} WHERE true RETURNING id
    """,
    {"id": "uuid", "merchant_id": "uuid", "amount_fen": "bigint"},
)
# A statement that another batch has meanwhile does not come back.
ADD_STATEMENTS = of_rows(
    """
    INSERT INTO payout_statement (id, created_at, line_id, statement_id)
    SELECT r.id, $2, r.line_id, r.statement_id FROM {rows} WHERE true
    ON CONFLICT (statement_id) WHERE released_at IS NULL DO NOTHING RETURNING id
    """,
    {"id": "uuid", "line_id": "uuid", "statement_id": "uuid"},
)

_BATCH = """
    SELECT b.id, b.organization_id, b.number, b.until_on, b.state, b.amount_fen, b.reference, b.created_at,
        b.approved_at, b.closed_at, b.proposed_by_id, p.login AS proposed_by, a.login AS approved_by
    FROM payout_batch b JOIN operator p ON p.id = b.proposed_by_id LEFT JOIN operator a ON a.id = b.approved_by_id
"""
BATCH = f"{_BATCH} WHERE b.id = $1"
LOCK_BATCH = Both(postgres=BATCH + " FOR NO KEY UPDATE OF b", sqlite=BATCH)
# The newest first. $1 organizations, $2 before this one, $3 how many
_BATCHES = f"{_BATCH} WHERE b.organization_id {{these}} AND b.id < $2 ORDER BY b.id DESC LIMIT $3"
BATCHES = Both(postgres=_BATCHES.format(these=_THESE), sqlite=_BATCHES.format(these=_OF_THESE))
LINES = """
    SELECT l.id, m.code, m.name, l.amount_fen,
        (SELECT COUNT(*) FROM payout_statement s WHERE s.line_id = l.id) AS statements,
        (SELECT MIN(t.business_on) FROM payout_statement s JOIN settlement_statement t ON t.id = s.statement_id
            WHERE s.line_id = l.id) AS from_on,
        (SELECT MAX(t.business_on) FROM payout_statement s JOIN settlement_statement t ON t.id = s.statement_id
            WHERE s.line_id = l.id) AS to_on,
        (SELECT COALESCE(SUM(h.amount_fen), 0) FROM payout_statement s
            JOIN settlement_part p ON p.statement_id = s.statement_id JOIN share_entry e ON e.part_id = p.id
            JOIN plan_share_entry h ON h.id = e.share_id WHERE s.line_id = l.id) AS plan_share_fen
    FROM payout_line l JOIN merchant m ON m.id = l.merchant_id WHERE l.batch_id = $1 ORDER BY m.code
"""
# Each edge of a batch is taken once.
APPROVE = """
    UPDATE payout_batch SET state = 'approved', approved_by_id = $2, approved_at = $3
    WHERE id = $1 AND state = 'proposed' AND proposed_by_id <> $2 RETURNING id
"""
PAID = """
    UPDATE payout_batch SET state = 'paid', reference = $2, closed_at = $3
    WHERE id = $1 AND state = 'approved' RETURNING id
"""
CANCEL = """
    UPDATE payout_batch SET state = 'cancelled', closed_at = $2
    WHERE id = $1 AND state IN ('proposed', 'approved') RETURNING id
"""
RELEASE = """
    UPDATE payout_statement SET released_at = $2
    WHERE line_id IN (SELECT l.id FROM payout_line l WHERE l.batch_id = $1) AND released_at IS NULL
"""
