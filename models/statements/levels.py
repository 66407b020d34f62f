"""Levels: the ladder that holds, where members stand on it, and every step. Sets of rows are one JSON text ($1)."""

from models.sql import Both, of_rows
from models.statements.theirs import is_theirs

_OF_THESE = "IN (SELECT value FROM json_each($1))"

# --- ladders: of the programme with this code ($1), and the number that holds (null: none was ever published)

PROGRAMME = """
    SELECT p.id AS programme_id, p.organization_id, p.name,
        (SELECT MAX(d.number) FROM level_ladder d WHERE d.programme_id = p.id) AS number
    FROM programme p WHERE p.code = $1
"""
VERSION = """
    SELECT d.downgrade, d.published_at, l.code, l.name, l.threshold, l.validity, l.validity_count, l.keep_growth
    FROM level_ladder d JOIN ladder_level l ON l.ladder_id = d.id
    WHERE d.programme_id = $1 AND d.number = $2 ORDER BY l.rank
"""
DRAFT = "SELECT terms, updated_at FROM ladder_draft WHERE programme_id = $1"
_LOCK_PROGRAMME = "SELECT id FROM programme WHERE id = $1"
LOCK_PROGRAMME = Both(postgres=_LOCK_PROGRAMME + " FOR NO KEY UPDATE", sqlite=_LOCK_PROGRAMME)
SET_DRAFT = """
    INSERT INTO ladder_draft (id, created_at, programme_id, terms, updated_at) VALUES ($1, $2, $3, $4, $2)
    ON CONFLICT (programme_id) DO UPDATE SET terms = excluded.terms, updated_at = excluded.updated_at RETURNING id
"""
PUBLISH = """
    INSERT INTO level_ladder (id, created_at, programme_id, number, downgrade, published_by_id, published_at)
    VALUES ($1, $2, $3, $4, $5, $6, $2) ON CONFLICT (programme_id, number) DO NOTHING RETURNING id
"""
ADD_LEVELS = of_rows(
    """
    INSERT INTO ladder_level (id, created_at, ladder_id, rank, code, name, threshold, validity, validity_count,
        keep_growth)
    SELECT r.id, $2, r.ladder_id, r.rank, r.code, r.name, r.threshold, r.validity, r.validity_count, r.keep_growth
    FROM {rows} WHERE true RETURNING id
    """,
    {
        "id": "uuid",
        "ladder_id": "uuid",
        "rank": "int",
        "code": "text",
        "name": "text",
        "threshold": "bigint",
        "validity": "text",
        "validity_count": "int",
        "keep_growth": "bigint",
    },
)

# --- where members stand: $1 ids of any time, $2 the programme. What moves with a merge stands with the survivor.

_STANDINGS = """
    SELECT m.id AS asked, c.id AS member_id, c.joined_at, s.code, s.version, s.began_at, s.judged_at, s.override_until,
        s.sequence, COALESCE(a.posted, 0) AS growth
    FROM member m JOIN member c ON c.id = COALESCE(m.canonical_id, m.id)
    LEFT JOIN member_level s ON s.member_id = c.id AND s.programme_id = $2
    LEFT JOIN ledger_account a ON a.member_id = c.id AND a.programme_id = $2 AND a.unit = 'growth'
        AND a.kind = 'member'
    WHERE m.id
"""
STANDINGS = Both(postgres=_STANDINGS + "= ANY($1::uuid[])", sqlite=_STANDINGS + _OF_THESE)

# Growth that came to a member ($1, and to those who were merged into them) within [$3, $4), less what was taken back.
EARNED = """
    SELECT COALESCE(SUM(CASE WHEN d.kind = 'issued' THEN t.amount ELSE -t.amount END), 0) AS earned
    FROM transfer t JOIN ledger_account d ON d.id = t.debit_id JOIN ledger_account c ON c.id = t.credit_id
    JOIN ledger_account o ON o.id = CASE WHEN d.kind = 'issued' THEN c.id ELSE d.id END
    JOIN member m ON m.id = o.member_id
    WHERE t.unit = 'growth' AND t.programme_id = $2 AND t.happened_at >= $3 AND t.happened_at < $4
    AND 'issued' IN (d.kind, c.kind) AND (m.id = $1 OR m.canonical_id = $1)
"""

