"""What must hold in every committed state; each statement returns the ids of the rows where it does not.

Whole tables are read, so each is one pass: EXCEPT rather than a subquery per row, which a thousand members make slow.
"""

from dataclasses import dataclass

from models.sql import Both


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
        "库存：领走等于没有退回的领取",
        """
        SELECT s.id FROM offer_stock s LEFT JOIN (
            SELECT offer_id, stock_buckets, COUNT(*) AS number FROM claim
            WHERE NOT is_returned AND stock_buckets <> '' GROUP BY offer_id, stock_buckets
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
    Check(
        "限领名额属于占用它的领取",
        """
        SELECT s.id FROM claim_slot s JOIN claim c ON c.id = s.claim_id
        WHERE s.offer_id <> c.offer_id OR s.member_id <> c.member_id OR s.number < 1
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
    Check(
        "每次撤销对应一次核销，次数和金额相同",
        """
        SELECT r.id FROM redemption r LEFT JOIN redemption f ON f.id = r.reverses_id
        WHERE (r.kind = 'reversal') <> (r.reverses_id IS NOT NULL) OR (r.kind = 'reversal' AND (
            f.kind <> 'redeem' OR f.claim_id <> r.claim_id OR f.merchant_id <> r.merchant_id OR f.uses <> r.uses
            OR f.settlement_fen <> r.settlement_fen OR f.operator_share_fen <> r.operator_share_fen
            OR f.merchant_share_fen <> r.merchant_share_fen))
        UNION ALL SELECT reverses_id FROM redemption WHERE reverses_id IS NOT NULL
        GROUP BY reverses_id HAVING count(*) > 1
        """,
    ),
    Check(
        "结算金额等于运营方和商户分摊之和",
        """
        SELECT id FROM redemption WHERE settlement_fen <> operator_share_fen + merchant_share_fen OR uses < 1
        """,
    ),
    Check("权益的变更记录连成合法的一条路，到当前状态为止", PATHS),
)
