"""Rights of levels: those that are active, who was given them, and who comes next. Sets of rows are one JSON ($1)."""

from models.sql import Both, of_rows
from models.statements.theirs import is_theirs

_OF_THESE = "IN (SELECT value FROM json_each($1))"

ACTIVE = """
    SELECT id, code, name, offer_id, levels, period FROM level_right
    WHERE programme_id = $1 AND state = 'active' ORDER BY id
"""
# What these people ($1, canonical ids) were given of a right ($2) for these periods ($3), by whatever id.
_GIVEN = """
    SELECT COALESCE(m.canonical_id, m.id) AS member_id, g.period
    FROM level_right_given g JOIN member m ON m.id = g.member_id
    WHERE g.right_id = $2 AND g.period {periods} AND (m.id {these} OR m.canonical_id {these})
"""
GIVEN = Both(
    postgres=_GIVEN.format(these="= ANY($1::uuid[])", periods="= ANY($3::text[])"),
    sqlite=_GIVEN.format(these=_OF_THESE, periods="IN (SELECT value FROM json_each($3))"),
)
# All that a person ($1, of any time) was ever given, as right and period.
_GIVEN_TO = "SELECT g.right_id, g.period FROM level_right_given g WHERE g.member_id "
GIVEN_TO = Both(postgres=_GIVEN_TO + is_theirs("$1").postgres, sqlite=_GIVEN_TO + is_theirs("$1").sqlite)
ADD_GIVEN = of_rows(
    """
    INSERT INTO level_right_given (id, created_at, right_id, member_id, period, level, claim_id, given_at)
    SELECT r.id, $2, r.right_id, r.member_id, r.period, r.level, r.claim_id, $2
    FROM {rows} WHERE true ORDER BY r.right_id, r.member_id
    ON CONFLICT (right_id, member_id, period) DO NOTHING RETURNING id
    """,
    {"id": "uuid", "right_id": "uuid", "member_id": "uuid", "period": "text", "level": "text", "claim_id": "uuid"},
)
# Members behind an ordinal ($1) who stand on one of these levels ($4) of a programme ($2); $3 is the level of those
# who never took a step, $5 how many.
_NEXT = """
    SELECT m.id, m.ordinal FROM member m LEFT JOIN member_level s ON s.member_id = m.id AND s.programme_id = $2
    WHERE m.ordinal > $1 AND m.joined_at IS NOT NULL AND m.status = 'active' AND m.canonical_id IS NULL
    AND COALESCE(s.code, {base}) {levels} ORDER BY m.ordinal LIMIT $5
"""
NEXT = Both(
    postgres=_NEXT.format(levels="= ANY($4::text[])", base="CAST($3 AS text)"),
    sqlite=_NEXT.format(levels="IN (SELECT value FROM json_each($4))", base="$3"),
)
_PROFILES = "SELECT id, profile_cipher FROM member WHERE profile_cipher <> '' AND id "
PROFILES = Both(postgres=_PROFILES + "= ANY($1::uuid[])", sqlite=_PROFILES + _OF_THESE)

# A draft is added or changed; what was published is not.
SET_RIGHT = """
    INSERT INTO level_right (id, created_at, programme_id, code, name, offer_id, levels, period, state)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'draft')
    ON CONFLICT (programme_id, code) DO UPDATE SET name = excluded.name, offer_id = excluded.offer_id,
        levels = excluded.levels, period = excluded.period
    WHERE level_right.state = 'draft' RETURNING id
"""
MOVE_RIGHT = """
    UPDATE level_right SET state = $3, published_at = COALESCE(published_at, $4),
        ended_at = $5
    WHERE id = $1 AND state = $2 RETURNING id
"""
