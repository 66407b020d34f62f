"""The OpenAPI 3.1 document, from the same annotations that check requests, so that the two cannot differ."""

import inspect
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from handlers.errors import (
    ChannelNotSigned,
    ChannelOff,
    ChannelQuotaUsed,
    ChannelReplayed,
    ChannelStale,
    DomainError,
    KeyReused,
    NotSignedIn,
    Overloaded,
    StillRunning,
    TooManyRequests,
)
from miniapp_api.errors import PROBLEM_JSON, STATUS_OF, KeyInvalid, KeyMissing, NoSuchThing, Refused, WrongShape
from miniapp_api.files import FILE_TYPES
from miniapp_api.http import Endpoint, described
from miniapp_api.parameters import IDEMPOTENCY_KEY
from miniapp_api.replies import REPLAYED, Download, Html

Json = dict[str, Any]

INTRODUCTION = (
    "All times are RFC 3339 with offset, money is integer fen (`_fen`), ids are opaque strings. Unknown fields are "
    "refused. Errors are `application/problem+json`: rely on `code`, show `title`."
)

PROBLEM: Json = {
    "type": "object",
    "description": "RFC 9457; further members are facts about the refusal",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string", "description": "a short Chinese sentence, fit to show"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable, for programs"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "with `request.invalid`: which fields, and what is wrong with each",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
    },
}

KEY_PARAMETER: Json = {
    "name": IDEMPOTENCY_KEY,
    "in": "header",
    "description": "one per attempt of a person to do something; repeating a request with it repeats the answer",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "2f1d1a3e-6d1c-4a52-9f2e-0b7f8f3f7a11",
}


def build(app: web.Application, *, version: str) -> Json:
    """The document of every `@endpoint` of this application, addresses as they are mounted."""
    found = sorted(_operations(app), key=lambda operation: (operation[0], operation[1]))
    schemas, definitions = _schemas(found)
    paths: Json = {}
    for path, method, described_endpoint in found:
        paths.setdefault(path, {})[method] = _operation(path, method, described_endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "饭票 API", "version": version, "description": INTRODUCTION},
        "paths": paths,
        "components": {
            "schemas": {"Problem": PROBLEM, **definitions},
            "securitySchemes": {
                "person": {"type": "http", "scheme": "bearer", "description": "token of POST /sessions"},
                "operator": {"type": "http", "scheme": "bearer", "description": "token of POST /operator/sessions"},
                "clerk": {"type": "http", "scheme": "bearer", "description": "token of POST /clerk/sessions"},
                "channel": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Fanpiao-Signature",
                    "description": "with X-Fanpiao-Channel, -Timestamp and -Nonce: hex HMAC-SHA256 over method, path "
                    "with query, timestamp, nonce and the hex SHA-256 of the body, joined by newlines",
                },
            },
        },
    }


def _operations(app: web.Application) -> Iterator[tuple[str, str, Endpoint]]:
    for route in app.router.routes():
        found = described(route.handler)
        if found is not None and route.resource is not None and route.method != "HEAD":
            yield re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.resource.canonical), route.method.lower(), found


def _schemas(found: list[tuple[str, str, Endpoint]]) -> tuple[dict[Any, Json], Json]:
    """One schema per body and per answer; models that share a name get longer ones."""
    inputs: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = []
    for path, method, one in found:
        if one.reader is not None:
            inputs.append(((path, method), "validation", TypeAdapter(one.reader.model)))
        inputs.extend(
            ((path, method, kind), "serialization", adapter)
            for kind, adapter in one.renderer.kinds.items()
            if adapter is not None
        )
    made, rest = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    return {key: dict(schema) for (key, _mode), schema in made.items()}, rest.get("$defs", {})


def _operation(path: str, method: str, one: Endpoint, schemas: dict[Any, Json]) -> Json:
    summary, _, description = (inspect.getdoc(one.view) or "").partition("\n\n")
    operation: Json = {
        "operationId": one.view.__name__,
        "summary": " ".join(summary.split()),
        "tags": list(one.tags),
        "responses": _responses(path, method, one, schemas),
    }
    if description:
        operation["description"] = description
    if parameters := _parameters(one):
        operation["parameters"] = parameters
    if one.reader is not None:
        content = {"application/json": {"schema": schemas[path, method]}}
        operation["requestBody"] = {"required": True, "content": content}
    if one.auth != "public":
        operation["security"] = [{one.auth: []}]
    return operation


def _parameters(one: Endpoint) -> list[Json]:
    asked = [
        {"name": name, "in": place, "required": name in schema.get("required", ()), **_described(part)}
        for place, model in (("path", one.signature.path), ("query", one.signature.query))
        if model is not None
        for schema in (_flat(model),)
        for name, part in schema["properties"].items()
    ]
    if one.signature.takes_key:
        asked.append({**KEY_PARAMETER, "required": one.signature.requires_key})
    return asked


def _flat(model: type[BaseModel]) -> Json:
    """A parameter model with its few definitions put in place: parameters refer to nothing."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def put(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return put(definitions[part["$ref"].rpartition("/")[2]])
            return {name: put(value) for name, value in part.items()}
        return [put(value) for value in part] if isinstance(part, list) else part

    flat: Json = put(schema)
    return flat


def _described(part: Json) -> Json:
    schema = {name: value for name, value in part.items() if name not in {"title", "description"}}
    return {"schema": schema, **({"description": part["description"]} if "description" in part else {})}


def _responses(path: str, method: str, one: Endpoint, schemas: dict[Any, Json]) -> Json:
    responses: Json = {}
    for kind in one.renderer.kinds:
        said: Json = responses.setdefault(str(kind.status), {"description": HTTPStatus(kind.status).phrase})
        if (path, method, kind) in schemas:
            said.setdefault("content", {})["application/json"] = {"schema": schemas[path, method, kind]}
        elif kind is Html:
            said.setdefault("content", {})["text/html"] = {"schema": {"type": "string"}}
        elif kind is Download:
            for media_type in FILE_TYPES.values():
                said.setdefault("content", {})[media_type] = {"schema": {"type": "string", "format": "binary"}}
        if one.signature.takes_key:
            said["headers"] = {REPLAYED: {"description": "true on a repeated answer", "schema": {"type": "string"}}}
    by_status: dict[int, list[str]] = {}
    for refusal in _refusals(one):
        by_status.setdefault(_status(refusal), []).append(f"`{refusal.code}`")
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = {"description": ", ".join(dict.fromkeys(codes)), "content": content}
    responses["default"] = {"description": "any other problem", "content": content}
    return responses


def _refusals(one: Endpoint) -> list[type[DomainError] | type[Refused]]:
    refusals: list[type[DomainError] | type[Refused]] = [WrongShape, TooManyRequests, Overloaded, *one.refuses]
    if one.signature.requires_key:
        refusals.append(KeyMissing)
    if one.signature.takes_key:
        refusals.extend((KeyInvalid, KeyReused, StillRunning))
    if one.signature.path is not None:
        refusals.append(NoSuchThing)
    if one.auth == "channel":
        refusals.extend((ChannelNotSigned, ChannelStale, ChannelReplayed, ChannelOff, ChannelQuotaUsed))
    elif one.auth != "public":
        refusals.append(NotSignedIn)
    return refusals


def _status(refusal: type[DomainError] | type[Refused]) -> int:
    return STATUS_OF[refusal.kind] if issubclass(refusal, DomainError) else refusal.status
