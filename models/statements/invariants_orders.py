"""What must hold of orders and their money in every committed state (invariants I1, I3, I10), each as one pass."""

# The graph of an order's states; `handlers/rules/order_states.py` has the same, and a test holds them together.
EDGES = (
    ("", "waiting"),
    ("waiting", "paid"),
    ("waiting", "expired"),
    ("waiting", "cancelled"),
    ("waiting", "returning"),
    ("paid", "refunded"),
    ("expired", "paid"),
    ("expired", "returning"),
    ("cancelled", "returning"),
    ("returning", "refunded"),
)
_LEGAL = ", ".join(f"('{before}', '{after}')" for before, after in EDGES)
_HAS_MONEY = "('paid', 'returning', 'refunded')"
_CLAIMED = "SELECT order_id, SUM(amount_fen) AS amount, COUNT(*) AS number FROM order_claim GROUP BY order_id"
_REFUNDED = """
    SELECT order_id, SUM(amount_fen) AS amount FROM order_refund WHERE state <> 'replaced' GROUP BY order_id
"""
# What stands on the programme's own accounts of money, beside what the orders say should: the trial balance.
_BOOKED = """
    SELECT a.kind, SUM(t.amount) AS amount FROM ledger_account a JOIN (
        SELECT credit_id AS account_id, amount FROM transfer WHERE unit = 'fen'
        UNION ALL SELECT debit_id, -amount FROM transfer WHERE unit = 'fen'
    ) t ON t.account_id = a.id GROUP BY a.kind
"""
_PAID = f"SELECT COALESCE(SUM(amount_fen), 0) FROM sales_order WHERE state IN {_HAS_MONEY}"  # noqa: S608
_BACK = "SELECT COALESCE(SUM(amount_fen), 0) FROM order_refund WHERE state = 'done'"
# What promoters got of it, less what was taken back again.
_SHARED = "SELECT COALESCE(SUM(amount_fen), 0) FROM commission"
# What nobody has had anything for yet, and what is therefore no income yet.
_HELD_BACK = """
    SELECT COALESCE(SUM(held_fen), 0) FROM (
        SELECT held_fen FROM deferred_sale UNION ALL SELECT held_fen FROM deferred_fee
    ) h
"""
_OWED = "SELECT COALESCE(SUM(amount_fen), 0) FROM order_refund WHERE state NOT IN ('done', 'replaced')"

