"""What must hold of draws in every committed state, each as one pass over their tables (invariants I3, I11 and I12).

That the rows follow from seeds, rules and stock is computed by `handlers/draws/draw_proofs.py`.
"""

from models.sql import Both

# Every prize under every promise, as the version says that the promise names.
_RULED = """
    SELECT c.draw_id, c.number, {code} AS code, {kind} AS kind, {amount} AS amount
    FROM draw_commitment c JOIN draw_version v ON v.draw_id = c.draw_id AND v.number = {version}, {prizes}
"""
_POSTGRES = _RULED.format(
    code="p.value ->> 'code'",
    kind="p.value ->> 'kind'",
    amount="CAST(p.value ->> 'amount' AS bigint)",
    version="CAST(CAST(c.document AS jsonb) ->> 'version' AS int)",
    prizes="jsonb_array_elements(CAST(v.terms AS jsonb) -> 'rules' -> 'prizes') AS p(value)",
)
_SQLITE = _RULED.format(
    code="p.value ->> '$.code'",
    kind="p.value ->> '$.kind'",
    amount="p.value ->> '$.amount'",
    version="c.document ->> '$.version'",
    prizes="json_each(v.terms, '$.rules.prizes') AS p",
)


def _of_prizes(statement: str) -> Both:
    return Both(
        postgres=statement.replace("{ruled}", f"({_POSTGRES})"), sqlite=statement.replace("{ruled}", f"({_SQLITE})")
    )


_SPUN = "FROM spin s LEFT JOIN {ruled} r ON r.draw_id = s.draw_id AND r.number = s.commitment AND r.code = s.awarded"

