"""Set-based SQL of code pools: giving codes out, counting what is left, importing.

Sets travel as one array or one JSON text, so both dialects take the same values.
"""

from models.sql import Both

# --- giving out: $1 the pool's code, $2 claim ids, $3 now

# The codes that came in first are given first. On PostgreSQL others pass over rows that somebody is about to give, so
# nobody waits and no order of locks can cross; on SQLite there is one writer.
_POOL = "SELECT p.id FROM code_pool p WHERE p.code = $1 AND (p.expires_at IS NULL OR p.expires_at > {now})"
# Two bounds rather than one equality: with a constant pool, planners would take the order of ids from the primary key
# and pass over all the codes that are gone. Arrays, because the size of a subquery is taken for a tenth of the table.
_POSTGRES_FREE = f"""
    SELECT c.id FROM pool_code c WHERE c.claim_id IS NULL AND c.pool_id >= ({_POOL}) AND c.pool_id <= ({_POOL})
    ORDER BY c.pool_id, c.id LIMIT {{count}} FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608 - no outside input in it
_SQLITE_FREE = f"""
    SELECT c.id FROM pool_code c INDEXED BY pool_code_free WHERE c.claim_id IS NULL AND c.pool_id = ({_POOL})
    ORDER BY c.id LIMIT {{count}}
