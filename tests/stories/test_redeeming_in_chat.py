"""Clerks redeem by chat as they do in the mini-program: in part, several codes at once, coupons on a bill."""

from datetime import timedelta

import pytest

from handlers.rules.benefit_terms import PartnerCouponTerms
from models.benefits import Benefit
from models.claims import Claim
from models.redemptions import Redemption, RedemptionAttempt
from models.words import BenefitKind, ClaimState
from tests.stories.test_at_the_counter import Shop, member, shop

__all__ = ["shop"]


class Chat:
    """A clerk's chat with the account."""

    def __init__(self, town, shop: Shop, person) -> None:
        self.town, self.shop, self.person = town, shop, person

    async def say(self, text: str) -> str:
        return (await self.person.say(self.town.oa, text)).text

    async def claim(self, name: str, **more) -> tuple[Claim, str]:
        """A customer's claim, and its typed code."""
        claim = await self.shop.claim(**more)
        await Benefit.filter(id=claim.benefit_id).update(name=name)
        return claim, self.shop.typed(claim)


@pytest.fixture
async def chat(town, shop):
    await member(town, "小明")
    lin = town.person("小林")
    await lin.follow(town.oa)
    await shop.clerk(lin)
    return Chat(town, shop, lin)


async def states(*claims: Claim) -> list[ClaimState]:
    return [(await Claim.get(id=each.id)).state for each in claims]


@pytest.mark.parametrize("word", ["核销 ", "核销", ""])
async def test_a_second_code_replaces_the_first_that_waits_for_its_confirmation(chat, word):
    wash, wash_code = await chat.claim("洗车")
    coffee, coffee_code = await chat.claim("咖啡")
    assert (await chat.say(wash_code)).startswith("洗车，会员尾号")
    assert (await chat.say(f"{word}{coffee_code}")).startswith("咖啡，会员尾号")
    assert (await chat.say("确认")).startswith("咖啡，")
    assert await states(wash, coffee) == [ClaimState.ISSUED, ClaimState.USED]
    await chat.town.work()


async def test_a_second_code_with_a_typing_error_leaves_nothing_to_confirm(chat):
    wash, wash_code = await chat.claim("洗车")
    _, coffee_code = await chat.claim("咖啡")
    wrong = coffee_code[:-1] + ("0" if coffee_code[-1] != "0" else "1")
    for said in (wrong, f"核销{wrong}", coffee_code[:-2]):
        await chat.say(wash_code)
        assert "没有" in await chat.say(said)
        assert "单号" not in await chat.say("确认")
    assert await states(wash) == [ClaimState.ISSUED]
    assert not await Redemption.exists()
    assert (await chat.say(wash_code)).endswith("核销请回复“确认”。")
    assert await chat.say("好的") == "待核销：洗车。核销请回复“确认”。不核销，回复“取消”。"


async def test_a_claim_of_several_uses_is_redeemed_in_part(chat):
    claim, code = await chat.claim("洗车", uses=10)
    assert (await chat.say(code)).endswith("可用10次。核销请回复“确认”。核销多次，回复“确认”加次数，如“确认2”。")
    assert await chat.say("确认11") == "只剩10次，没有核销。请重新回复“确认”加次数；不核销，回复“取消”。"
    assert (await chat.say("确认 2")).startswith("洗车，核销2次，")
    for said, left in (("3", 5), ("确认1次", 4), ("確認２", 2), ("确认", 1)):
        await chat.say(code)
        assert f"剩{left}次。" in await chat.say(said)
    await chat.say(code)
    assert (await chat.say("1")).startswith("待核销：洗车。")  # one is left: a bare number is no confirmation
    assert (await Claim.get(id=claim.id)).uses_left == 1


