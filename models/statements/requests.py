"""Statements of the request table: who asked what under which key, and the result they got."""

from models.sql import Both

_PG_NOW = "clock_timestamp()"
_SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000+00:00'"  # the fixed-width text of UtcField

# On PostgreSQL this waits for a twin's transaction (lock_timeout), then sees its row; the winner gets an id back.
_ASK = """
    INSERT INTO request (id, created_at, actor_kind, actor_id, operation, key, fingerprint, result)
    VALUES ($1, {now}, $2, $3, $4, $5, $6, 'null')
    ON CONFLICT (actor_kind, actor_id, operation, key) DO NOTHING RETURNING id
"""
ASK = Both(postgres=_ASK.format(now=_PG_NOW), sqlite=_ASK.format(now=_SQLITE_NOW))

GIVE = Both(
    postgres="UPDATE request SET result = CAST($2::text AS jsonb) WHERE id = $1 RETURNING id",
    sqlite="UPDATE request SET result = $2 WHERE id = $1 RETURNING id",
)

RECALL = """
    SELECT fingerprint, CAST(result AS TEXT) AS result FROM request
    WHERE actor_kind = $1 AND actor_id = $2 AND operation = $3 AND key = $4
"""

# Many at once, for the lanes. $1: [{"id", "actor_kind", "actor_id", "operation", "key", "fingerprint", "result"}].
_FIELDS = ("id", "actor_kind", "actor_id", "operation", "key", "fingerprint", "result")
_PG_ASKED = """json_to_recordset($1::text::json)
    AS a(id uuid, actor_kind text, actor_id text, operation text, key text, fingerprint text, result text)"""
_SQLITE_ASKED = f"(SELECT {', '.join(f'value ->> {f!r} AS {f}' for f in _FIELDS)} FROM json_each($1)) AS a"  # noqa: S608
_KEY = "actor_kind, actor_id, operation, key"

# Ordered, so that two transactions with the same keys cannot wait for each other in a circle.
_RECORD = f"""
    INSERT INTO request (id, created_at, {_KEY}, fingerprint, result)
    SELECT id, {{now}}, {_KEY}, fingerprint, {{result}} FROM {{asked}} WHERE true ORDER BY {_KEY}
    ON CONFLICT ({_KEY}) DO NOTHING RETURNING {_KEY}
"""  # noqa: S608
RECORD_MANY = Both(
    postgres=_RECORD.format(now=_PG_NOW, result="CAST(a.result AS jsonb)", asked=_PG_ASKED),
    sqlite=_RECORD.format(now=_SQLITE_NOW, result="a.result", asked=_SQLITE_ASKED),
)

_RECALL = f"""
    SELECT {", ".join(f"r.{column}" for column in _KEY.split(", "))}, r.fingerprint, CAST(r.result AS TEXT) AS result
    FROM {{asked}} {{join}} request r {{on}} r.actor_kind = a.actor_kind AND r.actor_id = a.actor_id
        AND r.operation = a.operation AND r.key = a.key {{limit}}
"""  # noqa: S608
# LIMIT keeps PostgreSQL at one look into the index per key: while the table's statistics are young, it would otherwise
# read the whole table for each recall.
RECALL_MANY = Both(
    postgres=f"SELECT f.* FROM {_PG_ASKED} CROSS JOIN LATERAL ("  # noqa: S608
    + _RECALL.format(asked="", join="", on="WHERE", limit="LIMIT 1")
    + ") f",
    sqlite=_RECALL.format(asked=_SQLITE_ASKED, join="JOIN", on="ON", limit=""),
)

PURGE = "DELETE FROM request WHERE id IN (SELECT id FROM request WHERE created_at < $1 LIMIT $2) RETURNING id"
