"""What must hold of statements, of the merchants' parts of sales, and of money held back, in every committed state.

Of I17 this is what SQL can say; the hashes are computed anew by `handlers/settlement/statement_proofs.py`.
"""

from models.statements.settlement import ENTRIES

_MINE = """
    SELECT e.id, e.part_id, p.statement_id, e.merchant_id, e.happened_at, e.created_at
    FROM {entry} e LEFT JOIN settlement_part p ON p.id = e.part_id
"""
_EVERY_ENTRY = " UNION ALL ".join(_MINE.format(entry=each) for each in ENTRIES)
# What each act of a statement should be on the ledger: from cost to merchants, and from merchants to fees.
_BOOKED = """
    SELECT t.cause_id, t.leg, CASE WHEN {plus} THEN t.amount WHEN {minus} THEN -t.amount ELSE 0 END AS amount
    FROM transfer t JOIN ledger_account d ON d.id = t.debit_id JOIN ledger_account c ON c.id = t.credit_id
    WHERE t.cause_kind = 'statement' AND t.leg = {leg}
"""
_GROSS = _BOOKED.format(
    leg=0,
    plus="d.kind = 'cost' AND c.kind = 'merchants'",
    minus="d.kind = 'merchants' AND c.kind = 'cost'",
)
_FEE = _BOOKED.format(
    leg=1,
    plus="d.kind = 'merchants' AND c.kind = 'fees'",
    minus="d.kind = 'fees' AND c.kind = 'merchants'",
)
_BALANCE = """
    SELECT COALESCE(SUM(t.amount), 0) FROM ledger_account a JOIN (
        SELECT credit_id AS account_id, amount FROM transfer WHERE unit = 'fen'
        UNION ALL SELECT debit_id, -amount FROM transfer WHERE unit = 'fen'
    ) t ON t.account_id = a.id WHERE a.kind = '{kind}'
"""

