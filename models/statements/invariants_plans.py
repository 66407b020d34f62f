"""What must hold of paid membership in every committed state, each as one pass."""

_LIVE = "cause <> 'upgraded' AND (cut_at IS NULL OR cut_at > starts_at)"

RULES: tuple[tuple[str, str], ...] = (
    (
        "付费会员的到期时间是最后一段的结束",
        # A stretch that was given back before it began is nothing, and stays where it was: others may have moved up.
        f"""
        SELECT p.id FROM paid_membership p LEFT JOIN membership_term t
            ON t.programme_id = p.programme_id AND t.member_id = p.member_id AND t.cause <> 'upgraded'
        GROUP BY p.id, p.ends_at HAVING COUNT(CASE WHEN COALESCE(t.cut_at, t.ends_at) = p.ends_at THEN 1 END) = 0
            OR MAX(CASE WHEN {_LIVE} THEN COALESCE(t.cut_at, t.ends_at) END) > p.ends_at
        UNION ALL SELECT t.id FROM membership_term t LEFT JOIN paid_membership p
            ON p.programme_id = t.programme_id AND p.member_id = t.member_id
        WHERE p.id IS NULL OR t.ends_at <= t.starts_at OR t.cut_at < t.starts_at OR t.cut_at > t.ends_at
        """,  # noqa: S608 - no outside input in it
    ),
    (
        "付费会员的各段首尾不重叠：付两次就延两次",
        f"""
        SELECT id FROM (
            SELECT id, starts_at, LAG(COALESCE(cut_at, ends_at)) OVER (
                PARTITION BY programme_id, member_id ORDER BY starts_at, number
            ) AS before FROM membership_term WHERE {_LIVE}
        ) t WHERE t.starts_at < t.before
        """,  # noqa: S608
    ),
    (
        "套餐订单付款后变成一段会员，没有成交的没有",
        """
        SELECT o.id FROM sales_order o LEFT JOIN plan_order n ON n.order_id = o.id
        LEFT JOIN membership_term t ON t.order_id = o.id
        WHERE (o.offer_id IS NULL) <> (n.id IS NOT NULL)
        OR (t.id IS NOT NULL) <> (n.id IS NOT NULL AND o.paid_at IS NOT NULL AND EXISTS (
            SELECT 1 FROM order_event e WHERE e.order_id = o.id AND e.to_state = 'paid'))
        OR t.paid_fen <> o.amount_fen OR t.level <> n.level OR t.plan_id <> n.plan_id
        OR (t.cause = 'upgraded') <> (n.way = 'upgrade')
        """,
    ),
    (
        "激活码用过一次就变成一段会员",
        """
        SELECT c.id FROM plan_code c LEFT JOIN membership_term t ON t.code_id = c.id
        WHERE (c.used_at IS NOT NULL) <> (t.id IS NOT NULL) OR t.cause <> 'code' OR t.paid_fen <> 0
        """,
    ),
    (
        "激活码的数量和批次一致",
        """
        SELECT b.id FROM plan_code_batch b LEFT JOIN (
            SELECT batch_id, COUNT(*) AS number FROM plan_code GROUP BY batch_id
        ) c ON c.batch_id = b.id WHERE COALESCE(c.number, 0) <> b.code_count
        """,
    ),
)
