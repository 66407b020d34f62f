"""What a view returns: a typed body and a status. Rendering knows the declared type, so that nothing else leaks."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from types import NoneType, UnionType
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar, Union, get_args, get_origin, overload

from aiohttp import web
from pydantic import TypeAdapter

T = TypeVar("T")
V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)

REPLAYED = "Idempotency-Replayed"


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer with a body of type T. Views name one of its kinds, or a union of them."""

    body: T
    _: KW_ONLY
    replayed: bool = False
    status: ClassVar[int] = 200


class Ok(Reply[T]):
    """200"""

    __slots__ = ()
    status: ClassVar[int] = 200


class Created(Reply[T]):
    """201"""

    __slots__ = ()
    status: ClassVar[int] = 201


class Ready(Reply[T]):
    """200, a body of T that is JSON already (`miniapp_api.written`): where a page is many rows, or rows of many pages,
    a copy of each in its outer shape would cost more than everything else."""

    __slots__ = ("json",)
    json: bytes

    def __init__(self, json: bytes) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # it is only there as bytes
        object.__setattr__(self, "json", json)


class Html(Reply[str]):
    """200, a whole page for people instead of JSON. Whoever makes it escapes; `policy` is all that it may load."""

    __slots__ = ("policy",)
    policy: str

    def __init__(self, page: str, *, policy: str) -> None:
        super().__init__(page)
        object.__setattr__(self, "policy", policy)


class Download(Reply[AsyncIterator[bytes]]):
    """200, a file that is sent while it is made. `name` is ASCII and of ours."""

    __slots__ = ("media_type", "name")
    media_type: str
    name: str

    def __init__(self, parts: AsyncIterator[bytes], *, media_type: str, name: str) -> None:
        super().__init__(parts)
        object.__setattr__(self, "media_type", media_type)
        object.__setattr__(self, "name", name)


class NoContent(Reply[None]):
    """204: done, and there is nothing to say."""

    __slots__ = ()
    status: ClassVar[int] = 204

    def __init__(self, *, replayed: bool = False) -> None:
        super().__init__(None, replayed=replayed)


class Answered(Protocol[V_co]):
    """What handlers return for a request that may be repeated: `handlers.requests.Answer`."""

    @property
    def value(self) -> V_co:
        """What happened, the first time."""

    @property
    def replayed(self) -> bool:
        """Whether this is the stored answer of an earlier request."""


@overload
def reply(answer: Answered[V], shape: Callable[[V], T], *, status: Literal[200]) -> Ok[T]: ...
@overload
def reply(answer: Answered[V], shape: Callable[[V], T], *, status: Literal[201]) -> Created[T]: ...
def reply(answer: Answered[V], shape: Callable[[V], T], *, status: int) -> Ok[T] | Created[T]:
    """A handler's answer in its outer shape; marked when it repeats an earlier one.

    A status that depends on what happened is the view's to choose from `answer.value`, which a replay has too.
    """
    if status == Created.status:
        return Created(shape(answer.value), replayed=answer.replayed)
    return Ok(shape(answer.value), replayed=answer.replayed)


class Renderer:
    """Turns the replies of one endpoint into responses. Field order is that of the declaration, so equal values are
    equal bytes."""

    def __init__(self, annotation: Any) -> None:
        self.kinds: Mapping[type[Reply[Any]], TypeAdapter[Any] | None] = dict(_kinds(annotation))
        self._to_json: Mapping[type[Reply[Any]], Callable[..., bytes] | None] = {
            kind: adapter.serializer.to_json if adapter else None for kind, adapter in self.kinds.items()
        }

    def render(self, result: Reply[Any]) -> web.Response:
        """Raises KeyError or PydanticSerializationError when a view returns what it did not declare: a 500."""
        kind = type(result)
        if isinstance(result, Ready) and kind in self.kinds:
            return web.Response(body=result.json, headers={"Content-Type": "application/json; charset=utf-8"})
        if isinstance(result, Html) and kind in self.kinds:
            return web.Response(
                text=result.body,
                headers={"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": result.policy},
            )
        if isinstance(result, Download) and kind in self.kinds:
            return web.Response(
                body=result.body,
                headers={
                    "Content-Type": result.media_type,
                    "Content-Disposition": f'attachment; filename="{result.name}"',
                },
            )
        to_json = self._to_json[kind]
        if to_json is None:
            response = web.Response(status=kind.status)
        else:
            response = web.Response(
                status=kind.status,
                body=to_json(result.body, warnings="error"),
                headers={"Content-Type": "application/json; charset=utf-8"},
            )
        if result.replayed:
            response.headers[REPLAYED] = "true"
        return response


def _kinds(annotation: Any) -> list[tuple[type[Reply[Any]], TypeAdapter[Any] | None]]:
    if get_origin(annotation) in (Union, UnionType):
        return [kind for part in get_args(annotation) for kind in _kinds(part)]
    origin = get_origin(annotation) or annotation
    if origin in (NoContent, Html, Download):
        return [(origin, None)]
    if origin in (Ok, Ready, Created) and get_args(annotation) not in ((), (NoneType,)):
        return [(origin, TypeAdapter(get_args(annotation)[0]))]
    raise TypeError(f"a view returns Ok[...], Ready[...], Created[...], Html, Download or NoContent, not {annotation}")
