"""Every list of every door has one shape: `items`, and `next_cursor` where the next page starts or null."""

from collections.abc import Iterator

import pytest
from aiohttp import web

from miniapp_api.openapi import Json, build
from miniapp_api.routes import all_routes

# Answers to an act on many things at once: one item for each that was sent, in that order. There is no next page.
OF_WHAT_WAS_SENT = {"EntriesOut", "OfflineUploadedOut"}


@pytest.fixture(scope="module")
def document() -> Json:
    app = web.Application()
    app.add_routes(all_routes())
    return build(app, version="0")


def answers(document: Json) -> Iterator[tuple[str, Json]]:
    """What operations answer when they did what was asked: `GET /plans`, and the schema."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, said in operation["responses"].items():
                if status.startswith("2") and (content := said.get("content", {}).get("application/json")):
                    yield f"{method.upper()} {path}", content["schema"]


def named_in(part: object) -> set[str]:
    """The shapes that a schema refers to."""
    if isinstance(part, list):
        return set().union(*map(named_in, part))
    if not isinstance(part, dict):
        return set()
    own = {part["$ref"].removeprefix("#/components/schemas/")} if isinstance(part.get("$ref"), str) else set()
    return own.union(*map(named_in, part.values()))


def bare_arrays(document: Json) -> list[str]:
    """The operations that answer with an array, whichever way their schema says so."""
    schemas = document["components"]["schemas"]

    def is_array(schema: Json) -> bool:
        named = schema.get("$ref", "").removeprefix("#/components/schemas/")
        choices = [schema, *schema.get("anyOf", ()), *([schemas[named]] if named else ())]
        return any(each.get("type") == "array" for each in choices)

    return [name for name, schema in answers(document) if is_array(schema)]


def lists_without_an_end(document: Json) -> list[str]:
    """The shapes within answers with a list called `items` of which nobody can tell whether there is more."""
    schemas = document["components"]["schemas"]
    told, waiting = {}, [(f"{name} {place}", schema) for place, (name, schema) in enumerate(answers(document))]
    while waiting:
        name, schema = waiting.pop()
        if name not in told:
            told[name] = schema
            waiting.extend((each, schemas[each]) for each in named_in(schema))
    return [
        name
        for name, schema in told.items()
        if schema.get("properties", {}).get("items", {}).get("type") == "array"
        and "next_cursor" not in schema["properties"]
    ]


def test_no_door_answers_a_bare_array(document: Json) -> None:
    assert len(list(answers(document))) > 250
    assert bare_arrays(document) == []


def test_whatever_has_items_says_whether_there_are_more(document: Json) -> None:
    assert set(lists_without_an_end(document)) == OF_WHAT_WAS_SENT


def test_every_operators_list_is_asked_for_by_pages_but_those_that_are_short_and_closed(document: Json) -> None:
    paged = {"limit", "cursor"}
    whole = [
        path
        for path, methods in document["paths"].items()
        if path.startswith("/operator/") and "get" in methods
        for schema in [dict(answers({"paths": {path: {"get": methods["get"]}}})).get(f"GET {path}", {})]
        if schema.get("$ref", "").startswith("#/components/schemas/Page_")
        and not paged <= {each["name"] for each in methods["get"].get("parameters", ())}
    ]
    assert whole == [
        "/operator/co-brands/{co_brand_id}/entries",  # one for each side
        "/operator/commission-levels",  # two, by law
        "/operator/draws/{draw_id}/stock",  # one for each prize of the wheel
        "/operator/members/{member_id}/cards",  # of one member: a few of each kind
        "/operator/offers/{offer_id}/stock",  # the total and the newest 100 counters; changes have pages
    ]


def test_a_bare_array_and_a_list_without_an_end_are_seen(document: Json) -> None:
    listed = {"type": "object", "properties": {"items": {"type": "array"}}}
    for schema in ({"type": "array"}, {"$ref": "#/components/schemas/Rows"}, {"anyOf": [{"type": "array"}]}):
        told = {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}
        planted = {"paths": {"/things": {"get": told}}, "components": {"schemas": {"Rows": {"type": "array"}}}}
        assert bare_arrays(planted) == ["GET /things"]
    for schema, seen in ((listed, "GET /x 0"), ({"anyOf": [{"$ref": "#/components/schemas/L"}]}, "L")):
        told = {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}
        planted = {"paths": {"/x": {"get": told}}, "components": {"schemas": {"L": listed}}}
        assert lists_without_an_end(planted) == [seen]
