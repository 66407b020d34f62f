"""JSON straight from the objects of handlers, for pages whose rows are too many to be copied into their outer shapes.

The bytes are those that the declared shape would give. `mirrors` sees to the fields when the module is loaded, so
that nothing that a handler adds for itself can slip out; tests compare the bytes.
"""

from dataclasses import fields
from typing import Any
from uuid import UUID

import orjson

from miniapp_api.shapes import Out

Piece = orjson.Fragment  # JSON that was written before, and goes into something larger as it is


def mirrors(shape: type[Out], of: type) -> None:
    """Raises TypeError unless a dataclass has the fields of its outer shape, no others, and in the same order."""
    names = [each.name for each in fields(of)]
    if names != list(shape.model_fields):
        raise TypeError(f"{of.__name__} is not shaped like {shape.__name__}: {names}")


def written(value: Any) -> bytes:
    """UTF-8 JSON of dataclasses, mappings and pieces; instants in UTC with `Z`, as shapes write them."""
    return orjson.dumps(value, default=_ids, option=orjson.OPT_UTC_Z)


def _ids(value: object) -> str:
    """Ids made by a driver are of a class of their own. Raises TypeError for all else: a 500, and not a guess."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an answer")
