"""The shape that a database really has, as sorted lines that read the same on both.

    account.key varchar(32) not null
    identifier unique (namespace, scope, value_hash) where status = 'active'
    identifier.member_id -> member.id on delete restrict

Column types are named as the models name them; a column that lacks the CHECK of its type shows its bare SQL type, and
a CHECK that belongs to no type has a line of its own. What is expected stands in `expected_catalogue.txt`.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

from models import fields
from models.database import dialect, rows
from models.sql import Dialect, load_json

_OURS = ("counter", "tortoise_migrations")  # machinery, not models
_ON_DELETE = {"r": "restrict", "a": "no action", "c": "cascade", "n": "set null", "d": "set default"}
_EVENTS = {8: "delete", 16: "update", 4: "insert", 32: "truncate"}  # bits of pg_trigger.tgtype
_WORDS = {"char(36)": "uuid", "timestamptz": "timestamp with time zone", "int": "integer"}
_CHECKED: dict[str, type[fields.Checked]] = {
    "count": fields.CountField,
    "fen": fields.FenField,
    "basis points": fields.BasisPointField,
    "instant": fields.UtcField,
    "json": fields.JsonField,
}


def expected(database: Dialect) -> frozenset[str]:
    """The declared lines of one database."""
    lines = (Path(__file__).parent / "expected_catalogue.txt").read_text("utf-8").splitlines()
    declared = set()
    for line in lines:
        only, _, fact = line.partition(": ") if line.startswith(("sqlite: ", "postgres: ")) else ("", "", line)
        if fact and not fact.startswith("#") and only in {"", database}:
            declared.add(fact)
    return frozenset(declared)


async def catalogue() -> list[str]:
    """The connected database's lines, sorted."""
    lines = _sqlite() if dialect() == "sqlite" else _postgres()
    return sorted({line async for line in lines})


async def catalogue_differences() -> list[str]:
    """What the connected database lacks (`missing: ...`) and has beyond the declared (`unexpected: ...`)."""
    found = set(await catalogue())
    declared = expected(dialect())
    return [
        *(f"missing: {line}" for line in sorted(declared - found)),
        *(f"unexpected: {line}" for line in sorted(found - declared)),
    ]


def plain(expression: str) -> str:
    """An expression without what only one database writes: casts, quotes, parentheses, line breaks."""
    expression = re.sub(r"::[a-z]+( varying)?(\[\])?", "", expression)
    return re.sub(r"\s+", " ", re.sub(r'["()]', "", expression)).strip()


def _column(
    table: str, name: str, sql_type: str, checks: list[str], *, null: bool, known: dict[str, tuple[str, str]]
) -> Iterator[str]:
    sql_type = _WORDS.get(sql_type, sql_type)
    found = {plain(check) for check in checks}
    for word, (type_name, condition) in known.items():
        wanted = {plain(condition.format(column=name))} - {""}
        if type_name == sql_type and wanted <= found:
            sql_type, found = word, found - wanted
            break
    yield f"{table}.{name} {sql_type}{' null' if null else ' not null'}"
    yield from (f"{table}.{name} check {check}" for check in found)


def _known(*, sqlite: bool) -> dict[str, tuple[str, str]]:
    pairs = {
        word: (kind.sqlite_type_name, kind.sqlite_condition) if sqlite else (kind.type_name, kind.condition)
        for word, kind in _CHECKED.items()
    }
    return {word: (_WORDS.get(name.lower(), name.lower()), condition) for word, (name, condition) in pairs.items()}


def _index(table: str, columns: Iterable[str], where: str | None, *, unique: bool) -> str:
    condition = f" where {plain(where)}" if where else ""
    return f"{table} {'unique' if unique else 'index'} ({', '.join(plain(each) for each in columns)}){condition}"


# --- SQLite


async def _sqlite() -> AsyncIterator[str]:
    known = _known(sqlite=True)
    for table in await rows("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name"):
        name = table["name"]
        if name in _OURS or name.startswith("sqlite_"):
            continue
        checks = dict(_checks_by_column(table["sql"]))
        for column in await rows("SELECT * FROM pragma_table_info($1)", name):
            null = not column["notnull"] and not column["pk"]
            found = checks.get(column["name"], [])
            for line in _column(name, column["name"], column["type"].lower(), found, null=null, known=known):
                yield line
            if column["pk"]:
                yield f"{name} primary key ({column['name']})"
        for key in await rows("SELECT * FROM pragma_foreign_key_list($1)", name):
            yield f"{name}.{key['from']} -> {key['table']}.{key['to']} on delete {key['on_delete'].lower()}"
        for index in await rows("SELECT * FROM pragma_index_list($1) WHERE origin <> 'pk'", name):
            yield await _sqlite_index(name, index)
    for trigger in await rows("SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"):
        when = re.search(r"\b(BEFORE|AFTER)\s+(INSERT|UPDATE|DELETE)\b", trigger["sql"], re.IGNORECASE)
        yield f"{trigger['tbl_name']} trigger {when[0].lower() if when else trigger['sql']}"
    for series in await rows("SELECT name FROM counter"):
        yield f"series {series['name']}"


