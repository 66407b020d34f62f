"""A month-end of two cities: two merchants on different terms, sold and redeemed, undone and given back, to the fen."""

import csv
import io
from datetime import date, timedelta

import pyotp
import pytest

from app.worker import Worker
from handlers.ledger.checkpoints import own_balances
from handlers.points.points_terms import fen
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import begins, day_of
from handlers.settlement.statement_proofs import differing_statements
from tests.operating import PASSWORD
from tests.stories.market import desk, market
from tests.stories.test_buying import sound

__all__ = ["desk", "market"]

BOOK, TEA = 1_990, 2_999  # what members pay
SETTLED, SHARE, FEE = 1_501, 7_000, 200  # the bookshop: a price, what the operator bears of it, and a fee on that
TEA_PART, TEA_FEE = 8_000, 150  # the tea house: a part of what is paid, and a fee on that
BOOK_GROSS, BOOK_FEE = 1_050, 21  # 1501 x 0.7 = 1050.7; 1050 x 0.98 = 1029 is paid
TEA_GROSS, TEA_FEE_FEN = 2_399, 36  # 2999 x 0.8 = 2399.2; 2399 x 0.985 = 2363.0 is paid as 2363
DAY = timedelta(days=1)


@pytest.fixture
def takes_money() -> bool:
    return True


