"""签到: who checks in, what surrounds a day, and what it gave. Days are texts (2026-11-27). Sets are one JSON ($1)."""

from models.sql import Both, of_rows

_OF_THESE = "IN (SELECT value FROM json_each($1))"

# Who asks, by the canonical row of today, locked in the order of ids.
_PEOPLE = """
    SELECT a.id AS asked, c.id, c.status, c.joined_at FROM member a
    JOIN member c ON c.id = COALESCE(a.canonical_id, a.id) WHERE a.id
"""
PEOPLE = Both(
    postgres=_PEOPLE + "= ANY($1::uuid[]) ORDER BY c.id FOR NO KEY UPDATE OF c",
    sqlite=_PEOPLE + _OF_THESE,
)

# Of people (canonical ids): the newest day from $2 on, the streak of the day before ($3), how many of a month [$4, $5).
_AROUND = """
    SELECT COALESCE(m.canonical_id, m.id) AS member_id, MAX(c.business_on) AS newest,
        MAX(CASE WHEN c.business_on = $3 THEN c.streak_count END) AS before,
        COUNT(DISTINCT CASE WHEN c.business_on >= $4 AND c.business_on < $5 THEN c.business_on END) AS in_month
    FROM member m JOIN check_in c ON c.member_id = m.id AND c.business_on >= $2
    WHERE m.id {these} OR m.canonical_id {these} GROUP BY COALESCE(m.canonical_id, m.id)
"""
AROUND = Both(postgres=_AROUND.format(these="= ANY($1::uuid[])"), sqlite=_AROUND.format(these=_OF_THESE))

# The days of one person ($1, all ids) from $2 up to $3, as they stand over all of them.
_DAYS = """
    SELECT business_on, MAX(streak_count) AS streak, MIN(CASE WHEN is_made_up THEN 1 ELSE 0 END) AS is_made_up
    FROM check_in WHERE member_id {these} AND business_on >= $2 AND business_on <= $3
    GROUP BY business_on ORDER BY business_on
"""
DAYS = Both(postgres=_DAYS.format(these="= ANY($1::uuid[])"), sqlite=_DAYS.format(these=_OF_THESE))
_REWARDS = """
    SELECT c.business_on, g.part, g.kind, g.code, g.wanted, g.amount, g.cut_by FROM check_in c
    JOIN given_reward g ON g.act_id = c.id
    WHERE c.member_id {these} AND c.business_on >= $2 AND c.business_on <= $3 ORDER BY c.business_on, g.id
"""
REWARDS = Both(postgres=_REWARDS.format(these="= ANY($1::uuid[])"), sqlite=_REWARDS.format(these=_OF_THESE))

ADD = of_rows(
    """
    INSERT INTO check_in (id, created_at, member_id, business_on, is_made_up, streak_count, terms_id, checked_in_at)
    SELECT r.id, $2, r.member_id, r.business_on, $3, r.streak_count, $4, $2 FROM {rows} WHERE true
    ON CONFLICT (member_id, business_on) DO NOTHING RETURNING id
    """,
    {"id": "uuid", "member_id": "uuid", "business_on": "text", "streak_count": "int"},
)
ADD_REWARDS = of_rows(
    """
    INSERT INTO given_reward (id, created_at, act, act_id, part, place, member_id, kind, code, wanted, amount, given_id,
        cut_by, given_at)
    SELECT r.id, $2, $3, r.act_id, r.part, r.place, r.member_id, r.kind, r.code, r.wanted, r.amount, r.given_id,
        r.cut_by, $2
    FROM {rows} WHERE true ON CONFLICT (act_id, part, place) DO NOTHING RETURNING id
    """,
    {
        "id": "uuid",
        "act_id": "uuid",
        "part": "text",
        "place": "int",
        "member_id": "uuid",
        "kind": "text",
        "code": "text",
        "wanted": "bigint",
        "amount": "bigint",
        "given_id": "uuid",
        "cut_by": "text",
    },
)

_CARDS_OF = """
    SELECT l.left_amount, l.expires_at FROM ledger_lot l JOIN ledger_account a ON a.id = l.account_id
    WHERE a.unit = 'makeup_cards' AND a.kind = 'member' AND l.left_amount > 0 AND a.member_id
"""
CARDS_OF = Both(postgres=_CARDS_OF + "= ANY($1::uuid[])", sqlite=_CARDS_OF + _OF_THESE)

# --- streaks: how many days in a row end with each, over everybody that a member is

_RUNS = """
    SELECT d.id, DENSE_RANK() OVER (PARTITION BY d.person, d.day - d.place ORDER BY d.day) AS streak FROM (
        SELECT c.id, COALESCE(m.canonical_id, m.id) AS person, {day} AS day,
            DENSE_RANK() OVER (PARTITION BY COALESCE(m.canonical_id, m.id) ORDER BY c.business_on) AS place
        FROM check_in c JOIN member m ON m.id = c.member_id {whose}
    ) d
"""
_PG_DAY = "(CAST(c.business_on AS date) - DATE '2000-01-01')"
_SQLITE_DAY = "CAST(julianday(c.business_on) AS INTEGER)"
RUNS = Both(
    postgres=_RUNS.format(day=_PG_DAY, whose=""),
    sqlite=_RUNS.format(day=_SQLITE_DAY, whose=""),
)
# After a mended day, a merge, or its undoing: those of these people ($1, ids of any time that are theirs) anew.
_RECOUNT = """
    UPDATE check_in SET streak_count = s.streak FROM ({runs}) s
    WHERE s.id = check_in.id AND check_in.streak_count <> s.streak RETURNING check_in.id
"""
_PG_THEIRS = "WHERE m.id = ANY($1::uuid[]) OR m.canonical_id = ANY($1::uuid[])"
_SQLITE_THEIRS = f"WHERE m.id {_OF_THESE} OR m.canonical_id {_OF_THESE}"
RECOUNT = Both(
    postgres=_RECOUNT.format(runs=_RUNS.format(day=_PG_DAY, whose=_PG_THEIRS)),
    sqlite=_RECOUNT.format(runs=_RUNS.format(day=_SQLITE_DAY, whose=_SQLITE_THEIRS)),
)