async def _sqlite_index(table: str, index: dict[str, Any]) -> str:
    (definition,) = await rows("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = $1", index["name"])
    sql = definition["sql"]
    if sql is None:
        columns = [each["name"] for each in await rows("SELECT name FROM pragma_index_info($1)", index["name"])]
        return _index(table, columns, None, unique=bool(index["unique"]))
    inside, after = _in_parentheses(sql)
    where = re.match(r"\s*WHERE\s+(.*)", after, re.IGNORECASE | re.DOTALL)
    return _index(table, _parts(inside), where[1] if where else None, unique=bool(index["unique"]))


def _checks_by_column(create: str) -> Iterator[tuple[str, list[str]]]:
    for part in _parts(_in_parentheses(create)[0]):
        column, checks = part.split()[0].strip('"'), []
        rest = part
        while found := re.search(r"\bCHECK\s*(?=\()", rest, re.IGNORECASE):
            check, rest = _in_parentheses(rest[found.end() :])
            checks.append(check)
        yield column, checks


def _in_parentheses(text: str) -> tuple[str, str]:
    """What stands in the first parentheses of `text`, and what follows them."""
    start = text.index("(")
    for end, depth, quoted in _scan(text[start:]):
        if depth == 0 and not quoted:
            return text[start + 1 : start + end], text[start + end + 1 :]
    raise ValueError(f"unbalanced: {text}")


def _parts(text: str) -> list[str]:
    """Split at the commas outside of parentheses and quotes."""
    cuts = [at for at, depth, quoted in _scan(text) if text[at] == "," and depth == 0 and not quoted]
    return [text[a:b].strip() for a, b in zip([0, *(cut + 1 for cut in cuts)], [*cuts, len(text)], strict=True)]


def _scan(text: str) -> Iterator[tuple[int, int, bool]]:
    """Position, depth of parentheses after it, and whether it is inside quotes."""
    depth, quote = 0, ""
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
            yield at, depth, True
            continue
        if letter in "'\"":
            quote = letter
        depth += (letter == "(") - (letter == ")")
        yield at, depth, bool(quote)


# --- PostgreSQL

_PG_COLUMNS = """
    SELECT c.relname AS "table", a.attname AS name, a.attnotnull AS filled,
        format_type(a.atttypid, a.atttypmod) AS type,
        (SELECT json_agg(pg_get_expr(k.conbin, k.conrelid)) FROM pg_constraint k
         WHERE k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey))::text AS checks
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
"""
_PG_KEYS = """
    SELECT k.contype::text AS kind, k.conrelid::regclass::text AS "table", k.confrelid::regclass::text AS parent,
        k.confdeltype::text AS on_delete,
        (SELECT string_agg(a.attname, ', ' ORDER BY o.n) FROM unnest(k.conkey) WITH ORDINALITY AS o(num, n)
         JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.num) AS columns,
        (SELECT string_agg(a.attname, ', ' ORDER BY o.n) FROM unnest(k.confkey) WITH ORDINALITY AS o(num, n)
         JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = o.num) AS parents
    FROM pg_constraint k WHERE k.contype IN ('p', 'f') AND k.connamespace = current_schema()::regnamespace
"""
_PG_INDEXES = """
    SELECT i.indrelid::regclass::text AS "table", i.indisunique AND i.indisvalid AS is_unique,
        pg_get_expr(i.indpred, i.indrelid) AS predicate,
        (SELECT json_agg(pg_get_indexdef(i.indexrelid, n, true) ORDER BY n)
         FROM generate_series(1, i.indnkeyatts) AS n)::text AS columns
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE NOT i.indisprimary AND c.relnamespace = current_schema()::regnamespace
"""
_PG_TRIGGERS = """
    SELECT t.tgrelid::regclass::text AS "table", t.tgtype::int AS type, t.tgenabled::text AS enabled
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
"""
# A sequence that belongs to a column (tortoise_migrations.id) is no series of ours.
_PG_SERIES = """
    SELECT c.relname AS name FROM pg_class c
    WHERE c.relkind = 'S' AND c.relnamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'a')
"""


async def _postgres() -> AsyncIterator[str]:
    known = _known(sqlite=False)
    for column in await rows(_PG_COLUMNS):
        if column["table"] in _OURS:
            continue
        sql_type = column["type"].replace("character varying", "varchar")
        checks = load_json(column["checks"] or "[]")
        for line in _column(column["table"], column["name"], sql_type, checks, null=not column["filled"], known=known):
            yield line
    for key in await rows(_PG_KEYS):
        if key["table"] in _OURS:
            continue
        if key["kind"] == "p":
            yield f"{key['table']} primary key ({key['columns']})"
        else:
            on_delete = _ON_DELETE[key["on_delete"]]
            yield f"{key['table']}.{key['columns']} -> {key['parent']}.{key['parents']} on delete {on_delete}"
    for index in await rows(_PG_INDEXES):
        if index["table"] not in _OURS:
            columns = load_json(index["columns"])
            yield _index(index["table"], columns, index["predicate"], unique=index["is_unique"])
    for trigger in await rows(_PG_TRIGGERS):
        when = "before" if trigger["type"] & 2 else "after"
        state = "" if trigger["enabled"] in {"O", "A"} else " (disabled)"
        for bit, event in _EVENTS.items():
            if trigger["type"] & bit:
                yield f"{trigger['table']} trigger {when} {event}{state}"
    for series in await rows(_PG_SERIES):
        yield f"series {series['name']}"
