"""抽奖 on the pretend phone: the wheel, ten at once, an address for a parcel, and the page where anybody checks it."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from playwright.async_api import expect

from gateways.vault import FieldVault
from handlers.actors import Person
from handlers.rules.draw_rules import WHOLE, SpinPrice
from models.draws import DuePrize, Parcel
from models.fulfillments import Fulfillment
from models.identity import Member
from models.words import DrawLook, ParcelState, Touchpoint
from tests.browser import a_page
from tests.handlers.asking import FILM, TEA, charge, hamper
from tests.handlers.charging import a_supplier
from tests.handlers.drawing import fair_of, goods, points
from tests.stories.test_phone import TELEPHONE, Phone

pytestmark = pytest.mark.timeout(180)


async def test_a_wheel_is_spun_a_parcel_gets_its_address_and_a_closed_day_is_downloaded(town):
    ming = town.person("小明", phone="13800000001")
    await ming.open_mini_program(town.mp).join(with_phone=False)
    fair = await fair_of(town.house)
    kettle = goods(WHOLE, stock=1, fallback="points")
    for look in (DrawLook.EGG, DrawLook.SCRATCH):
        await fair.published(points(), title=f"小游戏{look.value}", price=SpinPrice(free_daily=1), terms={"look": look})
    await fair.published(kettle, points(0), title="开业转盘", price=SpinPrice(free_daily=1, points=5))
    async with a_page(*TELEPHONE) as page:
        page.on("dialog", lambda dialog: dialog.accept("小明 13800000001 延安路1号"))
        await page.goto(f"{town.platform_address}/phone")
        phone = Phone(page)
        see = phone.see
        await phone.show("mini")
        await see("page-draws").click()
        await expect(see("draw")).to_have_count(3)
        await see("draw").filter(has_text="开业转盘").click()
        await expect(see("draw-turn")).to_have_text("免费 1 次 · 每次 5 积分")
        await expect(see("prize").first).to_have_text("水壶（剩 1 份）100%")
        assert await phone.fits()

        await see("spin-1").click()
        await expect(see("draw-result")).to_have_text("抽中 水壶")
        assert await see("wheel").evaluate("disc => disc.getAnimations().length") == 1
        await see("parcel-address").click()
        await expect(see("toast")).to_contain_text("地址已保存")
        await expect(see("result").first).to_contain_text("1 号水壶，等待寄出")
        assert (await Parcel.get()).state is ParcelState.ADDRESSED

        await fair.earn(await the_member(), 100)
        await see("draw-close").click()
        await see("draw").filter(has_text="开业转盘").click()
        await expect(see("spin-10")).to_have_text("连抽十次（50积分）")
        await see("spin-10").click()
        await expect(see("draw-result")).to_have_text("7积分 10 次")
        await expect(see("result").first).to_contain_text("11 号7积分，原奖品已发完")
        assert await phone.fits()

        # The day closes; its seed and its log are there for anybody.
        town.wait(timedelta(days=1))
        await town.house.handlers.draw_revealing.reveal_due()
        await see("page-me").click()
        await see("mini-logout").click()
        await see("mini-login").click()
        await expect(see("mini-logout")).to_be_visible()
        await see("page-draws").click()
        await see("draw").filter(has_text="开业转盘").click()
        await see("draw-fairness").click()
        await expect(see("seed")).to_have_count(1)
        await expect(see("verify-command")).to_contain_text("verify_draw.py")
        assert await phone.fits()
        await see("log-fetch").click()
        async with page.expect_download() as saving:
            await see("log-save").click()
        assert (await saving.value).suggested_filename.startswith("draw-20")
        async with page.expect_download() as saving:
            await see("receipts").click()
        kept = await (await saving.value).path()
        assert kept.read_text("utf-8").count("fanpiao.draw.receipt.1") == 2

        # The other looks play as well.
        await see("fairness-close").click()
        for title, toy in (("小游戏egg", "eggs"), ("小游戏scratch", "scratch")):
            await see("draw-close").click()
            await see("draw").filter(has_text=title).click()
            await see("spin-1").click()
            await expect(see("draw-result")).to_have_text("抽中 7积分")
            await expect(see(toy)).to_be_visible()
            await expect(see("spin-1")).to_be_disabled()


async def test_what_asks_something_is_completed_from_the_wheel_and_from_a_link_in_chat(town):
    """A number by its prompt, choices by ticking; and once more where the draw is over and the link is all there is."""
    ming = town.person("小明", phone="13800000001")
    await ming.follow(town.oa)
    await ming.open_mini_program(town.mp).join(with_phone=False)
    fair, settings = await fair_of(town.house), town.house.settings
    vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
    await a_supplier(SimpleNamespace(vault=vault), api_url=f"{town.platform_address}/supplier")
    top_up = await charge(fair, WHOLE, stock=2, fallback="hamper")
    basket = await hamper(fair, 0, choose=2, stock=1, fallback="thanks")
    draw_id = await fair.published(top_up, basket, title="开业转盘", price=SpinPrice(free_daily=10))
    async with a_page(*TELEPHONE) as page:
        asked: list[tuple[str, str]] = []

        async def answer(dialog) -> None:
            asked.append((dialog.message, dialog.default_value))
            await dialog.accept("13912345670")

        page.on("dialog", answer)
        await page.goto(f"{town.platform_address}/phone")
        phone = Phone(page)
        see = phone.see
        await phone.show("mini")
        await see("page-draws").click()
        await see("draw").click()
        await see("spin-10").click()
        await expect(see("due-prize")).to_have_count(3)
        third = see("result").nth(7)
        await expect(third).to_contain_text("3 号三选礼包，原奖品已发完，等您填写")
        assert await phone.fits()

        # Two of three are chosen; one alone is refused, and what was ticked stays so.
        basket_row = see("due-prize").filter(has_text="三选礼包")
        await basket_row.get_by_test_id(f"option-{TEA}").check()
        await press(basket_row)
        await expect(see("toast")).to_contain_text("请按要求选择")
        await expect(basket_row.get_by_test_id(f"option-{TEA}")).to_be_checked()
        await basket_row.get_by_test_id(f"option-{FILM}").check()
        await press(basket_row)
        await expect(see("toast")).to_have_text("已领取，已放进卡包")
        await expect(third).to_contain_text("已领取")
        await expect(see("due-prize")).to_have_count(2)

        await press(see("due-prize").first)
        await expect(see("due-prize")).to_have_count(1)
        assert asked == [("充值到哪个手机号？", "13800000001")]

        # The draw ends; the link in chat leads to what is left.
        await fair.handlers.draw_editing.end(fair.operator, draw_id, reason="到期", request_id="end")
        await town.work()
        await phone.show("chat")
        await see("mini-program-link").last.click()
        await expect(see("due-prize")).to_have_count(1)
        await expect(see("draw")).to_have_count(0)
        await press(see("due-prize"))
        await expect(see("due-prize")).to_have_count(0)
        assert await phone.fits()
    assert sorted(each.state for each in await DuePrize.all()) == ["taken"] * 3
    assert await Fulfillment.all().count() == 2


async def press(prize) -> None:
    """Its button, wherever it is by then: the page is drawn anew with every call, and a tap by place may miss it."""
    button = prize.get_by_test_id("take-prize")
    await expect(button).to_be_enabled()
    await button.dispatch_event("click")


async def the_member() -> Person:
    member = await Member.exclude(joined_at=None).get()
    return Person(member.id, "mp", Touchpoint.MINI_PROGRAM, is_member=True, number=member.number)