RULES: tuple[tuple[str, str | Both], ...] = (
    (
        "抽奖的序号从1起连续，到抽奖所写的末号为止",
        """
        SELECT d.id FROM draw d LEFT JOIN (
            SELECT draw_id, COUNT(*) AS number, MIN(sequence) AS first, MAX(sequence) AS last FROM spin GROUP BY draw_id
        ) s ON s.draw_id = d.id
        WHERE COALESCE(s.number, 0) <> d.last_sequence OR COALESCE(s.last, 0) <> d.last_sequence
            OR COALESCE(s.first, 1) <> 1
        """,
    ),
    (
        "抽奖的承诺从0起连续，到抽奖所写的个数为止",
        """
        SELECT d.id FROM draw d LEFT JOIN (
            SELECT draw_id, COUNT(*) AS number, MAX(number) AS last FROM draw_commitment GROUP BY draw_id
        ) c ON c.draw_id = d.id
        WHERE COALESCE(c.number, 0) <> d.commitment_count OR COALESCE(c.last, -1) <> d.commitment_count - 1
        """,
    ),
    (
        "奖品：投放加退回等于剩余加抽走",
        """
        SELECT id FROM draw_prize WHERE (added_count IS NULL) <> (left_count IS NULL)
            OR (left_count IS NOT NULL AND added_count + returned_count <> left_count + awarded_count)
        """,
    ),
    (
        "奖品：投放等于历次增减之和",
        """
        SELECT p.id FROM draw_prize p LEFT JOIN (
            SELECT draw_id, code, SUM(delta) AS delta FROM draw_stock_change GROUP BY draw_id, code
        ) c ON c.draw_id = p.draw_id AND c.code = p.code
        WHERE COALESCE(p.added_count, 0) <> COALESCE(c.delta, 0)
        """,
    ),
    (
        "奖品：抽走等于抽中它的次数，当天的也是",
        _of_prizes(f"""
        SELECT p.id FROM draw_prize p LEFT JOIN (
            SELECT s.draw_id, s.awarded, COUNT(*) AS number {_SPUN} WHERE r.kind <> 'thanks'
            GROUP BY s.draw_id, s.awarded
        ) a ON a.draw_id = p.draw_id AND a.awarded = p.code
        LEFT JOIN (
            SELECT s.draw_id, s.awarded, s.day, COUNT(*) AS number {_SPUN} WHERE r.kind <> 'thanks'
            GROUP BY s.draw_id, s.awarded, s.day
        ) t ON t.draw_id = p.draw_id AND t.awarded = p.code AND t.day = p.day
        WHERE p.awarded_count <> COALESCE(a.number, 0) OR p.day_count <> COALESCE(t.number, 0)
        """),  # noqa: S608 - our own words
    ),
    (
        "奖品：退回等于逾期没有填地址或没有领的",
        """
        SELECT p.id FROM draw_prize p LEFT JOIN (
            SELECT draw_id, code, COUNT(*) AS number FROM (
                SELECT draw_id, code FROM parcel WHERE state = 'lapsed'
                UNION ALL SELECT draw_id, code FROM due_prize WHERE state = 'lapsed'
            ) e GROUP BY draw_id, code
        ) l ON l.draw_id = p.draw_id AND l.code = p.code
        WHERE p.left_count IS NOT NULL AND p.returned_count <> COALESCE(l.number, 0)
        """,
    ),
    (
        "抽中权益的都有领取或待领，只有一样，别的没有",
        _of_prizes(f"""
        SELECT s.id {_SPUN} LEFT JOIN claim c ON c.id = s.claim_id LEFT JOIN due_prize d ON d.spin_id = s.id
        WHERE r.code IS NULL
            OR CASE WHEN r.kind = 'benefit' THEN 1 ELSE 0 END
                <> CASE WHEN c.id IS NULL THEN 0 ELSE 1 END + CASE WHEN d.id IS NULL THEN 0 ELSE 1 END
            OR (c.id IS NOT NULL AND (c.member_id <> s.member_id OR c.source <> 'draw'))
            OR (d.id IS NOT NULL AND (d.member_id <> s.member_id OR d.code <> s.awarded OR d.draw_id <> s.draw_id))
        """),
    ),
    (
        "待领的奖品：领了的有一份自己的领取，没领的没有",
        """
        SELECT d.id FROM due_prize d LEFT JOIN claim c ON c.id = d.claim_id
        WHERE (d.state = 'taken' AND c.id IS NULL)
            OR (c.id IS NOT NULL AND (c.source <> 'draw' OR c.offer_id <> d.offer_id))
            OR (d.state <> 'taken' AND c.id IS NOT NULL AND c.state <> 'revoked')
        """,
    ),
    (
        "来自抽奖的领取都是抽中的，每次抽中只有一份；没有充上的不算",
        """
        SELECT c.id FROM claim c LEFT JOIN spin s ON s.claim_id = c.id LEFT JOIN due_prize d ON d.claim_id = c.id
        WHERE c.source = 'draw' AND c.state <> 'revoked' AND s.id IS NULL AND d.id IS NULL
        """,
    ),
    (
        "抽中实物的都有包裹，别的没有",
        _of_prizes(f"""
        SELECT s.id {_SPUN} LEFT JOIN parcel p ON p.spin_id = s.id
        WHERE (r.kind = 'goods') <> (p.id IS NOT NULL)
            OR (p.id IS NOT NULL AND (p.member_id <> s.member_id OR p.code <> s.awarded OR p.draw_id <> s.draw_id))
        """),
    ),
    (
        "抽中积分、次数、成长值的都有流水，别的没有",
        _of_prizes(f"""
        SELECT s.id {_SPUN} LEFT JOIN transfer t ON t.cause_kind = 'spin_won' AND t.cause_id = CAST(s.id AS TEXT)
        WHERE (r.kind IN ('points', 'chances', 'growth')) <> (t.id IS NOT NULL) OR t.amount <> r.amount
        """),
    ),
    (
        "每次抽奖付的次数和积分等于它的流水",
        """
        SELECT a.id FROM (
            SELECT act_id, MIN(CAST(id AS TEXT)) AS id, SUM(points) AS points,
                SUM(CASE WHEN paid_by = 'chance' THEN 1 ELSE 0 END) AS chances FROM spin GROUP BY act_id
        ) a LEFT JOIN transfer c ON c.cause_kind = 'spin' AND c.cause_id = CAST(a.act_id AS TEXT) AND c.leg = 0
        LEFT JOIN transfer p ON p.cause_kind = 'spin' AND p.cause_id = CAST(a.act_id AS TEXT) AND p.leg = 1
        WHERE COALESCE(c.amount, 0) <> a.chances OR COALESCE(p.amount, 0) <> a.points
        """,
    ),
    (
        "抽奖的流水都属于一次抽奖",
        """
        SELECT t.id FROM transfer t JOIN (
            SELECT 'spin' AS kind, cause_id FROM transfer WHERE cause_kind = 'spin'
            EXCEPT SELECT 'spin', CAST(act_id AS TEXT) FROM spin
            UNION ALL SELECT kind, cause_id FROM (
                SELECT 'spin_won' AS kind, cause_id FROM transfer WHERE cause_kind = 'spin_won'
                EXCEPT SELECT 'spin_won', CAST(id AS TEXT) FROM spin
            ) w
        ) x ON t.cause_kind = x.kind AND t.cause_id = x.cause_id
        """,
    ),
    (
        "每位会员的抽奖次数等于他的抽奖记录",
        """
        SELECT MIN(id) AS id FROM (
            SELECT draw_id, member_id, spins AS number, CAST(id AS TEXT) AS id FROM draw_player
            UNION ALL SELECT draw_id, member_id, -COUNT(*), MIN(CAST(id AS TEXT)) FROM spin GROUP BY draw_id, member_id
        ) s GROUP BY draw_id, member_id HAVING SUM(number) <> 0
        """,
    ),
)
