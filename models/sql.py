"""How values and statements look to each of the two databases.

Both hand back the same Python types for plain columns: `UUID` for ids, aware UTC `datetime` for instants, `dict` or
`list` for JSON. An expression (`max(run_at)`, `coalesce(...)`) loses its column's type on SQLite: pass its result
through `as_instant` or `as_uuid`, which accept either form.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import orjson

from models.failures import NaiveInstant

Dialect = Literal["sqlite", "postgres"]

_READS = re.compile(r"\s*(SELECT|EXPLAIN|WITH|PRAGMA\s+\w+\s*(\(|;|$))", re.IGNORECASE)
_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
_PLACEHOLDERS = re.compile(r"'(?:[^']|'')*'|\$(\d+)")


@dataclass(frozen=True, slots=True)
class Both:
    """One statement in both dialects, for where they differ. Placeholders are `$1..$n` in both."""

    postgres: str
    sqlite: str


def recordset(columns: Mapping[str, str]) -> tuple[str, str]:
    """A set of rows that travels as one JSON text ($1), called `r`: PostgreSQL's form, and SQLite's."""
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    picked = ", ".join(f"value ->> '{name}' AS {name}" for name in columns)
    return f"jsonb_to_recordset($1::jsonb) AS r({typed})", f"(SELECT {picked} FROM json_each($1)) AS r"  # noqa: S608 - no outside input in any of these


def of_rows(sql: str, columns: Mapping[str, str]) -> Both:
    """A statement over such a set, which stands in it as `{rows}`."""
    postgres, sqlite = recordset(columns)
    return Both(postgres=sql.format(rows=postgres), sqlite=sql.format(rows=sqlite))


def utc(value: datetime) -> datetime:
    """The same instant in UTC. Raises NaiveInstant for a value without an offset."""
    if value.tzinfo is UTC:
        return value
    if value.utcoffset() is None:
        raise NaiveInstant(f"instant without an offset: {value.isoformat()}")
    return value.astimezone(UTC)


def instant_text(value: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS.ffffff+00:00`: fixed width, so that the order of texts is the order of instants."""
    return utc(value).isoformat(" ", "microseconds")


def as_instant(value: Any) -> datetime:
    """An instant from either database. Raises NaiveInstant, ValueError (no instant at all)."""
    if type(value) is datetime and value.tzinfo is UTC:  # as PostgreSQL's driver gives them
        return value
    return utc(value if isinstance(value, datetime) else datetime.fromisoformat(value))


def as_uuid(value: Any) -> UUID:
    """An id from either database. Raises ValueError."""
    return value if isinstance(value, UUID) else UUID(value)


def dump_json(value: dict[str, Any] | list[Any]) -> str:
    """JSON text with sorted keys: equal values are equal texts. Raises NaiveInstant, TypeError (not JSON)."""
    try:
        return orjson.dumps(value, _json_default, orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME).decode()
    except TypeError as error:
        if isinstance(error.__cause__, NaiveInstant):  # orjson hides what the function below raises
            raise error.__cause__ from None
        raise


def dump_rows(values: Iterable[Mapping[str, Any]]) -> str:
    """Rows for `of_rows` as one JSON text; ids are written by the encoder, instants are texts already.

    Raises TypeError (not JSON).
    """
    return orjson.dumps(list(values), _id_text).decode()


def _id_text(value: object) -> str:
    if isinstance(value, UUID):  # asyncpg hands out a class of its own
        return str(value)
    raise TypeError(f"not JSON: {type(value).__name__}")


def load_json(text: str | bytes) -> Any:
    """What `dump_json` wrote. Raises ValueError."""
    return orjson.loads(text)


def _json_default(value: object) -> str:
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"not JSON: {type(value).__name__}")


@lru_cache(maxsize=2048)
def is_read(sql: str) -> bool:
    """Whether a statement changes nothing; in doubt it is a write."""
    found = _READS.match(sql)
    return found is not None and not (found[1].upper() == "WITH" and _WRITES.search(sql))


@lru_cache(maxsize=2048)
def sqlite_sql(sql: str) -> str:
    """The statement with `?1` for `$1`. SQLite would read `$1` as a name and number it by first appearance."""
    return _PLACEHOLDERS.sub(lambda found: f"?{found[1]}" if found[1] else found[0], sql)


def ctes(letter: str, texts: Iterable[str]) -> str:
    """`WITH` these statements as `letter`0, `letter`1, ...: their placeholders are numbered on, in that order."""
    parts, taken = [], 0
    for number, sql in enumerate(texts):
        parts.append(f"{letter}{number} AS ({_numbered_from(taken, sql)})")
        taken += max((int(each) for each in _PLACEHOLDERS.findall(sql) if each), default=0)
    return f"WITH {', '.join(parts)}"


def _numbered_from(taken: int, sql: str) -> str:
    return _PLACEHOLDERS.sub(lambda found: f"${int(found[1]) + taken}" if found[1] else found[0], sql)


def _same(value: Any) -> Any:
    return value


_TO_SQLITE: dict[type, Callable[[Any], Any]] = {
    str: _same,
    int: _same,
    float: _same,
    bytes: _same,
    type(None): _same,
    bool: int,
    UUID: str,
    datetime: instant_text,
    date: date.isoformat,
    dict: dump_json,
    list: dump_json,
}


def sqlite_values(values: Sequence[Any]) -> list[Any]:
    """The values as the ORM stores them: ids and instants as text, booleans as 0 and 1, dicts and lists as JSON.

    Raises NaiveInstant; TypeError for a type that no column of ours holds.
    """
    return [(_TO_SQLITE.get(type(value)) or _unusual)(value) for value in values]


def _unusual(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return dump_json(list(value))
    for kind in (datetime, date, str, int, float, bytes):
        if isinstance(value, kind):
            return _TO_SQLITE[kind](value)
    raise TypeError(f"no column holds a {type(value).__name__}")


def postgres_values(values: Sequence[Any]) -> Sequence[Any]:
    """The values, of which asyncpg takes all but two: naive instants (read as local time) and plain enums.

    Raises NaiveInstant.
    """
    for value in values:
        if isinstance(value, datetime):
            utc(value)
        elif isinstance(value, list) and value and isinstance(value[0], datetime):
            for item in value:
                utc(item)
        elif isinstance(value, Enum) and not isinstance(value, str | int):
            return [item.value if isinstance(item, Enum) else item for item in values]
    return values