async def test_several_codes_of_one_message_are_redeemed_together(chat):
    wash, wash_code = await chat.claim("洗车", uses=3)
    coffee, coffee_code = await chat.claim("咖啡")
    said = await chat.say(f"核销 {wash_code}，{coffee_code}\n{wash_code}")
    tail = "尾号" + said.split("会员尾号")[1][:4]
    assert said == (
        f"共2项，每项核销1次：\n1 洗车，会员{tail}，可用3次\n2 咖啡，会员{tail}，可用1次\n全部核销请回复“确认”。"
    )
    assert "每个核销1次" in await chat.say("确认2")
    done = await chat.say("确认")
    assert done.startswith("2项已核销，")
    assert "1 洗车，剩2次\n2 咖啡，剩0次\n" in done
    assert await states(wash, coffee) == [ClaimState.PARTLY_USED, ClaimState.USED]
    assert len({each.receipt for each in await Redemption.all()}) == 1
    back = [await chat.say("撤销") for _ in range(3)]
    assert sorted(back[:2]) == ["咖啡已撤销，顾客可用1次。", "洗车已撤销，顾客可用3次。"]
    assert back[2].startswith("没有可以撤销的核销")
    await chat.town.work()


async def test_of_several_codes_all_are_redeemed_or_none(chat):
    wash, wash_code = await chat.claim("洗车")
    gone, gone_code = await chat.claim("咖啡", state=ClaimState.REVOKED)
    assert await chat.say(f"{wash_code} {gone_code}") == "第2个码：这份权益已被收回，不能核销。全部没有核销。"
    assert "单号" not in await chat.say("确认")
    tea, tea_code = await chat.claim("茶")
    await chat.say(f"{wash_code} {tea_code}")
    await Claim.filter(id=tea.id).update(state=ClaimState.REVOKED)  # meanwhile
    assert await chat.say("确认") == "第2个码：这份权益已被收回，不能核销。全部没有核销。"
    wrong = tea_code[:-1] + ("0" if tea_code[-1] != "0" else "1")
    assert "第2个核销码不完整或有错字" in await chat.say(f"{wash_code} {wrong}")
    assert "一次最多核销10个码" in await chat.say(" ".join([wash_code] * 11))
    assert await states(wash, gone) == [ClaimState.ISSUED, ClaimState.REVOKED]
    assert not await Redemption.exists()


async def test_a_coupon_on_a_bill_asks_for_its_amount(chat):
    terms = PartnerCouponTerms(face_value_fen=3000, threshold_fen=10_000)
    coupon, code = await chat.claim("满减券", kind=BenefitKind.PARTNER_COUPON, terms=terms)
    assert (await chat.say(code)).endswith("可用1次。请回复消费金额，如 128 或 128.50。")
    assert await chat.say("确认") == "待核销：满减券。请回复消费金额，如 128 或 128.50。不核销，回复“取消”。"
    assert (await chat.say("99.99元")).startswith("消费99.99元。核销请回复“确认”。")
    assert (await chat.say("确认")).startswith("消费金额未到100元，没有核销。")
    assert (await chat.say("128.5")).startswith("消费128.50元。")
    done = await chat.say("确认")
    assert done.startswith("满减券，抵扣30元，")
    assert await states(coupon) == [ClaimState.USED]
    assert [each.bill_amount_fen for each in await Redemption.all()] == [12850]
    await chat.town.work()


async def test_a_coupon_and_a_voucher_go_together_on_one_bill(chat):
    terms = PartnerCouponTerms(face_value_fen=3000)
    coupon, coupon_code = await chat.claim("满减券", kind=BenefitKind.PARTNER_COUPON, terms=terms)
    wash, wash_code = await chat.claim("洗车")
    assert (await chat.say(f"{coupon_code};{wash_code}")).endswith("请回复消费金额，如 128 或 128.50。")
    await chat.say("128元")
    assert "1 满减券，抵扣30元，剩0次\n2 洗车，剩0次" in await chat.say("确认")
    assert await states(coupon, wash) == [ClaimState.USED, ClaimState.USED]
    await chat.town.work()


async def test_a_preview_of_more_than_two_minutes_is_not_confirmed(chat):
    wash, wash_code = await chat.claim("洗车")
    tea, tea_code = await chat.claim("茶")
    await chat.say(f"{wash_code} {tea_code}")
    chat.town.clock.moved += timedelta(minutes=3)
    assert "请重新发核销码" in await chat.say("确认")
    assert await states(wash, tea) == [ClaimState.ISSUED, ClaimState.ISSUED]
    assert {each.outcome for each in await RedemptionAttempt.all()} == {"redemption.needs_confirm"}
