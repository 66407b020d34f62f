"""A merchant's counter: the operator invites, the clerk scans, the customer shows; by the mini-program and by chat."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace

import aiohttp
import pytest

from gateways.vault import FieldVault
from handlers.claims.typed_codes import shown, typed_code
from models.claims import Claim
from models.identity import Member
from models.programmes import Merchant, Store
from models.redemptions import Redemption
from models.words import ClaimState
from tests.handlers.counter import Counter
from tests.stories.desk import at_the_desk


@dataclass
class Answer:
    status: int
    body: dict
    raw: bytes
    replayed: bool


@dataclass
class Shop:
    """The door of the town, a merchant with one store, and an operator at the desk."""

    town: object
    client: aiohttp.ClientSession
    desk: object
    counter: Counter

    async def ask(self, method: str, path: str, body: object = None, *, token: str = "", key: str | None = None):
        headers = {"Idempotency-Key": key or str(uuid.uuid4())} if method == "POST" else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        async with self.client.request(method, f"/api/v1{path}", json=body, headers=headers) as answer:
            raw = await answer.read()
            whole = await answer.json(content_type=None) if raw else {}
            return Answer(answer.status, whole, raw, answer.headers.get("Idempotency-Replayed") == "true")

    async def clerk(self, person) -> str:
        """Invited, accepted, signed in."""
        status, invited = await self.desk.ask(
            "POST", "/clerks/invitations", {"merchant": "books", "store": "S1", "name": "小林"}
        )
        assert status == 201, invited
        code = person.open_mini_program(self.town.mp).login_code()
        accepted = await self.ask("POST", f"/clerk/invitations/{invited['token']}/accept", {"code": code})
        assert accepted.status == 201, accepted.body
        code = person.open_mini_program(self.town.mp).login_code()
        opened = await self.ask("POST", "/clerk/sessions", {"code": code})
        assert opened.status == 201, opened.body
        return opened.body["token"]

    async def claim(self, **more) -> Claim:
        """Of the member who joined first."""
        member = await Member.filter(number__not_isnull=True).order_by("id").first()
        return await self.counter.claim(SimpleNamespace(member_id=member.id), **more)

    def typed(self, claim: Claim) -> str:
        return shown(typed_code(self.counter.rooms.vault, claim.id, 0))


@pytest.fixture
async def shop(town):
    settings = town.house.settings
    vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
    async with at_the_desk(town) as desk, aiohttp.ClientSession(town.address) as client:
        merchant = {"code": "books", "name": "江南书店"}
        assert (await desk.ask("POST", "/merchants", merchant))[0] == 201
        store = {"merchant": "books", "code": "S1", "name": "湖滨店"}
        assert (await desk.ask("POST", "/stores", store))[0] == 201
        rooms = SimpleNamespace(vault=vault, clock=town.clock, handlers=town.house.handlers)
        merchant = await Merchant.get(code="books")
        lake = await Store.get(code="S1")
        yield Shop(town, client, desk, Counter(rooms, merchant, lake, lake, None, None))


async def member(town, name: str):
    person = town.person(name)
    await person.follow(town.oa)
    screen = person.open_mini_program(town.mp)
    assert (await screen.join(with_phone=False)).status == 201
    return person, str(screen.token)


async def test_a_customer_shows_a_pass_and_a_clerk_redeems_it_once(town, shop):
    _, mine = await member(town, "小明")
    clerk = await shop.clerk(town.person("小林"))
    claim = await shop.claim()
    shown_pass = await shop.ask("POST", f"/me/claims/{claim.id}/pass", token=mine)
    assert shown_pass.status == 201
    assert shown_pass.body["code"] == shop.typed(claim)
    assert shown_pass.body["qr_svg"].startswith("<svg")
    scan = {"token": shown_pass.body["token"]}
    preview = await shop.ask("POST", "/clerk/redemptions/preview", scan, token=clerk)
    assert (preview.status, preview.body["uses_left"], preview.body["store"]) == (200, 1, "湖滨店")
    body = {"codes": [scan], "device_id": "till-1", "confirm_token": preview.body["confirm_token"]}
    done = await shop.ask("POST", "/clerk/redemptions", body, token=clerk, key="k1")
    assert (done.status, done.replayed) == (201, False)
    again = await shop.ask("POST", "/clerk/redemptions", body, token=clerk, key="k1")
    assert (again.status, again.replayed, again.raw) == (201, True, done.raw)
    lost = await shop.ask("GET", "/clerk/redemptions/by-key/till-1/k1", token=clerk)
    assert (lost.status, lost.raw) == (200, done.raw)
    body = {"codes": [{"code": shop.typed(claim)}], "device_id": "till-2"}
    twice = await shop.ask("POST", "/clerk/redemptions", body, token=clerk, key="k2")
    assert (twice.status, twice.body["code"]) == (409, "redemption.already_redeemed")
    assert twice.body["first"]["store"] == "湖滨店"
    repeated = await shop.ask("POST", "/clerk/redemptions", body, token=clerk, key="k2")
    assert (repeated.raw, repeated.replayed) == (twice.raw, True)
    row = done.body["redemptions"][0]["id"]
    back = await shop.ask("POST", f"/clerk/redemptions/{row}/reversal", {"reason": "拿错"}, token=clerk)
    assert (back.status, back.body["claim_state"]) == (201, "issued")
    history = await shop.ask("GET", "/clerk/redemptions", token=clerk)
    assert [each["kind"] for each in history.body["items"]] == ["reversal", "redeem"]
    await town.work()


async def test_an_invitation_is_for_one_and_a_revoked_clerk_is_out_at_once(town, shop):
    lin = town.person("小林")
    token = await shop.clerk(lin)
    listed = (await shop.desk.ask("GET", "/clerks"))[1]["items"]
    assert [each["name"] for each in listed] == ["小林"]
    _, invited = await shop.desk.ask(
        "POST", "/clerks/invitations", {"merchant": "books", "store": None, "role": "manager", "name": "店长"}
    )
    path = f"/clerk/invitations/{invited['token']}/accept"
    code = lin.open_mini_program(town.mp).login_code()
    assert (await shop.ask("POST", path, {"code": code})).body["code"] == "clerk.already"
    hong, lan = town.person("小红"), town.person("小蓝")
    code = hong.open_mini_program(town.mp).login_code()
    first = await shop.ask("POST", path, {"code": code})
    assert (first.status, first.body["role"]) == (201, "manager")
    assert (await shop.ask("POST", path, {"code": code})).body == first.body
    code = lan.open_mini_program(town.mp).login_code()
    assert (await shop.ask("POST", path, {"code": code})).body["code"] == "clerk.invitation_invalid"
    assert (await shop.ask("POST", "/clerk/sessions", {"code": code})).body["code"] == "clerk.not_a_clerk"
    _, invited = await shop.desk.ask("POST", "/clerks/invitations", {"merchant": "books", "name": "晚到"})
    town.wait(timedelta(hours=72))
    late = lan.open_mini_program(town.mp).login_code()
    path = f"/clerk/invitations/{invited['token']}/accept"
    assert (await shop.ask("POST", path, {"code": late})).body["code"] == "clerk.invitation_invalid"
    code = lin.open_mini_program(town.mp).login_code()
    token = (await shop.ask("POST", "/clerk/sessions", {"code": code})).body["token"]
    assert (await shop.ask("GET", "/clerk/redemptions", token=token)).status == 200


async def test_revoking_ends_every_session_at_the_next_request(town, shop):
    token = await shop.clerk(town.person("小林"))
    assert (await shop.ask("GET", "/clerk/redemptions", token=token)).status == 200
    clerk_id = (await shop.desk.ask("GET", "/clerks"))[1]["items"][0]["id"]
    assert (await shop.desk.ask("DELETE", f"/clerks/{clerk_id}"))[0] == 200
    refused = await shop.ask("GET", "/clerk/redemptions", token=token)
    assert (refused.status, refused.body["code"]) == (401, "clerk.not_signed_in")


async def test_a_clerk_redeems_by_chat_and_takes_it_back(town, shop):
    await member(town, "小明")
    lin = town.person("小林")
    await lin.follow(town.oa)
    await shop.clerk(lin)
    claim = await shop.claim()
    assert "可用1次。核销请回复“确认”" in (await lin.say(town.oa, shop.typed(claim))).text
    assert "确认" in (await lin.say(town.oa, "好的")).text
    done = (await lin.say(town.oa, "确认")).text
    assert done.startswith("咖啡一杯，")
    assert "剩0次" in done
    assert (await Claim.get(id=claim.id)).state is ClaimState.USED
    assert (await lin.say(town.oa, f"核销 {shop.typed(claim)}")).text == "刚才已核销成功，不用再扫。"
    assert "已撤销，顾客可用1次" in (await lin.say(town.oa, "撤销")).text
    assert "没有可以撤销的核销" in (await lin.say(town.oa, "撤销")).text
    assert await Redemption.all().count() == 2
    await town.work()


async def test_a_customer_who_sends_a_code_hears_how_to_use_it(town, shop):
    ming, _ = await member(town, "小明")
    claim = await shop.claim()
    assert "到店出示给店员" in (await ming.say(town.oa, shop.typed(claim))).text
    assert "核销由门店店员办理" in (await ming.say(town.oa, f"核销{shop.typed(claim)}")).text
    assert await Redemption.all().count() == 0


async def test_somebody_elses_claim_has_no_pass(town, shop):
    await member(town, "小明")
    _, hers = await member(town, "小红")
    claim = await shop.claim()
    foreign = await shop.ask("POST", f"/me/claims/{claim.id}/pass", token=hers)
    absent = await shop.ask("POST", f"/me/claims/{uuid.uuid4()}/pass", token=hers)
    assert (foreign.status, foreign.raw) == (404, absent.raw)