RULES: tuple[tuple[str, str], ...] = (
    (
        "结算单的合计等于它的结算记录",
        """
        SELECT s.id FROM settlement_statement s LEFT JOIN (
            SELECT p.statement_id,
                SUM(CASE r.kind WHEN 'redeem' THEN 1 ELSE 0 END) AS redeemed_count,
                SUM(CASE r.kind WHEN 'redeem' THEN r.settlement_fen ELSE 0 END) AS redeemed_fen,
                SUM(CASE r.kind WHEN 'redeem' THEN r.operator_fen ELSE 0 END) AS redeemed_operator_fen,
                SUM(CASE r.kind WHEN 'redeem' THEN 0 ELSE 1 END) AS reversed_count,
                SUM(CASE r.kind WHEN 'redeem' THEN 0 ELSE r.settlement_fen END) AS reversed_fen,
                SUM(CASE r.kind WHEN 'redeem' THEN 0 ELSE r.operator_fen END) AS reversed_operator_fen
            FROM (
                SELECT e.part_id, r.kind, r.settlement_fen, r.operator_share_fen AS operator_fen
                FROM settlement_entry e JOIN redemption r ON r.id = e.redemption_id
                UNION ALL SELECT e.part_id, 'redeem', f.settlement_fen, f.operator_share_fen
                FROM conflict_entry e JOIN offline_conflict f ON f.id = e.conflict_id
                UNION ALL SELECT e.part_id, CASE WHEN e.reverses_id IS NULL THEN 'redeem' ELSE 'back' END,
                    e.settlement_fen, e.settlement_fen
                FROM sale_entry e
                UNION ALL SELECT e.part_id, CASE WHEN f.reverses_id IS NULL THEN 'redeem' ELSE 'back' END,
                    abs(f.amount_fen), abs(f.amount_fen)
                FROM share_entry e JOIN plan_share_entry f ON f.id = e.share_id
            ) r JOIN settlement_part p ON p.id = r.part_id
            WHERE p.statement_id IS NOT NULL GROUP BY p.statement_id
        ) t ON t.statement_id = s.id
        WHERE s.redeemed_count <> COALESCE(t.redeemed_count, 0) OR s.redeemed_fen <> COALESCE(t.redeemed_fen, 0)
            OR s.redeemed_operator_fen <> COALESCE(t.redeemed_operator_fen, 0)
            OR s.reversed_count <> COALESCE(t.reversed_count, 0) OR s.reversed_fen <> COALESCE(t.reversed_fen, 0)
            OR s.reversed_operator_fen <> COALESCE(t.reversed_operator_fen, 0)
        """,
    ),
    (
        "结算单只有自己商户的、当天结束前的记录",
        f"""
        SELECT e.id FROM ({_EVERY_ENTRY}) e JOIN settlement_statement s ON s.id = e.statement_id
        WHERE e.merchant_id <> s.merchant_id OR e.happened_at >= s.ends_at
        """,  # noqa: S608 - no outside input in any of these
    ),
    (
        "结算分段只有自己商户的记录，笔数相符，每张结算单至少有一段",
        f"""
        SELECT p.id FROM settlement_part p LEFT JOIN (
            SELECT e.part_id, count(*) AS number FROM ({_EVERY_ENTRY}) e GROUP BY e.part_id
        ) t ON t.part_id = p.id
        WHERE p.entry_count <> COALESCE(t.number, 0)
        UNION ALL
        SELECT e.id FROM ({_EVERY_ENTRY}) e JOIN settlement_part p ON p.id = e.part_id
        WHERE e.merchant_id <> p.merchant_id
        UNION ALL
        SELECT p.id FROM settlement_part p JOIN settlement_statement s ON s.id = p.statement_id
        WHERE p.merchant_id <> s.merchant_id OR p.business_on > s.business_on
        UNION ALL
        SELECT s.id FROM settlement_statement s
        WHERE NOT EXISTS (SELECT 1 FROM settlement_part p WHERE p.statement_id = s.id)
        """,  # noqa: S608
    ),
    # An entry that was written before a closing may have been committed after it, and waits for the next: not longer.
    (
        "已结账日的核销、销售和套餐分成没有漏结",
        f"""
        SELECT e.id FROM ({_EVERY_ENTRY}) e JOIN settlement_statement s
            ON s.merchant_id = e.merchant_id AND s.ends_at > e.happened_at AND s.created_at > e.created_at
        WHERE e.statement_id IS NULL GROUP BY e.id HAVING count(*) > 1
        """,  # noqa: S608
    ),
    (
        "结算单的手续费不超过运营方承担的金额，覆盖的日子不重叠",
        """
        SELECT id FROM settlement_statement
        WHERE redeemed_fee_fen > redeemed_operator_fen OR reversed_fee_fen > reversed_operator_fen
            OR from_on >= business_on
        UNION ALL
        SELECT s.id FROM settlement_statement s JOIN settlement_statement o ON o.merchant_id = s.merchant_id
            AND o.business_on < s.business_on AND o.business_on >= COALESCE(s.from_on, s.business_on)
        """,
    ),
    (
        "每张结算单在账上记了一次：运营方承担的金额和手续费",
        f"""
        SELECT s.id FROM settlement_statement s
        LEFT JOIN ({_GROSS}) g ON g.cause_id = CAST(s.id AS TEXT)
        LEFT JOIN ({_FEE}) f ON f.cause_id = CAST(s.id AS TEXT)
        WHERE COALESCE(g.amount, 0) <> s.redeemed_operator_fen - s.reversed_operator_fen
            OR COALESCE(f.amount, 0) <> s.redeemed_fee_fen - s.reversed_fee_fen
        """,  # noqa: S608
    ),
    (
        "试算平衡：手续费收入等于结算单的手续费",
        f"""
        SELECT 'fees' AS id FROM (
            SELECT ({_BALANCE.format(kind="fees")}) AS booked,
                (SELECT COALESCE(SUM(redeemed_fee_fen - reversed_fee_fen), 0) FROM settlement_statement) AS stated
        ) d WHERE d.booked <> d.stated
        """,  # noqa: S608
    ),
    (
        "试算平衡：未实现的收入等于还没有用掉的订单款",
        f"""
        SELECT 'unearned' AS id FROM (
            SELECT ({_BALANCE.format(kind="unearned")}) AS booked,
                (SELECT COALESCE(SUM(held_fen), 0) FROM deferred_sale)
                + (SELECT COALESCE(SUM(held_fen), 0) FROM deferred_fee) AS held
        ) d WHERE d.booked <> d.held
        """,  # noqa: S608
    ),
    (
        "商户的销售分成和订单一致，退款只抵消一次它的销售",
        """
        SELECT e.id FROM sale_entry e JOIN order_claim k ON k.id = e.order_claim_id
        WHERE e.amount_fen <> k.amount_fen OR (e.reverses_id IS NULL) <> (e.id = e.order_claim_id)
        UNION ALL
        SELECT x.id FROM sale_entry x JOIN sale_entry e ON e.id = x.reverses_id
        WHERE e.reverses_id IS NOT NULL OR x.order_claim_id <> e.order_claim_id OR x.merchant_id <> e.merchant_id
            OR x.benefit_id <> e.benefit_id OR x.settlement_fen <> e.settlement_fen
        UNION ALL
        SELECT e.id FROM sale_entry e JOIN order_claim k ON k.id = e.order_claim_id
        JOIN claim c ON c.id = k.claim_id LEFT JOIN sale_entry x ON x.reverses_id = e.id
        WHERE e.reverses_id IS NULL AND ((x.id IS NOT NULL AND k.refund_id IS NULL) OR (
            x.id IS NULL AND k.refund_id IS NOT NULL AND c.uses_left = c.uses_total AND NOT EXISTS (
                SELECT 1 FROM claim p WHERE p.package_id = c.id AND p.uses_left < p.uses_total)))
        """,
    ),
)
