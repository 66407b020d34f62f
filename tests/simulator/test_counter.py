"""Claims, passes and the counter as the pretend phone has them, with a server that says what a test wants."""

from datetime import UTC, datetime

import orjson
import pytest
from aiohttp import web

from tests.simulator.conftest import NOON

ENDS = datetime.fromtimestamp(NOON + 60, UTC).isoformat()
ANSWERS = {
    "/api/v1/sessions": {"token": "member-token", "member": None},
    "/api/v1/offers": {"items": [{"id": "o1"}]},
    "/api/v1/me/claims/c1/pass": {"token": "pass-token", "expires_at": ENDS, "qr_svg": "<svg/>", "code": None},
    "/api/v1/clerk/sessions": {"token": "clerk-token", "name": "小林", "role": "clerk"},
    "/api/v1/clerk/redemptions/preview": {"benefit": "拿铁", "confirm_token": "sure"},
    "/api/v1/clerk/redemptions": {"redemptions": []},
    "/api/v1/me/code": {"token": "member-code", "expires_at": ENDS, "qr_svg": "<svg/>"},
    "/api/v1/clerk/members/identify": {"member": "尾号1234", "claims": [], "cards": [], "visit_token": "visit"},
    "/api/v1/clerk/shifts": {"id": "s1", "closed_at": None},
    "/api/v1/clerk/shifts/current": {"id": "s1", "closed_at": None, "redeemed_count": 1},
    "/api/v1/clerk/shifts/current/close": {"id": "s1", "closed_at": ENDS, "redeemed_count": 1},
}


@pytest.fixture
def asked(backend):
    """Each request to our server: path, token, body."""
    asked = []

    async def answer(request, body):
        asked.append((request.path, request.headers.get("Authorization"), orjson.loads(body) if body else None))
        if request.path not in ANSWERS:
            return web.json_response({"code": "no.such", "title": "没有找到"}, status=404)
        return web.json_response(ANSWERS[request.path], status=201)

    backend.answer = answer
    return asked


@pytest.fixture
async def screen(person, mp, asked):
    screen = person.open_mini_program(mp)
    await screen.login()
    return screen


async def test_a_pass_can_be_scanned_from_the_phone_that_shows_it_until_it_is_over(screen, platform, wechat, clock):
    await screen.pass_of("c1")
    seen = await (await wechat.get("/control/passes")).json()
    assert seen["items"] == [{"person": screen.person.name, "token": "pass-token", "expires_at": NOON + 60}]
    clock.advance(60)
    assert platform.passes() == []


async def test_a_pass_that_was_put_away_is_gone(screen, platform, wechat):
    await screen.pass_of("c1")
    assert platform.passes() == [screen]
    await wechat.delete(f"/control/people/{screen.person.id}/screens/{screen.id}/pass")
    assert platform.passes() == []


async def test_whoever_logs_out_shows_nothing(screen, platform):
    await screen.pass_of("c1")
    await screen.logout()
    assert platform.passes() == []


async def test_a_refused_pass_takes_the_former_one_away(screen, platform):
    await screen.pass_of("c1")
    assert (await screen.pass_of("c2")).status == 404
    assert platform.passes() == []


async def test_the_counter_has_a_session_of_its_own_and_redeems_what_it_looked_at(screen, asked):
    counter = screen.counter
    await counter.sign_in()
    await counter.look(code="7THY-5F6C")
    await counter.redeem(uses=2, bill_fen=12_000)
    await screen.offers()
    body = {
        "codes": [{"code": "7THY-5F6C", "uses": 2}],
        "device_id": counter.device,
        "confirm_token": "sure",
        "bill_amount_fen": 12_000,
    }
    assert asked[-2] == ("/api/v1/clerk/redemptions", "Bearer clerk-token", body)
    assert asked[-1] == ("/api/v1/offers", "Bearer member-token", None)
    assert (counter.preview, counter.receipt, counter.refusal) == (None, {"redemptions": []}, None)


async def test_what_was_refused_is_kept_for_the_clerk_to_read(screen):
    await screen.counter.sign_in()
    await screen.counter.reverse("r1", "拿错了")
    assert screen.counter.refusal == {"code": "no.such", "title": "没有找到"}


async def test_tokens_and_their_pictures_stay_out_of_the_lists_of_calls(screen, wechat):
    at = f"/control/people/{screen.person.id}/screens/{screen.id}"
    for gesture in ({"gesture": "pass", "claim": "c1"}, {"gesture": "sign_in"}):
        answer = await (await wechat.post(at, json=gesture)).json()
        assert answer["answer"]["token"] == "…"
    seen = await (await wechat.get(f"/control/people/{screen.person.id}")).json()
    (shown,) = seen["screens"]
    assert shown["counter"]["clerk"] == {"name": "小林", "role": "clerk"}
    said = orjson.dumps([each["answer"] for each in shown["calls"]]).decode()
    assert not {word for word in ("member-token", "clerk-token", "pass-token", "<svg") if word in said}


@pytest.mark.parametrize(
    "gesture",
    [{"gesture": "claim"}, {"gesture": "claim", "offer": "o1", "choices": "c"}, {"gesture": "redeem", "uses": 0}],
)
async def test_gestures_that_say_too_little_are_not_understood(screen, wechat, gesture):
    answer = await wechat.post(f"/control/people/{screen.person.id}/screens/{screen.id}", json=gesture)
    assert answer.status == 400


async def test_a_member_code_is_scanned_from_the_phone_that_shows_it_and_claims_are_redeemed_by_it(
    screen, platform, wechat, asked, clock
):
    await screen.show_code()
    seen = await (await wechat.get("/control/codes")).json()
    assert seen["items"] == [{"person": screen.person.name, "token": "member-code", "expires_at": NOON + 60}]
    await screen.counter.sign_in()
    assert (await screen.counter.identify("member-code")).is_fine
    await screen.counter.redeem(claim="c1", uses=2)
    path, _, body = asked[-1]
    assert (path, body["codes"]) == (
        "/api/v1/clerk/redemptions",
        [{"claim_id": "c1", "visit_token": "visit", "uses": 2}],
    )
    clock.advance(60)
    assert platform.codes_shown() == []


async def test_a_shift_is_opened_looked_at_and_closed_on_this_phone(screen, asked):
    counter = screen.counter
    await counter.sign_in()
    await counter.open_shift()
    assert asked[-1][2] == {"device_id": counter.device}
    await counter.look_at_shift()
    assert counter.shift["redeemed_count"] == 1
    await counter.close_shift()
    assert counter.shift["closed_at"] == ENDS
    await counter.leave()
    assert counter.shift is None
