"""The month of a plan that two cities share: bought, redeemed and given back, settled, paid, and given back later."""

import csv
import io
from zipfile import ZipFile

import pytest

from tests.stories.market import desk, market
from tests.stories.test_buying import sound
from tests.stories.test_membership_year import LEVELS, sold
from tests.stories.test_month_end_of_two_cities import DAY, Province, province

__all__ = ["desk", "market", "province"]

FEE = 9_999
PAGES, TEA = 3_332, 4_999  # 9999 x 0.3333 = 3332.67, x 0.5 = 4999.5
FUSED = {
    "code": "fused",
    "name": "金卡联合月卡",
    "level": "gold",
    "period": "month",
    "price_fen": FEE,
    "shares": [{"merchant": "pages", "share_bp": 3_333}, {"merchant": "tea", "share_bp": 5_000}],
}


@pytest.fixture
def takes_money() -> bool:
    return True


async def subscribed(province: Province, screen, plan: str) -> str:
    """Ordered and paid; the order."""
    ordered = await screen.call("POST", f"/plans/{plan}/orders", {"payment_method": "wechat"}, key=f"plan-{plan}")
    assert ordered.status == 201, ordered.answer
    screen.pay(ordered.answer["payment"])
    await province.town.platform.pay.settle()
    await province.town.work()
    return ordered.answer["order"]["id"]


async def given_back(province: Province, screen, order: str) -> int:
    """As much as the member is told beforehand."""
    quote = (await screen.call("GET", f"/orders/{order}/refund-quote")).answer["amount_fen"]
    await province.given_back(screen, order, quote)
    return quote


def kept(paid: int) -> tuple[int, int]:
    """Of what is not given back, what each merchant has."""
    return PAGES * paid // FEE, TEA * paid // FEE


async def files_of(province: Province, city: str, statement: str) -> list[tuple[str, str, str]]:
    """Kind, plan or benefit, and what the merchant gets, from the file; the sheet has the same words."""
    path, who = f"/operator/statements/{statement}", f"{city}-one"
    told = await province.desk.ask("GET", f"{path}?format=csv", who=who)
    read = list(csv.DictReader(io.StringIO(told.body.decode("utf-8-sig"), newline="")))
    sheet = await province.desk.ask("GET", f"{path}?format=xlsx", who=who)
    with ZipFile(io.BytesIO(sheet.body)) as packed:
        text = "".join(packed.read(name).decode("utf-8") for name in packed.namelist() if name.endswith(".xml"))
    assert all(each["类型"] in text for each in read)
    return sorted((each["类型"], each["权益"], each["应付商户（元）"]) for each in read)


def yuan(fen: int) -> str:
    return f"{fen / 100:.2f}"


async def test_a_month_of_a_plan_that_two_merchants_share_is_settled_to_the_fen(province):
    desk = province.desk
    for path, body, method in (("/draft", {"levels": LEVELS}, "PUT"), ("/publish", {}, "POST")):
        assert (await desk.tell(method, f"/operator/levels{path}", body))[0] == 200
    plan = await sold(desk, FUSED)
    ming, hong, lan = [await province.market.member(name) for name in ("小明", "小红", "小兰")]
    first = (province.today.replace(day=1) + 32 * DAY).replace(day=1)
    following = (first + 32 * DAY).replace(day=1)

    await province.go_to(first + 9 * DAY, 10, ming, hong, lan)
    orders = {each: await subscribed(province, each, plan) for each in (ming, hong, lan)}
    _, (drunk,) = await province.bought(ming, "tea")
    await province.redeemed(ming, drunk, "tea")
    await province.go_to(first + 14 * DAY, 10, ming, hong, lan)
    back = await given_back(province, hong, orders[hong])
    assert 0 < back < FEE

    await province.go_to(following, 2.5, ming, hong, lan)
    await province.work()
    (east,), (west,) = await province.statements("east"), await province.statements("west")
    pages, tea = kept(FEE - back)
    sale, net = ("销售", "茶饮券", "23.63"), ("套餐分成", "金卡联合月卡")
    assert await files_of(province, "east", east["id"]) == sorted(
        [*[(*net, yuan(PAGES))] * 3, ("套餐分成退回", "金卡联合月卡", yuan(pages - PAGES))]
    )
    assert await files_of(province, "west", west["id"]) == sorted(
        [sale, ("核销", "茶饮券", "0.00"), *[(*net, yuan(TEA))] * 3, ("套餐分成退回", "金卡联合月卡", yuan(tea - TEA))]
    )
    assert east["totals"]["net_fen"] == 2 * PAGES + pages
    _, whole = await desk.tell("GET", f"/operator/statements/{west['id']}", who="west-one")
    assert {(each["benefit"], each["is_plan"]) for each in whole["sums"]} == {("fused", True), ("b-tea", False)}

    for merchant, city, statement in (("pages", "east", east), ("tea", "west", west)):
        assert await province.said(merchant, statement["id"], "confirm") == 200
        batch = await province.paid_out(city, following)
        file = await desk.ask("GET", f"/operator/payouts/{batch['id']}?format=csv", who=f"{city}-one")
        (line,) = csv.DictReader(io.StringIO(file.body.decode("utf-8-sig"), newline=""))
        share = 2 * PAGES + pages if merchant == "pages" else 2 * TEA + tea
        rest = 0 if merchant == "pages" else 2_363
        assert (line["其中套餐分成"], line["金额"]) == (yuan(share), yuan(share + rest))

    # Given back when it is frozen and paid: rows of the next month, below nothing, and what was paid stays.
    await province.go_to(following + 2 * DAY, 10, ming, hong, lan)
    later = await given_back(province, lan, orders[lan])
    await province.go_to((following + 32 * DAY).replace(day=1), 2.5, ming, hong, lan)
    await province.work()
    (adjusted, unchanged), (less, _) = await province.statements("east"), await province.statements("west")
    assert (unchanged["totals"], unchanged["hash"]) == (east["totals"], east["hash"])
    left_pages, left_tea = kept(FEE - later)
    assert (adjusted["late_count"], adjusted["totals"]["net_fen"]) == (1, left_pages - PAGES)
    assert (less["late_count"], less["totals"]["net_fen"]) == (1, left_tea - TEA)

    # Parts and house are the fee, to the fen.
    await province.town.house.handlers.sale_deferring.sweep()
    found = await province.trial_balance()
    of_tea = 2_999 - 2_399  # of the sale at the counter: what was paid less the merchant's part
    theirs = PAGES + pages + left_pages + TEA + tea + left_tea
    paid = 3 * FEE - back - later
    assert found["received"] == -(paid + 2_999)
    assert found["income"] + found["cost"] == paid - theirs + of_tea
    assert "unearned" not in found
    assert await shares_say(desk) == theirs
    await sound(province.town)


async def shares_say(desk) -> int:
    """What finance reads of it elsewhere."""
    status, told = await desk.tell("GET", "/operator/plan-shares", who="boss")
    assert status == 200
    return sum(each["net_fen"] for each in told["items"])
