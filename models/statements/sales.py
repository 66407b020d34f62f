"""SQL of sales: the merchants' parts of them, and what of their money is held back from income.

Sets of rows travel as one JSON text ($1).
"""

from models.sql import of_rows

# --- the merchants' parts

# Whose benefit an offer ($1) sells; no row where it is no merchant's.
SOLD = """
    SELECT b.id AS benefit_id, b.merchant_id FROM offer o JOIN benefit b ON b.id = o.benefit_id
    WHERE o.id = $1 AND b.merchant_id IS NOT NULL
"""
# $2 now
OPEN_SALES = of_rows(
    """
    INSERT INTO sale_entry (id, created_at, order_claim_id, merchant_id, benefit_id, amount_fen, settlement_fen,
        happened_at)
    SELECT r.id, $2, r.id, r.merchant_id, r.benefit_id, r.amount_fen, r.settlement_fen, $2 FROM {rows} WHERE true
    """,
    {
        "id": "uuid",
        "merchant_id": "uuid",
        "benefit_id": "uuid",
        "amount_fen": "bigint",
        "settlement_fen": "bigint",
    },
)
# What was paid for these claims goes back, and so do the merchants' parts of it, as far as there are any.
REVERSE_SALES = of_rows(
    """
    INSERT INTO sale_entry (id, created_at, order_claim_id, reverses_id, merchant_id, benefit_id, amount_fen,
        settlement_fen, happened_at)
    SELECT r.id, $2, e.order_claim_id, e.id, e.merchant_id, e.benefit_id, e.amount_fen, e.settlement_fen, $2
    FROM {rows} JOIN sale_entry e ON e.id = r.order_claim_id WHERE true
    """,
    {"id": "uuid", "order_claim_id": "uuid"},
)

# --- what is held back: a page of the claims of orders behind $1, as of $2, $3 how many
#
# Nothing is left of what is refunded, over or used; of what can be used several times, the part that is left.
_TARGET = """
    CASE WHEN k.refund_id IS NULL AND c.state IN ('pending', 'issued', 'partly_used')
        AND (c.expires_at IS NULL OR c.expires_at > $2)
        THEN COALESCE(k.amount_fen * c.uses_left / NULLIF(c.uses_total, 0), 0) ELSE 0 END
"""
DEFERRED = f"""
    SELECT k.id, k.amount_fen, COALESCE(d.held_fen, 0) AS held_fen, {_TARGET} AS target_fen
    FROM order_claim k JOIN claim c ON c.id = k.claim_id LEFT JOIN deferred_sale d ON d.order_claim_id = k.id
    WHERE k.id > $1 AND k.amount_fen > 0 ORDER BY k.id LIMIT $3
"""  # noqa: S608 - no outside input in it
# One that somebody else moved meanwhile does not come back. $2 now
DEFER = of_rows(
    """
    INSERT INTO deferred_sale (id, created_at, order_claim_id, amount_fen, held_fen)
    SELECT r.id, $2, r.order_claim_id, r.amount_fen, r.target_fen FROM {rows} WHERE r.held_fen = 0
    ON CONFLICT (order_claim_id) DO UPDATE SET held_fen = excluded.held_fen WHERE deferred_sale.held_fen = 0
    RETURNING order_claim_id
    """,
    {
        "id": "uuid",
        "order_claim_id": "uuid",
        "amount_fen": "bigint",
        "held_fen": "bigint",
        "target_fen": "bigint",
    },
)
RELEASE = of_rows(
    """
    UPDATE deferred_sale SET held_fen = r.target_fen FROM {rows}
    WHERE deferred_sale.order_claim_id = r.order_claim_id AND deferred_sale.held_fen = r.held_fen AND r.held_fen > 0
    RETURNING deferred_sale.order_claim_id
    """,
    {"order_claim_id": "uuid", "held_fen": "bigint", "target_fen": "bigint"},
)
