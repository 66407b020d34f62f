"""领权益 through both doors: claimed in chat and seen in the mini-program, sold out, too many, too early."""

from datetime import timedelta

import pytest

from handlers.claims.typed_codes import normalise
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.benefit_terms import PackagePart, PackageTerms
from handlers.rules.offer_terms import Validity, ValidityKind
from models.claims import Claim
from models.outbox import Job
from models.words import BenefitKind, ClaimSource, ClaimState
from tests.handlers.claimable import a_benefit, an_offer


@pytest.fixture
async def ming(town):
    return await member(town, "小明")


async def member(town, name):
    person = town.person(name)
    await person.follow(town.oa)
    await person.say(town.oa, "入会")
    assert "入会成功" in (await person.say(town.oa, "同意")).text
    return person


async def screen_of(town, person):
    screen = person.open_mini_program(town.mp)
    assert (await screen.login()).is_fine
    return screen


async def offered(town, name, keyword="", **terms):
    offer = await an_offer(town.clock.now(), benefit=await a_benefit(name), keyword=keyword, **terms)
    town.house.handlers.offer_catalogue.forget()
    return offer


async def test_claimed_in_chat_and_seen_in_the_mini_program(town, ming):
    await offered(town, "精洗一次", "洗车", stock=3, validity=Validity(ValidityKind.DAYS, days=1))
    assert (await ming.say(town.oa, "权益")).text == "您可以领取（回复数字）：\n1 精洗一次"
    said = (await ming.say(town.oa, "1")).text
    assert said.startswith("精洗一次已领取，")
    assert said.endswith("前有效。到店打开“我的权益”出示核销码。")
    assert "1项权益，其中1项三天内到期" in (await ming.say(town.oa, "我的权益")).text

    screen = await screen_of(town, ming)
    whole = (await screen.call("GET", "/me/wallet")).answer
    assert [whole[section]["count"] for section in ("held", "expiring", "used", "expired")] == [1, 1, 0, 0]
    assert whole["claimable"]["items"] == []
    (held,) = whole["held"]["items"]
    one = (await screen.call("GET", f"/me/claims/{held['id']}")).answer
    assert normalise(one["typed_code"])
    claim = await Claim.get(id=held["id"])
    assert claim.source is ClaimSource.CHAT

    hong = await screen_of(town, await member(town, "小红"))
    foreign, absent = (
        await hong.call("GET", f"/me/claims/{held['id']}"),
        await hong.call("GET", f"/me/claims/{claim.offer_id}"),
    )
    assert (foreign.status, foreign.answer) == (absent.status, absent.answer)
    assert foreign.status == 404


async def test_claimed_in_the_mini_program_once_per_key_and_seen_in_chat(town, ming):
    offer = await offered(town, "下午茶", stock=3)
    screen = await screen_of(town, ming)
    path = f"/offers/{offer.id}/claims"
    (seen,) = (await screen.call("GET", "/me/wallet?status=claimable")).answer["claimable"]["items"]
    assert seen["id"] == str(offer.id)
    first = await screen.call("POST", path, {}, key="once")
    again = await screen.call("POST", path, {}, key="once")
    assert (first.status, again.status) == (201, 201)
    assert first.answer == again.answer
    assert "下午茶（长期有效）" in (await ming.say(town.oa, "我的权益")).text
    limit = await screen.call("POST", path, {}, key="twice")
    assert (limit.status, limit.answer["code"]) == (409, "offer.limit_reached")
    assert (await ming.say(town.oa, "领下午茶")).text == "您已领1份，可到“我的权益”查看。"
    assert await Claim.all().count() == 1
    assert (await screen.call("GET", "/me/wallet?cursor=abc")).status == 400
    assert (await screen.call("GET", "/me/wallet?status=held&cursor=WyJ4IiwieSJd")).status == 400


async def test_sold_out_too_early_and_unknown_in_both_doors(town, ming):
    gone = await offered(town, "电影票", stock=0)
    soon = await offered(town, "早鸟券", opens_at=town.clock.now() + timedelta(days=1))
    assert (await ming.say(town.oa, "领 电影票")).text == "电影票已领完，暂无下一批。"
    early = (await ming.say(town.oa, "领早鸟券")).text
    assert early.startswith("早鸟券")
    assert early.endswith("开始领取，请到时再来。")
    assert (await ming.say(town.oa, "领 火箭")).text == "没有找到“火箭”。回复“权益”看可以领取的。"
    screen = await screen_of(town, ming)
    told = [
        (await screen.call("POST", f"/offers/{offer}/claims", {}, key=f"k{offer}")).answer["code"]
        for offer in (gone.id, soon.id, gone.benefit_id)
    ]
    assert told == ["offer.sold_out", "offer.not_open", "offer.unknown"]
    assert not await Claim.exists()


async def test_several_found_are_listed_and_answered_by_number(town, ming):
    await offered(town, "洗车五折", "洗车")
    await offered(town, "洗车免费", "洗车")
    said = (await ming.say(town.oa, "领洗车")).text
    assert said.startswith("找到2项，回复数字领取：\n1 洗车免费\n2 洗车五折")
    assert (await ming.say(town.oa, "2")).text.startswith("洗车五折已领取，长期有效。")
    assert await Claim.all().count() == 1


async def test_a_package_is_chosen_in_the_mini_program(town, ming):
    tea, cake = await a_benefit("茶"), await a_benefit("蛋糕")
    terms = PackageTerms((PackagePart(tea.code), PackagePart(cake.code)), choose=1)
    package = await a_benefit("生日礼", BenefitKind.PACKAGE, terms)
    offer = await an_offer(town.clock.now(), benefit=package)
    town.house.handlers.offer_catalogue.forget()
    assert (await ming.say(town.oa, "领生日礼")).text == "生日礼需要先选择内容，请在小程序里领取。"
    screen = await screen_of(town, ming)
    path = f"/offers/{offer.id}/claims"
    assert (await screen.call("POST", path, {}, key="a")).answer["code"] == "benefit.choices_invalid"
    made = (await screen.call("POST", path, {"choices": [cake.code]}, key="b")).answer["claims"]
    assert [each["name"] for each in made] == ["生日礼", "蛋糕"]


async def test_what_ends_soon_is_said_once_a_day_by_daylight_and_what_is_over_is_swept(town, ming):
    offer = await offered(
        town, "咖啡", "咖啡", validity=Validity(ValidityKind.DAYS, days=3), stock=2, returns_to_stock=True
    )
    await ming.say(town.oa, "领咖啡")
    assert await offer.left() == 1
    ends_at = (await Claim.get()).expires_at
    before = len(ming.chat(town.oa).texts())
    town.wait(ends_at - timedelta(days=3, seconds=-1) - town.clock.now())  # midnight: nobody is written to
    for _ in range(2):
        await town.house.handlers.claim_reminders.plan(town.clock.now())
    job = await Job.get(kind="say_expiring")
    assert job.run_at.astimezone(BUSINESS_ZONE).hour == 9
    town.wait(max(job.run_at - town.clock.now(), timedelta(0)) + timedelta(seconds=1))
    await town.work()
    said = ming.chat(town.oa).texts()[before:]
    assert [each.startswith("咖啡将于") for each in said] == [True]
    town.wait(timedelta(days=5))
    await town.work()
    await town.house.handlers.claim_expiry.sweep()
    assert ((await Claim.get()).state, await offer.left()) == (ClaimState.EXPIRED, 2)
    assert (await ming.say(town.oa, "我的权益")).text == "您还没有可用的权益。回复“权益”看可以领取的。"
