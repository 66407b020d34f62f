"""What must hold in every committed state; each statement returns the ids of the rows where it does not.

Whole tables are read, so each is one pass: EXCEPT rather than a subquery per row, which a thousand members make slow.
"""

from dataclasses import dataclass

from models.sql import Both
from models.statements import invariants_carrier as carrier
from models.statements import invariants_checkins, invariants_draws, invariants_ledger, invariants_levels
from models.statements import invariants_distribution as distribution
from models.statements import invariants_memberships as memberships
from models.statements import invariants_orders as orders
from models.statements import invariants_outside as outside
from models.statements import invariants_payouts as payouts
from models.statements import invariants_purchases as purchases
from models.statements import invariants_settlement as settlement
from models.statements import invariants_withdrawals as withdrawals

_MONEY = orders, carrier, memberships, withdrawals, purchases, settlement, payouts, distribution
_ELSEWHERE = (*_MONEY, invariants_ledger, invariants_levels, invariants_checkins, outside, invariants_draws)


@dataclass(frozen=True, slots=True)
class Check:
    """One rule: what it says, and how its breaches are found."""

    what: str
    sql: str | Both


# Limits are those of the version that a claim was made under; parts of packages have slots of their own.
_LIMITS = """
    SELECT g.id FROM (
        SELECT c.offer_id, c.offer_version, {kind} AS kind, MAX(s.number) AS number, MIN(CAST(s.id AS TEXT)) AS id
        FROM claim_slot s JOIN claim c ON c.id = s.claim_id WHERE c.package_id IS NULL
        GROUP BY c.offer_id, c.offer_version, {kind}
    ) g JOIN offer_version v ON v.offer_id = g.offer_id AND v.number = g.offer_version
    WHERE g.number > COALESCE((SELECT MAX({count}) FROM {limits} WHERE {period} = g.kind), 0)
"""
LIMITS = Both(
    postgres=_LIMITS.format(
        kind="split_part(s.period, ':', 1)",
        count="CAST(l.value ->> 'count' AS int)",
        limits="jsonb_array_elements(CAST(v.terms AS jsonb) -> 'limits') AS l(value)",
        period="l.value ->> 'period'",
    ),
    sqlite=_LIMITS.format(
        kind="substr(s.period, 1, instr(s.period || ':', ':') - 1)",
        count="l.value ->> 'count'",
        limits="json_each(v.terms, '$.limits') AS l",
        period="l.value ->> 'period'",
    ),
)

_OPEN = "f.state IN ('waiting', 'sent', 'accepted')"
# The graph of a claim's states; `handlers/rules/claim_states.py` has the same, and a test holds them together.
EDGES = (
    ("", "pending"),
    ("", "issued"),
    ("pending", "issued"),
    ("pending", "expired"),
    ("pending", "revoked"),
    ("issued", "partly_used"),
    ("issued", "used"),
    ("issued", "expired"),
    ("issued", "revoked"),
    ("issued", "transferred"),
    ("partly_used", "used"),
    ("partly_used", "issued"),
    ("partly_used", "expired"),
    ("partly_used", "revoked"),
    ("used", "issued"),
    ("used", "partly_used"),
    ("used", "expired"),
)
_LEGAL = ", ".join(f"('{before}', '{after}')" for before, after in EDGES)
# A set of edges is one way from nowhere to the present state when every state is entered as often as it is left, but
# for the first, which is only left, and the last: whatever the order in which the clocks of several processes put them.
_ENTERED = """
    SELECT claim_id, state, SUM(number) AS number FROM (
        SELECT claim_id, to_state AS state, 1 AS number FROM claim_event
        UNION ALL SELECT claim_id, from_state, -1 FROM claim_event
    ) e GROUP BY claim_id, state HAVING SUM(number) <> 0
"""
_ENDS = "SELECT id AS claim_id, state, 1 AS number FROM claim UNION ALL SELECT id, '', -1 FROM claim"
PATHS = f"""
    SELECT claim_id AS id FROM (SELECT * FROM ({_ENTERED}) n EXCEPT SELECT * FROM ({_ENDS}) d) more
    UNION ALL SELECT claim_id FROM (SELECT * FROM ({_ENDS}) d EXCEPT SELECT * FROM ({_ENTERED}) n) fewer
    UNION ALL SELECT claim_id FROM claim_event WHERE (from_state, to_state) NOT IN (VALUES {_LEGAL})
"""  # noqa: S608 - no outside input in it

