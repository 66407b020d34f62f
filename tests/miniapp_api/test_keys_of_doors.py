"""Which doors take an Idempotency-Key, which must have one, and why some take none."""

from collections.abc import Iterator

import pytest
from aiohttp import web

from miniapp_api.http import Endpoint, described
from miniapp_api.openapi import Json, build
from miniapp_api.routes import all_routes

_OPENS = "opens a session with a code or password that is good once; a key would have to keep the token"
_ENDS = "ends the very session that asks: nobody could ask a second time"
_LOOKS = "looks somebody or something up; it is a POST so that what is looked for stands in no address"
_SHORT = "makes something that is good for a minute and once; asked again, the screen wants a fresh one"
WITHOUT_A_KEY = {
    "POST /sessions": _OPENS,
    "POST /clerk/sessions": _OPENS,
    "POST /clerk/sessions/switch": _OPENS,
    "POST /operator/sessions": _OPENS,
    "DELETE /clerk/sessions/current": _ENDS,
    "DELETE /operator/sessions/current": _ENDS,
    "POST /me/code": _SHORT,
    "POST /me/claims/{claim_id}/pass": _SHORT,
    "POST /clerk/redemptions/preview": _LOOKS,
    "POST /clerk/members/identify": _LOOKS,
    "POST /operator/members/search": _LOOKS,
    "POST /operator/cards/lookup": _LOOKS,
    "POST /channel/members/lookup": _LOOKS,
    "POST /me/claims/by-ticket": "shows once what a ticket is good for; an answer that is kept would keep the code",
    "POST /clerk/redemptions/batch": "every scan in it has a key of its own (docs/offline.md)",
}
ONLY_OPTIONAL = {"POST /members": "joining twice is joining once"}


def doors() -> Iterator[tuple[str, Endpoint]]:
    """`POST /members`, and what is known of it."""
    for route in all_routes():
        assert isinstance(route, web.RouteDef)
        if route.method != "GET" and (found := described(route.handler)) is not None:
            yield f"{route.method} {route.path}", found


def test_every_door_that_changes_something_takes_a_key_or_is_known_not_to() -> None:
    assert {name for name, door in doors() if not door.signature.takes_key} == set(WITHOUT_A_KEY)


def test_every_post_that_takes_a_key_must_have_one_but_joining() -> None:
    posts = {name: door for name, door in doors() if name.startswith("POST ") and door.signature.takes_key}
    assert {name for name, door in posts.items() if not door.signature.requires_key} == set(ONLY_OPTIONAL)


@pytest.fixture(scope="module")
def document() -> Json:
    app = web.Application()
    app.add_routes(all_routes())
    return build(app, version="0")


def test_the_document_says_of_every_door_with_a_key_what_becomes_of_one_that_was_used_before(document: Json) -> None:
    wrong = []
    for name, door in doors():
        method, _, path = name.partition(" ")
        said = document["paths"][path][method.lower()]["responses"]
        told = (
            "`idempotency.key_reused`" in said.get("422", {}).get("description", ""),
            "`idempotency.in_progress`" in said.get("409", {}).get("description", ""),
        )
        if set(told) != {door.signature.takes_key}:
            wrong.append((name, told))
    assert wrong == []
