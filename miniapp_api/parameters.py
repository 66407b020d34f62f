"""Typed path and query parameters and the Idempotency-Key, read from a view's signature once, at import."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

from aiohttp import web
from aiohttp_pydantic.injectors import _parse_func_signature
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, create_model

from miniapp_api.errors import KeyInvalid, KeyMissing, NoSuchThing
from miniapp_api.wrongs import field_names, wrong_fields, wrong_shape

IDEMPOTENCY_KEY = "Idempotency-Key"

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,15})", re.ASCII)
_VISIBLE_ASCII = re.compile(r"[!-~]{1,255}")


class Signature:
    """What a view asks for, by aiohttp-pydantic's convention.

    Positional-only parameters come from the path, a model is the body, other positional ones are the query, and the
    keyword-only `idempotency_key` is that header: required as `str`, optional as `str | None = None`.
    """

    def __init__(self, view: Callable[..., Any]) -> None:
        parameters = list(inspect.signature(view).parameters)
        if not parameters or parameters[0] != "request":
            raise TypeError(f"{view.__name__} must take the request first")
        path, body, query, headers, defaults = _parse_func_signature(view, ignore_params=("request",))
        if set(headers) - {"idempotency_key"}:
            raise TypeError(f"{view.__name__}: the only header a view takes is idempotency_key")
        if len(body) > 1:
            raise TypeError(f"{view.__name__}: one body")
        self.path = _model("Path", path, {}) if path else None
        self.query = _model("Query", query, defaults) if query else None
        self.body_name: str = next(iter(body), "")
        self.body: type[BaseModel] | None = body.get(self.body_name)
        self.takes_key = bool(headers)
        self.requires_key = self.takes_key and "idempotency_key" not in defaults
        self._query_names = field_names(self.query.model_json_schema()) if self.query else frozenset()

    def read_path(self, request: web.Request) -> list[Any]:
        """Values of the path, in order. An id that no row can have is a row that does not exist: NoSuchThing."""
        if self.path is None:
            return []
        try:
            values = self.path.model_validate(dict(request.match_info))
        except ValidationError:
            raise NoSuchThing from None
        return [getattr(values, name) for name in self.path.model_fields]

    def read_query(self, request: web.Request) -> dict[str, Any]:
        """Values of the query string. Unknown and repeated names are refused with WrongShape."""
        given = request.query
        if self.query is None:
            if given:
                raise wrong_fields([("", "unknown")])
            return {}
        repeated = [name for name in self.query.model_fields if len(given.getall(name, ())) > 1]
        if repeated:
            raise wrong_fields([(name, "repeated") for name in repeated])
        try:
            values = self.query.model_validate(dict(given))
        except ValidationError as trouble:
            raise wrong_shape(trouble, self._query_names) from None
        return {name: getattr(values, name) for name in self.query.model_fields}

    def read_key(self, request: web.Request) -> str | None:
        """The idempotency key: 1-255 visible ASCII characters. Raises KeyMissing, KeyInvalid."""
        keys = request.headers.getall(IDEMPOTENCY_KEY, [])
        if not keys:
            if self.requires_key:
                raise KeyMissing
            return None
        if len(keys) > 1 or not _VISIBLE_ASCII.fullmatch(keys[0]):
            raise KeyInvalid
        return keys[0]


def _model(name: str, spec: Mapping[str, Any], defaults: Mapping[str, Any]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        field: (_from_text(annotation), defaults.get(field, ...)) for field, annotation in spec.items()
    }
    config = ConfigDict(extra="forbid", hide_input_in_errors=True, str_max_length=512)
    return create_model(name, __config__=config, **fields)


def _from_text(annotation: Any) -> Any:
    """Text is all that a URL holds: say for each type which texts stand for it (not " 1", "1_0", "yes", "1.0")."""
    kinds = _kinds(annotation)
    checks: list[BeforeValidator] = [BeforeValidator(_no_nul)]
    if bool in kinds:
        checks.append(BeforeValidator(_truth))
    elif int in kinds:
        checks.append(BeforeValidator(_decimal))
    # Validators run from the last one to the first.
    return Annotated[annotation, *reversed(checks)]


def _kinds(annotation: Any) -> set[Any]:
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) is None:
        return {annotation}
    return {kind for part in get_args(annotation) for kind in _kinds(part)}


def _no_nul(value: object) -> object:
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("NUL")
    return value


def _decimal(value: object) -> object:
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError("not a decimal integer")
    return int(value) if isinstance(value, str) else value


def _truth(value: object) -> object:
    if isinstance(value, str):
        if value not in {"true", "false"}:
            raise ValueError("not true or false")
        return value == "true"
    return value
