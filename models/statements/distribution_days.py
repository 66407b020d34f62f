"""What promoters brought by business day: counted from the rows of that day, and summed up for a ranking."""

from models.sql import Both, of_rows

# $1, $2 from and until when.
OF_DAY = """
    SELECT p.id AS promoter_id, COALESCE(b.number, 0) AS came_count, COALESCE(c.number, 0) AS order_count,
        COALESCE(c.paid, 0) AS paid_fen, COALESCE(c.amount, 0) AS commission_fen
    FROM promoter p
    LEFT JOIN (SELECT promoter_id, COUNT(*) AS number FROM promoter_binding
        WHERE touched_at >= $1 AND touched_at < $2 GROUP BY promoter_id) b ON b.promoter_id = p.id
    LEFT JOIN (SELECT promoter_id, COUNT(*) AS number, SUM(base_fen) AS paid, SUM(amount_fen) AS amount FROM commission
        WHERE reverses_id IS NULL AND level = 1 AND earned_at >= $1 AND earned_at < $2
        GROUP BY promoter_id) c ON c.promoter_id = p.id
    WHERE b.promoter_id IS NOT NULL OR c.promoter_id IS NOT NULL ORDER BY p.id
"""
KEEP_DAY = of_rows(
    """
    INSERT INTO promoter_day (id, created_at, promoter_id, business_on, came_count, order_count, paid_fen,
        commission_fen)
    SELECT r.id, $2, r.promoter_id, $3, r.came_count, r.order_count, r.paid_fen, r.commission_fen
    FROM {rows} WHERE true
    ON CONFLICT (promoter_id, business_on) DO UPDATE SET came_count = excluded.came_count,
        order_count = excluded.order_count, paid_fen = excluded.paid_fen, commission_fen = excluded.commission_fen
    RETURNING id
    """,
    {
        "id": "uuid",
        "promoter_id": "uuid",
        "came_count": "int",
        "order_count": "int",
        "paid_fen": "bigint",
        "commission_fen": "bigint",
    },
)
# $1 organizations, $2 whether members without a city are theirs, $3, $4 from and until which day, $5 how many,
# $6, $7 behind this sum and id, or null.
_RANKED = """
    SELECT d.promoter_id, m.number, SUM(d.came_count) AS came_count, SUM(d.order_count) AS order_count,
        SUM(d.paid_fen) AS paid_fen, SUM(d.commission_fen) AS commission_fen
    FROM promoter_day d JOIN promoter p ON p.id = d.promoter_id JOIN member m ON m.id = p.member_id
    WHERE d.business_on >= $3 AND d.business_on < $4
    AND (m.organization_id {these} OR (m.organization_id IS NULL AND {root} = 1))
    GROUP BY d.promoter_id, m.number
    HAVING {paid} IS NULL OR SUM(d.paid_fen) < {paid} OR (SUM(d.paid_fen) = {paid} AND d.promoter_id > {last})
    ORDER BY SUM(d.paid_fen) DESC, d.promoter_id LIMIT $5
"""
RANKED = Both(
    postgres=_RANKED.format(
        these="= ANY($1::uuid[])", root="CAST($2 AS int)", paid="CAST($6 AS bigint)", last="CAST($7 AS uuid)"
    ),
    sqlite=_RANKED.format(these="IN (SELECT value FROM json_each($1))", root="$2", paid="$6", last="$7"),
)