CHECKS = (
    Check(
        "每个有效标识只属于一位会员",
        """
        SELECT min(CAST(id AS TEXT)) AS id FROM identifier WHERE status = 'active'
        GROUP BY namespace, scope, value_hash HAVING count(*) > 1
        """,
    ),
    Check(
        "有效标识都属于未合并的会员",
        """
        SELECT i.id FROM identifier i JOIN member m ON m.id = i.member_id
        WHERE i.status = 'active' AND m.canonical_id IS NOT NULL
        """,
    ),
    Check(
        "合并只有一层，指向有效会员",
        """
        SELECT l.id FROM member l JOIN member w ON w.id = l.canonical_id
        WHERE w.canonical_id IS NOT NULL OR l.status NOT IN ('merged', 'erased')
        OR (l.status = 'erased') <> (w.status = 'erased')
        """,
    ),
    Check("合并过的会员都有去处", "SELECT id FROM member WHERE status = 'merged' AND canonical_id IS NULL"),
    Check(
        "会员号和入会时间同时存在",
        "SELECT id FROM member WHERE (number IS NULL) <> (joined_at IS NULL)",
    ),
    Check(
        "入会的会员都同意过会员协议",
        """
        SELECT id FROM member WHERE joined_at IS NOT NULL AND status = 'active'
        EXCEPT SELECT COALESCE(m.canonical_id, m.id) FROM consent c JOIN member m ON m.id = c.member_id
        WHERE c.purpose = 'membership' AND c.withdrawn_at IS NULL
        """,
    ),
    Check(
        "注销的会员没有留下个人信息",
        """
        SELECT m.id FROM member m WHERE m.status = 'erased' AND (
            m.number IS NOT NULL OR m.profile_cipher <> '' OR m.phone_tail <> ''
            OR EXISTS (SELECT 1 FROM identifier i WHERE i.member_id = m.id)
            OR EXISTS (SELECT 1 FROM bound_number b WHERE b.member_id = m.id)
            OR EXISTS (SELECT 1 FROM seen_device d WHERE d.member_id = m.id)
            OR EXISTS (SELECT 1 FROM card c WHERE c.member_id = m.id)
            OR EXISTS (SELECT 1 FROM consent c WHERE c.member_id = m.id AND c.withdrawn_at IS NULL))
        """,
    ),
    Check(
        "已发出的券码和领取一一对应",
        """
        SELECT id FROM pool_code WHERE (claim_id IS NULL) <> (assigned_at IS NULL)
        UNION ALL SELECT claim_id FROM pool_code WHERE claim_id IS NOT NULL GROUP BY claim_id HAVING count(*) > 1
        """,
    ),
    Check(
        "领到的码券都有券码",
        """
        SELECT c.id FROM claim c JOIN benefit b ON b.id = c.benefit_id
        WHERE b.kind = 'code_coupon' AND c.state IN ('issued', 'partly_used', 'used')
        EXCEPT SELECT claim_id FROM pool_code WHERE claim_id IS NOT NULL
        """,
    ),
    Check(
        "券码来自领取的权益自己的码池",
        """
        SELECT g.id FROM pool_code g JOIN code_pool p ON p.id = g.pool_id JOIN claim c ON c.id = g.claim_id
        WHERE c.benefit_id <> p.benefit_id
        """,
    ),
    Check(
        "导入的券码数和文件的记录一致",
        """
        SELECT i.id FROM code_import i LEFT JOIN
            (SELECT code_import_id, count(*) AS codes FROM pool_code GROUP BY code_import_id) AS held
        ON held.code_import_id = i.id WHERE i.added_count <> COALESCE(held.codes, 0)
        """,
    ),
    # Invariants I3, I4 and I7.
    Check("库存：投放等于剩余加领走", "SELECT id FROM offer_stock WHERE added_count <> left_count + taken_count"),
    Check(
        "库存：领走等于没有退回的领取和等待付款的订单",
        """
        SELECT s.id FROM offer_stock s LEFT JOIN (
            SELECT offer_id, stock_buckets, COUNT(*) AS number FROM claim
            WHERE NOT is_returned AND stock_buckets <> '' GROUP BY offer_id, stock_buckets
            UNION ALL SELECT offer_id, stock_buckets, SUM(quantity) FROM sales_order
            WHERE state = 'waiting' AND stock_buckets <> '' GROUP BY offer_id, stock_buckets
        ) t ON t.offer_id = s.offer_id AND (',' || t.stock_buckets || ',') LIKE ('%,' || s.bucket || ',%')
        GROUP BY s.id, s.taken_count HAVING s.taken_count <> COALESCE(SUM(t.number), 0)
        """,
    ),
    Check(
        "库存：投放等于历次增减之和",
        """
        SELECT s.id FROM offer_stock s LEFT JOIN (
            SELECT offer_id, bucket, SUM(delta) AS delta FROM stock_change GROUP BY offer_id, bucket
        ) t ON t.offer_id = s.offer_id AND t.bucket = s.bucket WHERE s.added_count <> COALESCE(t.delta, 0)
        """,
    ),
    Check("限领：每位会员不超过当时版本的上限", LIMITS),
    # Invariant I12, and that a supplier's order and the claim it is for tell the same story.
    Check(
        "等待发放的直充都有进行中的订单，别的没有",
        f"""
        SELECT c.id FROM claim c JOIN benefit b ON b.id = c.benefit_id WHERE b.kind = 'top_up' AND c.state = 'pending'
        EXCEPT SELECT f.claim_id FROM fulfillment f WHERE {_OPEN}
        UNION ALL SELECT f.claim_id AS id FROM fulfillment f JOIN claim c ON c.id = f.claim_id
        WHERE {_OPEN} AND c.state <> 'pending'
        """,  # noqa: S608 - our own words
    ),
    Check(
        "到账的直充都有一笔成功的订单，别的没有",
        """
        SELECT c.id FROM claim c JOIN benefit b ON b.id = c.benefit_id WHERE b.kind = 'top_up' AND c.state = 'used'
        EXCEPT SELECT claim_id FROM fulfillment WHERE state = 'done'
        UNION ALL SELECT f.claim_id AS id FROM fulfillment f JOIN claim c ON c.id = f.claim_id
        WHERE f.state = 'done' AND c.state <> 'used'
        """,
    ),
    Check(
        "直充订单一次只有一笔，换供应商才有下一笔",
        """
        SELECT f.id FROM fulfillment f WHERE f.ordinal > 1 AND NOT EXISTS (
            SELECT 1 FROM fulfillment p WHERE p.claim_id = f.claim_id AND p.ordinal = f.ordinal - 1
            AND p.state = 'replaced')
        UNION ALL SELECT f.id FROM fulfillment f WHERE f.state = 'replaced' AND NOT EXISTS (
            SELECT 1 FROM fulfillment n WHERE n.claim_id = f.claim_id AND n.ordinal = f.ordinal + 1)
        """,
    ),
    Check(
        "发出过的直充都记着发往哪个号码",
        f"""
        SELECT c.id FROM claim c JOIN fulfillment f ON f.claim_id = c.id
        WHERE {_OPEN} AND (c.recharge_to_cipher = '' OR c.recharge_to_tail = '')
        """,  # noqa: S608
    ),
    Check(
        "限领名额属于占用它的领取",
        """
        SELECT s.id FROM claim_slot s JOIN claim c ON c.id = s.claim_id
        WHERE s.offer_id <> c.offer_id OR s.member_id <> c.member_id OR s.number < 1
        """,
    ),
    Check(
        "发放名单的每一行和发出的权益一致",
        """
        SELECT r.id FROM grant_row r LEFT JOIN (
            SELECT grant_row_id, COUNT(*) AS number FROM granted_claim GROUP BY grant_row_id
        ) g ON g.grant_row_id = r.id
        WHERE r.claim_id IS NULL AND COALESCE(g.number, 0) <> CASE WHEN r.state = 'done' THEN r.quantity ELSE 0 END
        """,
    ),
    Check(
        "补发过的权益不能再使用",
        """
        SELECT g.id FROM regrant g JOIN claim c ON c.id = g.old_claim_id
        WHERE c.state IN ('pending', 'issued', 'partly_used')
        """,
    ),
    Check(
        "权益的剩余次数等于总次数减核销加撤销",
        """
        SELECT c.id FROM claim c LEFT JOIN (
            SELECT claim_id, SUM(CASE WHEN kind = 'redeem' THEN uses ELSE -uses END) AS used
            FROM redemption GROUP BY claim_id
        ) r ON r.claim_id = c.id
        WHERE c.uses_left > c.uses_total OR c.uses_left <> c.uses_total - COALESCE(r.used, 0)
        """,
    ),
    # Settlement: I7, and of I17 what SQL can say; the hashes are computed by `handlers/settlement/statement_proofs.py`.
    Check(
        "每笔核销和撤销各有一条结算记录",
        """
        SELECT r.id FROM redemption r LEFT JOIN settlement_entry e ON e.redemption_id = r.id
        WHERE e.id IS NULL OR e.id <> r.id OR e.merchant_id <> r.merchant_id OR e.happened_at <> r.redeemed_at
        """,
    ),
    Check(
        "决定付的重复交付各有一条结算记录，金额和算数的那笔一致",
        """
        SELECT f.id FROM offline_conflict f JOIN redemption r ON r.id = f.counted_id
        LEFT JOIN conflict_entry e ON e.conflict_id = f.id
        WHERE (f.decision = 'paid') <> (e.id IS NOT NULL)
            OR (e.id IS NOT NULL AND (
                e.id <> f.id OR e.merchant_id <> f.merchant_id OR e.happened_at <> f.decided_at
                OR f.settlement_fen <> r.settlement_fen OR f.operator_share_fen <> r.operator_share_fen
                OR f.merchant_share_fen <> r.merchant_share_fen))
            OR (f.decision <> 'paid' AND (f.settlement_fen <> 0 OR f.operator_share_fen <> 0
                OR f.merchant_share_fen <> 0))
        """,
    ),
    Check(
        "核销的运营方和商户分担合计等于结算金额",
        "SELECT id FROM redemption WHERE settlement_fen <> operator_share_fen + merchant_share_fen",
    ),
    Check(
        "撤销抵消的正是它撤销的核销",
        """
        SELECT x.id FROM redemption x JOIN redemption r ON r.id = x.reverses_id
        WHERE r.kind <> 'redeem' OR x.kind <> 'reversal' OR x.claim_id <> r.claim_id OR x.benefit_id <> r.benefit_id
            OR x.merchant_id <> r.merchant_id OR x.uses <> r.uses OR x.settlement_fen <> r.settlement_fen
            OR x.operator_share_fen <> r.operator_share_fen OR x.merchant_share_fen <> r.merchant_share_fen
        UNION ALL SELECT id FROM redemption WHERE (kind = 'reversal') <> (reverses_id IS NOT NULL)
        """,
    ),
    Check(
        "权益的状态和剩余次数一致",
        """
        SELECT c.id FROM claim c JOIN benefit b ON b.id = c.benefit_id
        WHERE b.kind IN ('voucher', 'partner_coupon') AND (
            (c.state = 'issued' AND c.uses_left <> c.uses_total)
            OR (c.state = 'partly_used' AND NOT (c.uses_left > 0 AND c.uses_left < c.uses_total))
            OR (c.state = 'used' AND c.uses_left <> 0))
        """,
    ),
    Check("权益的变更记录连成合法的一条路，到当前状态为止", PATHS),
    Check(
        "交班的合计等于班内的核销和撤销",
        """
        SELECT s.id FROM shift s LEFT JOIN (
            SELECT e.shift_id,
                SUM(CASE r.kind WHEN 'redeem' THEN 1 ELSE 0 END) AS redeemed,
                SUM(CASE r.kind WHEN 'redeem' THEN r.settlement_fen ELSE 0 END) AS redeemed_fen,
                SUM(CASE r.kind WHEN 'redeem' THEN 0 ELSE 1 END) AS reversed,
                SUM(CASE r.kind WHEN 'redeem' THEN 0 ELSE r.settlement_fen END) AS reversed_fen
            FROM shift_entry e JOIN redemption r ON r.id = e.redemption_id GROUP BY e.shift_id
        ) t ON t.shift_id = s.id
        WHERE s.closed_at IS NOT NULL AND (
            s.redeemed_count <> COALESCE(t.redeemed, 0) OR s.redeemed_fen <> COALESCE(t.redeemed_fen, 0)
            OR s.reversed_count <> COALESCE(t.reversed, 0) OR s.reversed_fen <> COALESCE(t.reversed_fen, 0))
        """,
    ),
    # Invariant I15: what is left of scans made without a network.
    Check(
        "离线核销：每份权益有效的核销不超过总次数",
        """
        SELECT c.id FROM claim c JOIN (
            SELECT claim_id, SUM(CASE WHEN kind = 'redeem' THEN uses ELSE -uses END) AS used FROM redemption
            WHERE claim_id IN (SELECT claim_id FROM offline_scan WHERE claim_id IS NOT NULL) GROUP BY claim_id
        ) r ON r.claim_id = c.id WHERE r.used > c.uses_total
        """,
    ),
    Check(
        "离线核销：认可的扫码都有自己的核销记录",
        """
        SELECT s.id FROM offline_scan s LEFT JOIN offline_verdict v ON v.scan_id = s.id
        LEFT JOIN redemption r ON r.id = CASE WHEN v.id IS NULL THEN s.redemption_id ELSE v.redemption_id END
        WHERE COALESCE(v.outcome, s.outcome) = 'accepted' AND (r.id IS NULL OR r.claim_id <> s.claim_id
            OR r.kind <> 'redeem' OR r.device_id <> s.device_id)
        """,
    ),
    Check(
        "离线核销：已截止的日子没有未定的扫码",
        """
        SELECT s.id FROM offline_scan s JOIN offline_day d ON d.business_on = s.business_on
        LEFT JOIN offline_verdict v ON v.scan_id = s.id WHERE d.fixed_at IS NOT NULL AND v.id IS NULL
        """,
    ),
    Check(
        "离线核销：没有算数的重复交付都列给了人处理",
        """
        SELECT v.scan_id FROM offline_verdict v LEFT JOIN offline_conflict f ON f.scan_id = v.scan_id
        WHERE v.outcome = 'conflict' AND f.id IS NULL
        """,
    ),
    *(Check(what, sql) for each in _ELSEWHERE for what, sql in each.RULES),
)