class Province:
    """Two cities under the root, a merchant in each, and whoever works there."""

    def __init__(self, market) -> None:
        self.market, self.town, self.desk = market, market.town, market.desk
        self.uris: dict[str, str] = {}
        self.clerks, self.managers, self.offers, self.merchants = {}, {}, {}, {}

    async def open(self) -> None:
        await self.employed("boss", "admin")
        await self.sign_in("boss")
        for city, code, name in (("east", "pages", "东城书店"), ("west", "tea", "西城茶馆")):
            place = (await self.desk.made("/organizations", {"code": city, "name": city, "kind": "city"}))["id"]
            for who in ("one", "two"):
                await self.employed(f"{city}-{who}", "finance", place)
            body = {"code": code, "name": name, "organization_id": place}
            self.merchants[code] = (await self.desk.made("/merchants", body))["id"]
            await self.desk.made("/stores", {"merchant": code, "code": f"S-{code}", "name": f"{name}一店"})
            self.clerks[code] = await self.hired(f"{code}-店员", code, f"S-{code}", "clerk")
            self.managers[code] = await self.hired(f"{code}-店长", code, None, "manager")
        money = {"settlement_price_fen": SETTLED, "operator_share_bp": SHARE, "fee_bp": FEE, "period": "month"}
        await self.terms("pages", **money)
        await self.terms("tea", sale_share_bp=TEA_PART, fee_bp=TEA_FEE, period="month")
        self.offers["pages"] = await self.offer("pages", "图书券", {"fen": BOOK, "points": 30})
        self.offers["tea"] = await self.offer("tea", "茶饮券", {"fen": TEA})

    async def employed(self, login: str, role: str, place: str | None = None) -> None:
        body = {"login": login, "password": PASSWORD, "role": role, "organization_id": place}
        self.uris[login] = (await self.desk.made("/operators", body))["otpauth_uri"]

    async def hired(self, name: str, merchant: str, store: str | None, role: str):
        body = {"merchant": merchant, "store": store, "name": name, "role": role}
        invited = await self.desk.made("/clerks/invitations", body)
        screen = await self.market.member(name)
        assert (await screen.counter.accept(invited["token"])).status == 201
        return screen

    async def terms(self, merchant: str, **facts: object) -> None:
        path = f"/operator/merchants/{self.merchants[merchant]}/terms"
        status, told = await self.desk.tell("POST", path, facts, who="boss")
        assert (status, told["fee_bp"], told["period"]) == (201, facts["fee_bp"], "month"), told

    async def offer(self, merchant: str, name: str, price: dict) -> str:
        body = {"code": f"b-{merchant}", "name": name, "kind": "voucher", "terms": {"uses": 1}, "merchant": merchant}
        benefit = (await self.desk.made("/benefits", body))["id"]
        for step, who in (("submit", "root"), ("accept", "second")):
            assert (await self.desk.tell("POST", f"/operator/benefits/{benefit}/{step}", who=who))[0] == 200
        terms = {"price": price, "stock": 50, "limits": []}
        made = await self.desk.made("/offers", {"benefit_id": benefit, "code": f"b-{merchant}", "terms": terms})
        status, told = await self.desk.tell("POST", f"/operator/offers/{made['id']}/publish")
        assert status == 200, told
        self.town.house.handlers.offer_catalogue.forget()
        return str(made["id"])

    # --- time

    @property
    def today(self) -> date:
        return day_of(self.town.clock.now(), BUSINESS_ZONE)

    async def go_to(self, day: date, hours: float = 10, *people) -> None:
        """Time passes; whoever works or buys there then signs in anew."""
        self.town.wait(begins(day, BUSINESS_ZONE) + timedelta(hours=hours) - self.town.clock.now())
        for each in (*self.clerks.values(), *self.managers.values()):
            assert (await each.counter.sign_in()).status == 201
        for each in people:
            await each.login()
        for login in self.uris:
            await self.sign_in(login)

    async def sign_in(self, login: str) -> None:
        """With what the authenticator shows by then."""
        totp = pyotp.parse_uri(self.uris[login])
        assert isinstance(totp, pyotp.TOTP)
        otp = totp.at(self.town.clock.now())
        path = f"{self.town.address}/api/v1/operator/sessions"
        body = {"login": login, "password": PASSWORD, "otp": otp}
        async with self.desk.client.post(path, json=body) as answer:
            assert answer.status == 201, await answer.text()
            self.desk.tokens[login] = (await answer.json())["token"]

    async def work(self) -> None:
        """The worker does what is due by the clock, and what follows from it; so does WeChat Pay."""
        await Worker(self.town.house.registry, self.town.house.handlers, self.town.house.clock).start_due_tasks()
        await self.town.work()
        await self.town.platform.pay.settle()
        await self.town.work()

    # --- at the phones

    async def bought(self, screen, merchant: str, **body: object) -> tuple[str, list[str]]:
        """Ordered and paid; the order, and its claims."""
        ordered = await screen.buy(self.offers[merchant], **body)
        assert ordered.status == 201, ordered.answer
        screen.pay(ordered.answer["payment"])
        await self.town.platform.pay.settle()
        held = (await screen.call("GET", f"/orders/{ordered.answer['order']['id']}")).answer["order"]
        assert held["state"] == "paid"
        return held["id"], held["claims"]

    async def redeemed(self, screen, claim: str, merchant: str) -> str:
        await screen.pass_of(claim)
        done = await self.clerks[merchant].counter.redeem(token=screen.shown["token"])
        assert done.status == 201, done.answer
        return done.answer["redemptions"][0]["id"]

    async def given_back(self, screen, order: str, fen: int) -> None:
        asked = await screen.call("POST", f"/orders/{order}/refunds", {"amount_fen": fen}, key=f"back-{order}")
        assert asked.status == 201, asked.answer
        await self.work()

    # --- finance

    async def statements(self, city: str) -> list[dict]:
        status, told = await self.desk.tell("GET", "/operator/statements", who=f"{city}-one")
        assert status == 200
        return told["items"]

    async def lines(self, city: str, statement: str) -> list[tuple[str, str, str, str]]:
        """Kind, gross, fee and net, as finance's programs read them from the file."""
        answer = await self.desk.ask("GET", f"/operator/statements/{statement}?format=csv", who=f"{city}-one")
        assert answer.status == 200
        read = csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"), newline=""))
        names = "类型", "运营方承担（元）", "手续费（元）", "应付商户（元）"
        return sorted(tuple(line[name] for name in names) for line in read)

    async def said(self, merchant: str, statement: str, what: str, body: object = None) -> int:
        path = f"/clerk/statements/{statement}/{what}"
        return (await self.managers[merchant].counter.call("POST", path, body, key=f"{what}-{statement}")).status

    async def paid_out(self, city: str, until: date) -> dict:
        """Proposed by one, approved by another, filed, paid."""
        one, two = f"{city}-one", f"{city}-two"
        status, made = await self.desk.tell("POST", "/operator/payouts", {"until_on": str(until)}, who=one)
        assert status == 201, made
        path = f"/operator/payouts/{made['batch']['id']}"
        assert (await self.desk.tell("POST", f"{path}/approve", who=two))[0] == 200
        file = await self.desk.ask("GET", f"{path}?format=csv", who=one)
        (line,) = csv.DictReader(io.StringIO(file.body.decode("utf-8-sig"), newline=""))
        assert round(float(line["金额"]) * 100) == made["batch"]["amount_fen"]
        status, paid = await self.desk.tell("POST", f"{path}/paid", {"reference": f"ICBC-{city}"}, who=one)
        assert (status, paid["batch"]["state"]) == (200, "paid")
        return made["batch"]

    async def balances(self) -> dict[str, int]:
        found = await own_balances(await fen(), at=self.town.clock.now() + timedelta(seconds=1))
        return {kind.value: amount for kind, amount in found.items() if amount}

    async def trial_balance(self) -> dict[str, int]:
        """Green by every rule, every statement gives its hash again, and the sides add up to nothing."""
        await sound(self.town)
        assert await differing_statements() == []
        found = await self.balances()
        assert sum(found.values()) == 0
        return found


@pytest.fixture
async def province(market):
    province = Province(market)
    await province.open()
    return province


