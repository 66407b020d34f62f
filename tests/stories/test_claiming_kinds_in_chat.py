"""What the chat says of each kind of benefit, of what costs money, and of flash sales."""

from datetime import timedelta

import pytest

from handlers.actors import CommandLine
from handlers.offers.offer_refusals import shown_time
from handlers.rules.benefit_terms import PackagePart, PackageTerms, PointsBenefitTerms
from handlers.rules.offer_terms import Audience, Price
from models.claims import Claim
from models.database import rows
from models.linking import Ticket
from models.words import BenefitKind
from tests.handlers.claimable import a_benefit, an_offer
from tests.stories.test_claiming import member, offered
from tests.stories.test_code_pool_dry import a_cinema_coupon, bring_in
from tests.stories.test_service_desk import desk

__all__ = ["desk"]


@pytest.fixture
async def ming(town):
    return await member(town, "小明")


@pytest.fixture
async def cinema(town, desk, tmp_path):
    """A third party's codes on offer."""
    benefit = await a_cinema_coupon()
    await desk.made("/code-pools", {"code": "cinema", "name": "电影票码", "benefit": "cinema-coupon"})
    await bring_in(town, tmp_path / "codes.csv", ["FILM-7731"])
    await offered_of(town, benefit, "电影")


async def test_a_third_partys_code_is_shown_in_the_mini_program_by_a_link_for_one_use(town, ming, cinema):
    said = (await ming.say(town.oa, "领电影")).text
    assert said.startswith("电影票已领取，长期有效。券码已备好，请<a ")
    assert said.endswith("点这里</a>在小程序里查看，10分钟内有效。")
    assert "FILM" not in said
    assert "核销码" not in said
    wallet = (await ming.say(town.oa, "我的权益")).text
    assert "核销码" not in wallet

    hong = await member(town, "小红")
    hers = hong.follow_link(said)
    assert (await hers.login()).is_fine
    foreign = await hers.claim_of_ticket(hers.ticket)
    assert (foreign.status, foreign.answer["code"]) == (403, "ticket.not_yours")

    mine = ming.follow_link(said)
    assert (await mine.login()).is_fine
    shown = await mine.claim_of_ticket(mine.ticket)
    assert (shown.status, shown.answer["third_party_code"]) == (200, "FILM-7731")
    assert shown.answer["claim"]["id"] == str((await Claim.get()).id)
    again = await mine.claim_of_ticket(mine.ticket)
    assert (again.status, again.answer["code"]) == (409, "ticket.used")
    forged = await mine.claim_of_ticket("x" * len(mine.ticket))
    assert (forged.status, forged.answer["code"]) == (404, "ticket.invalid")
    # Neither the ticket nor an answer of it holds the code.
    assert "FILM" not in str([each.facts for each in await Ticket.all()])
    assert "FILM" not in str(await rows("SELECT result FROM request"))


async def test_a_link_to_a_code_is_over_after_ten_minutes_and_the_code_still_in_the_wallet(town, ming, cinema):
    mine = ming.follow_link((await ming.say(town.oa, "领电影")).text)
    assert (await mine.login()).is_fine
    town.wait(timedelta(minutes=10))
    late = await mine.claim_of_ticket(mine.ticket)
    assert (late.status, late.answer["code"]) == (409, "ticket.expired")
    claim = await Claim.get()
    assert (await mine.look_at(str(claim.id))).answer["third_party_code"] == "FILM-7731"


async def offered_of(town, benefit, keyword):
    await an_offer(town.clock.now(), benefit=benefit, keyword=keyword)
    town.house.handlers.offer_catalogue.forget()


