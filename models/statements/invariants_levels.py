"""What must hold of levels in every committed state, each as one pass over their tables."""

RULES: tuple[tuple[str, str], ...] = (
    (
        "会员的等级是最后一次变动的结果",
        """
        SELECT s.id FROM member_level s LEFT JOIN level_change h
            ON h.programme_id = s.programme_id AND h.member_id = s.member_id AND h.number = s.sequence
        WHERE h.id IS NULL OR h.code <> s.code OR h.version <> s.version
        OR (h.judged_at IS NULL) <> (s.judged_at IS NULL) OR h.judged_at <> s.judged_at
        OR (h.override_until IS NULL) <> (s.override_until IS NULL) OR h.override_until <> s.override_until
        """,
    ),
    (
        "等级变动逐次编号，没有缺号",
        """
        SELECT s.id FROM member_level s LEFT JOIN (
            SELECT programme_id, member_id, COUNT(*) AS steps, MAX(number) AS latest FROM level_change
            GROUP BY programme_id, member_id
        ) h ON h.programme_id = s.programme_id AND h.member_id = s.member_id
        WHERE COALESCE(h.steps, 0) <> s.sequence OR COALESCE(h.latest, 0) <> s.sequence
        """,
    ),
    (
        "等级变动前后相接，等级在它的版本里",
        """
        SELECT h.id FROM level_change h
        LEFT JOIN level_change b
            ON b.programme_id = h.programme_id AND b.member_id = h.member_id AND b.number = h.number - 1
        LEFT JOIN level_ladder d ON d.programme_id = h.programme_id AND d.number = h.version
        LEFT JOIN ladder_level l ON l.ladder_id = d.id AND l.code = h.code
        WHERE (h.number > 1 AND (b.id IS NULL OR b.code <> h.from_code)) OR (h.code <> '' AND l.id IS NULL)
        """,
    ),
    (
        "成长值只因没有保级而清除，每次清除都有一次降级",
        """
        SELECT t.id FROM transfer t LEFT JOIN level_change h
            ON t.cause_kind = 'level_judged' AND t.cause_id = CAST(h.id AS TEXT) AND h.cause = 'fell'
        WHERE t.cause_kind = 'level_judged' AND (h.id IS NULL OR t.unit <> 'growth')
        """,
    ),
    (
        "等级权益发给了这位会员，发的是这项权益",
        """
        SELECT g.id FROM level_right_given g JOIN level_right r ON r.id = g.right_id JOIN claim c ON c.id = g.claim_id
        WHERE c.member_id <> g.member_id OR c.offer_id <> r.offer_id OR c.source <> 'level' OR r.state = 'draft'
        """,
    ),
)
