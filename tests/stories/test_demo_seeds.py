"""What `make demo` puts into an empty house: by the use cases, once, and whole after an interruption."""

import json
from datetime import timedelta

import pytest

from app.demo_seeds import CODES, Charger, seed
from handlers.errors import BootstrapRefused
from models.benefits import Benefit, Offer
from models.database import rows
from models.operators import AuditEntry
from models.statements import code_pools as statements
from models.statements.invariants import CHECKS
from models.words import BenefitKind, BenefitState, OfferState
from tests.stories.test_service_desk import desk

__all__ = ["desk"]


class PowerCutError(Exception):
    pass


class Clerk:
    """小林's phone, which accepts invitations."""

    def __init__(self, town) -> None:
        self.screen = town.person("小林", phone="13800000004").open_mini_program(town.mp)
        self.invitations: list[str] = []

    async def accept(self, invitation: str) -> None:
        self.invitations.append(invitation)
        assert (await self.screen.counter.accept(invitation)).is_fine


def charger(town) -> Charger:
    return Charger(f"{town.platform_address}/supplier", town.platform.supplier.secret)


async def nobody(_invitation: str) -> None:
    raise PowerCutError


async def test_the_demo_begins_with_something_to_claim_and_a_clerk_who_redeems_it(town, tmp_path):
    clerk = Clerk(town)
    await seed(town.house, tmp_path, clerk.accept, charger(town))
    await seed(town.house, tmp_path, nobody, charger(town))  # a second start has nothing to do
    assert {each.kind for each in await Benefit.filter(state=BenefitState.POOL)} == set(BenefitKind)
    assert await Offer.filter(state=OfferState.PUBLISHED).count() == await Benefit.all().count()
    assert await AuditEntry.filter(action="offer.published").count() == await Offer.all().count()
    (pool,) = await rows(statements.POOL, "films")
    assert (pool["added_count"], pool["free_count"]) == (CODES, CODES)

    ming = town.person("小明", phone="13800000001").open_mini_program(town.mp)
    await ming.join(with_phone=True)
    items = {each["code"]: each for each in (await ming.offers()).fact("items")}
    refused = {code: each["reason"] for code, each in items.items() if not each["claimable"]}
    assert refused == {"parking": "offer.not_for_you"}
    assert "seafood" not in items  # a city's
    ningbo = next(each for each in (await ming.look_at_cities()).answer["items"] if each["name"] == "宁波")
    assert (await ming.choose_city(ningbo["id"])).fact("organization") == {"id": ningbo["id"], "name": "宁波"}
    seafood = next(each for each in (await ming.offers()).fact("items") if each["code"] == "seafood")
    assert (await ming.claim(seafood["id"])).status == 201
    near = await ming.call("GET", f"/stores?near=30.2741,120.1551&offer_id={seafood['id']}")
    assert [(each["name"], each["distance_metres"] // 1_000) for each in near.fact("items")] == [
        ("湖滨店", 2),
        ("天一店", 141),
    ]
    assert [code for code, each in items.items() if each["is_flash_sale"]] == ["coffee"]
    for code in ("weekend", "film", "coffee"):
        assert (await ming.claim(items[code]["id"])).status == 201
    held = (await ming.wallet()).answer["held"]["items"]
    film = next(each for each in held if each["kind"] == "code_coupon")
    assert str((await ming.look_at(film["id"])).fact("third_party_code")).startswith("FILM-")

    counter = clerk.screen.counter
    assert (await counter.sign_in()).is_fine
    off = next(each for each in held if each["kind"] == "partner_coupon")
    token = str((await ming.pass_of(off["id"])).fact("token"))
    assert (await counter.redeem(token=token)).fact("code") == "redemption.bill_needed"
    token = str((await ming.pass_of(off["id"])).fact("token"))
    assert (await counter.redeem(token=token, bill_fen=9_999)).fact("code") == "redemption.below_threshold"
    token = str((await ming.pass_of(off["id"])).fact("token"))
    done = await counter.redeem(token=token, bill_fen=12_000)
    assert done.answer["redemptions"][0]["deducted_fen"] == 2_000

    charged = await ming.claim(items["huafei"]["id"], recharge_to="13800000001")
    assert charged.status == 201, charged.answer
    await town.work()
    await town.platform.supplier.settle()
    opened = await ming.look_at(charged.answer["claims"][0]["id"])
    assert (opened.answer["claim"]["state"], opened.answer["top_up"]["state"]) == ("used", "done")

    number = (tmp_path / "gold-cards.csv").read_text("utf-8").split()[1].split(",")[0]
    bound = await ming.bind(card={"kind": "gold", "number": number}, proof={"pin": "8888"})
    assert bound.status == 201, bound.answer
    assert (await ming.claim(items["parking"]["id"])).status == 201
    assert [check.what for check in CHECKS if await rows(check.sql)] == []


async def test_the_demo_has_something_to_do_every_day(town, tmp_path):
    await seed(town.house, tmp_path, Clerk(town).accept, charger(town))
    ming = town.person("小明", phone="13800000001")
    screen = ming.open_mini_program(town.mp)
    await screen.join(with_phone=True)
    await ming.follow(town.oa)
    assert "每日签到：10分" in (await ming.say(town.oa, "签到")).text
    assert (await ming.say(town.oa, "任务")).text.startswith(
        "完善资料：未完成\n绑定会员卡：未完成\n第一次到店核销：未完成"
    )
    said = (await ming.say(town.oa, "抽奖")).text
    assert "1 书店大转盘（免费1次，之后每次20分，最多再抽30次必得保底奖品）" in said
    assert "结果编号1，" in (await ming.say(town.oa, "1")).text
    (draw,) = (await screen.draws.look()).fact("items")
    opened = (await screen.draws.open(draw["id"])).answer
    assert (len(opened["prizes"]), opened["turn"]["free_left"], draw["look"]) == (8, 0, "wheel")
    assert [check.what for check in CHECKS if await rows(check.sql)] == []


@pytest.fixture
def takes_money(request) -> bool:
    return "for_money" in request.node.name


async def test_where_there_is_a_merchant_something_is_sold_for_money(town, tmp_path):
    await seed(town.house, tmp_path, Clerk(town).accept, charger(town))
    ming = town.person("小明", phone="13800000001").open_mini_program(town.mp)
    await ming.join(with_phone=False)
    items = {each["code"]: each for each in (await ming.offers()).fact("items")}
    bought = await ming.buy(items["cake"]["id"])
    paid = await ming.pay_for(bought.answer["order"]["id"])
    assert (paid.answer["order"]["state"], paid.answer["order"]["amount_fen"]) == ("paid", 1_990)


async def test_where_there_is_a_merchant_membership_is_sold_for_money(town, tmp_path):
    with pytest.raises(PowerCutError):
        await seed(town.house, tmp_path, nobody, charger(town))
    await seed(town.house, tmp_path, Clerk(town).accept, charger(town))
    ming = town.person("小明", phone="13800000001").open_mini_program(town.mp)
    await ming.join(with_phone=False)
    await ming.membership.look()
    (plan,) = ming.membership.plans
    assert [each["name"] for each in plan["rights"]] == ["满100减20"]
    assert (await ming.membership.begin_trial(plan["id"])).status == 201
    bought = await ming.membership.buy(plan["id"], plan["amount_fen"])
    await ming.pay_for(bought.answer["order"]["id"])
    await ming.membership.look()
    assert (ming.membership.mine["name"], ming.membership.mine["days_left"]) == ("金卡会员", 38)
    await town.work()
    assert [each["name"] for each in (await ming.wallet()).answer["held"]["items"]] == ["满100减20"]


async def test_where_there_is_a_merchant_a_promoter_takes_out_what_a_friend_brought_for_money(town, tmp_path):
    clerk = Clerk(town)
    await seed(town.house, tmp_path, clerk.accept, charger(town))
    hong = town.person("小红", phone="13800000002").open_mini_program(town.mp)
    await hong.join(with_phone=True)
    assert (await hong.promoting.apply()).fact("state") == "active"
    code = (await hong.promoting.make_link()).fact("code")
    ming = town.person("小明", phone="13800000001").open_mini_program(town.mp, scene=str(code))
    await ming.join(with_phone=False)
    cake = next(each["id"] for each in (await ming.offers()).fact("items") if each["code"] == "cake")
    bought = await ming.buy(cake)
    paid = await ming.pay_for(bought.answer["order"]["id"])
    await clerk.screen.counter.sign_in()
    token = str((await ming.pass_of(paid.answer["order"]["claims"][0])).fact("token"))
    assert (await clerk.screen.counter.redeem(token=token)).status == 201
    for _ in range(2):  # what was used is seen, and then its day is over
        town.wait(timedelta(hours=25))
        await town.house.handlers.commission_releasing.sweep()
    await hong.promoting.look()
    assert (hong.promoting.seen["sale_count"], hong.promoting.balance["available_fen"]) == (1, 199)
    asked = await hong.promoting.take_out(199)
    await town.work()
    told = await hong.promoting.confirm(asked.answer["id"])
    assert told.answer["withdrawal"]["state"] == "arrived"
    assert [check.what for check in CHECKS if await rows(check.sql)] == []


async def test_seeding_that_was_interrupted_goes_on_where_it_was(town, tmp_path):
    with pytest.raises(PowerCutError):
        await seed(town.house, tmp_path, nobody, charger(town))
    benefits = await Benefit.all().count()
    clerk = Clerk(town)
    await seed(town.house, tmp_path, clerk.accept, charger(town))
    assert len(clerk.invitations) == 1
    assert await Benefit.all().count() == benefits
    kept = tmp_path / "operators.json"
    assert kept.stat().st_mode & 0o077 == 0
    assert json.loads(kept.read_text("utf-8"))["is_seeded"]


async def test_a_house_that_somebody_set_up_is_left_alone(town, desk, tmp_path):
    with pytest.raises(BootstrapRefused):
        await seed(town.house, tmp_path, nobody, charger(town))
    assert await Benefit.all().count() == 0
