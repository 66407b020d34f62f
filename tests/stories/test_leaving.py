"""A person asks what we know of them, and leaves: through both doors, and everything that runs behind them."""

import logging

import aiohttp

from models.identity import Identifier, Member
from models.linking import Departed
from models.words import MemberStatus, Namespace
from simulator import Platform
from tests.canaries import listening, secrets_of
from tests.dumping import dump, found_in
from tests.stories.conftest import MP, OA

PHONE = "13912345670"


async def _joined(town):
    hong = town.person("小红", phone=PHONE)
    await hong.follow(town.oa, scene="store_7")
    screen = hong.open_mini_program(town.mp)
    assert (await screen.join(with_phone=True)).status == 201
    assert (await screen.call("PATCH", "/me", {"nickname": "小红爱看书"})).status == 200
    return hong, screen


async def _get(town, path: str, *, token: str, **headers: str) -> tuple[int, dict[str, str], str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{town.address}/api/v1{path}", headers={"Authorization": f"Bearer {token}", **headers}) as answer,
    ):
        return answer.status, dict(answer.headers), await answer.text()


def _canaries(town, hong) -> list[str]:
    return [PHONE, hong.openid(town.oa), hong.openid(town.mp), hong.unionid(town.mp), "小红爱看书"]


async def test_a_member_sees_everything_as_json_and_as_a_page(town):
    hong, screen = await _joined(town)
    export = await screen.call("GET", "/me/export")
    assert export.status == 200
    assert {each["value"] for each in export.fact("identifiers")} == {
        PHONE,
        hong.openid(town.oa),
        hong.openid(town.mp),
        hong.unionid(town.mp),
    }
    assert export.fact("profile")["nickname"] == "小红爱看书"
    assert {each["purpose"] for each in export.fact("consents")} == {"membership", "phone"}
    for query, accepted in (("?format=html", "application/json"), ("", "text/html,*/*;q=0.8")):
        status, headers, page = await _get(town, f"/me/export{query}", token=screen.token, Accept=accepted)
        assert status == 200
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert "style-src 'sha256-" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert page.startswith("<!doctype html>")
        assert "小红爱看书" in page
    for query, accepted in (("?format=json", "text/html"), ("", "application/json, text/html"), ("", "*/*")):
        _, headers, _ = await _get(town, f"/me/export{query}", token=screen.token, Accept=accepted)
        assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert (await screen.call("GET", "/me/export?format=pdf")).status == 400


async def test_a_member_leaves_and_is_unknown_in_chat_and_new_in_the_mini_program(town):
    hong, screen = await _joined(town)
    number = (await screen.me()).fact("number")
    assert number in (await hong.say(town.oa, "我的")).text
    assert (await screen.call("DELETE", "/me")).status == 204
    assert (await screen.me()).status == 401
    assert (await screen.call("DELETE", "/me")).status == 401
    assert "还不是会员" in (await hong.say(town.oa, "我的")).text
    again = hong.open_mini_program(town.mp)
    login = await again.login()
    assert (login.status, login.fact("member")) == (201, None)
    joined = await again.join(with_phone=True)
    assert (joined.status, joined.fact("phone_status")) == (201, "attached")
    assert joined.fact("member")["number"] != number
    assert joined.fact("member")["profile"]["nickname"] is None
    assert await Member.filter(status=MemberStatus.ERASED).count() == 1


async def test_after_leaving_neither_a_table_nor_a_log_line_knows_them(town, caplog):
    with caplog.at_level(logging.DEBUG):
        hong, screen = await _joined(town)
        tokens = [screen.token]
        hashes = {str(each) for each in await Identifier.all().values_list("value_hash", flat=True)}
        assert found_in(await dump(), hashes)
        await hong.say(town.oa, "我的")
        await screen.call("GET", "/me/export")
        assert (await screen.call("DELETE", "/me")).status == 204
        await town.work()
    assert found_in(await dump(), [*_canaries(town, hong), *hashes]) == set()
    assert await Departed.all().count() == 4
    written = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert [each for each in (*_canaries(town, hong), *tokens) if each in written] == []


def test_a_secret_in_a_log_line_of_ours_is_heard():
    """The guard of every story: what it listens to, and what it lets pass."""
    platform = Platform([OA, MP], backend="http://127.0.0.1:9")
    hong = platform.person("小红", phone=PHONE)
    with listening() as heard:
        logging.getLogger("handlers.example").info("sent", extra={"to": hong.openid(OA)})
        logging.getLogger("app.example").warning("called %s", PHONE)
        logging.getLogger("miniapp_api.example").info("fine")
        logging.getLogger("simulator.example").info("the other machine says %s", PHONE)
        logging.getLogger("bot.example").debug("below the level of the house: %s", PHONE)
    assert len(heard.canaries(secrets_of(platform))) == 2


async def test_withdrawing_the_phone_consent_says_what_follows_and_does_it(town):
    _, screen = await _joined(town)
    terms = {each["purpose"]: each["consequence"] for each in (await screen.call("GET", "/consents")).fact("items")}
    withdrawn = await screen.call("DELETE", "/me/consents/phone")
    assert withdrawn.status == 200
    assert withdrawn.fact("consequence") == terms["phone"]
    assert (await screen.me()).fact("phone") is None
    assert (await Identifier.get(namespace=Namespace.PHONE)).value_cipher == ""
    refused = await screen.call("DELETE", "/me/consents/membership")
    assert (refused.status, refused.fact("code")) == (409, "consent.needed")


async def test_a_stranger_can_neither_export_nor_delete(town):
    screen = town.person("路人").open_mini_program(town.mp)
    assert (await screen.call("GET", "/me/export")).status == 401
    assert (await screen.call("DELETE", "/me")).status == 401
