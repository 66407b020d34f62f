"""What must hold of fused plans (I8) in every committed state, each as one pass over its tables."""

_BACK = """
    SELECT reverses_id, SUM(amount_fen) AS amount FROM plan_share_entry WHERE reverses_id IS NOT NULL
    GROUP BY reverses_id
"""

RULES: tuple[tuple[str, str], ...] = (
    (
        "一个套餐版本分给商户的比例合计不超过100%",
        "SELECT version_id AS id FROM plan_share GROUP BY version_id HAVING SUM(share_bp) > 10000",
    ),
    (
        "融合套餐付款后按订单的版本给每个商户记一次分成",
        """
        SELECT t.order_id AS id FROM membership_term t JOIN sales_order o ON o.id = t.order_id
        JOIN plan_order n ON n.order_id = o.id
        JOIN membership_plan_version v ON v.plan_id = n.plan_id AND v.number = n.plan_version
        JOIN plan_share s ON s.version_id = v.id
        LEFT JOIN plan_share_entry e
            ON e.order_id = o.id AND e.merchant_id = s.merchant_id AND e.reverses_id IS NULL
        WHERE COALESCE(e.amount_fen, 0) <> o.amount_fen * s.share_bp / 10000
        UNION ALL SELECT e.id FROM plan_share_entry e JOIN sales_order o ON o.id = e.order_id
        LEFT JOIN plan_order n ON n.order_id = o.id
        LEFT JOIN membership_plan_version v ON v.plan_id = n.plan_id AND v.number = n.plan_version
        LEFT JOIN plan_share s ON s.version_id = v.id AND s.merchant_id = e.merchant_id
        LEFT JOIN membership_term t ON t.order_id = o.id
        WHERE s.id IS NULL OR t.id IS NULL OR e.share_bp <> s.share_bp OR e.base_fen <> o.amount_fen
        """,
    ),
    (
        "收回的分成和收回记录一致",
        f"""
        SELECT e.id FROM plan_share_entry e LEFT JOIN ({_BACK}) b ON b.reverses_id = e.id
        WHERE e.reverses_id IS NULL AND e.back_fen <> -COALESCE(b.amount, 0)
        UNION ALL SELECT b.id FROM plan_share_entry b JOIN plan_share_entry e ON e.id = b.reverses_id
        LEFT JOIN order_refund r ON r.id = b.refund_id
        WHERE e.reverses_id IS NOT NULL OR b.order_id <> e.order_id OR b.merchant_id <> e.merchant_id
            OR r.id IS NULL OR r.order_id <> b.order_id
        """,  # noqa: S608 - no outside input in it
    ),
    (
        "退款后商户留下的分成与没退的金额成比例",
        """
        SELECT e.id FROM plan_share_entry e JOIN sales_order o ON o.id = e.order_id
        WHERE e.reverses_id IS NULL
            AND e.amount_fen - e.back_fen <> e.amount_fen * (o.amount_fen - o.refunded_fen) / o.amount_fen
        """,
    ),
    (
        "每笔套餐分成和收回都有自己商户的一条结算记录",
        """
        SELECT f.id FROM plan_share_entry f LEFT JOIN share_entry e ON e.share_id = f.id
        WHERE e.id IS NULL OR e.id <> f.id OR e.merchant_id <> f.merchant_id OR e.happened_at <> f.happened_at
        """,
    ),
)