_STEP = {
    "id": "uuid",
    "member_id": "uuid",
    "number": "int",
    "cause": "text",
    "cause_id": "text",
    "from_code": "text",
    "code": "text",
    "version": "int",
    "growth": "bigint",
    "began_at": "timestamptz",
    "judged_at": "timestamptz",
    "override_until": "timestamptz",
    "reason": "text",
    "operator_id": "uuid",
    "approved_by_id": "uuid",
}
# The n-th step of a member happens once. $2 now, $3 the programme.
ADD_CHANGES = of_rows(
    """
    INSERT INTO level_change (id, created_at, programme_id, member_id, number, cause, cause_id, from_code, code,
        version, growth, began_at, judged_at, override_until, reason, operator_id, approved_by_id, happened_at)
    SELECT r.id, $2, $3, r.member_id, r.number, r.cause, r.cause_id, r.from_code, r.code, r.version, r.growth,
        r.began_at, r.judged_at, r.override_until, r.reason, r.operator_id, r.approved_by_id, $2
    FROM {rows} WHERE true ORDER BY r.member_id, r.number
    ON CONFLICT (programme_id, member_id, number) DO NOTHING RETURNING id
    """,
    _STEP,
)
_PLACE = {name: _STEP[name] for name in ("id", "member_id", "code", "version", "began_at", "judged_at")}
_PLACE |= {"override_until": "timestamptz", "sequence": "int", "expected": "int"}
# Only from where it was read, or not at all.
FIRST_LEVELS = of_rows(
    """
    INSERT INTO member_level (id, created_at, programme_id, member_id, code, version, began_at, judged_at,
        override_until, sequence)
    SELECT r.id, $2, $3, r.member_id, r.code, r.version, r.began_at, r.judged_at, r.override_until, r.sequence
    FROM {rows} WHERE true ORDER BY r.member_id ON CONFLICT (programme_id, member_id) DO NOTHING RETURNING id
    """,
    _PLACE,
)
MOVE_LEVELS = of_rows(
    """
    UPDATE member_level SET code = r.code, version = r.version, began_at = r.began_at, judged_at = r.judged_at,
        override_until = r.override_until, sequence = r.sequence
    FROM {rows} WHERE member_level.programme_id = $2 AND member_level.member_id = r.member_id
    AND member_level.sequence = r.expected RETURNING member_level.id
    """,
    _PLACE,
)

# --- by the clock: members ($2 the last of the page before, $3 how many) whose period or override is over at $1

_DUE = """
    SELECT s.member_id FROM member_level s JOIN member m ON m.id = s.member_id
    WHERE (s.judged_at <= $1 OR s.override_until <= $1) AND m.status IN ('active', 'frozen')
    AND ({after} IS NULL OR s.member_id > {after}) ORDER BY s.member_id LIMIT $3
"""
DUE = Both(postgres=_DUE.format(after="CAST($2 AS uuid)"), sqlite=_DUE.format(after="$2"))
# Members with growth in a programme ($1) behind one of them ($2).
_GROWN = """
    SELECT a.member_id FROM ledger_account a JOIN member m ON m.id = a.member_id
    WHERE a.programme_id = $1 AND a.unit = 'growth' AND a.kind = 'member' AND a.posted > 0
    AND m.status IN ('active', 'frozen') AND ({after} IS NULL OR a.member_id > {after})
    ORDER BY a.member_id LIMIT $3
"""
GROWN = Both(postgres=_GROWN.format(after="CAST($2 AS uuid)"), sqlite=_GROWN.format(after="$2"))

# Reminders: members ($5 the last of the page before, $6 how many) who are judged within ($1, $2] or ($3, $4].
_WARNED = """
    SELECT s.member_id, MIN(a.key) AS account FROM member_level s
    JOIN level_ladder d ON d.programme_id = s.programme_id AND d.number = s.version AND d.downgrade <> 'none'
    JOIN ladder_level l ON l.ladder_id = d.id AND l.code = s.code AND l.keep_growth > 0
    JOIN member m ON m.id = s.member_id AND m.status = 'active'
    JOIN follower f ON f.member_id = s.member_id AND f.unfollowed_at IS NULL
    JOIN account a ON a.id = f.account_id AND a.kind = 'official_account'
    WHERE ((s.judged_at > $1 AND s.judged_at <= $2) OR (s.judged_at > $3 AND s.judged_at <= $4))
    AND ({after} IS NULL OR s.member_id > {after})
    GROUP BY s.member_id ORDER BY s.member_id LIMIT $6
"""
WARNED = Both(postgres=_WARNED.format(after="CAST($5 AS uuid)"), sqlite=_WARNED.format(after="$5"))

# --- people who become one, are two again, or leave: the rows of these members ($1) themselves

_ROWS = """
    SELECT s.member_id, NULL AS joined_at, s.code, s.version, s.began_at, s.judged_at, s.override_until, s.sequence,
        COALESCE(a.posted, 0) AS growth
    FROM member_level s LEFT JOIN ledger_account a ON a.member_id = s.member_id AND a.programme_id = s.programme_id
        AND a.unit = 'growth' AND a.kind = 'member'
    WHERE s.programme_id = $2 AND s.member_id
"""
ROWS = Both(postgres=_ROWS + "= ANY($1::uuid[])", sqlite=_ROWS + _OF_THESE)
# The last step of a member ($1), the newest first.
STEPS = """
    SELECT number, cause, cause_id, code, version, began_at, judged_at, override_until FROM level_change
    WHERE member_id = $1 AND programme_id = $2 ORDER BY number DESC
"""
# Every step of a person ($1, of any time), the newest first, before an id ($2, null: from the newest).
_HISTORY = """
    SELECT h.id, h.cause, h.from_code, h.code, h.version, h.growth, h.judged_at, h.override_until, h.reason,
        h.operator_id, h.approved_by_id, h.happened_at
    FROM level_change h WHERE h.member_id {theirs}
    AND ({before} IS NULL OR h.id < {before}) ORDER BY h.id DESC LIMIT $3
"""
HISTORY = Both(
    postgres=_HISTORY.format(theirs=is_theirs("$1").postgres, before="CAST($2 AS uuid)"),
    sqlite=_HISTORY.format(theirs=is_theirs("$1").sqlite, before="$2"),
)
