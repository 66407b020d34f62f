"""SQL of sales: the merchants' parts of them, and what of their money is held back from income.

Sets of rows travel as one JSON text ($1).
"""

from models.sql import Both, of_rows

# --- the merchants' parts

# Whose benefit each of these offers ($1) sells; no row where it is no merchant's.
_SOLD = """
    SELECT o.id AS offer_id, b.id AS benefit_id, b.merchant_id FROM offer o JOIN benefit b ON b.id = o.benefit_id
    WHERE o.id {these} AND b.merchant_id IS NOT NULL ORDER BY o.id
"""
SOLD = Both(
    postgres=_SOLD.format(these="= ANY($1::uuid[])"),
    sqlite=_SOLD.format(these="IN (SELECT value FROM json_each($1))"),
)
# $2 now
OPEN_SALES = of_rows(
    """
    INSERT INTO sale_entry (id, created_at, order_claim_id, merchant_id, benefit_id, amount_fen, settlement_fen,
        happened_at)
    SELECT r.id, $2, r.id, r.merchant_id, r.benefit_id, r.amount_fen, r.settlement_fen, $2 FROM {rows}
    WHERE true RETURNING id
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
    FROM {rows} JOIN sale_entry e ON e.id = r.order_claim_id WHERE true RETURNING id
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
    SELECT k.id, k.id AS about_id, k.amount_fen, COALESCE(d.held_fen, 0) AS held_fen, {_TARGET} AS target_fen
    FROM order_claim k JOIN claim c ON c.id = k.claim_id LEFT JOIN deferred_sale d ON d.order_claim_id = k.id
    WHERE k.id > $1 AND k.amount_fen > 0 ORDER BY k.id LIMIT $3
"""  # noqa: S608 - no outside input in it
# The same of what was paid for plans, as long as there is something to look at. `shared_fen` is the merchants', of it
# `open_fen` in no statement yet.
DEFERRED_FEES = """
    SELECT t.id, o.id AS about_id, o.amount_fen, COALESCE(d.held_fen, 0) AS held_fen, o.refunded_fen, t.starts_at,
        t.ends_at, t.cut_at,
        (SELECT COALESCE(SUM(f.amount_fen), 0) FROM plan_share_entry f WHERE f.order_id = o.id) AS shared_fen,
        (SELECT COALESCE(SUM(f.amount_fen), 0) FROM plan_share_entry f JOIN share_entry e ON e.share_id = f.id
            LEFT JOIN settlement_part p ON p.id = e.part_id
            WHERE f.order_id = o.id AND p.statement_id IS NULL) AS open_fen
    FROM membership_term t JOIN sales_order o ON o.id = t.order_id LEFT JOIN deferred_fee d ON d.order_id = o.id
    WHERE t.id > $1 AND (t.ends_at > $2 OR d.held_fen > 0) ORDER BY t.id LIMIT $3
"""
_ROW = {"id": "uuid", "about_id": "uuid", "amount_fen": "bigint", "held_fen": "bigint", "target_fen": "bigint"}


def _defer(table: str, about: str) -> Both:
    """One that somebody else moved meanwhile does not come back. $2 now"""
    return of_rows(
        f"""
        INSERT INTO {table} (id, created_at, {about}, amount_fen, held_fen)
        SELECT r.id, $2, r.about_id, r.amount_fen, r.target_fen FROM {{rows}} WHERE r.held_fen = 0
        ON CONFLICT ({about}) DO UPDATE SET held_fen = excluded.held_fen WHERE {table}.held_fen = 0
        RETURNING {about}
        """,  # noqa: S608 - our own words
        _ROW,
    )


def _release(table: str, about: str) -> Both:
    return of_rows(
        f"""
        UPDATE {table} SET held_fen = r.target_fen FROM {{rows}}
        WHERE {table}.{about} = r.about_id AND {table}.held_fen = r.held_fen AND r.held_fen > 0
        RETURNING {table}.{about}
        """,  # noqa: S608
        _ROW,
    )


DEFER, RELEASE = _defer("deferred_sale", "order_claim_id"), _release("deferred_sale", "order_claim_id")
DEFER_FEES, RELEASE_FEES = _defer("deferred_fee", "order_id"), _release("deferred_fee", "order_id")
