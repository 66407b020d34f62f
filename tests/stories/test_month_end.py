"""A month-end at a merchant: redeemed on two days, taken back across the closing, and what finance downloads."""

import csv
import io
from datetime import timedelta
from uuid import UUID

import openpyxl

from app.worker import Worker
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import begins, day_of
from handlers.settlement import redemption_reports, statements
from handlers.settlement.statement_proofs import differing_statements
from models.benefits import Benefit
from models.database import rows
from models.ids import new_id
from models.organizations import Organization
from models.programmes import Merchant
from models.redemptions import Clerk, Redemption
from models.statements.invariants import CHECKS
from models.words import OperatorRole, RedemptionKind
from tests.handlers.offering import operator_at
from tests.stories.test_at_the_counter import member, shop

__all__ = ["shop"]

DAY = timedelta(days=1)
HOSTILE = '=HYPERLINK("http://x","领奖")'


class Month:
    """The shop, and its business days."""

    def __init__(self, town, shop) -> None:
        self.town, self.shop = town, shop
        self.person = self.boss = town.person("小林")
        self.token = ""

    @property
    def today(self):
        return day_of(self.town.clock.now(), BUSINESS_ZONE)

    async def wait_until(self, day, hours: float) -> None:
        """A time of day; whoever works there signs in anew."""
        at = begins(day, BUSINESS_ZONE) + timedelta(hours=hours)
        self.town.wait(at - self.town.clock.now())
        await self.shop.desk.come_back(self.town.clock.now())
        code = self.person.open_mini_program(self.town.mp).login_code()
        self.token = (await self.shop.ask("POST", "/clerk/sessions", {"code": code})).body["token"]

    async def redeem(self, claim) -> str:
        body = {"codes": [{"code": self.shop.typed(claim)}], "device_id": "till"}
        done = await self.shop.ask("POST", "/clerk/redemptions", body, token=self.token)
        assert done.status == 201, done.body
        return done.body["redemptions"][0]["id"]

    async def reverse(self, redemption_id: str):
        path, body = f"/clerk/redemptions/{redemption_id}/reversal", {"reason": "拿错", "device_id": "till"}
        return await self.shop.ask("POST", path, body, token=self.token)

    async def work_the_night(self) -> None:
        """What the worker does by the clock, and what follows from it."""
        house = self.town.house
        await Worker(house.registry, house.handlers, house.clock).start_due_tasks()
        await self.town.work()

    async def manager(self) -> str:
        """One who serves in all stores; their token."""
        body = {"merchant": "books", "store": None, "role": "manager", "name": "店长"}
        _, invited = await self.shop.desk.ask("POST", "/clerks/invitations", body)
        self.boss = self.town.person("小红")
        code = self.boss.open_mini_program(self.town.mp).login_code()
        path = f"/clerk/invitations/{invited['token']}/accept"
        assert (await self.shop.ask("POST", path, {"code": code})).status == 201
        return await self.manager_again()

    async def manager_again(self) -> str:
        """Another day's token."""
        code = self.boss.open_mini_program(self.town.mp).login_code()
        return (await self.shop.ask("POST", "/clerk/sessions", {"code": code})).body["token"]

    async def get(self, path: str):
        status, told = await self.shop.desk.ask("GET", path)
        assert status == 200, told
        return told

    async def sheet(self, path: str) -> list[dict[str, str]]:
        """The CSV file of it, read as finance's programs read it."""
        answer, raw = await self.shop.desk.file(path)
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="')
        return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


async def a_scan_of_yesterday_comes_in(redemption_id: str) -> None:
    """As an upload of a device that was not connected brings it."""
    known = await Redemption.get(id=redemption_id)
    facts = {name: getattr(known, name) for name in ("claim_id", "benefit_id", "merchant_id", "store_id", "clerk_id")}
    money = {"settlement_fen": 500, "operator_share_fen": 350, "merchant_share_fen": 150}
    more = {"device_id": "till-2", "receipt": "LATE", "redeemed_at": known.redeemed_at, "uses": 0}
    await Redemption.create(kind=RedemptionKind.REDEEM, **facts, **money, **more)


