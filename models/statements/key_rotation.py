"""Going through the ciphers of one column, by id. A cipher begins with the id of its key and a dot."""

from models.sql import Both


def stale(table: str, column: str) -> Both:
    """Up to $4 rows after id $1 whose cipher does not begin with $3, which has $2 characters."""
    sql = f"""
        SELECT id, {column} AS cipher FROM {table}
        WHERE id > $1 AND {column} <> '' AND substr({column}, 1, {{length}}) <> $3 ORDER BY id LIMIT $4
    """  # noqa: S608 - table and column are words of our own list
    return Both(postgres=sql.format(length="CAST($2 AS int)"), sqlite=sql.format(length="$2"))


def renew(table: str, column: str) -> Both:
    """$1: [{"id", "old", "fresh"}]. What somebody else wrote meanwhile stays; the ids of what was changed."""
    sql = f"""
        UPDATE {table} SET {column} = renewed.fresh FROM {{renewed}}
        WHERE {table}.id = renewed.id AND {table}.{column} = renewed.old RETURNING {table}.id AS id
    """  # noqa: S608
    return Both(
        postgres=sql.format(renewed="json_to_recordset($1::text::json) AS renewed(id uuid, old text, fresh text)"),
        sqlite=sql.format(
            renewed="(SELECT value ->> 'id' AS id, value ->> 'old' AS old, value ->> 'fresh' AS fresh"
            " FROM json_each($1)) AS renewed"
        ),
    )


def by_key(table: str, column: str) -> Both:
    """How many ciphers stand under each key id: one pass over the table."""
    sql = f"""
        SELECT {{key_id}} AS key_id, count(*) AS number FROM {table}
        WHERE {column} <> '' GROUP BY 1 ORDER BY 1
    """  # noqa: S608
    return Both(
        postgres=sql.format(key_id=f"split_part({column}, '.', 1)"),
        sqlite=sql.format(key_id=f"substr({column}, 1, instr({column} || '.', '.') - 1)"),
    )
