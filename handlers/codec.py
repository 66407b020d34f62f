"""Frozen dataclasses as JSON and back, deterministically: stored results, job payloads, fingerprints.

What is known: None, bool, int, float, str, bytes, UUID, date, datetime (aware), timedelta, Decimal, enums, tuples,
lists, frozensets, mappings (as pairs, so that their order survives), dataclasses, and unions of these that JSON can
tell apart; several dataclasses in one union are told apart by their name. Everything else is a TypeError at once.
"""

import base64
import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson

T = TypeVar("T")

NAME = "~"  # the key that holds a dataclass's name; no field can be called so
_PLAIN = (bool, int, float, str)
_AS_THEY_ARE = frozenset({*_PLAIN, NoneType})


def to_json(value: object) -> Any:
    """`value` made of dicts, lists, strings, numbers and null. Raises TypeError, ValueError (a naive datetime)."""
    write = _writers.get(type(value)) or _learn(type(value))
    return write(value)


def from_json(kind: type[T], data: object) -> T:
    """The value of type `kind` that `to_json` turned into `data`. Raises TypeError, ValueError, KeyError."""
    wanted: Any = kind
    value: T = _reader(wanted)(data)
    return value


def dumps(value: object) -> str:
    """`value` as JSON text. Raises TypeError, ValueError."""
    return orjson.dumps(to_json(value)).decode()


def fingerprint(facts: object) -> str:
    """64 hex characters: SHA-256 over the canonical JSON of validated facts; the order of mappings does not count.

    Raises TypeError, ValueError (a naive datetime).
    """
    return hashlib.sha256(orjson.dumps(_canonical(facts))).hexdigest()


def _canonical(facts: object) -> Any:
    if isinstance(facts, str):
        return facts
    if isinstance(facts, dict | Mapping):
        return sorted(([_canonical(key), _canonical(item)] for key, item in facts.items()), key=orjson.dumps)
    if isinstance(facts, list | tuple):
        return [_canonical(item) for item in facts]
    if isinstance(facts, int) and not -(2**63) <= facts < 2**63:
        return f"int:{facts}"  # more than orjson takes
    if dataclasses.is_dataclass(facts) and not isinstance(facts, type):
        fields = [[field.name, _canonical(getattr(facts, field.name))] for field in dataclasses.fields(facts)]
        return {type(facts).__name__: fields}
    return to_json(facts)


Writer = Callable[[Any], Any]


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("a naive datetime has no place in a stored result")
    return value.isoformat()


def _same(value: Any) -> Any:
    return value


# In this order: an enum of strings is its value, a datetime is a date too.
_WRITERS: tuple[tuple[Any, Writer], ...] = (
    (Enum, lambda value: to_json(value.value)),
    ((*_PLAIN, NoneType), _same),
    ((UUID, Decimal), str),
    (datetime, _instant),
    (date, date.isoformat),
    (timedelta, lambda value: value // timedelta(microseconds=1)),
    (bytes, lambda value: base64.b64encode(value).decode()),
)
_WRITERS_OF_MANY: tuple[tuple[Any, Writer], ...] = (
    (Mapping, lambda value: [[to_json(key), to_json(item)] for key, item in value.items()]),
    (AbstractSet, lambda value: sorted((to_json(item) for item in value), key=orjson.dumps)),
    (Sequence, lambda value: [to_json(item) for item in value]),
)


_writers: dict[type, Writer] = {}  # by exact class, looked for once: results are on the hot path


def _learn(kind: type[Any]) -> Writer:
    write = _writers[kind] = _writer(kind)
    return write


def _writer(kind: type[Any]) -> Writer:
    for kinds, write in _WRITERS:
        if issubclass(kind, kinds):
            return write
    name = kind.__name__
    if dataclasses.is_dataclass(kind):
        names = tuple(field.name for field in dataclasses.fields(kind))
        return lambda value: _written(value, name, names)
    for kinds, write in _WRITERS_OF_MANY:
        if issubclass(kind, kinds):
            return write
    raise TypeError(f"{name} cannot be stored as JSON")


def _written(value: object, name: str, names: Sequence[str]) -> dict[str, Any]:
    """A dataclass. Most fields of a result are as JSON has them, and need no writer."""
    found: dict[str, Any] = {NAME: name}
    for each in names:
        item = getattr(value, each)
        found[each] = item if type(item) in _AS_THEY_ARE else to_json(item)
    return found


Reader = Callable[[Any], Any]


def _exactly(kind: Any) -> Reader:
    def read(data: Any) -> Any:
        if type(data) is kind or (kind is float and type(data) is int):
            return kind(data)
        raise TypeError(f"{kind.__name__} expected, {type(data).__name__} found")

    return read


def _none(data: object) -> None:
    if data is not None:
        raise TypeError("null expected")


_READERS: dict[Any, Reader] = {
    NoneType: _none,
    None: _none,
    **{kind: _exactly(kind) for kind in _PLAIN},
    Any: lambda data: data,
    object: lambda data: data,
    UUID: UUID,
    Decimal: Decimal,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    timedelta: lambda data: timedelta(microseconds=data),
    bytes: base64.b64decode,
}


@cache
def _reader(kind: Any) -> Reader:
    known = _READERS.get(kind)
    if known is not None:
        return known
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _reader(arguments[0])
    if origin is Literal:
        return lambda data: arguments[[to_json(word) for word in arguments].index(data)]
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        readers = tuple(_reader(argument) for argument in arguments)
        return lambda data: tuple(read(item) for read, item in zip(readers, data, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        read_key, read_item = (_reader(argument) for argument in arguments)
        return lambda data: {read_key(key): read_item(item) for key, item in data}
    if isinstance(origin, type) and issubclass(origin, Sequence | AbstractSet):
        read_one = _reader(arguments[0])
        make: Callable[..., Any] = list if origin is list else frozenset if issubclass(origin, AbstractSet) else tuple
        return lambda data: make(read_one(item) for item in data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    raise TypeError(f"{kind} cannot be restored from JSON")


def _dataclass(kind: Any) -> Reader:
    hints = get_type_hints(kind, include_extras=True)
    fields = [(field.name, hints[field.name]) for field in dataclasses.fields(kind) if field.init]

    def read(data: Any) -> Any:
        # Readers are looked up late, so that a dataclass may contain itself. A field that was added after the
        # result was stored takes its default; without one the result cannot be restored.
        return kind(**{name: _reader(hint)(data[name]) for name, hint in fields if name in data})

    return read


def _union(arguments: Any) -> Reader:
    by_name: dict[str, Any] = {
        part.__name__: part for part in arguments if isinstance(part, type) and dataclasses.is_dataclass(part)
    }
    # Strings come last: a UUID or an instant is text too, and the narrower reading is the right one.
    others = sorted((a for a in arguments if not dataclasses.is_dataclass(a)), key=lambda a: a is str)

    def read(data: Any) -> Any:
        if isinstance(data, dict):
            return _reader(by_name[data[NAME]])(data)
        for argument in others:
            try:
                return _reader(argument)(data)
            except (TypeError, ValueError, KeyError):
                continue
        raise TypeError("no part of the union fits")

    return read
