"""推广 on the pretend phone: applied, passed on, brought somebody, and what is there goes out to WeChat."""

from uuid import UUID

import pytest
from playwright.async_api import expect

from simulator import ImpossibleError
from tests.browser import a_page
from tests.handlers.withdrawing import given_at
from tests.stories.market import desk, market
from tests.stories.test_buying import priced, takes_money
from tests.stories.test_phone import TELEPHONE, Phone
from tests.stories.test_promoting import rules
from tests.stories.test_withdrawing import sound

__all__ = ["desk", "market", "takes_money"]

pytestmark = pytest.mark.timeout(180)


async def terms(market) -> None:
    await market.desk.made("/withdrawals/terms", {"least_fen": 100, "most_fen": 50_000, "review_from_fen": 20_000})


async def has(market, screen, fen: int) -> None:
    """Money of theirs, by hand."""
    me = (await screen.call("GET", "/me")).answer
    await given_at(UUID(me["id"]), fen, at=market.town.clock.now())


async def test_a_code_brings_a_friend_and_money_is_taken_out_to_wechat(market):
    town = market.town
    await rules(market, admission="open")
    await terms(market)
    hong = town.person("小红", phone="13800000002")
    screen = hong.open_mini_program(town.mp)
    await screen.join(with_phone=False)
    await has(market, screen, 5_000)
    async with a_page(*TELEPHONE) as page:
        page.on("dialog", lambda dialog: dialog.accept("20.5"))
        await page.goto(f"{town.platform_address}/phone")
        phone = Phone(page)
        see = phone.see
        await phone.show("mini")
        await see("to-promoting").click()
        await see("promoter-apply").click()
        await expect(see("promoter-state")).to_have_text("推广中")
        await see("link-make").click()
        for name in ("link-picture", "link-qr"):
            await expect(see(name)).to_be_visible()
            assert await see(name).evaluate("image => image.complete && image.naturalWidth > 0")
        code = await see("link-code").inner_text()
        assert await phone.fits()

        # Somebody else scans it, and joins: a number, no name.
        friend = town.person("小明")
        await friend.scan(town.oa, code)
        await friend.open_mini_program(town.mp).join(with_phone=False)
        await see("promoting-refresh").click()
        await expect(see("promoter-counts")).to_have_text("带来 1 人，成交 0 笔")

        await see("take-out").click()
        await expect(see("toast")).to_contain_text("提现已提交")
        await expect(see("balance")).to_have_text("¥29.50")
        await town.work()
        await see("promoting-refresh").click()
        await expect(see("withdrawal")).to_have_text("¥20.50，等您确认收款")
        await see("withdrawal-open").click()
        await expect(see("take-amount")).to_have_text("¥20.50")
        await see("take-go").click()
        await expect(see("toast")).to_contain_text("已到您的微信零钱")
        await expect(see("take-out")).to_be_enabled()
        assert await phone.fits()
    assert town.platform.pay.transfers.got(hong.openid(town.mp)) == 2_050
    await sound(town)


async def test_what_a_friend_buys_stands_on_the_page_until_it_is_available(market):
    town = market.town
    await rules(market)
    offer = await priced(market)
    hong = await market.member("小红")
    applied = await hong.promoting.apply()
    assert (applied.status, hong.promoting.seen["state"]) == (201, "waiting")
    assert (await hong.promoting.make_link()).answer["code"] == "promoter.required"
    (waiting,) = (await market.desk.tell("GET", "/operator/promoters"))[1]["items"]
    await market.desk.tell("POST", f"/operator/promoters/{waiting['id']}/approve", {})
    code = (await hong.promoting.make_link()).fact("code")
    ming = town.person("小明").open_mini_program(town.mp, scene=str(code))
    await ming.join(with_phone=False)
    bought = await ming.buy(offer)
    await ming.pay_for(bought.answer["order"]["id"])
    await hong.promoting.look()
    assert (hong.promoting.seen["came_count"], hong.promoting.seen["sale_count"]) == (1, 1)
    assert (hong.promoting.commissions["pending_fen"], hong.promoting.balance["available_fen"]) == (199, 0)
    assert [each["amount_fen"] for each in hong.promoting.commissions["items"]] == [199]
    await hong.logout()
    assert (hong.promoting.seen, hong.promoting.link, hong.promoting.commissions) == (None, None, None)


async def test_a_withdrawal_is_refused_on_its_page_or_given_up_and_the_money_is_there_again(market):
    town = market.town
    await terms(market)
    screen = await market.member("小明")
    await has(market, screen, 5_000)
    refused = await screen.promoting.take_out(99)
    assert refused.answer["code"] == "withdrawal.too_small"
    asked = await screen.promoting.take_out(5_000)
    number = asked.answer["id"]
    assert screen.promoting.balance["under_way"]["id"] == number
    with pytest.raises(ImpossibleError):
        await screen.promoting.confirm(number)  # WeChat has not heard of it yet
    await town.work()
    told = await screen.promoting.refuse(number)
    assert (told.answer["withdrawal"]["state"], screen.promoting.balance["available_fen"]) == ("returned", 5_000)
    assert [each["state"] for each in screen.promoting.withdrawals] == ["returned"]
    with pytest.raises(ImpossibleError):
        await screen.promoting.confirm(number)
    again = await screen.promoting.take_out(4_000)
    left = await screen.promoting.give_up(again.answer["id"])
    assert (left.status, screen.promoting.balance["available_fen"]) == (200, 5_000)
    assert town.platform.pay.transfers.got(screen.person.openid(town.mp)) == 0
    await sound(town)
