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
    Check("限领：每位会员不超过当时版本的上限", LIMITS),
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
)
