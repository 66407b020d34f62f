"""Paths, query strings and cursors are typed like bodies are; and a view that cannot be served fails at import."""

from datetime import UTC, datetime
from typing import Annotated

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from miniapp_api.errors import CursorInvalid
from miniapp_api.http import endpoint
from miniapp_api.replies import Created, NoContent, Ok, Renderer
from miniapp_api.shapes import Body, Out, Page, decode_cursor, encode_cursor
from tests.miniapp_api.example import THING_ID, Colour, Seen, ThingOut

API = "/api/v1"
CANARY = "canary7391"


async def test_a_list_is_read_page_by_page_to_its_end(client: TestClient) -> None:
    names, cursor = [], None
    for _ in range(10):
        page = await (
            await client.get(f"{API}/things", params={"limit": 10} | ({"cursor": cursor} if cursor else {}))
        ).json()
        assert page.keys() == {"items", "next_cursor"}
        names += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == [f"thing {n}" for n in range(25)]


async def test_what_is_not_asked_has_its_default(client: TestClient, seen: Seen) -> None:
    await client.get(f"{API}/things")
    await client.get(f"{API}/things", params={"limit": "100", "colour": "blue", "is_open": "true"})
    assert seen.calls == [
        {"limit": 20, "start": 0, "colour": None, "is_open": False},
        {"limit": 100, "start": 0, "colour": Colour.BLUE, "is_open": True},
    ]


@pytest.mark.parametrize(
    ("query", "field", "problem"),
    [
        ("limit=0", "limit", "out_of_range"),
        ("limit=101", "limit", "out_of_range"),
        ("limit=-1", "limit", "out_of_range"),
        ("limit=1000000000", "limit", "out_of_range"),
        ("limit=1" + "0" * 5000, "limit", "wrong_value"),
        ("limit=1.0", "limit", "wrong_value"),
        ("limit=1_0", "limit", "wrong_value"),
        ("limit=%2010", "limit", "wrong_value"),
        ("limit=+10", "limit", "wrong_value"),
        ("limit=010", "limit", "wrong_value"),
        ("limit=%EF%BC%91%EF%BC%90", "limit", "wrong_value"),
        ("limit=", "limit", "wrong_value"),
        ("limit=true", "limit", "wrong_value"),
        ("limit=canary7391", "limit", "wrong_value"),
        ("is_open=1", "is_open", "wrong_value"),
        ("is_open=yes", "is_open", "wrong_value"),
        ("is_open=True", "is_open", "wrong_value"),
        ("colour=canary7391", "colour", "wrong_value"),
        ("colour=red%00", "colour", "wrong_value"),
        ("cursor=%00", "cursor", "wrong_value"),
        ("cursor=a'b--", "cursor", "wrong_value"),
        ("cursor=" + "a" * 257, "cursor", "wrong_value"),
        ("limit=1&limit=2", "limit", "repeated"),
        ("canary7391=1", "", "unknown"),
        ("limit=1&CANARY7391", "", "unknown"),
    ],
)
async def test_a_wrong_query_names_our_parameter_and_echoes_nothing(
    client: TestClient, seen: Seen, query: str, field: str, problem: str
) -> None:
    answer = await client.get(f"{API}/things?{query}")
    said = await answer.json(content_type="application/problem+json")
    assert (answer.status, said["code"]) == (400, "request.invalid")
    assert said["errors"] == [{"field": field, "problem": problem}]
    assert CANARY not in (await answer.text()).lower()
    assert seen.calls == []


async def test_a_query_where_none_is_known_is_refused(client: TestClient, seen: Seen) -> None:
    answer = await client.get(f"{API}/things/{THING_ID}?{CANARY}=1")
    assert (answer.status, (await answer.json(content_type=None))["code"]) == (400, "request.invalid")
    assert CANARY not in await answer.text()
    assert seen.calls == []


@pytest.mark.parametrize(
    "thing_id",
    [
        "1",
        "-1",
        "%00",
        "..%2f..",
        CANARY,
        str(THING_ID).upper(),
        THING_ID.hex,
        f"{{{THING_ID}}}",
        f"{THING_ID}%20",
        "1'--",
    ],
)
async def test_an_id_that_no_row_can_have_is_a_row_that_does_not_exist(
    client: TestClient, seen: Seen, thing_id: str
) -> None:
    answer = await client.get(f"{API}/things/{thing_id}")
    assert (answer.status, (await answer.json(content_type=None))["code"]) == (404, "request.not_found")
    assert CANARY not in await answer.text()
    assert seen.calls == []


async def test_an_id_is_an_opaque_string_in_and_out(client: TestClient, seen: Seen) -> None:
    answer = await client.get(f"{API}/things/{THING_ID}")
    assert (await answer.json())["id"] == str(THING_ID)
    assert seen.calls == [{"thing_id": THING_ID}]


# --- cursors


@given(st.lists(st.one_of(st.text(alphabet=st.characters(codec="utf-8")), st.integers(-(2**53), 2**53)), max_size=3))
def test_a_cursor_leads_back_to_its_position(position: list[str | int]) -> None:
    cursor = encode_cursor(position)
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert decode_cursor(cursor, *map(type, position)) == tuple(position)


@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", encode_cursor(["a"]), encode_cursor([1, 2]), encode_cursor([]), "W3RydWVd", "e30", "bnVsbA"]
)
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        decode_cursor(cursor, int)


async def test_a_forged_cursor_is_a_problem(client: TestClient) -> None:
    answer = await client.get(f"{API}/things", params={"cursor": "AAAA"})
    assert (answer.status, (await answer.json(content_type=None))["code"]) == (400, "cursor.invalid")


# --- what cannot be declared


class Lax(BaseModel):
    name: str


class Hiding(Body):
    inner: Annotated[list[Lax], Field(max_length=2)]


def test_a_body_that_would_take_unknown_fields_cannot_be_declared() -> None:
    for model in (Lax, Hiding):

        async def view(request: web.Request, body: model) -> NoContent:  # type: ignore[valid-type]
            """Never served."""

        with pytest.raises(TypeError, match="Body"):
            endpoint(tags=["x"])(view)


def test_a_view_returns_a_declared_shape() -> None:
    async def bare(request: web.Request) -> dict[str, str]: ...
    async def shapeless(request: web.Request) -> Ok: ...  # type: ignore[type-arg]

    for view in (bare, shapeless):
        with pytest.raises(TypeError, match="a view returns"):
            endpoint(tags=["x"])(view)


def test_a_view_takes_the_request_first_and_no_other_header() -> None:
    async def no_request(limit: int) -> NoContent: ...
    async def another_header(request: web.Request, *, user_agent: str) -> NoContent: ...

    for view in (no_request, another_header):
        with pytest.raises(TypeError):
            endpoint(tags=["x"])(view)


def test_what_was_not_declared_is_not_rendered() -> None:
    renderer = Renderer(Ok[ThingOut] | NoContent)
    thing = ThingOut(id=THING_ID, name="a", count=1, colour=Colour.RED, made_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert renderer.render(Ok(thing)).status == 200
    with pytest.raises(KeyError):
        renderer.render(Created(thing))


def test_a_subclass_tells_no_more_than_its_declared_shape() -> None:
    class Spoken(Out):
        name: str

    class Whispered(Spoken):
        secret: str

    rendered = Renderer(Ok[Page[Spoken]]).render(Ok(Page[Spoken](items=[Whispered(name="a", secret=CANARY)])))
    assert rendered.body == b'{"items":[{"name":"a"}],"next_cursor":null}'
