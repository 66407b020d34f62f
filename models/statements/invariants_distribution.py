"""What must hold of commissions in every committed state (invariants I1, I8), each as one pass over its tables."""

_BACK = (
    "SELECT reverses_id, SUM(amount_fen) AS amount FROM commission WHERE reverses_id IS NOT NULL GROUP BY reverses_id"
)
_TRANSFERRED = """
    SELECT cause_id, SUM(amount) AS amount FROM transfer WHERE cause_kind = '{kind}' AND unit = 'fen' GROUP BY cause_id
"""

RULES: tuple[tuple[str, str], ...] = (
    (
        "每笔佣金在账上记了一次",
        f"""
        SELECT c.id FROM commission c LEFT JOIN ({_TRANSFERRED.format(kind="commission")}) t
            ON t.cause_id = CAST(c.id AS TEXT)
        WHERE c.reverses_id IS NULL AND COALESCE(t.amount, 0) <> c.amount_fen
        """,  # noqa: S608 - no outside input in any of these
    ),
    (
        "可提现的佣金都入了账，没到期的都没有",
        f"""
        SELECT c.id FROM commission c LEFT JOIN ({_TRANSFERRED.format(kind="commission_released")}) t
            ON t.cause_id = CAST(c.id AS TEXT)
        WHERE c.reverses_id IS NULL AND ((c.state = 'available') <> (t.cause_id IS NOT NULL)
            OR (c.state = 'available') <> (c.released_at IS NOT NULL) OR t.amount > c.amount_fen)
        """,  # noqa: S608
    ),
    (
        "扣回的佣金和扣回记录一致，且都记了账",
        f"""
        SELECT c.id FROM commission c LEFT JOIN ({_BACK}) b ON b.reverses_id = c.id
        WHERE c.reverses_id IS NULL AND c.back_fen <> -COALESCE(b.amount, 0)
        UNION ALL SELECT c.id FROM commission c LEFT JOIN ({_TRANSFERRED.format(kind="commission_back")}) t
            ON t.cause_id = CAST(c.id AS TEXT)
        WHERE c.reverses_id IS NOT NULL AND COALESCE(t.amount, 0) <> -c.amount_fen
        """,  # noqa: S608
    ),
    (
        "待结算的佣金等于账上待结算的钱",
        """
        SELECT 'pending' AS id FROM (
            SELECT COALESCE((SELECT SUM(amount_fen - back_fen) FROM commission
                WHERE reverses_id IS NULL AND state IN ('pending', 'frozen')), 0) AS rows_amount,
            COALESCE((SELECT SUM(posted) FROM ledger_account
                WHERE unit = 'fen' AND kind = 'pending'), 0) AS books_amount
        ) s WHERE s.rows_amount <> s.books_amount
        """,
    ),
    (
        "全额退款的订单没有留下佣金",
        """
        SELECT o.id FROM sales_order o JOIN commission c ON c.order_id = o.id
        WHERE o.refunded_fen = o.amount_fen GROUP BY o.id HAVING SUM(c.amount_fen) <> 0
        """,
    ),
    (
        "一笔订单的佣金不超过规则的上限",
        """
        SELECT c.order_id AS id FROM commission c JOIN commission_rule r ON r.id = c.rule_id
        WHERE c.reverses_id IS NULL GROUP BY c.order_id, c.base_fen, r.cap_bp
        HAVING SUM(c.amount_fen) > c.base_fen * r.cap_bp / 10000
        """,
    ),
    (
        "欠款账户不会是正数",
        "SELECT id FROM ledger_account WHERE kind = 'receivable' AND (posted > 0 OR held <> 0)",
    ),
)
