"""What must hold of the ledger in every committed state (invariants I1 and I2), each as one pass over its tables."""

_TRANSFERRED = """
    SELECT account_id, SUM(amount) AS amount FROM (
        SELECT credit_id AS account_id, amount FROM transfer
        UNION ALL SELECT debit_id, -amount FROM transfer
    ) t GROUP BY account_id
"""

RULES: tuple[tuple[str, str], ...] = (
    (
        "账户余额等于流水之和",
        f"""
        SELECT a.id FROM ledger_account a LEFT JOIN ({_TRANSFERRED}) s ON s.account_id = a.id
        WHERE a.posted IS NOT NULL AND a.posted <> COALESCE(s.amount, 0)
        """,  # noqa: S608 - no outside input in any of these
    ),
    (
        "会员的账户都有余额，项目自己的账户都没有",
        """
        SELECT id FROM ledger_account WHERE (member_id IS NULL) <> (posted IS NULL)
        OR (member_id IS NULL) <> (held IS NULL) OR (member_id IS NULL) <> (floor IS NULL)
        """,
    ),
    ("可用余额不低于下限", "SELECT id FROM ledger_account WHERE posted - held < floor OR held < 0"),
    (
        "冻结金额等于未结的冻结之和",
        """
        SELECT a.id FROM ledger_account a LEFT JOIN (
            SELECT account_id, SUM(amount) AS amount FROM ledger_hold WHERE state = 'open' GROUP BY account_id
        ) h ON h.account_id = a.id WHERE a.held IS NOT NULL AND a.held <> COALESCE(h.amount, 0)
        """,
    ),
    (
        "冻结的结果和它的流水一致",
        """
        SELECT h.id FROM ledger_hold h
        LEFT JOIN transfer t ON t.cause_kind = 'hold' AND t.cause_id = CAST(h.id AS TEXT) AND t.leg = 0
        WHERE (h.state = 'posted') <> (t.id IS NOT NULL) OR h.posted_amount <> COALESCE(t.amount, 0)
        OR (h.state = 'open') <> (h.closed_at IS NULL)
        """,
    ),
    (
        "流水的两边和流水是同一种单位",
        """
        SELECT t.id FROM transfer t
        JOIN ledger_account d ON d.id = t.debit_id JOIN ledger_account c ON c.id = t.credit_id
        WHERE d.unit <> t.unit OR c.unit <> t.unit OR d.programme_id <> t.programme_id
        OR c.programme_id <> t.programme_id
        """,
    ),
    (
        "退回的总额等于退回的流水之和，且不超过原流水",
        """
        SELECT t.id FROM transfer t LEFT JOIN reversed_transfer v ON v.transfer_id = t.id
        LEFT JOIN (SELECT reverses_id, SUM(amount) AS amount FROM transfer WHERE reverses_id IS NOT NULL
            GROUP BY reverses_id) r ON r.reverses_id = t.id
        WHERE COALESCE(v.reversed_amount, 0) <> COALESCE(r.amount, 0) OR COALESCE(r.amount, 0) > t.amount
        OR v.amount <> t.amount
        """,
    ),
    (
        "账户的批次之和等于可用余额",
        """
        SELECT a.id FROM ledger_account a LEFT JOIN (
            SELECT account_id, SUM(left_amount) AS amount FROM ledger_lot GROUP BY account_id
        ) l ON l.account_id = a.id WHERE COALESCE(l.amount, 0) <> CASE WHEN a.has_lots THEN a.posted - a.held ELSE 0 END
        """,
    ),
    (
        "批次剩余加上用掉的不超过批次总额",
        """
        SELECT l.id FROM ledger_lot l LEFT JOIN (
            SELECT lot_id, SUM(amount - returned_amount) AS amount FROM ledger_lot_use GROUP BY lot_id
        ) u ON u.lot_id = l.id WHERE l.left_amount + COALESCE(u.amount, 0) > l.amount
        """,
    ),
    (
        "每笔支出都记下了用的批次",
        """
        SELECT t.id FROM transfer t JOIN ledger_account a ON a.id = t.debit_id LEFT JOIN (
            SELECT transfer_id, SUM(amount) AS amount FROM ledger_lot_use WHERE hold_id IS NULL GROUP BY transfer_id
        ) u ON u.transfer_id = t.id
        WHERE a.has_lots AND t.cause_kind <> 'hold' AND COALESCE(u.amount, 0) <> t.amount
        """,
    ),
    (
        "积分兑换的权益扣了它的价格，退回后不再可用",
        """
        SELECT c.id FROM claim c
        LEFT JOIN transfer t ON t.cause_kind = 'claim' AND t.cause_id = CAST(c.id AS TEXT) AND t.leg = 0
        LEFT JOIN reversed_transfer v ON v.transfer_id = t.id
        WHERE c.price_points <> COALESCE(t.amount, 0)
        OR (v.id IS NOT NULL AND c.state NOT IN ('expired', 'revoked'))
        """,
    ),
    (
        "积分权益发了它的积分",
        """
        SELECT c.id FROM claim c JOIN benefit b ON b.id = c.benefit_id AND b.kind = 'points'
        LEFT JOIN transfer t ON t.cause_kind = 'benefit_points' AND t.cause_id = CAST(c.id AS TEXT) AND t.leg = 0
        WHERE t.id IS NULL
        """,
    ),
    (
        "检查点等于此前的流水之和",
        """
        SELECT k.id FROM ledger_checkpoint k LEFT JOIN (
            SELECT k.id, SUM(s.amount) AS amount FROM ledger_checkpoint k JOIN (
                SELECT credit_id AS account_id, amount, happened_at FROM transfer
                UNION ALL SELECT debit_id, -amount, happened_at FROM transfer
            ) s ON s.account_id = k.account_id AND s.happened_at < k.until GROUP BY k.id
        ) c ON c.id = k.id WHERE k.balance <> COALESCE(c.amount, 0)
        """,
    ),
)
