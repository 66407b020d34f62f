"""Offers through the doors: an operator makes one, people see it, and nothing malformed gets in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pyotp
import pytest

from models.benefits import Benefit
from models.ids import new_id
from models.organizations import Organization
from models.words import BenefitKind, BenefitState
from tests.operating import FREE, PASSWORD
from tests.stories.conftest import BOOTSTRAP_TOKEN


class Desk:
    """Operators and people at the REST door of the town."""

    def __init__(self, address: str, client: aiohttp.ClientSession) -> None:
        self.address, self.client, self.tokens = f"{address}/api/v1", client, {}

    async def ask(self, method: str, path: str, body: Any = None, *, who: str = "root", key: str | None = None):
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Idempotency-Key": key or str(new_id())}
        async with self.client.request(method, self.address + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def hire(self, login: str) -> None:
        body = {"login": login, "password": PASSWORD, "role": "operator"}
        _, made = await self.ask("POST", "/operator/operators", body)
        await self.sign_in(login, made["otpauth_uri"])

    async def sign_in(self, login: str, uri: str) -> None:
        totp = pyotp.parse_uri(uri)
        body = {"login": login, "password": PASSWORD, "otp": totp.now()}
        async with self.client.post(f"{self.address}/operator/sessions", json=body) as answer:
            assert answer.status == 201, await answer.text()
            self.tokens[login] = (await answer.json())["token"]


@pytest.fixture
async def desk(town):
    async with aiohttp.ClientSession() as client:
        desk = Desk(town.address, client)
        body = {"token": BOOTSTRAP_TOKEN, "login": "root", "password": PASSWORD}
        headers = {"Idempotency-Key": "first"}
        async with client.post(f"{desk.address}/operator/bootstrap", json=body, headers=headers) as answer:
            await desk.sign_in("root", (await answer.json())["otpauth_uri"])
        await desk.hire("second")
        screen = town.person("小明").open_mini_program(town.mp)
        assert (await screen.join(with_phone=False)).status == 201
        desk.tokens["小明"] = str(screen.token)
        yield desk


@pytest.fixture
async def benefit(town) -> Benefit:
    return await Benefit.create(
        organization=await Organization.get(parent=None),
        code="wash",
        name="洗车券",
        category="车",
        kind=BenefitKind.VOUCHER,
        state=BenefitState.POOL,
        terms={"uses": 1},
    )


def at(moment: datetime) -> str:
    return moment.isoformat()


async def test_a_flash_sale_from_draft_to_the_end(town, desk, benefit):
    now = datetime.now(UTC)
    terms = {
        "title": "周末洗车",
        "original_price_fen": 3000,
        "opens_at": at(now + timedelta(hours=1)),
        "closes_at": at(now + timedelta(days=1)),
        "early": [{"card_kind": "member", "minutes": 90}],
        "stock": 100,
        "limits": [{"period": "day", "count": 1}, {"period": "ever", "count": 3}],
        "validity": {"kind": "natural", "period": "month"},
        "is_flash_sale": True,
    }
    body = {"benefit_id": str(benefit.id), "code": "flash", "keyword": "洗车", "terms": terms}
    status, drafted = await desk.ask("POST", "/operator/offers", body)
    early = [{**each, "level_at_least": ""} for each in terms["early"]]
    assert (status, drafted["state"], drafted["terms"]["early"]) == (201, "draft", early)
    path = f"/operator/offers/{drafted['id']}"
    assert (await desk.ask("GET", "/offers", who="小明"))[1]["items"] == []
    status, published = await desk.ask("POST", f"{path}/publish")
    assert (status, published["version"], published["state"]) == (200, 1, "published")
    town.house.handlers.offer_catalogue.forget()
    status, page = await desk.ask("GET", "/offers?category=%E8%BD%A6", who="小明")
    (seen,) = page["items"]
    assert (seen["title"], seen["claimable"], seen["left"]) == ("周末洗车", True, 100)  # half an hour early, by card
    assert seen["price"] == FREE
    assert datetime.fromisoformat(page["server_time"]) >= now
    status, one = await desk.ask("GET", f"/offers/{drafted['id']}", who="小明")
    assert (status, one["offer"]) == (200, seen)
    status, proposed = await desk.ask("POST", f"{path}/stock", {"delta": 50, "reason": "追加"})
    assert (status, proposed["stock"]["left"]) == (201, 100)
    approval = f"/operator/stock-approvals/{proposed['approval_id']}/approve"
    assert (await desk.ask("POST", approval))[1]["code"] == "approval.own"
    waiting = (await desk.ask("GET", "/operator/stock-approvals", who="second"))[1]["items"]
    assert [each["delta"] for each in waiting] == [50]
    assert (await desk.ask("POST", approval, who="second"))[1]["stock"]["left"] == 150
    stock = (await desk.ask("GET", f"{path}/stock"))[1]["items"]
    assert stock == [{"bucket": "total", "added": 150, "left": 150, "taken": 0}]
    assert [each["delta"] for each in (await desk.ask("GET", f"{path}/stock/changes"))[1]["items"]] == [50, 100]
    assert (await desk.ask("POST", f"{path}/pause", {"reason": "核对"}))[1]["state"] == "paused"
    town.house.handlers.offer_catalogue.forget()
    seen = (await desk.ask("GET", f"/offers/{drafted['id']}", who="小明"))[1]["offer"]
    assert (seen["claimable"], seen["reason"]) == (False, "offer.paused")
    assert (await desk.ask("POST", f"{path}/resume", {"reason": "好了"}))[1]["state"] == "published"
    assert (await desk.ask("PATCH", path, {"keyword": "周末"}))[1]["keyword"] == "周末"
    assert [each["number"] for each in (await desk.ask("GET", f"{path}/versions"))[1]["items"]] == [1]
    assert (await desk.ask("POST", f"{path}/end", {"reason": "结束"}))[1]["state"] == "ended"
    status, refused = await desk.ask("POST", f"{path}/publish")
    assert (status, refused["code"], refused["state"]) == (409, "offer.state_wrong", "ended")


async def test_what_cannot_be_published_says_why_in_one_answer(desk, benefit):
    later = datetime.now(UTC) + timedelta(days=1)
    terms = {"price": {"fen": 990}, "stock": -1, "opens_at": at(later), "closes_at": at(later)}
    body = {"benefit_id": str(benefit.id), "code": "bad", "terms": terms}
    _, drafted = await desk.ask("POST", "/operator/offers", body)
    status, refused = await desk.ask("POST", f"/operator/offers/{drafted['id']}/publish")
    assert (status, refused["code"]) == (422, "offer.not_publishable")
    assert refused["problems"] == [
        {"field": "price.fen", "problem": "orders_missing"},
        {"field": "closes_at", "problem": "before_start"},
        {"field": "stock", "problem": "out_of_range"},
    ]
    assert "现金价格" in refused["title"]


@pytest.mark.parametrize(
    "terms",
    [
        {"stock": 10**12},
        {"stock": "10"},
        {"stock": 1.5},
        {"stock": True},
        {"opens_at": "2026-01-01T10:00:00"},
        {"opens_at": "yesterday"},
        {"waves": [{"at": "10", "count": 1}]},
        {"waves": [{"at": "10:00", "count": 1}] * 25},
        {"limits": [{"period": "hour", "count": 1}]},
        {"validity": {"kind": "never"}},
        {"title": "a\nb"},
        {"title": "长" * 65},
        {"audience": {"card_kinds": ["x' OR 1=1"]}},
        {"audience": {"member_list": ["nobody"]}},
        {"price": {"yuan": 1}},
        {"surprise": 1},
    ],
)
async def test_malformed_terms_do_not_pass_the_door(desk, benefit, terms):
    body = {"benefit_id": str(benefit.id), "code": "bad", "terms": terms}
    status, refused = await desk.ask("POST", "/operator/offers", body)
    assert (status, refused["code"]) == (400, "request.invalid")


async def test_hostile_paging_and_stock_are_refused(desk, benefit):
    _, drafted = await desk.ask("POST", "/operator/offers", {"benefit_id": str(benefit.id), "code": "x"})
    path = f"/operator/offers/{drafted['id']}"
    for query in ("?cursor=WzFd", "?limit=0", "?limit=101", "?state=gone", "?cursor=%27"):
        assert (await desk.ask("GET", f"/operator/offers{query}"))[0] == 400
    for query in ("?cursor=WyJ4Il0", "?limit=1000", "?organization_id=x", "?unknown=1"):
        assert (await desk.ask("GET", f"/offers{query}", who="小明"))[0] == 400
    for cursor in ("WyJ4Il0", "Wzk5OTk5OTk5OTk5OTk5OTld"):
        assert (await desk.ask("GET", f"{path}/versions?cursor={cursor}"))[0] in {200, 400}
    for body in ({"delta": 10**10, "reason": "x"}, {"delta": 1}, {"delta": 1, "reason": "x", "bucket": "total;"}):
        assert (await desk.ask("POST", f"{path}/stock", body))[0] == 400
    status, refused = await desk.ask("POST", f"{path}/stock", {"delta": 1, "reason": "x"})
    assert (status, refused["code"]) == (404, "stock.unknown")
