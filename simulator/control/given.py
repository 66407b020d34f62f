"""Reading what a control request gives, with words for what is missing."""

from collections.abc import Mapping

import orjson
from aiohttp import web


class GivenError(Exception):
    """The request does not say what it must; the words say what."""


class Given:
    """A JSON object, asked for its fields one by one."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.fields = fields

    @classmethod
    async def of(cls, request: web.Request) -> "Given":
        """The body of a request; none is an empty object."""
        raw = await request.read()
        try:
            fields = orjson.loads(raw) if raw else {}
        except orjson.JSONDecodeError as error:
            raise GivenError("the body is not JSON") from error
        if not isinstance(fields, dict):
            raise GivenError("the body is not a JSON object")
        return cls(fields)

    def text(self, name: str) -> str:
        """A string that must be there and not be empty."""
        value = self.optional(name)
        if not value:
            raise GivenError(f"{name} is missing")
        return value

    def optional(self, name: str) -> str | None:
        """A string, or None."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise GivenError(f"{name} must be a string")
        return value

    def texts(self, name: str) -> list[str]:
        """Strings; none when it is not there."""
        value = self.fields.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise GivenError(f"{name} must be a list of strings")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """A number; must be there unless there is a default."""
        value = self.fields.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise GivenError(f"{name} must be a number")
        return value

    def count(self, name: str) -> int | None:
        """A positive integer, or None."""
        value = self.fields.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise GivenError(f"{name} must be a positive integer")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean."""
        value = self.fields.get(name, default)
        if not isinstance(value, bool):
            raise GivenError(f"{name} must be true or false")
        return value

    def mapping(self, name: str) -> Mapping[str, object]:
        """An object."""
        value = self.fields.get(name)
        if not isinstance(value, dict):
            raise GivenError(f"{name} must be an object")
        return value
