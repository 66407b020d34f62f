"""The published document says what the door does, and the page about it asks no other host for anything."""

import re

import pytest
from aiohttp.test_utils import TestClient

from miniapp_api.pages import as_3_0

API = "/api/v1"
Json = dict


@pytest.fixture
async def document(client: TestClient) -> Json:
    answer = await client.get(f"{API}/openapi.json")
    assert answer.status == 200
    return await answer.json()


def refs(part: object) -> set[str]:
    match part:
        case dict():
            own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return own.union(*map(refs, part.values()))
        case list():
            return set().union(*map(refs, part))
    return set()


async def test_every_endpoint_is_in_the_document_where_it_is_mounted(document: Json) -> None:
    assert document["openapi"] == "3.1.0"
    assert {(path, method) for path, methods in document["paths"].items() for method in methods} == {
        (f"{API}/things", "get"),
        (f"{API}/things", "post"),
        (f"{API}/things/preview", "post"),
        (f"{API}/things/{{thing_id}}", "get"),
        (f"{API}/things/{{thing_id}}", "delete"),
        (f"{API}/refuse", "get"),
        (f"{API}/crash", "get"),
        (f"{API}/guess", "post"),
    }


async def test_every_reference_leads_somewhere_and_every_name_is_allowed(document: Json) -> None:
    schemas = document["components"]["schemas"]
    assert refs(document)
    for reference in refs(document):
        name = reference.removeprefix("#/components/schemas/")
        assert name in schemas
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in schemas)
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)


async def test_path_parameters_agree_with_their_paths(document: Json) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            told = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
            assert told == set(re.findall(r"\{(\w+)\}", path))
            assert all(one["required"] for one in operation.get("parameters", ()) if one["in"] == "path")


async def test_an_operation_is_described_whole(document: Json) -> None:
    make = document["paths"][f"{API}/things"]["post"]
    assert (make["summary"], make["description"]) == ("Make a thing.", "The second paragraph is the description.")
    assert make["security"] == [{"person": []}]
    assert document["components"]["securitySchemes"]["person"]["scheme"] == "bearer"
    (key,) = make["parameters"]
    assert (key["name"], key["in"], key["required"]) == ("Idempotency-Key", "header", True)
    assert make["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/ThingBody")
    assert make["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("/ThingOut")
    assert "Idempotency-Replayed" in make["responses"]["201"]["headers"]
    assert "`consent.outdated`" in make["responses"]["409"]["description"]
    assert "`idempotency.missing`" in make["responses"]["400"]["description"]
    for status in ("400", "401", "409", "429", "503", "default"):
        assert "application/problem+json" in make["responses"][status]["content"]
    drop = document["paths"][f"{API}/things/{{thing_id}}"]["delete"]
    assert [one["required"] for one in drop["parameters"] if one["in"] == "header"] == [False]
    assert "content" not in drop["responses"]["204"]


async def test_query_parameters_tell_their_limits(document: Json) -> None:
    listed = {one["name"]: one for one in document["paths"][f"{API}/things"]["get"]["parameters"]}
    assert listed.keys() == {"limit", "cursor", "colour", "is_open"}
    assert listed["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert not any(one["required"] for one in listed.values())


async def test_body_schemas_close_the_door_on_unknown_fields(document: Json) -> None:
    for name in ("ThingBody", "Maker"):
        assert document["components"]["schemas"][name]["additionalProperties"] is False


async def test_the_problem_schema_is_what_problems_look_like(client: TestClient, document: Json) -> None:
    schema = document["components"]["schemas"]["Problem"]
    problem = await (await client.get(f"{API}/things?limit=0")).json(content_type=None)
    assert set(schema["required"]) <= problem.keys()
    assert problem.keys() <= schema["properties"].keys()
    assert problem["errors"][0].keys() == schema["properties"]["errors"]["items"]["properties"].keys()


def test_the_pages_document_uses_the_older_words() -> None:
    newer = {
        "openapi": "3.1.0",
        "a": {"anyOf": [{"$ref": "#/b"}, {"type": "null"}]},
        "b": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        "c": {"const": 1, "exclusiveMinimum": 3, "examples": ["x", "y"]},
    }
    assert as_3_0(newer) == {
        "openapi": "3.0.3",
        "a": {"nullable": True, "allOf": [{"$ref": "#/b"}]},
        "b": {"nullable": True, "anyOf": [{"type": "string"}, {"type": "integer"}]},
        "c": {"enum": [1], "minimum": 3, "exclusiveMinimum": True, "example": "x"},
    }


async def test_the_page_and_all_it_needs_come_from_here(client: TestClient) -> None:
    answer = await client.get(f"{API}/docs")
    page = await answer.text()
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?:", policy)
    assert "<script>" not in page
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(wanted) == 4
    for reference in wanted:
        assert not reference.startswith(("http", "//", "/"))
        asset = await client.get(f"{API}/{reference}")
        assert asset.status == 200
        assert asset.headers["X-Content-Type-Options"] == "nosniff"
        if reference.endswith((".css", ".js")):
            text = await asset.text()
            loads = re.findall(r'(?:url\(|@import|sourceMappingURL=|importScripts\()\s*["\']?(\w+:|//)', text)
            assert set(loads) <= {"data:"}


async def test_the_pages_script_names_no_host_and_turns_the_validator_off(client: TestClient) -> None:
    script = await (await client.get(f"{API}/docs/start.js")).text()
    assert "http" not in script
    assert "validatorUrl: null" in script
    (document,) = re.findall(r'url: "([^"]+)"', script)
    shown = await (await client.get(f"{API}/{document}")).json()
    assert shown["openapi"] == "3.0.3"
    assert shown["paths"].keys() == (await (await client.get(f"{API}/openapi.json")).json())["paths"].keys()


async def test_an_asset_is_sent_once(client: TestClient) -> None:
    first = await client.get(f"{API}/docs/swagger-ui.css")
    again = await client.get(f"{API}/docs/swagger-ui.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status, again.status, await again.read()) == (200, 304, b"")
