"""What must hold of money that is taken out in every committed state (invariants I1, I9), each as one pass."""

# The graph of a withdrawal's states; `handlers/rules/withdrawal_states.py` has the same, and a test compares them.
EDGES = (
    ("", "review"),
    ("", "waiting"),
    ("review", "waiting"),
    ("review", "refused"),
    ("review", "returned"),
    ("waiting", "sent"),
    ("waiting", "returned"),
    ("sent", "confirm"),
    ("sent", "moving"),
    ("sent", "arrived"),
    ("sent", "returned"),
    ("confirm", "moving"),
    ("confirm", "arrived"),
    ("confirm", "returned"),
    ("moving", "arrived"),
    ("moving", "returned"),
)
_LEGAL = ", ".join(f"('{before}', '{after}')" for before, after in EDGES)
_OPEN = "('review', 'waiting', 'sent', 'confirm', 'moving')"
_BOOKED = """
    SELECT COALESCE(SUM(CASE WHEN c.kind = 'paid_out' THEN t.amount ELSE 0 END), 0)
        - COALESCE(SUM(CASE WHEN d.kind = 'paid_out' THEN t.amount ELSE 0 END), 0) AS amount
    FROM transfer t JOIN ledger_account c ON c.id = t.credit_id JOIN ledger_account d ON d.id = t.debit_id
    WHERE t.unit = 'fen'
"""

RULES: tuple[tuple[str, str], ...] = (
    (
        "提现没有结束就冻结着余额，到账入账一次，退回解冻一次",
        f"""
        SELECT w.id FROM withdrawal w JOIN ledger_hold h ON h.id = w.hold_id
        WHERE h.amount <> w.amount_fen OR h.cause_kind <> 'withdrawal' OR h.cause_id <> CAST(w.id AS TEXT)
        OR (w.state IN {_OPEN} AND h.state <> 'open') OR (w.state IN {_OPEN}) <> (w.closed_at IS NULL)
        OR (w.state = 'arrived' AND (h.state <> 'posted' OR h.posted_amount <> w.amount_fen))
        OR (w.state IN ('returned', 'refused') AND h.state <> 'voided')
        """,  # noqa: S608 - no outside input in any of these
    ),
    (
        "为提现冻结的余额都有它的提现",
        """
        SELECT h.id FROM ledger_hold h LEFT JOIN withdrawal w ON w.hold_id = h.id
        WHERE h.cause_kind = 'withdrawal' AND w.id IS NULL
        """,
    ),
    (
        "每人同时只有一笔没有结束的提现",
        f"SELECT member_id AS id FROM withdrawal WHERE state IN {_OPEN} GROUP BY member_id HAVING COUNT(*) > 1",  # noqa: S608
    ),
    (
        "提现的变更记录连成合法的一条路，到当前状态为止",
        f"""
        SELECT e.withdrawal_id AS id FROM withdrawal_event e WHERE (e.from_state, e.to_state) NOT IN (VALUES {_LEGAL})
        UNION ALL SELECT w.id FROM withdrawal w LEFT JOIN (
            SELECT withdrawal_id, state, SUM(number) AS number FROM (
                SELECT withdrawal_id, to_state AS state, 1 AS number FROM withdrawal_event
                UNION ALL SELECT withdrawal_id, from_state, -1 FROM withdrawal_event WHERE from_state <> ''
            ) n GROUP BY withdrawal_id, state
        ) e ON e.withdrawal_id = w.id AND e.state = w.state WHERE COALESCE(e.number, 0) <> 1
        """,  # noqa: S608
    ),
    (
        "账上付出的钱等于到账的提现",
        f"""
        SELECT 'paid_out' AS id FROM ({_BOOKED}) b
        WHERE b.amount <> (SELECT COALESCE(SUM(amount_fen), 0) FROM withdrawal WHERE state = 'arrived')
        """,  # noqa: S608
    ),
)
