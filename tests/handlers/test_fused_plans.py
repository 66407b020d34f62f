"""融合套餐: what was paid for a plan is split among merchants by its version, and taken back with what goes back."""

import asyncio
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from handlers.errors import PlanInvalid, RoleMissing
from handlers.paid_terms import fee_shares
from handlers.plans.fee_figures import Days
from handlers.rules.fee_shares import FeeShare
from handlers.rules.plans import PlanTerms
from models.fee_shares import PlanShare, PlanShareEntry
from models.ids import new_id
from models.organizations import Organization
from models.plans import Plan
from models.programmes import Merchant
from models.statements import fee_shares as statements
from models.statements.invariants_shares import RULES
from models.words import OperatorRole, OrganizationKind, PlanPeriod
from tests.handlers.buying import breaches
from tests.handlers.offering import key, operator_at
from tests.handlers.planning import BLACK, DAY, GOLD, plan_desk
from tests.handlers.test_planted_breaches import found
from tests.handlers.test_settlement import unguarded
from tests.handlers.test_settlement_races import Held, somebody_waits_for_a_lock

FEE = 9_999
SHARES = (FeeShare("books", 3_333), FeeShare("cinema", 5_000))
FUSED = PlanTerms("金卡联合月卡", GOLD, PlanPeriod.MONTH, FEE, shares=SHARES)
BACK = "收回的分成和收回记录一致"


@pytest.fixture
async def desk(rooms):
    desk = await plan_desk(rooms)
    root = await Organization.get(parent_id=None)
    desk.south = await Organization.create(parent=root, kind=OrganizationKind.CITY, code="south", name="南城")
    desk.books = await Merchant.create(organization=root, code="books", name="书店")
    desk.cinema = await Merchant.create(organization=desk.south, code="cinema", name="影院")
    desk.fused = await desk.sell("fused", FUSED)
    return desk


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def entries() -> list[tuple[str, int]]:
    found = await PlanShareEntry.all().order_by("id").prefetch_related("merchant")
    return sorted((each.merchant.code, each.amount_fen) for each in found)


async def give(desk, order_id, fen: int, by: str | None = None):
    giving = desk.rooms.handlers.order_refunds.give
    return await giving(desk.operator, order_id, amount_fen=fen, reason="补偿", request_id=by or key())


async def test_a_fee_is_split_by_the_version_that_was_ordered_and_the_rest_stays_with_the_house(desk, ming):
    ordered = (await desk.order(ming, desk.fused)).value.order
    await desk.sell("fused", PlanTerms("金卡联合月卡", GOLD, PlanPeriod.MONTH, FEE, shares=(FeeShare("books", 1),)))
    await desk.paid(ordered.number)
    assert await entries() == [("books", 3_332), ("cinema", 4_999)]
    await desk.buy(ming, desk.fused)
    assert await entries() == [("books", 3_332), ("cinema", 4_999)]  # a share of less than a fen is none
    assert await PlanShare.all().count() == 3
    assert await breaches() == []


async def test_a_notice_that_comes_twice_shares_once_and_a_plan_without_shares_gives_none(desk, ming):
    ordered = (await desk.order(ming, desk.fused)).value.order
    for _ in range(2):
        await desk.paid(ordered.number)
    await desk.buy(ming, desk.month)
    assert len(await entries()) == 2
    (known, *_) = await PlanShareEntry.all().values()
    with pytest.raises(IntegrityError):
        await PlanShareEntry.create(**{**known, "id": new_id()})


