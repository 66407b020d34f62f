"""SQL of the lines of statements and reports: redeemed, taken back, paid though it was a second hand-over, and sold.

Each line is of one of four tables. Each is cut to the page before they are put together, so that all go by an index of
their own however long the whole is. Sales and plans' fees are in statements alone: the report is about redemptions.
"""

from models.sql import Both

_NAMES = """
        m.id AS merchant_id, m.code AS merchant, m.name AS merchant_name, t.code AS store, t.name AS store_name,
        b.id AS benefit_id, b.code AS benefit, b.name AS benefit_name, k.name AS clerk, s.id AS statement_id,
        s.business_on
"""
_REDEEMED = f"""
    SELECT r.id, r.kind, r.reverses_id AS about_id, r.receipt, r.redeemed_at, o.redeemed_at AS origin_at, r.uses,
        r.bill_amount_fen, r.settlement_fen, r.operator_share_fen, r.merchant_share_fen, {_NAMES}
    FROM settlement_entry e
    JOIN redemption r ON r.id = e.redemption_id
    JOIN merchant m ON m.id = r.merchant_id
    JOIN store t ON t.id = r.store_id
    JOIN benefit b ON b.id = r.benefit_id
    JOIN clerk k ON k.id = r.clerk_id
    LEFT JOIN redemption o ON o.id = r.reverses_id
    LEFT JOIN settlement_part p ON p.id = e.part_id
    LEFT JOIN settlement_statement s ON s.id = p.statement_id
"""  # noqa: S608 - no outside input in it
# A scan has no receipt; a redemption online that was displaced has.
_PAID = f"""
    SELECT f.id, 'conflict' AS kind, f.counted_id AS about_id, COALESCE(x.receipt, '') AS receipt,
        e.happened_at AS redeemed_at, f.given_at AS origin_at, 1 AS uses,
        COALESCE(n.bill_amount_fen, x.bill_amount_fen) AS bill_amount_fen, f.settlement_fen, f.operator_share_fen,
        f.merchant_share_fen, {_NAMES}
    FROM conflict_entry e
    JOIN offline_conflict f ON f.id = e.conflict_id
    JOIN claim c ON c.id = f.claim_id
    JOIN merchant m ON m.id = f.merchant_id
    JOIN store t ON t.id = f.store_id
    JOIN benefit b ON b.id = c.benefit_id
    JOIN clerk k ON k.id = f.clerk_id
    LEFT JOIN offline_scan n ON n.id = f.scan_id
    LEFT JOIN redemption x ON x.id = f.displaced_id
    LEFT JOIN settlement_part p ON p.id = e.part_id
    LEFT JOIN settlement_statement s ON s.id = p.statement_id
"""  # noqa: S608
# A sale has no store and no clerk; its receipt is the order's number.
_SOLD = """
    SELECT e.id, CASE WHEN e.reverses_id IS NULL THEN 'sale' ELSE 'sale_refund' END AS kind, e.reverses_id AS about_id,
        n.number AS receipt, e.happened_at AS redeemed_at, o.happened_at AS origin_at, 1 AS uses,
        e.amount_fen AS bill_amount_fen, e.settlement_fen, e.settlement_fen AS operator_share_fen,
        0 AS merchant_share_fen, m.id AS merchant_id, m.code AS merchant, m.name AS merchant_name, '' AS store,
        '' AS store_name, b.id AS benefit_id, b.code AS benefit, b.name AS benefit_name, '' AS clerk,
        s.id AS statement_id, s.business_on
    FROM sale_entry e
    JOIN order_claim k ON k.id = e.order_claim_id
    JOIN sales_order n ON n.id = k.order_id
    JOIN merchant m ON m.id = e.merchant_id
    JOIN benefit b ON b.id = e.benefit_id
    LEFT JOIN sale_entry o ON o.id = e.reverses_id
    LEFT JOIN settlement_part p ON p.id = e.part_id
    LEFT JOIN settlement_statement s ON s.id = p.statement_id
"""
# A plan's fee is alike, and the plan stands in the benefit's place, under the title that was sold.
_SHARED = """
    SELECT e.id, CASE WHEN f.reverses_id IS NULL THEN 'plan_share' ELSE 'plan_share_refund' END AS kind,
        f.reverses_id AS about_id, n.number AS receipt, e.happened_at AS redeemed_at, o.happened_at AS origin_at,
        1 AS uses, f.base_fen AS bill_amount_fen, abs(f.amount_fen) AS settlement_fen,
        abs(f.amount_fen) AS operator_share_fen, 0 AS merchant_share_fen, m.id AS merchant_id, m.code AS merchant,
        m.name AS merchant_name, '' AS store, '' AS store_name, b.id AS benefit_id, b.code AS benefit,
        n.title AS benefit_name, '' AS clerk, s.id AS statement_id, s.business_on
    FROM share_entry e
    JOIN plan_share_entry f ON f.id = e.share_id
    JOIN sales_order n ON n.id = f.order_id
    JOIN plan_order k ON k.order_id = n.id
    JOIN membership_plan b ON b.id = k.plan_id
    JOIN merchant m ON m.id = e.merchant_id
    LEFT JOIN plan_share_entry o ON o.id = f.reverses_id
    LEFT JOIN settlement_part p ON p.id = e.part_id
    LEFT JOIN settlement_statement s ON s.id = p.statement_id
"""
_WANTED = """
        m.organization_id {ids} AND {at} >= $2 AND {at} < $3
        AND (CAST($4 AS text) IS NULL OR m.code = $4)
        AND (CAST($5 AS text) IS NULL OR t.code = $5)
        AND (CAST($6 AS text) IS NULL OR b.code = $6)
        AND ({at}, {id}) < ($7, $8)
    ORDER BY {at} DESC, {id} DESC LIMIT $9
"""


def _report(ids: str) -> str:
    redeemed = _WANTED.format(ids=ids, at="r.redeemed_at", id="r.id")
    paid = _WANTED.format(ids=ids, at="e.happened_at", id="e.id")
    return f"""
        SELECT * FROM (SELECT * FROM ({_REDEEMED} WHERE {redeemed}) AS redeemed
        UNION ALL SELECT * FROM ({_PAID} WHERE {paid}) AS paid) AS line
        ORDER BY redeemed_at DESC, id DESC LIMIT $9
    """  # noqa: S608


# The newest first. $1 organizations, $2 from, $3 until, codes of $4 merchant, $5 store, $6 benefit or null, $7 and $8
# instant and id of the row before which, $9 how many
REPORT = Both(postgres=_report("= ANY($1::uuid[])"), sqlite=_report("IN (SELECT value FROM json_each($1))"))
_PAGE = "WHERE e.part_id = $1 AND e.id > $2 ORDER BY e.id LIMIT $3"
# Of a part, in the order in which they were written. $1 part, $2 after this entry, $3 how many
LINES = f"""
    SELECT * FROM (SELECT * FROM ({_REDEEMED} {_PAGE}) AS redeemed
    UNION ALL SELECT * FROM ({_PAID} {_PAGE}) AS paid
    UNION ALL SELECT * FROM ({_SOLD} {_PAGE}) AS sold
    UNION ALL SELECT * FROM ({_SHARED} {_PAGE}) AS shared) AS line ORDER BY id LIMIT $3
"""  # noqa: S608
