"""Taking money out to WeChat, as people live it: taken, forgotten, refused, lost on the way, and the forger."""

from datetime import timedelta
from uuid import UUID

import pytest

from app.worker import Worker
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import day_of
from models.database import rows
from models.statements.invariants import CHECKS
from models.withdrawals import Withdrawal
from models.words import WithdrawalState
from simulator import ImpossibleError, PayConduct
from tests.handlers.withdrawing import given_at
from tests.stories.market import desk, market

__all__ = ["desk", "market"]

HAS = 30_000


@pytest.fixture
def takes_money() -> bool:
    return True


@pytest.fixture
async def payee(market):
    """Somebody with 300 yuan, where money can be taken out."""
    body = {"most_fen": 50_000, "review_from_fen": 20_000}
    await market.desk.made("/withdrawals/terms", body)
    screen = await market.member("小明")
    me = (await screen.call("GET", "/me")).answer
    await given_at(UUID(me["id"]), HAS, at=market.town.clock.now())
    return screen


async def worked(town) -> None:
    """The worker does what is due, what recurs included."""
    await Worker(town.house.registry, town.house.handlers, town.house.clock).start_due_tasks()
    await town.work()


async def later(town, **time: float) -> None:
    town.wait(timedelta(**time))
    await worked(town)


async def sound(town) -> None:
    """Every rule of the doctor; and their books are ours, to the fen, no number paid twice."""
    assert [check.what for check in CHECKS if await rows(check.sql)] == []
    bills = town.platform.pay.transfers.bills.values()
    assert max(each.paid_count for each in bills) <= 1
    theirs = {each.number: each.amount_fen for each in bills if each.paid_count}
    arrived = await Withdrawal.filter(state=WithdrawalState.ARRIVED)
    assert {each.number: each.amount_fen for each in arrived} == theirs


async def balance(screen) -> tuple[int, int]:
    told = (await screen.call("GET", "/me/balance")).answer
    return told["available_fen"], told["held_fen"]


async def ask(screen, fen: int, key: str = "ask") -> dict:
    asked = await screen.call("POST", "/me/withdrawals", {"amount_fen": fen}, key=key)
    assert asked.status == 201, asked.answer
    return asked.answer


async def page(screen, made: dict) -> tuple[str, dict | None]:
    told = (await screen.call("GET", f"/me/withdrawals/{made['id']}")).answer
    return told["withdrawal"]["state"], told["confirmation"]


def heard(town, screen, word: str) -> list[str]:
    return [text for text in screen.person.chat(town.oa).texts() if word in text]


async def test_asked_for_taken_and_there(market, payee):
    town, pay = market.town, market.town.platform.pay
    made = await ask(payee, 10_000)
    assert (made["state"], await balance(payee)) == ("waiting", (20_000, 10_000))
    again = await payee.call("POST", "/me/withdrawals", {"amount_fen": 10_000}, key="ask")
    assert (again.answer, again.headers["idempotency-replayed"]) == (made, "true")
    other = await payee.call("POST", "/me/withdrawals", {"amount_fen": 10_000}, key="other")
    assert (other.status, other.answer["code"]) == (409, "withdrawal.open")
    await town.work()
    state, confirmation = await page(payee, made)
    assert state == "confirm"
    (waits,) = heard(town, payee, "待您确认")
    assert waits.startswith("提现100元待您确认，请在")
    # The page was closed: it opens again with the same words.
    assert (await page(payee, made))[1] == confirmation
    assert (await payee.person.say(town.oa, "提现")).text.startswith("提现100元待您确认")
    pay.once(PayConduct(duplicates=3, is_moving=True))
    bill = payee.take_money(confirmation)
    pay.once(PayConduct(duplicates=3))
    pay.arrive(bill)
    await pay.settle()
    assert list(pay.statuses) == [204] * 4
    assert (await page(payee, made), await balance(payee)) == (("arrived", None), (20_000, 0))
    assert pay.transfers.got(bill.openid) == 10_000
    await town.work()
    assert heard(town, payee, "微信零钱") == ["提现100元已到您的微信零钱，请到微信支付查看。"]
    (listed,) = (await payee.call("GET", "/me/withdrawals")).answer["items"]
    assert (listed["id"], listed["state"]) == (made["id"], "arrived")
    await sound(town)


