"""Tasks: what is published, what was finished, and what the other tables say was done."""

from models.sql import Both, of_rows

_OF_THESE = "IN (SELECT value FROM json_each($1))"

KEEP_TASK = """
    INSERT INTO task (id, created_at, organization_id, code, state, version, terms)
    VALUES ($1, $2, $3, $4, 'draft', 0, $5) ON CONFLICT (code) DO NOTHING RETURNING id
"""
PUBLISH = """
    UPDATE task SET state = 'published', version = version + 1 WHERE id = $1 AND version = $2 RETURNING version
"""
STOP = "UPDATE task SET state = 'stopped' WHERE id = $1 AND state = 'published' RETURNING id"
_PUBLISHED = """
    SELECT t.id, t.code, t.organization_id, t.version, v.terms FROM task t
    JOIN task_version v ON v.task_id = t.id AND v.number = t.version
    WHERE t.state = 'published' AND ({one} IS NULL OR t.id = {one}) ORDER BY t.id
"""
PUBLISHED = Both(postgres=_PUBLISHED.format(one="CAST($1 AS uuid)"), sqlite=_PUBLISHED.format(one="$1"))

# What a person ($1, all ids) finished of a task ($2); whoever came is told by the id of today.
_FINISHED = """
    SELECT f.period, f.finished_at, COALESCE(CAST(s.canonical_id AS TEXT), CAST(s.id AS TEXT), f.subject) AS subject
    FROM finished_task f LEFT JOIN member s ON s.id = {subject}
    WHERE f.member_id {these} AND f.task_id = $2
"""
FINISHED = Both(
    postgres=_FINISHED.format(these="= ANY($1::uuid[])", subject="CAST(NULLIF(f.subject, '') AS uuid)"),
    sqlite=_FINISHED.format(these=_OF_THESE, subject="f.subject"),
)
FINISH = of_rows(
    """
    INSERT INTO finished_task (id, created_at, task_id, version, member_id, period, subject, finished_at)
    SELECT r.id, $2, r.task_id, r.version, r.member_id, r.period, r.subject, $2 FROM {rows} WHERE true
    ON CONFLICT (task_id, member_id, period, subject) DO NOTHING RETURNING id
    """,
    {
        "id": "uuid",
        "task_id": "uuid",
        "version": "int",
        "member_id": "uuid",
        "period": "text",
        "subject": "text",
    },
)

# Something of theirs ($1, all ids) was redeemed since $2 (null: ever), and stands.
_REDEEMED = """
    SELECT r.id FROM redemption r JOIN claim c ON c.id = r.claim_id
    WHERE c.member_id {these} AND r.kind = 'redeem' AND ({since} IS NULL OR r.redeemed_at >= {since})
    AND NOT EXISTS (SELECT 1 FROM redemption v WHERE v.reverses_id = r.id) LIMIT 1
"""
REDEEMED = Both(
    postgres=_REDEEMED.format(these="= ANY($1::uuid[])", since="CAST($2 AS timestamptz)"),
    sqlite=_REDEEMED.format(these=_OF_THESE, since="$2"),
)

# Who came by an invitation of a person ($1, all ids), joined afterwards, and redeemed or checked in on $2 days.
_CAME_AND_ACTED = """
    SELECT DISTINCT w.id AS member_id, a.touched_at FROM invitation i JOIN attribution a ON a.scene = i.code
    JOIN member m ON m.id = a.member_id JOIN member w ON w.id = COALESCE(m.canonical_id, m.id)
    WHERE i.member_id {these} AND w.id {not_these} AND w.status = 'active' AND w.joined_at >= a.touched_at
    AND (
        EXISTS (
            SELECT 1 FROM claim c JOIN member o ON o.id = c.member_id JOIN redemption r ON r.claim_id = c.id
            WHERE (o.id = w.id OR o.canonical_id = w.id) AND r.kind = 'redeem' AND r.redeemed_at >= a.touched_at
            AND NOT EXISTS (SELECT 1 FROM redemption v WHERE v.reverses_id = r.id)
        )
        OR (
            SELECT COUNT(DISTINCT d.business_on) FROM check_in d JOIN member o ON o.id = d.member_id
            WHERE (o.id = w.id OR o.canonical_id = w.id) AND NOT d.is_made_up AND d.checked_in_at >= a.touched_at
        ) >= $2
    )
    ORDER BY a.touched_at, w.id
"""
CAME_AND_ACTED = Both(
    postgres=_CAME_AND_ACTED.format(these="= ANY($1::uuid[])", not_these="<> ALL($1::uuid[])"),
    sqlite=_CAME_AND_ACTED.format(these=_OF_THESE, not_these=f"NOT {_OF_THESE}"),
)

# The invitation of one person ($3) in a programme ($4), made at first sight.
KEEP_INVITATION = """
    INSERT INTO invitation (id, created_at, member_id, programme_id, code) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (programme_id, member_id) DO NOTHING RETURNING id
"""
INVITATION = "SELECT code FROM invitation WHERE programme_id = $1 AND member_id = $2"

# Who invited a person ($1, all ids), as they are today.
_INVITERS = """
    SELECT DISTINCT w.id AS member_id FROM attribution a JOIN invitation i ON i.code = a.scene
    JOIN member m ON m.id = i.member_id JOIN member w ON w.id = COALESCE(m.canonical_id, m.id)
    WHERE a.member_id {these} AND w.status = 'active'
"""
INVITERS = Both(postgres=_INVITERS.format(these="= ANY($1::uuid[])"), sqlite=_INVITERS.format(these=_OF_THESE))
