"""What must hold of paying merchants in every committed state: confirmed once, paid once, and booked so."""

_NET = "s.redeemed_operator_fen - s.redeemed_fee_fen - s.reversed_operator_fen + s.reversed_fee_fen"
_CONFIRMED = "SELECT DISTINCT statement_id FROM statement_reply WHERE kind = 'confirmed'"
_BOOKED = """
    SELECT SUM(t.amount) FROM ledger_account a JOIN (
        SELECT credit_id AS account_id, amount FROM transfer WHERE unit = 'fen'
        UNION ALL SELECT debit_id, -amount FROM transfer WHERE unit = 'fen'
    ) t ON t.account_id = a.id WHERE a.kind = 'merchants'
"""

RULES: tuple[tuple[str, str], ...] = (
    (
        "付款批次的每一行等于它的结算单合计，批次等于各行合计",
        f"""
        SELECT l.id FROM payout_line l JOIN payout_statement p ON p.line_id = l.id
        JOIN settlement_statement s ON s.id = p.statement_id
        GROUP BY l.id, l.amount_fen HAVING SUM({_NET}) <> l.amount_fen
        UNION ALL
        SELECT b.id FROM payout_batch b LEFT JOIN payout_line l ON l.batch_id = b.id
        GROUP BY b.id, b.amount_fen HAVING COALESCE(SUM(l.amount_fen), 0) <> b.amount_fen
        UNION ALL
        SELECT l.id FROM payout_line l LEFT JOIN payout_statement p ON p.line_id = l.id WHERE p.id IS NULL
        """,  # noqa: S608 - no outside input in any of these
    ),
    (
        "付款的结算单都由自己的商户确认过，取消的批次不占结算单",
        f"""
        SELECT p.id FROM payout_statement p JOIN payout_line l ON l.id = p.line_id
        JOIN payout_batch b ON b.id = l.batch_id JOIN settlement_statement s ON s.id = p.statement_id
        LEFT JOIN ({_CONFIRMED}) c ON c.statement_id = p.statement_id
        WHERE c.statement_id IS NULL OR s.merchant_id <> l.merchant_id
        OR (b.state = 'cancelled') <> (p.released_at IS NOT NULL)
        """,  # noqa: S608
    ),
    (
        "付款批次由两个人经手",
        """
        SELECT id FROM payout_batch
        WHERE (state IN ('approved', 'paid') AND (approved_by_id IS NULL OR approved_by_id = proposed_by_id))
        OR (state IN ('paid', 'cancelled')) <> (closed_at IS NOT NULL)
        """,
    ),
    (
        "试算平衡：账上欠商户的钱等于还没有付的结算单的净额",
        f"""
        SELECT 'merchants' AS id FROM (
            SELECT COALESCE(({_BOOKED}), 0) AS booked,
                (SELECT COALESCE(SUM({_NET}), 0) FROM settlement_statement s)
                - (SELECT COALESCE(SUM(b.amount_fen), 0) FROM payout_batch b WHERE b.state = 'paid') AS owed
        ) d WHERE d.booked <> d.owed
        """,  # noqa: S608
    ),
)