async def test_points_and_packages_are_told_in_their_own_words(town, ming):
    points = await a_benefit("五十积分", BenefitKind.POINTS, PointsBenefitTerms(50), merchant=None)
    await offered_of(town, points, "积分礼")
    assert (await ming.say(town.oa, "领积分礼")).text == "五十积分已领取，积分已到账，回复“积分”查看。"
    assert "50" in (await ming.say(town.oa, "积分")).text
    tea = await a_benefit("茶")
    both = await a_benefit("生日礼", BenefitKind.PACKAGE, PackageTerms((PackagePart(tea.code),)))
    await offered_of(town, both, "生日")
    said = (await ming.say(town.oa, "领生日")).text
    assert said == "生日礼已领取，长期有效。里面的每一项请到“我的权益”查看。"


async def test_what_costs_money_stands_apart_with_its_price_and_the_way_to_buy_it(town, ming):
    await offered(town, "精洗一次", "洗车", price=Price(fen=1990))
    only = (await ming.say(town.oa, "权益")).text
    assert only.startswith("以下需要付款，请到<a ")
    assert only.endswith("小程序“领券”</a>购买：\n精洗一次（19.90元）")
    assert "pages/offers/index" in only
    await offered(town, "打蜡", "洗车")
    both = (await ming.say(town.oa, "权益")).text.split("\n")
    assert both[:2] == ["您可以领取（回复数字）：", "1 打蜡"]
    assert both[3] == "精洗一次（19.90元）"
    assert "2 精洗一次（19.90元）" in (await ming.say(town.oa, "领洗车")).text
    said = (await ming.say(town.oa, "2")).text
    assert said.startswith("精洗一次需要付款19.90元，请到<a ")
    assert not await Claim.exists()


async def test_whoever_is_no_member_sees_what_there_is(town):
    hong = town.person("小红")
    assert "回复“权益”看可领取的" in (await hong.follow(town.oa)).text
    assert (await hong.say(town.oa, "权益")).text == "您还不是会员。回复“入会”办理，不需要手机号。"
    await offered(town, "洗车")
    said = (await hong.say(town.oa, "权益")).text
    assert said == "您还不是会员。会员可以领取（部分另有条件）：\n洗车\n回复“入会”办理，不需要手机号。"
    await offered(town, "停车", audience=Audience(is_members_only=False))
    said = (await hong.say(town.oa, "权益")).text
    assert said.startswith("您可以领取（回复数字）：\n1 停车\n您还不是会员。")


async def test_flash_sales_are_listed_with_what_is_left_until_they_begin_and_end(town, ming):
    assert (await ming.say(town.oa, "限时抢购")).text == "现在没有限时抢购。回复“权益”看可以领取的。"
    now = town.clock.now()
    late, soon, ends = (
        now + timedelta(days=2, minutes=5),
        now + timedelta(hours=3, seconds=50),
        now + timedelta(hours=1),
    )
    await offered(town, "平日券")
    await offered(town, "后天抢", is_flash_sale=True, opens_at=late)
    await offered(town, "马上抢", is_flash_sale=True, opens_at=soon)
    await offered(town, "正在抢", is_flash_sale=True, closes_at=ends)
    await offered(town, "抢完了", is_flash_sale=True, stock=0)
    lines = (await ming.say(town.oa, "限時搶購")).text.split("\n")
    assert lines[0] == "限时抢购（回复数字领取）："
    assert lines[1].startswith(f"1 正在抢（{shown_time(ends)}结束，还剩59分钟")
    assert "2 抢完了（已领完）" in lines
    assert lines[3].startswith(f"3 马上抢（{shown_time(soon)}开始，还有3小时")
    assert lines[4].startswith(f"4 后天抢（{shown_time(late)}开始，还有2天")
    assert "平日券" not in str(lines)
    assert "开始领取，请到时再来" in (await ming.say(town.oa, "3")).text
    await town.house.handlers.menus.publish(CommandLine("root"), "oa")
    tapped = await ming.tap(town.oa, "限时抢购")
    assert tapped.text.startswith("限时抢购（回复数字领取）：")
    assert (await ming.say(town.oa, "1")).text.startswith("正在抢已领取，")
    assert "（您已领过）" in (await ming.say(town.oa, "限时抢购")).text
