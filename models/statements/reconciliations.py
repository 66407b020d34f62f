"""What is compared with the bills: by our numbers ($1, a list of texts), and by when it moved."""

from models.sql import Both
from models.words import BillKind, PaymentMethod

_TRADE = "SELECT number, CASE WHEN transaction_id IS NULL THEN 0 ELSE amount_fen END AS fen FROM sales_order"
_REFUND = """
    SELECT r.number, CASE WHEN r.state = 'done' THEN r.amount_fen ELSE 0 END AS fen
    FROM order_refund r JOIN sales_order o ON o.id = r.order_id
"""
_TRANSFER = "SELECT number, CASE WHEN state = 'arrived' THEN amount_fen ELSE 0 END AS fen FROM withdrawal"


def _numbered(sql: str, number: str = "number") -> Both:
    return Both(
        postgres=f"{sql} AND {number} = ANY($1::text[])",
        sqlite=f"{sql} AND {number} IN (SELECT value FROM json_each($1))",  # noqa: S608 - no outside input
    )


def _trade(method: PaymentMethod) -> str:
    return f"{_TRADE} WHERE method = '{method.value}'"


def _refund(method: PaymentMethod) -> str:
    return f"{_REFUND} WHERE o.method = '{method.value}'"


# Transfers go by WeChat Pay alone.
_OUT = f"{_TRANSFER} WHERE number <> ''"
NUMBERED = {(BillKind.TRANSFER, PaymentMethod.WECHAT): _numbered(_OUT)} | {
    (kind, method): made
    for method in PaymentMethod
    for kind, made in (
        (BillKind.TRADE, _numbered(_trade(method))),
        (BillKind.REFUND, _numbered(_refund(method), "r.number")),
    )
}
# From $1 until before $2. A refund stands in the bill of the day on which it was sent.
MOVED = {
    (BillKind.TRANSFER, PaymentMethod.WECHAT): f"{_OUT} AND state = 'arrived' AND closed_at >= $1 AND closed_at < $2"
} | {
    (kind, method): made
    for method in PaymentMethod
    for kind, made in (
        (BillKind.TRADE, f"{_trade(method)} AND paid_at >= $1 AND paid_at < $2"),
        (BillKind.REFUND, f"{_refund(method)} AND r.state = 'done' AND r.sent_at >= $1 AND r.sent_at < $2"),
    )
}

KEEP = """
    INSERT INTO reconciliation (id, created_at, checked_at, kind, business_on, mch_id, line_count, total_fen,
        difference_count)
    VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (kind, business_on, mch_id) DO UPDATE SET checked_at = EXCLUDED.checked_at,
        line_count = EXCLUDED.line_count, total_fen = EXCLUDED.total_fen, difference_count = EXCLUDED.difference_count
    RETURNING id
"""
FORGET = "DELETE FROM reconciliation_difference WHERE reconciliation_id = $1 RETURNING id"
# $1 the last id of the page before, $2 how many.
_PAGE = """
    SELECT id, kind, business_on, mch_id, line_count, total_fen, difference_count, checked_at FROM reconciliation
    WHERE {after} IS NULL OR id < {after} ORDER BY id DESC LIMIT $2
"""
PAGE = Both(postgres=_PAGE.format(after="CAST($1 AS uuid)"), sqlite=_PAGE.format(after="$1"))
_DIFFERENCES = """
    SELECT id, number, listed, ours_fen, theirs_fen FROM reconciliation_difference
    WHERE reconciliation_id = $1 AND ({after} IS NULL OR id > {after}) ORDER BY id LIMIT $3
"""
DIFFERENCES = Both(postgres=_DIFFERENCES.format(after="CAST($2 AS uuid)"), sqlite=_DIFFERENCES.format(after="$2"))
EXISTS = "SELECT id FROM reconciliation WHERE id = $1"
