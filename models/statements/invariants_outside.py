"""What must hold of points that accounts outside hold, in every committed state."""

from models.sql import Both

_OPEN = "h.state IN ('begun', 'held', 'posting', 'voiding')"

RULES: tuple[tuple[str, str | Both], ...] = (
    # Every look moves the next one on, by half an hour at most: so many are most of a day.
    (
        "合作方冻结的积分没有一直悬着：问过48次还没有结果的要人工处理",
        f"SELECT h.id FROM outside_hold h WHERE {_OPEN} AND h.look_count >= 48",  # noqa: S608 - our own words
    ),
    (
        "发出了权益的合作方积分都有领取记录，没有发出的都没有",
        """
        SELECT h.id FROM outside_hold h LEFT JOIN claim c ON c.id = h.claim_id
        WHERE (h.state IN ('posting', 'posted', 'lost')) <> (h.claim_id IS NOT NULL)
        OR (c.id IS NOT NULL AND c.offer_id <> h.offer_id)
        """,
    ),
    (
        "每笔合作方积分只付一次领取",
        """
        SELECT MIN(CAST(h.id AS TEXT)) AS id FROM outside_hold h WHERE h.claim_id IS NOT NULL
        GROUP BY h.claim_id HAVING COUNT(*) > 1
        """,
    ),
    (
        "合作方积分结束后不再占用申请，结束的都记了时间",
        f"""
        SELECT h.id FROM outside_hold h WHERE (h.open_key IS NOT NULL) <> (h.state IN ('begun', 'held'))
        OR (h.closed_at IS NULL) <> ({_OPEN})
        """,  # noqa: S608
    ),
    (
        "合作方积分等于它所付各次领取之和",
        """
        SELECT h.id FROM outside_hold h JOIN outside_share r ON r.hold_id = h.id
        GROUP BY h.id, h.points, h.claim_id HAVING SUM(r.points) <> h.points OR h.claim_id IS NULL
        """,
    ),
    (
        "退给合作方账户的积分都属于已收回的领取，都等到了回音",
        """
        SELECT r.id FROM outside_share r JOIN claim c ON c.id = r.claim_id
        WHERE (r.state <> 'kept' AND c.state IN ('issued', 'pending', 'partly_used', 'used')) OR r.look_count >= 48
        OR (r.closed_at IS NULL) <> (r.state IN ('kept', 'returning'))
        OR (r.look_at IS NULL) <> (r.state <> 'returning')
        """,
    ),
)
