"""What was won and waits for a word of its winner, things and benefits alike: what is seen, and what is reminded of."""

from models.sql import Both
from models.statements.draws import THEIRS
from models.statements.due_prizes import STOPPED_THERE

# What of a member's ($2, of any time) waits at $1, what ends first first, $3 at most; `number` is that of all of it.
_OF_ONE = """
    SELECT p.*, COUNT(*) OVER () AS number FROM (
        SELECT id, offer_id, name, deadline_at FROM due_prize
        WHERE member_id {theirs} AND state = 'waiting' AND deadline_at > $1
        UNION ALL
        SELECT id, NULL AS offer_id, name, deadline_at FROM parcel
        WHERE member_id {theirs} AND state = 'waiting' AND deadline_at > $1
    ) p ORDER BY p.deadline_at, p.id LIMIT $3
"""
OF_ONE = Both(
    postgres=_OF_ONE.format(theirs=f"= ANY(ARRAY{THEIRS})"),
    sqlite=_OF_ONE.format(theirs=f"IN {THEIRS}"),
)

# --- reminders: what ends within ($1, $2], was won before $3, and was not reminded of while it waits. What is stopped
# is left out: it could not be had, and its deadline is put off.
_DUE = "state = 'waiting' AND deadline_at > $1 AND deadline_at <= $2 AND created_at < $3 AND reminded_at IS NULL"
_TABLES = {"due_prize": f"{_DUE} AND NOT {STOPPED_THERE}", "parcel": _DUE}

# Whose it is today, and whether they follow an account: $4 the last of the page before, $5 how many.
_OWNERS = f"""
    SELECT w.id AS member_id FROM (
        {" UNION ALL ".join(f"SELECT member_id FROM {table} WHERE {due}" for table, due in _TABLES.items())}
    ) p JOIN member m ON m.id = p.member_id JOIN member w ON w.id = COALESCE(m.canonical_id, m.id)
    WHERE w.status = 'active' AND ({{after}} IS NULL OR w.id > {{after}}) AND EXISTS (
        SELECT 1 FROM follower f JOIN account a ON a.id = f.account_id AND a.kind = 'official_account'
        WHERE f.member_id = w.id AND f.unfollowed_at IS NULL)
    GROUP BY w.id ORDER BY w.id LIMIT $5
"""  # noqa: S608 - our own words
OWNERS = Both(postgres=_OWNERS.format(after="CAST($4 AS uuid)"), sqlite=_OWNERS.format(after="$4"))


def _mark(table: str, due: str) -> Both:
    """What of these members' ($4) is reminded of now: each is found once, whoever else is looking."""
    sql = f"""
        UPDATE {table} SET reminded_at = $1 WHERE {due} AND member_id IN (
            SELECT t.id FROM member t WHERE t.id {{them}} OR t.canonical_id {{them}}) RETURNING id, member_id
    """  # noqa: S608 - our own words
    return Both(
        postgres=sql.format(them="= ANY($4::uuid[])"), sqlite=sql.format(them="IN (SELECT value FROM json_each($4))")
    )


MARK = tuple(_mark(table, due) for table, due in _TABLES.items())
