"""What must hold of co-branded membership in every committed state, each as one pass over its tables."""

RULES: tuple[tuple[str, str], ...] = (
    (
        "联名每一方的补贴合计等于它的记录，且不超过上限",
        """
        SELECT s.id FROM co_brand_side s LEFT JOIN (
            SELECT side_id, SUM(amount_fen) AS amount FROM co_brand_subsidy GROUP BY side_id
        ) b ON b.side_id = s.id
        WHERE s.given_fen <> COALESCE(b.amount, 0) OR s.given_fen > s.cap_fen
        """,
    ),
    (
        "每位联名会员由每一方各补贴一次",
        """
        SELECT j.id FROM co_brand_membership j JOIN co_brand_side s ON s.co_brand_id = j.co_brand_id
        LEFT JOIN co_brand_subsidy b ON b.membership_id = j.id AND b.side_id = s.id
        WHERE COALESCE(b.amount_fen, 0) <> s.subsidy_fen
        """,
    ),
    (
        "同一个联名活动每个会员只加入一次，入口属于这个活动",
        """
        SELECT co_brand_id AS id FROM co_brand_membership GROUP BY co_brand_id, member_id HAVING COUNT(*) > 1
        UNION ALL SELECT j.id FROM co_brand_membership j JOIN co_brand_side s ON s.id = j.side_id
        WHERE s.co_brand_id <> j.co_brand_id
        """,
    ),
    (
        "免费的联名会员得到一段会员，最晚到活动结束；付费的是自己买的",
        """
        SELECT j.id FROM co_brand_membership j JOIN co_brand c ON c.id = j.co_brand_id
        JOIN membership_term t ON t.id = j.term_id
        WHERE (t.cause = 'co_branded') <> c.is_free OR t.plan_id <> c.plan_id
            OR (c.is_free AND (t.ends_at > c.ends_at OR t.paid_fen <> 0))
        UNION ALL SELECT t.id FROM membership_term t LEFT JOIN co_brand_membership j ON j.term_id = t.id
        WHERE t.cause = 'co_branded' AND j.id IS NULL
        """,
    ),
    (
        "联名活动有一个合作方和双方的入口，发布后有套餐版本",
        """
        SELECT c.id FROM co_brand c LEFT JOIN co_brand_side s ON s.co_brand_id = c.id
        GROUP BY c.id, c.partner_organization_id, c.partner_merchant_id, c.state, c.plan_version, c.published_at,
            c.ended_at
        HAVING COUNT(s.id) <> 2 OR (c.partner_organization_id IS NULL) = (c.partner_merchant_id IS NULL)
            OR (c.state = 'draft') <> (c.plan_version = 0) OR (c.state = 'draft') <> (c.published_at IS NULL)
            OR (c.state = 'ended') <> (c.ended_at IS NOT NULL)
        """,
    ),
)