async def test_the_month_of_two_cities_is_settled_to_the_fen(province):
    ming, hong = await province.market.member("小明"), await province.market.member("小红")
    me = (await ming.call("GET", "/me")).answer["id"]
    assert (await province.desk.tell("POST", f"/operator/members/{me}/points", {"delta": 90, "reason": "活动"}))[
        0
    ] == 201
    first = (province.today.replace(day=1) + 32 * DAY).replace(day=1)
    following = (first + 32 * DAY).replace(day=1)

    await province.go_to(first + 9 * DAY, 10, ming, hong)
    _, books = await province.bought(ming, "pages", quantity=2, amount_fen=2 * BOOK, points=60)
    await province.bought(ming, "pages", amount_fen=BOOK, points=30)  # never used
    undone = await province.redeemed(ming, books[0], "pages")
    assert (await province.clerks["pages"].counter.reverse(undone, "拿错")).status == 201
    for each in books:
        await province.redeemed(ming, each, "pages")

    await province.go_to(first + 19 * DAY, 10, ming, hong)
    _, (drunk,) = await province.bought(hong, "tea")
    await province.redeemed(hong, drunk, "tea")
    returned, _ = await province.bought(ming, "tea")
    await province.given_back(ming, returned, TEA)
    late, _ = await province.bought(hong, "tea", key="late")
    assert await province.statements("east") == await province.statements("west") == []

    await province.go_to(following, 2.5, ming, hong)
    await province.work()
    (east,), (west,) = await province.statements("east"), await province.statements("west")
    assert [(each["from_on"], each["business_on"]) for each in (east, west)] == [(str(first), str(following - DAY))] * 2
    assert await province.lines("east", east["id"]) == [
        ("撤销", "-10.50", "-0.21", "-10.29"),
        *[("核销", "10.50", "0.21", "10.29")] * 3,
    ]
    assert await province.lines("west", west["id"]) == [
        ("核销", "0.00", "0.00", "0.00"),
        ("退款", "-23.99", "-0.36", "-23.63"),
        *[("销售", "23.99", "0.36", "23.63")] * 3,
    ]
    east_net, west_net = 2 * (BOOK_GROSS - BOOK_FEE), 2 * (TEA_GROSS - TEA_FEE_FEN)
    assert (east["totals"]["net_fen"], west["totals"]["net_fen"]) == (east_net, west_net)
    fees = 2 * BOOK_FEE + 2 * TEA_FEE_FEN
    paid_in, unused = 3 * BOOK + 2 * TEA, BOOK + TEA
    assert await province.trial_balance() == {
        "received": -paid_in,
        "income": paid_in - unused,
        "unearned": unused,
        "cost": -2 * (BOOK_GROSS + TEA_GROSS),
        "merchants": east_net + west_net,
        "fees": fees,
    }

    assert await province.said("pages", east["id"], "confirm") == 200
    assert await province.said("tea", west["id"], "dispute", {"note": "少了一笔"}) == 200
    assert await province.said("tea", east["id"], "confirm") == 404
    status, told = await province.desk.tell("POST", "/operator/payouts", {"until_on": str(following)}, who="west-one")
    assert (status, told["code"]) == (409, "payout.empty")
    assert (await province.paid_out("east", following))["amount_fen"] == east_net
    found = await province.trial_balance()
    assert (found["merchants"], found["merchants_paid"]) == (west_net, east_net)

    # What goes back after the closing is a reverse row of the next period, at the terms of then.
    await province.go_to(following + 4 * DAY, 10, ming, hong)
    await province.terms("tea", sale_share_bp=5_000, fee_bp=0, period="month")
    await province.given_back(hong, late, TEA)
    await province.go_to((following + 32 * DAY).replace(day=1), 2.5, ming, hong)
    await province.work()
    adjusted, unchanged = await province.statements("west")
    assert unchanged["totals"] == west["totals"]
    assert await province.lines("west", adjusted["id"]) == [("退款", "-23.99", "-0.36", "-23.63")]
    assert (adjusted["late_count"], adjusted["totals"]["net_fen"]) == (1, TEA_FEE_FEN - TEA_GROSS)
    for each in (west, adjusted):
        assert await province.said("tea", each["id"], "confirm") == 200
    assert (await province.paid_out("west", province.today))["amount_fen"] == TEA_GROSS - TEA_FEE_FEN
    assert await province.trial_balance() == {
        "received": -(paid_in - TEA),
        "income": paid_in - unused,
        "unearned": BOOK,
        "cost": -(2 * BOOK_GROSS + TEA_GROSS),
        "merchants_paid": east_net + TEA_GROSS - TEA_FEE_FEN,
        "fees": 2 * BOOK_FEE + TEA_FEE_FEN,
    }
