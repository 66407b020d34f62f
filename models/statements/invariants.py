"""What must hold in every committed state; each statement returns the ids of the rows where it does not.

Whole tables are read, so each is one pass: EXCEPT rather than a subquery per row, which a thousand members make slow.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One rule: what it says, and how its breaches are found."""

    what: str
    sql: str


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
)
