"""What requests and answers are made of: base models and the small types that views name in their signatures."""

import base64
import re
from collections.abc import Iterable
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from miniapp_api.errors import CursorInvalid

T = TypeVar("T")

MAX_TEXT = 4096  # characters of any string whose field says nothing narrower

_CANONICAL_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Body(BaseModel):
    """A request body, and every model inside one: unknown fields refused, nothing converted ("2" is no 2)."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        str_max_length=MAX_TEXT,
        allow_inf_nan=False,
    )


class Out(BaseModel):
    """An answer's shape. Only declared fields are rendered, in the order of declaration."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class Page(Out, Generic[T]):
    """One page of a list. `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None = Field(default=None, description="pass as `cursor` to get the next page")


def _canonical(value: object) -> UUID:
    """One spelling per id, so that two spellings of one row never differ in caches, logs or signatures."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not _CANONICAL_ID.fullmatch(value):
        raise ValueError("not an id")
    return UUID(value)


Id = Annotated[
    UUID, BeforeValidator(_canonical), WithJsonSchema({"type": "string", "description": "opaque", "maxLength": 36})
]

Limit = Annotated[int, Field(ge=1, le=100, description="items per page")]

Cursor = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,256}$"), Field(description="`next_cursor` of the page before")
]


def encode_cursor(position: Iterable[str | int]) -> str:
    """The position after which the next page starts, as one opaque word.

    It is not signed: it only says where to go on within rows that the asker may see anyway.
    """
    return base64.urlsafe_b64encode(orjson.dumps(list(position))).decode().rstrip("=")


def decode_cursor(cursor: str, *types: type[str] | type[int]) -> tuple[Any, ...]:
    """The position a cursor holds, one value per named type. Raises CursorInvalid."""
    try:
        position = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as trouble:
        raise CursorInvalid from trouble
    fits = isinstance(position, list) and len(position) == len(types)
    if not fits or any(type(part) is not kind for part, kind in zip(position, types, strict=True)):
        raise CursorInvalid
    return tuple(position)