async def test_forgotten_for_a_day_it_is_on_the_balance_again(market, payee):
    town, pay = market.town, market.town.platform.pay
    made = await ask(payee, 10_000)
    await town.work()
    confirmation = (await page(payee, made))[1]
    town.wait(timedelta(hours=24))
    assert pay.send_home() == 1
    await pay.settle()
    assert (await page(payee, made), await balance(payee)) == (("returned", None), (HAS, 0))
    with pytest.raises(ImpossibleError):
        payee.take_money(confirmation)
    await payee.person.say(town.oa, "我的")  # a window to be told in
    await town.work()
    assert heard(town, payee, "退回余额，您可以") == ["提现100元没有完成，已退回余额，您可以重新申请。"]
    second = await ask(payee, 10_000, "again")
    assert second["number"] != made["number"]
    await town.work()
    pay.once(PayConduct(is_silent=True))
    payee.take_money((await page(payee, second))[1])
    await later(town, minutes=5)  # nobody told: it is asked about
    assert (await page(payee, second))[0] == "arrived"
    await sound(town)


async def test_a_platform_that_does_it_and_says_nothing_pays_once(market, payee):
    town, pay = market.town, market.town.platform.pay
    made = await ask(payee, 10_000)
    pay.once(PayConduct(is_unsigned=True))  # done, and nobody can believe the answer
    await town.work()
    assert (await page(payee, made))[0] == "sent"
    pay.once(PayConduct(refuses="SYSTEM_ERROR"))
    await later(town, seconds=20)
    assert (await page(payee, made))[0] == "sent"
    await later(town, minutes=2)
    state, confirmation = await page(payee, made)
    (bill,) = pay.transfers.bills.values()
    assert (state, bill.number, bill.came_in) == ("confirm", made["number"], 2)
    payee.take_money(confirmation)
    await pay.settle()
    assert (await page(payee, made))[0] == "arrived"
    await sound(town)


async def test_too_little_money_with_the_merchant_is_waited_for(market, payee):
    town, pay = market.town, market.town.platform.pay
    made = await ask(payee, 10_000)
    pay.once(PayConduct(refuses="NOT_ENOUGH"))
    await town.work()
    assert (await page(payee, made))[0] == "sent"
    await later(town, minutes=1)
    assert ((await page(payee, made))[0], len(pay.transfers.bills)) == ("confirm", 1)
    cancelled = await payee.call("POST", f"/me/withdrawals/{made['id']}/cancel", key="no")
    assert (cancelled.status, cancelled.answer["state"]) == (200, "confirm")
    await worked(town)
    await pay.settle()
    assert ((await page(payee, made))[0], await balance(payee)) == ("returned", (HAS, 0))
    await sound(town)


async def test_much_is_looked_at_first_by_their_own_operators(market, payee):
    town, desk = market.town, market.desk
    made = await ask(payee, 20_000)
    assert made["state"] == "review"
    await town.work()
    assert town.platform.pay.transfers.bills == {}
    status, listed = await desk.tell("GET", "/operator/withdrawals?state=review")
    assert (status, [each["withdrawal"]["id"] for each in listed["items"]]) == (200, [made["id"]])
    path = f"/operator/withdrawals/{made['id']}"
    status, told = await desk.tell("POST", f"{path}/refuse", {"reason": "资料不符"})
    assert (status, told["withdrawal"]["state"], await balance(payee)) == (200, "refused", (HAS, 0))
    again = await ask(payee, 20_000, "again")
    path = f"/operator/withdrawals/{again['id']}"
    assert (await desk.tell("POST", f"{path}/approve"))[1]["withdrawal"]["state"] == "waiting"
    status, told = await desk.tell("POST", f"{path}/approve")
    assert (status, told["code"]) == (409, "withdrawal.not_in_review")
    await town.work()
    assert (await desk.tell("GET", path))[1]["withdrawal"]["state"] == "confirm"
    status, told = await desk.tell("POST", f"{path}/take-back", {"reason": "会员来电"})
    assert status == 200
    await worked(town)
    await town.platform.pay.settle()
    assert (await page(payee, again))[0] == "returned"
    assert [each["number"] for each in (await desk.tell("GET", "/operator/withdrawals/terms"))[1]["items"]] == [1]
    await sound(town)