RULES: tuple[tuple[str, str], ...] = (
    (
        "订单付过款和它的状态一致",
        f"""
        SELECT id FROM sales_order WHERE (state IN {_HAS_MONEY}) <> (transaction_id IS NOT NULL)
        OR (transaction_id IS NULL) <> (paid_at IS NULL) OR amount_fen <> price_fen * quantity
        OR (state = 'refunded' AND refunded_fen <> amount_fen)
        """,  # noqa: S608 - no outside input in any of these
    ),
    (
        "付款的订单都有自己的权益，没有成交的都没有",
        f"""
        SELECT o.id FROM sales_order o LEFT JOIN ({_CLAIMED}) k ON k.order_id = o.id
        WHERE (o.state = 'paid' AND o.offer_id IS NOT NULL
            AND (COALESCE(k.number, 0) <> o.quantity OR k.amount <> o.amount_fen))
        OR (o.offer_id IS NULL AND k.number IS NOT NULL)
        OR (o.state IN ('waiting', 'expired', 'cancelled', 'returning') AND k.number IS NOT NULL)
        """,  # noqa: S608
    ),
    (
        "订单退款的合计等于它的退款记录",
        f"""
        SELECT o.id FROM sales_order o LEFT JOIN ({_REFUNDED}) r ON r.order_id = o.id
        WHERE o.refunded_fen <> COALESCE(r.amount, 0)
        """,  # noqa: S608
    ),
    (
        "等待付款的订单，积分都预留着；其他订单都没有",
        """
        SELECT o.id FROM sales_order o LEFT JOIN ledger_hold h
        ON h.cause_kind = 'order_points' AND h.cause_id = CAST(o.id AS TEXT)
        WHERE (o.state = 'waiting' AND o.price_points > 0
            AND (h.id IS NULL OR h.amount <> o.price_points * o.quantity OR h.state NOT IN ('open', 'expired')))
        OR (o.state <> 'waiting' AND h.state = 'open')
        """,
    ),
    (
        "退掉的权益不能再使用",
        """
        SELECT k.id FROM order_claim k JOIN claim c ON c.id = k.claim_id
        WHERE k.refund_id IS NOT NULL AND (c.state IN ('pending', 'partly_used', 'used')
            OR (c.state = 'issued' AND c.expires_at IS NULL)
            OR (c.state = 'expired' AND (c.uses_left < c.uses_total
                OR EXISTS (SELECT 1 FROM claim p WHERE p.package_id = c.id AND p.uses_left < p.uses_total))))
        """,
    ),
    (
        "退掉的权益没有还能用的补发",
        """
        SELECT k.id FROM order_claim k JOIN regrant g ON g.old_claim_id = k.claim_id
        JOIN claim c ON c.id = g.claim_id WHERE k.refund_id IS NOT NULL AND c.state <> 'revoked'
        """,
    ),
    (
        "限领名额属于领取或等待付款的订单",
        """
        SELECT s.id FROM claim_slot s LEFT JOIN sales_order o ON o.id = s.order_id
        WHERE s.claim_id IS NULL AND (o.id IS NULL OR o.state IN ('expired', 'cancelled', 'returning')
            OR s.offer_id <> o.offer_id OR s.member_id <> o.member_id)
        """,
    ),
    (
        "订单的变更记录连成合法的一条路，到当前状态为止",
        f"""
        SELECT e.order_id AS id FROM order_event e WHERE (e.from_state, e.to_state) NOT IN (VALUES {_LEGAL})
        UNION ALL SELECT o.id FROM sales_order o LEFT JOIN (
            SELECT order_id, state, SUM(number) AS number FROM (
                SELECT order_id, to_state AS state, 1 AS number FROM order_event
                UNION ALL SELECT order_id, from_state, -1 FROM order_event WHERE from_state <> ''
            ) n GROUP BY order_id, state
        ) e ON e.order_id = o.id AND e.state = o.state WHERE COALESCE(e.number, 0) <> 1
        """,  # noqa: S608
    ),
    (
        "每笔收款在账上记了一次",
        f"""
        SELECT o.id FROM sales_order o
        LEFT JOIN transfer t ON t.cause_kind = 'order' AND t.cause_id = CAST(o.id AS TEXT) AND t.leg = 0
        WHERE (o.state IN {_HAS_MONEY}) <> (t.id IS NOT NULL) OR t.amount <> o.amount_fen OR t.unit <> 'fen'
        """,  # noqa: S608
    ),
    (
        "每笔退回的钱在账上记了一次",
        """
        SELECT r.id FROM order_refund r
        LEFT JOIN transfer t ON t.cause_kind = 'order_refunded' AND t.cause_id = CAST(r.id AS TEXT) AND t.leg = 0
        WHERE (r.state = 'done') <> (t.id IS NOT NULL) OR t.amount <> r.amount_fen
        """,
    ),
    (
        "试算平衡：收到的钱等于收入加应退加佣金，和订单一致",
        f"""
        SELECT d.kind AS id FROM (
            SELECT 'received' AS kind, ({_BACK}) - ({_PAID}) AS amount
            UNION ALL SELECT 'payable', ({_OWED})
            UNION ALL SELECT 'income', ({_PAID}) - ({_BACK}) - ({_OWED}) - ({_SHARED}) - ({_HELD_BACK})
        ) d LEFT JOIN ({_BOOKED}) b ON b.kind = d.kind WHERE COALESCE(b.amount, 0) <> d.amount
        """,  # noqa: S608
    ),
)
