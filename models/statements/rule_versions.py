"""Versions of a programme's rules: rows of one table each, numbered without gaps, of which the newest holds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VersionStatements:
    """Of one table."""

    held: str  # what holds in the programme with a code ($1); nothing published: the programme alone
    page: str  # of a programme ($1), those below a number ($2), the newest first, so many ($3)
    publish: str  # $1 id, $2 now, $3 programme, $4 number, $5 terms, $6 operator; of two at once one gets its row back


def versions_in(table: str) -> VersionStatements:
    """The table's name is ours, never anybody's input."""
    return VersionStatements(
        held=f"""
            SELECT t.id, t.number, CAST(t.terms AS TEXT) AS terms, p.id AS programme_id, p.organization_id
            FROM programme p LEFT JOIN {table} t ON t.programme_id = p.id WHERE p.code = $1
            ORDER BY t.number DESC LIMIT 1
        """,  # noqa: S608
        page=f"""
            SELECT number, CAST(terms AS TEXT) AS terms, published_at, published_by_id FROM {table}
            WHERE programme_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3
        """,  # noqa: S608
        publish=f"""
            INSERT INTO {table} (id, created_at, programme_id, number, terms, published_by_id, published_at)
            VALUES ($1, $2, $3, $4, $5, $6, $2) ON CONFLICT (programme_id, number) DO NOTHING RETURNING id
        """,  # noqa: S608
    )
