"""A key that a door does not ask for is honoured all the same: once for each, and never for something else."""

from models.consents import Consent
from models.replies import Reply
from models.requests import Request
from simulator.rest import RestCall
from tests.stories.desk import at_the_desk

REPLAYED = "Idempotency-Replayed"


def is_replay(call: RestCall) -> bool:
    return call.headers.get(REPLAYED.lower()) == "true"


async def joined(town, name: str = "小明"):
    screen = town.person(name).open_mini_program(town.mp)
    assert (await screen.join(with_phone=False)).status == 201
    return screen


async def test_a_profile_is_changed_once_for_each_key(town):
    ming = await joined(town)
    first = await ming.call("PATCH", "/me", {"nickname": "小明", "birthday": "1990-02-28"}, key="one")
    await ming.call("PATCH", "/me", {"nickname": "阿明"})
    again = await ming.call("PATCH", "/me", {"birthday": "1990-02-28", "nickname": "小明"}, key="one")
    assert (again.status, again.answer, is_replay(again), is_replay(first)) == (200, first.answer, True, False)
    other = await ming.call("PATCH", "/me", {"nickname": "大明"}, key="one")
    assert (other.status, other.answer["code"]) == (422, "idempotency.key_reused")
    assert (await ming.call("GET", "/me")).answer["profile"]["nickname"] == "阿明"
    (kept,) = await Request.filter(operation="change_profile")
    assert "小明" not in str(kept.result)
    assert "1990" not in str(kept.result)


async def test_consents_are_given_and_taken_back_once_for_each_key(town):
    ming = await joined(town)
    terms = {each["purpose"]: each["version"] for each in (await ming.call("GET", "/consents")).answer["items"]}
    path, body = "/me/consents/marketing", {"version": terms["marketing"]}
    assert (await ming.call("PUT", path, body, key="give")).answer["changed"]
    again = await ming.call("PUT", path, body, key="give")
    assert (again.answer["changed"], is_replay(again)) == (True, True)
    other = await ming.call("PUT", "/me/consents/sharing", {"version": terms["sharing"]}, key="give")
    assert (other.status, other.answer["code"]) == (422, "idempotency.key_reused")
    assert (await ming.call("DELETE", path, key="take")).answer["changed"]
    await ming.call("PUT", path, body)
    assert is_replay(await ming.call("DELETE", path, key="take"))
    assert (await ming.call("DELETE", "/me/consents/sharing", key="take")).status == 422
    assert await Consent.filter(purpose="marketing", withdrawn_at=None).count() == 1


async def test_a_key_that_ended_sessions_ends_none_that_were_opened_since(town):
    phone = await joined(town)
    assert (await phone.call("POST", "/sessions", {"code": phone.login_code()})).status == 201  # a second one
    assert (await phone.call("DELETE", "/sessions", key="all")).answer == {"closed": 2}
    await phone.login()
    again = await phone.call("DELETE", "/sessions", key="all")
    assert (again.answer, is_replay(again)) == ({"closed": 2}, True)
    assert (await phone.call("DELETE", "/sessions/current", key="this")).status == 204
    assert (await phone.call("GET", "/me")).status == 401
    await phone.login()
    other = await phone.call("DELETE", "/sessions/current", key="this")
    assert (other.status, other.answer["code"]) == (422, "idempotency.key_reused")
    assert (await phone.call("GET", "/me")).status == 200


async def test_what_operators_write_with_a_key_is_written_once(town):
    async with at_the_desk(town) as desk:

        async def ask(method: str, path: str, body: object = None, *, key: str) -> tuple[int, object, bool]:
            async with desk.keyed(method, path, body, key) as answer:
                told = await answer.json() if answer.status != 204 else None
                return answer.status, told, answer.headers.get(REPLAYED) == "true"

        content = {"kind": "text", "text": "九点到五点"}
        _, added = await desk.ask("POST", "/replies", {"account": "oa", "trigger": "follow", "content": content})
        path = f"/replies/{added['reply']['id']}"
        first = await ask("PATCH", path, {"priority": 3}, key="change")
        await desk.ask("PATCH", path, {"priority": 5})
        assert await ask("PATCH", path, {"priority": 3}, key="change") == (200, first[1], True)
        assert (await ask("PATCH", path, {"priority": 4}, key="change"))[0] == 422
        assert (await Reply.get()).priority == 5
        assert await ask("DELETE", path, key="drop") == (204, None, False)
        assert await ask("DELETE", path, key="drop") == (204, None, True)

        buttons = [{"type": "click", "name": "权益", "key": "权益"}]
        first = await ask("PUT", "/menus/oa", {"buttons": buttons}, key="menu")
        await desk.ask("PUT", "/menus/oa", {"buttons": None})
        assert first[0] == 200, first
        assert await ask("PUT", "/menus/oa", {"buttons": buttons}, key="menu") == (200, first[1], True)
        status, told, _ = await ask("PUT", "/menus/oa", {"buttons": None}, key="menu")
        assert (status, told["code"]) == (422, "idempotency.key_reused")
        assert (await desk.ask("GET", "/menus/oa"))[1]["is_default"]
