"""Deleting what is past its time."""


def purge(table: str, column: str) -> str:
    """Delete up to $2 rows whose instant is before $1; their ids."""
    return f"""
        DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {column} < $1 LIMIT $2) RETURNING id
    """  # noqa: S608 - table and column are words of our own list
