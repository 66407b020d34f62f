"""The job table's hot statements. Several rows travel as one JSON text, so both dialects take the same values.

Instants come from the caller's clock, never from the database's, so that leases, back-off and cron share one time.
"""

from models.sql import Both

# A key that exists is the same act asked for again: nothing to add. $1 [{"id", "kind", "key", "payload" (as text),
# "run_at", "order_key"}].
_LATER = """
    INSERT INTO job (id, created_at, kind, key, payload, state, run_at, order_key, attempt_count, fence, last_error)
    SELECT j.id, {now}, j.kind, j.key, {payload}, 'ready', j.run_at, j.order_key, 0, 0, '' FROM {jobs} WHERE true
    ON CONFLICT (key) DO NOTHING RETURNING id
"""
_JOB = ("id", "kind", "key", "payload", "run_at", "order_key")
LATER = Both(
    postgres=_LATER.format(
        now="clock_timestamp()",
        payload="CAST(j.payload AS jsonb)",
        jobs="json_to_recordset($1::text::json)"
        " AS j(id uuid, kind text, key text, payload text, run_at timestamptz, order_key text)",
    ),
    sqlite=_LATER.format(
        now="strftime('%Y-%m-%d %H:%M:%f', 'now') || '000+00:00'",
        payload="j.payload",
        jobs=f"(SELECT {', '.join(f'value ->> {name!r} AS {name}' for name in _JOB)} FROM json_each($1)) AS j",  # noqa: S608
    ),
)

# Of an order key only the oldest unfinished job may run, and none while another runs. Ids are time-ordered.
_IN_TURN = """
    (j.order_key IS NULL OR NOT EXISTS (
        SELECT 1 FROM job o WHERE o.order_key = j.order_key AND o.id <> j.id
        AND (o.state = 'running' OR (o.state = 'ready' AND o.id < j.id))))
"""
_CLAIM = """
    UPDATE job SET state = 'running', lease_owner = $1, lease_until = $2, fence = fence + 1,
        attempt_count = attempt_count + 1
    WHERE id IN (
        SELECT j.id FROM job j WHERE j.state = 'ready' AND j.run_at <= $3 AND j.kind IN ({kinds}) AND {in_turn}
        ORDER BY j.run_at, j.id LIMIT $5 {lock})
    RETURNING CAST(id AS TEXT) AS id, kind, key, CAST(payload AS TEXT) AS payload, attempt_count, fence, order_key
"""
CLAIM = Both(
    postgres=_CLAIM.format(
        kinds="SELECT json_array_elements_text($4::text::json)", in_turn=_IN_TURN, lock="FOR UPDATE OF j SKIP LOCKED"
    ),
    sqlite=_CLAIM.format(kinds="SELECT value FROM json_each($4)", in_turn=_IN_TURN, lock=""),
)

# $1: [{"id", "fence"}, ...]; $2: the owner. Whoever lost the lease finds nothing: that is the fence.
_HELD = "job.id = held.id AND job.fence = held.fence AND job.lease_owner = $2 AND job.state = 'running'"
_PG_HELD = "json_to_recordset($1::text::json) AS held(id uuid, fence int, at timestamptz, note text)"
_SQLITE_HELD = """(
    SELECT value ->> 'id' AS id, value ->> 'fence' AS fence, value ->> 'at' AS at, value ->> 'note' AS note
    FROM json_each($1)) AS held"""


def _on_held(change: str) -> Both:
    """An UPDATE of the jobs of $1 that are still leased to $2; gives their ids back."""
    sql = f"UPDATE job SET {change} FROM {{held}} WHERE {_HELD} RETURNING CAST(job.id AS TEXT) AS id"  # noqa: S608
    return Both(postgres=sql.format(held=_PG_HELD), sqlite=sql.format(held=_SQLITE_HELD))


_RELEASED = "lease_owner = NULL, lease_until = NULL"
FINISH = _on_held(f"state = 'done', finished_at = $3, last_error = held.note, {_RELEASED}")
BURY = _on_held(f"state = 'dead', finished_at = $3, last_error = held.note, {_RELEASED}")
RETRY = _on_held(f"state = 'ready', run_at = held.at, last_error = held.note, {_RELEASED}")
GIVE_BACK = _on_held(f"state = 'ready', attempt_count = attempt_count - 1, {_RELEASED}")
EXTEND = _on_held("lease_until = $3")

# A lease that ran out: its worker died or hangs. Back in the line, or dead after its last try.
RECOVER = f"""
    UPDATE job SET state = CASE WHEN attempt_count >= $2 THEN 'dead' ELSE 'ready' END,
        finished_at = CASE WHEN attempt_count >= $2 THEN CAST($3 AS {{instant}}) END,
        last_error = 'lease ran out', {_RELEASED}
    WHERE id IN (SELECT id FROM job WHERE state = 'running' AND lease_until <= $1 {{lock}})
    RETURNING CAST(id AS TEXT) AS id, state
"""  # noqa: S608
RECOVER_LAPSED = Both(
    postgres=RECOVER.format(instant="timestamptz", lock="FOR UPDATE SKIP LOCKED"),
    sqlite=RECOVER.format(instant="TEXT", lock=""),
)

ANY_LAPSED = "SELECT 1 AS one FROM job WHERE state = 'running' AND lease_until <= $1 LIMIT 1"
NEXT_DUE = "SELECT run_at FROM job WHERE state = 'ready' ORDER BY run_at LIMIT 1"

FIGURES = """
    SELECT state, COUNT(*) AS number, MIN(run_at) AS oldest FROM job
    WHERE state IN ('ready', 'running', 'dead') GROUP BY state
"""

_DEAD = """
    SELECT id, kind, key, payload, attempt_count, last_error, finished_at
    FROM job WHERE state = 'dead' AND ({after} IS NULL OR id > {after}) ORDER BY id LIMIT $2
"""
DEAD = Both(postgres=_DEAD.format(after="CAST($1 AS uuid)"), sqlite=_DEAD.format(after="$1"))
REQUEUE = """
    UPDATE job SET state = 'ready', run_at = $2, attempt_count = 0, finished_at = NULL
    WHERE id = $1 AND state = 'dead' RETURNING id
"""
DISCARD = """
    UPDATE job SET state = 'done', finished_at = $2, last_error = $3 WHERE id = $1 AND state = 'dead' RETURNING id
"""
PRUNE = """
    DELETE FROM job WHERE id IN (SELECT id FROM job WHERE state = 'done' AND finished_at < $1 LIMIT $2) RETURNING id
"""

LAST_SLOT = "SELECT MAX(slot) AS slot FROM cron_slot WHERE name = $1"
TAKE_SLOT = """
    INSERT INTO cron_slot (id, created_at, name, slot) VALUES ($1, $2, $3, $4)
    ON CONFLICT (name, slot) DO NOTHING RETURNING id
"""
PRUNE_SLOTS = """
    DELETE FROM cron_slot WHERE created_at < $1
    AND slot < (SELECT MAX(newer.slot) FROM cron_slot newer WHERE newer.name = cron_slot.name) RETURNING id
"""