"""  # noqa: S608
ASSIGN = Both(
    postgres=f"""
        WITH asked AS (
            SELECT a.claim_id, row_number() OVER (ORDER BY a.place) AS place
            FROM unnest($2::uuid[]) WITH ORDINALITY AS a(claim_id, place)
            WHERE a.claim_id <> ALL(ARRAY(SELECT o.claim_id FROM pool_code o WHERE o.claim_id = ANY($2::uuid[])))
        ), free AS MATERIALIZED ({_POSTGRES_FREE.format(now="$3", count="(SELECT count(*) FROM asked)")}),
        numbered AS (SELECT free.id, row_number() OVER (ORDER BY free.id) AS place FROM free)
        UPDATE pool_code SET claim_id = asked.claim_id, assigned_at = $3
        FROM numbered JOIN asked ON asked.place = numbered.place
        WHERE pool_code.id = ANY(ARRAY(SELECT numbered.id FROM numbered)) AND pool_code.id = numbered.id
        AND pool_code.claim_id IS NULL
        RETURNING pool_code.claim_id, pool_code.id
    """,  # noqa: S608
    sqlite=f"""
        WITH asked AS (
            SELECT a.value AS claim_id, row_number() OVER (ORDER BY a.key) AS place FROM json_each($2) a
            WHERE NOT EXISTS (SELECT 1 FROM pool_code o WHERE o.claim_id = a.value)
        ), free AS ({_SQLITE_FREE.format(now="$3", count="(SELECT count(*) FROM asked)")}),
        numbered AS (SELECT free.id, row_number() OVER (ORDER BY free.id) AS place FROM free)
        UPDATE pool_code SET claim_id = given.claim_id, assigned_at = $3
        FROM (SELECT numbered.id AS id, asked.claim_id AS claim_id
              FROM numbered JOIN asked ON asked.place = numbered.place) AS given
        WHERE pool_code.id = given.id AND pool_code.claim_id IS NULL
        RETURNING claim_id, id
    """,  # noqa: S608
)
# $1 the pool's code, $2 now, $3 how many at most. What this transaction locks, it alone gives.
HOLD = Both(
    postgres=_POSTGRES_FREE.format(now="$2", count="$3"),
    sqlite=_SQLITE_FREE.format(now="$2", count="$3"),
)
# The same, whoever holds them at this moment.
FREE = Both(
    postgres=_POSTGRES_FREE.format(now="$2", count="$3").replace("FOR NO KEY UPDATE SKIP LOCKED", ""),
    sqlite=_SQLITE_FREE.format(now="$2", count="$3"),
)
GIVEN = Both(
    postgres="SELECT c.claim_id, c.id FROM pool_code c WHERE c.claim_id = ANY($1::uuid[])",
    sqlite="SELECT c.claim_id, c.id FROM pool_code c WHERE c.claim_id IN (SELECT value FROM json_each($1))",
)
REVEAL = Both(
    postgres="SELECT c.claim_id, c.id, c.code_cipher FROM pool_code c WHERE c.claim_id = ANY($1::uuid[])",
    sqlite="""
        SELECT c.claim_id, c.id, c.code_cipher FROM pool_code c
        WHERE c.claim_id IN (SELECT value FROM json_each($1))
    """,
)

# --- pools

KEEP_POOL = """
    INSERT INTO code_pool (id, created_at, benefit_id, code, name, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (code) DO NOTHING RETURNING id
"""
# How many came in is known by the files; so only what is left needs counting, in the narrow index of the free ones.
_FIGURES = """
    SELECT p.id, p.code, p.name, p.benefit_id, b.code AS benefit, b.organization_id, p.expires_at, p.created_at,
        (SELECT COALESCE(sum(i.added_count), 0) FROM code_import i WHERE i.pool_id = p.id) AS added_count,
        (SELECT count(*) FROM pool_code c WHERE c.pool_id = p.id AND c.claim_id IS NULL) AS free_count
    FROM code_pool p JOIN benefit b ON b.id = p.benefit_id
"""
# $1 organizations, $2 after this id, $3 how many
_POOLS = f"{_FIGURES} WHERE b.organization_id {{these}} AND p.id > $2 ORDER BY p.id LIMIT $3"
POOLS = Both(
    postgres=_POOLS.format(these="= ANY($1::uuid[])"),
    sqlite=_POOLS.format(these="IN (SELECT value FROM json_each($1))"),
)
POOL = f"{_FIGURES} WHERE p.code = $1"
ALL_POOLS = f"{_FIGURES} WHERE p.id > $1 ORDER BY p.id LIMIT $2"

# --- importing

BEGIN_IMPORT = """
    INSERT INTO code_import (id, created_at, pool_id, file_hash, file_name, state, row_count, added_count,
        repeated_count, refused_count)
    VALUES ($1, $2, $3, $4, $5, 'running', 0, 0, 0, 0) ON CONFLICT (pool_id, file_hash) DO NOTHING RETURNING id
"""
# Whoever comes second to the same rows finds another row_count: nothing is imported twice.
TAKE_ROWS = """
    UPDATE code_import SET row_count = row_count + $3 WHERE id = $1 AND row_count = $2 AND state = 'running'
    RETURNING id
"""
COUNT_ROWS = """
    UPDATE code_import SET added_count = added_count + $2, repeated_count = repeated_count + $3,
        refused_count = refused_count + $4
    WHERE id = $1 RETURNING id
"""
FINISH_IMPORT = """
    UPDATE code_import SET state = 'done', finished_at = $2 WHERE id = $1 AND state = 'running' RETURNING id
"""
# $1 [{"id", "code_hash", "code_cipher"}], $2 now, $3 the pool, $4 the import; in the file's order, so that codes are
# given out in it.
_IMPORT = """
    INSERT INTO pool_code (id, created_at, pool_id, code_import_id, code_hash, code_cipher)
    SELECT r.id, $2, {pool}, {file}, r.code_hash, r.code_cipher FROM {rows} WHERE true
    ON CONFLICT (pool_id, code_hash) DO NOTHING RETURNING code_hash
"""
IMPORT = Both(
    postgres=_IMPORT.format(
        pool="CAST($3 AS uuid)",
        file="CAST($4 AS uuid)",
        rows="json_to_recordset($1::text::json) AS r(id uuid, code_hash text, code_cipher text)",
    ),
    sqlite=_IMPORT.format(
        pool="$3",
        file="$4",
        rows="""(SELECT value ->> 'id' AS id, value ->> 'code_hash' AS code_hash, value ->> 'code_cipher' AS code_cipher
            FROM json_each($1)) AS r""",
    ),
)
_OF_THIS_IMPORT = "SELECT code_hash FROM pool_code WHERE pool_id = $1 AND code_import_id = $2 AND code_hash {these}"
OF_THIS_IMPORT = Both(
    postgres=_OF_THIS_IMPORT.format(these="= ANY($3::text[])"),
    sqlite=_OF_THIS_IMPORT.format(these="IN (SELECT value FROM json_each($3))"),
)
_REFUSE = """
    INSERT INTO code_import_refusal (id, created_at, code_import_id, row_number, code)
    SELECT r.id, $2, {file}, r.row_number, r.code FROM {rows} WHERE true
    ON CONFLICT (code_import_id, row_number) DO NOTHING RETURNING id
"""
REFUSE_ROWS = Both(
    postgres=_REFUSE.format(
        file="CAST($3 AS uuid)", rows="json_to_recordset($1::text::json) AS r(id uuid, row_number int, code text)"
    ),
    sqlite=_REFUSE.format(
        file="$3",
        rows="""(SELECT value ->> 'id' AS id, value ->> 'row_number' AS row_number, value ->> 'code' AS code
            FROM json_each($1)) AS r""",
    ),
)
REFUSALS = """
    SELECT row_number, code FROM code_import_refusal WHERE code_import_id = $1 AND row_number > $2
    ORDER BY row_number LIMIT $3
"""
