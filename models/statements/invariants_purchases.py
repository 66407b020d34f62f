"""What must hold of purchases in every committed state, each as one pass over their tables."""

from models.sql import Both

# Whole numbers of 64 bits hold no product of two such numbers: PostgreSQL reckons in `numeric`, SQLite leaves out what
# is larger than anybody's purchase.
_GONE = """
    SELECT e.id FROM purchase_earning e JOIN purchase p ON p.id = e.purchase_id
    WHERE e.taken_amount + e.owed_amount <> e.amount - {kept}
"""
GONE = Both(
    postgres=_GONE.format(kept="div(CAST(e.amount AS numeric) * (p.amount_fen - p.refunded_fen), p.amount_fen)"),
    sqlite=_GONE.format(kept="e.amount * (p.amount_fen - p.refunded_fen) / p.amount_fen")
    + " AND e.amount <= 9000000000000000000 / p.amount_fen",
)

RULES: tuple[tuple[str, str | Both], ...] = (
    (
        "消费明细之和等于金额",
        """
        SELECT p.id FROM purchase p LEFT JOIN (
            SELECT purchase_id, SUM(amount_fen) AS amount_fen FROM purchase_line GROUP BY purchase_id
        ) l ON l.purchase_id = p.id WHERE COALESCE(l.amount_fen, 0) <> p.amount_fen
        """,
    ),
    (
        "消费的退款额等于已计入的退款之和",
        """
        SELECT p.id FROM purchase p LEFT JOIN (
            SELECT channel_id, order_no, SUM(amount_fen) AS amount_fen FROM purchase_refund
            WHERE state = 'applied' GROUP BY channel_id, order_no
        ) r ON r.channel_id = p.channel_id AND r.order_no = p.order_no
        WHERE COALESCE(r.amount_fen, 0) <> p.refunded_fen
        """,
    ),
    (
        "等待中的退款没有对应的消费，已处理的都有",
        """
        SELECT r.id FROM purchase_refund r
        LEFT JOIN purchase p ON p.channel_id = r.channel_id AND p.order_no = r.order_no
        WHERE (r.state = 'waiting') <> (p.id IS NULL)
        """,
    ),
    (
        "每笔归到会员的消费都记了积分和成长值，其他消费都没有",
        """
        SELECT p.id FROM purchase p LEFT JOIN (
            SELECT purchase_id, COUNT(*) AS units FROM purchase_earning WHERE unit IN ('points', 'growth')
            GROUP BY purchase_id
        ) e ON e.purchase_id = p.id
        WHERE COALESCE(e.units, 0) <> CASE WHEN p.credited_at IS NULL THEN 0 ELSE 2 END
        OR (p.credited_at IS NULL) <> (p.member_id IS NULL) OR (p.credited_at IS NOT NULL AND p.buyer_hash <> '')
        """,
    ),
    (
        "消费所得等于它的流水，收回的等于流水的退回",
        """
        SELECT e.id FROM purchase_earning e LEFT JOIN transfer t ON t.id = e.transfer_id
        LEFT JOIN reversed_transfer v ON v.transfer_id = t.id
        WHERE e.amount <> COALESCE(t.amount, 0) OR e.taken_amount <> COALESCE(v.reversed_amount, 0)
        OR e.unit <> COALESCE(t.unit, e.unit)
        """,
    ),
    ("收回和欠下的所得与退款成比例", GONE),
)
