"""What must hold of orders on phone bills in every committed state, each as one pass."""

_HAS_MONEY = "('paid', 'returning', 'refunded')"

RULES: tuple[tuple[str, str], ...] = (
    (
        "话费支付的订单都有自己的扣费，别的订单都没有",
        """
        SELECT o.id FROM sales_order o LEFT JOIN carrier_charge k ON k.order_id = o.id
        WHERE (o.method = 'carrier') <> (k.id IS NOT NULL)
        """,
    ),
    (
        "话费扣成的订单都收到了钱，收到钱的都扣成了，并记着账期",
        f"""
        SELECT k.id FROM carrier_charge k JOIN sales_order o ON o.id = k.order_id
        WHERE (o.state IN {_HAS_MONEY}) <> (k.state = 'charged') OR (k.state = 'charged') <> (k.billing_month <> '')
        """,  # noqa: S608 - no outside input
    ),
    (
        "号码每月的话费额度等于它的扣费占用的合计，等待付款和没有退的订单都占用",
        """
        SELECT m.id FROM carrier_month m LEFT JOIN (
            SELECT month_id, SUM(counted_fen) AS counted FROM carrier_charge GROUP BY month_id
        ) k ON k.month_id = m.id WHERE m.counted_fen <> COALESCE(k.counted, 0)
        UNION ALL SELECT k.id FROM carrier_charge k JOIN sales_order o ON o.id = k.order_id
        WHERE k.counted_fen > o.amount_fen OR (o.state IN ('expired', 'cancelled') AND k.counted_fen > 0)
        OR (o.state = 'waiting' AND k.counted_fen <> o.amount_fen)
        OR (o.state = 'paid' AND k.counted_fen < o.amount_fen - o.refunded_fen)
        """,
    ),
    (
        "话费支付的退款都记着是冲销还是返还",
        """
        SELECT r.id FROM order_refund r JOIN sales_order o ON o.id = r.order_id
        LEFT JOIN carrier_credit c ON c.refund_id = r.id
        WHERE (r.state = 'done' AND o.method = 'carrier') <> (c.id IS NOT NULL)
        """,
    ),
)