async def test_an_upgrade_shares_the_difference_that_was_really_paid(desk, ming):
    dear = PlanTerms("黑金联合月卡", BLACK, PlanPeriod.MONTH, 2 * FEE, shares=(FeeShare("books", 5_000),))
    dear_id = await desk.sell("dear", dear)
    await desk.buy(ming, desk.fused)
    ordered = (await desk.order(ming, dear_id)).value.order
    await desk.paid(ordered.number)
    assert ordered.amount_fen == FEE
    assert await entries() == [("books", 3_332), ("books", FEE // 2), ("cinema", 4_999)]
    assert await breaches() == []


async def test_refunds_take_shares_back_pro_rata_and_nothing_is_left_of_a_whole_one(desk, ming):
    order_id = await desk.buy(ming, desk.fused)
    await give(desk, order_id, FEE // 2)
    assert await entries() == [("books", -1_666), ("books", 3_332), ("cinema", -2_500), ("cinema", 4_999)]
    await give(desk, order_id, 1)
    await give(desk, order_id, FEE - FEE // 2 - 1)
    assert sum(amount for _, amount in await entries()) == 0
    first = {each.id: each for each in await PlanShareEntry.filter(reverses_id=None)}
    backs = await PlanShareEntry.exclude(reverses_id=None)
    assert all(first[each.reverses_id].merchant_id == each.merchant_id for each in backs)
    assert all(each.back_fen == each.amount_fen for each in first.values())
    assert await breaches() == []


async def test_what_a_member_gives_back_takes_its_part_of_the_shares(desk, ming, rooms):
    order_id = await desk.buy(ming, desk.fused)
    rooms.clock.advance(10 * DAY)
    back = (await desk.refund(ming, order_id)).amount_fen
    sums = {each.code: each.sums.net_fen for each in await desk.plans.fees.merchants(desk.operator, Days())}
    assert 0 < back < FEE
    assert sums == {"books": 3_332 * (FEE - back) // FEE, "cinema": 4_999 * (FEE - back) // FEE}
    assert await breaches() == []


async def test_a_plan_is_not_published_with_merchants_that_are_not_there_or_more_than_the_whole(desk):
    async def refused(*shares: FeeShare) -> list[str]:
        terms = PlanTerms("联合年卡", GOLD, PlanPeriod.YEAR, FEE, shares=shares)
        with pytest.raises(PlanInvalid) as trouble:
            await desk.sell("bad", terms)
        return [each["problem"] for each in trouble.value.facts["problems"]]

    await Merchant.create(organization_id=desk.operator.organization_id, code="shut", name="关店", is_active=False)
    assert await refused(FeeShare("nobody", 1)) == ["unknown_merchant"]
    assert await refused(FeeShare("shut", 1)) == ["unknown_merchant"]
    assert await refused(FeeShare("books", 6_000), FeeShare("cinema", 6_000)) == ["more_than_whole"]
    bad = await Plan.get(code="bad")
    assert (bad.version, await PlanShare.filter(version__plan_id=bad.id).count()) == (0, 0)


async def test_sums_are_of_business_days_and_of_the_merchants_below(desk, ming, rooms):
    order_id = await desk.buy(ming, desk.fused)
    first = rooms.clock.now()
    rooms.clock.advance(2 * DAY)
    await give(desk, order_id, FEE)
    bought = (first + timedelta(hours=8)).date()
    back = bought + 2 * DAY

    async def net(*days):
        found = await desk.plans.fees.merchants(desk.operator, Days(*days))
        return [(each.code, each.sums.net_fen) for each in found]

    assert await net(bought, bought) == [("books", 3_332), ("cinema", 4_999)]
    assert await net(back, back) == [("books", -3_332), ("cinema", -4_999)]
    assert await net() == [("books", 0), ("cinema", 0)]
    assert await net(bought + DAY, bought + DAY) == []
    south = await operator_at(desk.south, OperatorRole.FINANCE)
    assert [each.code for each in await desk.plans.fees.merchants(south, Days())] == ["cinema"]
    listed = await desk.plans.fees.entries(south, Days(), merchant=None, after=None, limit=9)
    assert [(each.merchant, each.amount_fen) for each in listed] == [("cinema", -4_999), ("cinema", 4_999)]
    assert listed[0].reverses == listed[1].id
    rest = await desk.plans.fees.entries(desk.operator, Days(), merchant="cinema", after=listed[0].id, limit=9)
    assert [each.id for each in rest] == [listed[1].id]
    support = await operator_at(desk.south, OperatorRole.SUPPORT)
    with pytest.raises(RoleMissing):
        await desk.plans.fees.merchants(support, Days())


async def two_refunds(desk, order_id, monkeypatch) -> None:
    """Two halves go back, the second while the first is inside its transaction."""
    held = Held(monkeypatch, fee_shares, "_take")
    first = asyncio.create_task(give(desk, order_id, 5_000, "a"))
    await held.reached.wait()
    second = asyncio.create_task(give(desk, order_id, FEE - 5_000, "b"))
    await somebody_waits_for_a_lock()
    held.go.set()
    await asyncio.gather(first, second)


async def test_two_refunds_at_once_take_back_each_its_part_of_a_share(desk, ming, monkeypatch):
    order_id = await desk.buy(ming, desk.fused)
    await two_refunds(desk, order_id, monkeypatch)
    assert len(await entries()) == 6
    assert sum(amount for _, amount in await entries()) == 0
    assert await breaches() == []


async def test_without_the_guarded_sum_two_refunds_at_once_lose_one_part(desk, ming, monkeypatch):
    absolute = "UPDATE plan_share_entry SET back_fen = $2 WHERE id = $1 AND CAST($3 AS int) >= 0 RETURNING back_fen"
    monkeypatch.setattr(statements, "TAKE_BACK", absolute)
    order_id = await desk.buy(ming, desk.fused)
    await unguarded("plan_share_entry")  # beneath it the database holds by itself
    await two_refunds(desk, order_id, monkeypatch)
    assert BACK in await breaches()


PLANTED = {
    "一个套餐版本分给商户的比例合计不超过100%": """
        INSERT INTO plan_share (id, created_at, version_id, merchant_id, share_bp)
        SELECT '{id}', s.created_at, s.version_id, (SELECT id FROM merchant WHERE code = 'third'), 9000
        FROM plan_share s LIMIT 1
    """,
    "融合套餐付款后按订单的版本给每个商户记一次分成": "UPDATE plan_share_entry SET base_fen = base_fen + 1",
    BACK: "UPDATE plan_share_entry SET refund_id = NULL WHERE reverses_id IS NOT NULL",
    "退款后商户留下的分成与没退的金额成比例": "UPDATE sales_order SET refunded_fen = refunded_fen + 5000",
    "每笔套餐分成和收回都有自己商户的一条结算记录": "DELETE FROM share_entry",
}


def test_every_rule_of_shares_has_a_breach_here():
    assert set(PLANTED) == {what for what, _ in RULES}


async def test_each_breach_of_shares_is_found_by_its_rule(desk, ming):
    await Merchant.create(organization_id=desk.operator.organization_id, code="third", name="第三家")
    await give(desk, await desk.buy(ming, desk.fused), 100)
    assert await breaches() == []
    await unguarded("plan_share_entry", "share_entry")
    for what, planted in PLANTED.items():
        assert what in await found(planted), what
    assert await breaches() == []