async def test_a_month_end(town, shop, monkeypatch):
    monkeypatch.setattr(redemption_reports, "PAGE", 2)  # several pages in every file
    monkeypatch.setattr(statements, "PAGE", 2)
    month = Month(town, shop)
    await member(town, "小明")
    await shop.clerk(month.person)
    claims = [await shop.claim(price_fen=1000, share_bp=7000) for _ in range(4)]
    await Benefit.filter(id=claims[0].benefit_id).update(name=HOSTILE)
    await Clerk.all().update(name="@小林")
    await Merchant.all().update(name="＝江南书店")

    first_day = month.today + DAY
    await month.wait_until(first_day, 10)
    merchant = (await month.get("/merchants"))["items"][0]["id"]
    terms = {"settlement_price_fen": 900, "operator_share_bp": 5000, "note": "续签"}
    status, told = await shop.desk.ask("POST", f"/merchants/{merchant}/terms", terms)
    assert (status, told["number"], told["starts_at"][:10]) == (201, 1, first_day.isoformat())  # midnight, in UTC
    assert (await month.get(f"/merchants/{merchant}/terms?limit=1"))["items"] == [told]
    kept = await month.redeem(claims[0])
    await month.redeem(claims[1])
    status, told = await shop.desk.ask("POST", "/statements", {"merchant": "books", "business_on": str(first_day)})
    assert (status, told["code"]) == (409, "statement.day_not_over")

    await month.wait_until(first_day, 23.9)
    taken_back = await month.redeem(claims[2])
    second_day = first_day + DAY
    await month.wait_until(second_day, 0.05)
    assert (await month.reverse(taken_back)).status == 201
    await month.wait_until(second_day, 2.5)
    await month.work_the_night()
    (monday,) = (await month.get("/statements"))["items"]
    assert (monday["business_on"], monday["closed_by"], monday["late_count"]) == (first_day.isoformat(), None, 0)
    assert monday["totals"]["payable_fen"] == 3000
    manager = await month.manager()
    refused = await shop.ask("POST", f"/clerk/redemptions/{kept}/reversal", {"reason": "退货"}, token=manager)
    assert (refused.status, refused.body["code"]) == (409, "redemption.settled")

    await month.wait_until(second_day, 10)
    await month.redeem(claims[3])  # under the new terms
    await a_scan_of_yesterday_comes_in(kept)
    third_day = second_day + DAY
    await month.wait_until(third_day, 2.5)
    await month.work_the_night()
    tuesday, again = (await month.get("/statements"))["items"]
    assert again == monday
    assert (tuesday["late_count"], tuesday["totals"]["payable_fen"]) == (2, 900 + 500 - 1000)
    whole = await month.get(f"/statements/{tuesday['id']}")
    assert {name: value for name, value in whole.items() if name != "sums"} == tuesday
    days = [(each["belongs_on"], each["totals"]["payable_fen"]) for each in whole["sums"]]
    assert sorted(days) == [(str(first_day), -1000), (str(first_day), 500), (str(second_day), 900)]

    lines = await month.sheet(f"/statements/{tuesday['id']}?format=csv")
    told = {(line["类型"], line["所属营业日"], line["结算金额（元）"], line["撤销的核销"]) for line in lines}
    assert told == {
        ("撤销", str(first_day), "-10.00", taken_back),
        ("核销", str(second_day), "9.00", ""),
        ("核销", str(first_day), "5.00", ""),
    }
    assert {line["结算单"] for line in lines} == {f"{second_day:%Y%m%d}-books"}
    assert {(line["商户"], line["店员"]) for line in lines} == {("'＝江南书店", "'@小林")}
    answer, raw = await shop.desk.file(f"/statements/{tuesday['id']}?format=xlsx")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="statement-{second_day:%Y%m%d}-books.xlsx"'
    header, *found = openpyxl.load_workbook(io.BytesIO(raw)).active.iter_rows(values_only=True)
    assert [[str(cell or "") for cell in row[:4]] for row in found] == [list(line.values())[:4] for line in lines]
    assert sum(row[header.index("结算金额（元）")] for row in found) == 4.0
    assert {row[header.index("商户")] for row in found} == {"'＝江南书店"}

    everything = await month.sheet("/reports/redemptions?format=csv")
    assert len(everything) == 6
    assert f"'{HOSTILE}" in {line["权益"] for line in everything}
    assert sum(float(line["结算金额（元）"]) for line in everything) * 100 == 3000 + 400
    await the_report_has_filters_and_pages(month, first_day, second_day)

    seen = await shop.ask("GET", "/clerk/statements", token=manager)
    assert seen.status == 401  # the manager's day is over
    manager = await month.manager_again()
    seen = await shop.ask("GET", "/clerk/statements?limit=1", token=manager)
    assert seen.body["items"] == [tuesday]
    rest = await shop.ask("GET", f"/clerk/statements?cursor={seen.body['next_cursor']}", token=manager)
    assert rest.body == {"items": [monday], "next_cursor": None}
    assert (await shop.ask("GET", f"/clerk/statements/{tuesday['id']}", token=manager)).body == whole
    assert (await shop.ask("GET", f"/clerk/statements/{new_id()}", token=manager)).status == 404
    refused = await shop.ask("GET", "/clerk/statements", token=month.token)
    assert (refused.status, refused.body["code"]) == (403, "statement.managers_only")
    await what_is_confirmed_is_paid(month, manager, [monday, tuesday])
    assert await differing_statements() == []
    assert [check.what for check in CHECKS if await rows(check.sql)] == []


