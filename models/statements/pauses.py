"""When benefits, offers and merchants were off."""

from models.sql import Both

# $1 id, $2 now, $3 kind, $4 what. One that is off already stays off since then.
BEGIN = """
    INSERT INTO pause (id, created_at, subject_kind, subject_id, began_at) VALUES ($1, $2, $3, $4, $2)
    ON CONFLICT DO NOTHING RETURNING id
"""
END = """
    UPDATE pause SET ended_at = $3 WHERE subject_kind = $1 AND subject_id = $2 AND ended_at IS NULL RETURNING id
"""
# Of these ($1), what was off at any time since $2.
_SINCE = """
    SELECT subject_id, began_at, ended_at FROM pause
    WHERE subject_id {these} AND (ended_at IS NULL OR ended_at > $2) ORDER BY began_at, id
"""
SINCE = Both(
    postgres=_SINCE.format(these="= ANY($1::uuid[])"),
    sqlite=_SINCE.format(these="IN (SELECT value FROM json_each($1))"),
)