async def test_who_forges_or_mumbles_moves_nothing(market, payee):
    town, pay = market.town, market.town.platform.pay
    made = await ask(payee, 10_000)
    await town.work()
    bill = pay.transfers.bills[made["number"]]
    bill.state = "SUCCESS"  # what they will say, not what is so
    url, whole = bill.notify_url, pay.notice_of_transfer(bill)
    flipped = bytearray(whole)
    flipped[len(flipped) // 2] ^= 1
    assert [
        await pay.post(url, whole, age=301),
        await pay.post(url, whole, age=-301),
        await pay.post(url, whole, probe=True),
        await pay.post(url, bytes(flipped), signed_over=whole),
        await pay.post(url, whole, headers={"Wechatpay-Serial": "PUB_KEY_ID_OF_SOMEBODY"}),
    ] == [403] * 5
    assert [
        await pay.tell_transfer(bill, transfer_amount=9_999),
        await pay.tell_transfer(bill, openid="oSomebodyElse000000000000000"),
        await pay.tell_transfer(bill, mch_id="1900000000"),
        await pay.tell_transfer(bill, out_bill_no="0" * 32),
        await pay.tell_transfer(bill, state="NEWS"),
        await pay.post(url.replace("/transfer", "/refund"), whole),
    ] == [422] * 6
    assert ((await page(payee, made))[0], await balance(payee)) == ("confirm", (20_000, 10_000))
    bill.paid_count = 1
    assert [await pay.tell_transfer(bill), await pay.tell_transfer(bill)] == [204, 204]
    assert await pay.tell_transfer(bill, state="FAIL") == 204  # against what is booked: for people, and nothing moves
    assert ((await page(payee, made))[0], await balance(payee)) == ("arrived", (20_000, 0))
    await sound(town)


async def test_the_bills_of_a_day_agree_and_what_does_not_is_listed(market, payee):
    town, pay, desk = market.town, market.town.platform.pay, market.desk
    made = await ask(payee, 10_000)
    await town.work()
    payee.take_money((await page(payee, made))[1])
    await pay.settle()
    today = {"business_on": str(day_of(town.clock.now(), BUSINESS_ZONE))}
    status, planned = await desk.tell("POST", "/operator/reconciliations", today)
    assert (status, planned) == (201, today)
    await town.work()
    _, listed = await desk.tell("GET", "/operator/reconciliations")
    found = {
        each["kind"]: (each["line_count"], each["total_fen"], each["difference_count"]) for each in listed["items"]
    }
    assert found == {"transfer": (1, 10_000, 0), "trade": (0, 0, 0), "refund": (0, 0, 0)}

    pay.bills.left_out.add(made["number"])
    pay.bills.added.append(("SUCCESS", "0" * 32, 1_990))
    assert (await desk.tell("POST", "/operator/reconciliations", today))[0] == 201
    await town.work()
    _, listed = await desk.tell("GET", "/operator/reconciliations")
    lists = {}
    for each in listed["items"]:
        _, told = await desk.tell("GET", f"/operator/reconciliations/{each['id']}/differences")
        lists |= {one["number"]: (one["listed"], one["ours_fen"], one["theirs_fen"]) for one in told["items"]}
    assert lists == {made["number"]: ("ours_only", 10_000, 0), "0" * 32: ("theirs_only", 0, 1_990)}