async def what_is_confirmed_is_paid(month: Month, manager: str, days: list[dict]) -> None:
    shop, net = month.shop, sum(each["totals"]["payable_operator_fen"] for each in days)
    path = f"/clerk/statements/{days[0]['id']}"
    assert (await shop.ask("POST", f"{path}/dispute", {"note": "少一笔"}, token=manager)).status == 200
    propose = {"until_on": days[1]["business_on"]}
    assert (await shop.desk.ask("POST", "/payouts", propose))[0] == 409
    for each in days:
        said = await shop.ask("POST", f"/clerk/statements/{each['id']}/confirm", token=manager)
        assert (said.status, said.body["kind"]) == (200, "confirmed")
    status, made = await shop.desk.ask("POST", "/payouts", propose)
    assert (status, made["batch"]["state"], made["batch"]["amount_fen"]) == (201, "proposed", net)
    batch = made["batch"]
    assert (await shop.desk.ask("POST", f"/payouts/{batch['id']}/approve"))[1]["code"] == "approval.own"
    second = await operator_at(await Organization.get(parent=None), OperatorRole.FINANCE)
    await month.town.house.handlers.payouts.approve(second, UUID(batch["id"]), request_id="approve")
    (line,) = await month.sheet(f"/payouts/{batch['id']}?format=csv")
    assert (line["批次"], line["商户编号"], line["结算单数"]) == (batch["number"], "books", "2")
    assert round(float(line["金额"]) * 100) == net
    _, paid = await shop.desk.ask("POST", f"/payouts/{batch['id']}/paid", {"reference": "ICBC-1"})
    assert (paid["batch"]["state"], paid["batch"]["reference"]) == ("paid", "ICBC-1")
    assert [each["state"] for each in (await month.get("/payouts"))["items"]] == ["paid"]
    assert [each["payout"] for each in (await month.get("/statements"))["items"]] == [batch["number"]] * 2


async def the_report_has_filters_and_pages(month: Month, first_day, second_day) -> None:
    path = "/reports/redemptions"
    page, ids = await month.get(f"{path}?limit=4"), []
    ids += [each["id"] for each in page["items"]]
    page = await month.get(f"{path}?limit=4&cursor={page['next_cursor']}")
    ids += [each["id"] for each in page["items"]]
    assert (len(ids), len(set(ids)), page["next_cursor"]) == (6, 6, None)
    assert [line["核销编号"] for line in await month.sheet(f"{path}?format=csv")] == ids
    hostile = (await Benefit.get(name=HOSTILE)).code
    for query, count in (
        (f"to_on={first_day}", 4),
        (f"from_on={second_day}", 2),
        (f"from_on={second_day}&to_on={first_day}", 0),
        ("merchant=books", 6),
        ("merchant=others", 0),
        ("store=S1", 6),
        ("store=S2", 0),
        (f"benefit={hostile}", 2),
    ):
        assert len((await month.get(f"{path}?{query}"))["items"]) == count, query
    for wrong in ("to_on=2026-3-1", "from_on=0001-01-01", "format=pdf", "cursor=e30"):
        status, _ = await month.shop.desk.ask("GET", f"{path}?{wrong}")
        assert status == 400, wrong
