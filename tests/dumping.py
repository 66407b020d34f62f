"""The whole database as text, to look for what must not be in it."""

from collections.abc import Collection, Iterable

from models.database import Both, rows

_TABLES = Both(
    postgres="SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
    sqlite="SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1",
)


async def dump() -> dict[str, str]:
    """Every row of every table, a line each, in an order of its own."""
    tables = [str(each["name"]) for each in await rows(_TABLES)]
    return {table: "\n".join(sorted(map(str, await rows(f'SELECT * FROM "{table}"')))) for table in tables}


def found_in(dumped: dict[str, str], wanted: Iterable[str], *, but: Collection[str] = ()) -> set[tuple[str, str]]:
    """(table, value) for every value that stands somewhere."""
    return {(table, value) for value in wanted for table, text in dumped.items() if table not in but and value in text}
