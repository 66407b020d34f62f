"""At every door that takes an amount of money: what is no amount is refused by its stable code, and nothing happens."""

from uuid import UUID

import pytest

from models.ledger import Transfer
from models.orders import Order, OrderRefund
from models.withdrawals import Withdrawal, WithdrawalTerms
from tests.handlers.withdrawing import given_at
from tests.stories.market import desk, market
from tests.stories.test_buying import PRICE, priced, sound
from tests.stories.test_promoting import bought, rules

__all__ = ["desk", "market"]

# Below zero, nothing, fractions, more than anybody has, text, and what is no number at all.
NO_AMOUNTS = (-1, 0, -PRICE, 0.5, 1990.0, 0.1 + 0.2, 10**12 + 1, "1990", "", "1e3", True, None, [], {"fen": 1})
TOO_LARGE = (2**53, 2**63)  # for the numbers of JSON as others read them


def code_of(amount: object) -> str:
    return "request.not_json" if amount in TOO_LARGE else "request.invalid"


@pytest.fixture
def takes_money() -> bool:
    return True


async def test_what_is_no_amount_passes_no_door_of_a_member(market):
    offer, screen = await priced(market, limits=[], stock=9), await market.member("小明")
    await market.desk.made("/withdrawals/terms", {})
    await given_at(UUID(screen.member["id"]), 5_000, at=market.town.clock.now())
    order = await bought(market, screen, offer, "paid")
    plan = "/plans/00000000-0000-7000-8000-000000000000/orders"
    doors = {
        f"/offers/{offer}/orders": {"payment_method": "wechat"},
        plan: {"payment_method": "wechat"},
        f"/orders/{order['id']}/refunds": {},
        "/me/withdrawals": {},
    }
    before = await Transfer.all().count()
    for path, body in doors.items():
        is_optional = path.endswith("/orders")  # what was shown need not be said
        for number, amount in enumerate((*NO_AMOUNTS, *TOO_LARGE)):
            if amount is None and is_optional:
                continue
            asked = await screen.call("POST", path, {**body, "amount_fen": amount}, key=f"no-{number}")
            assert (asked.status, asked.answer["code"]) == (400, code_of(amount)), (path, amount, asked.answer)
    for quantity in (-1, 0, 1.5, "2", 10**9):
        wanted = {"payment_method": "wechat", "quantity": quantity}
        asked = await screen.call("POST", f"/offers/{offer}/orders", wanted, key=f"q{quantity}")
        assert (asked.status, asked.answer["code"]) == (400, "request.invalid"), quantity
    assert (await Order.all().count(), await OrderRefund.all().count(), await Withdrawal.all().count()) == (1, 0, 0)
    assert await Transfer.all().count() == before
    # An amount, but not the one: a fen more or less than what it costs, or than what comes back.
    for fen in (PRICE - 1, PRICE + 1):
        asked = await screen.buy(offer, amount_fen=fen, key=f"buy{fen}")
        assert (asked.status, asked.answer["code"]) == (409, "order.price_changed"), asked.answer
        asked = await screen.call("POST", f"/orders/{order['id']}/refunds", {"amount_fen": fen}, key=f"back{fen}")
        assert (asked.status, asked.answer["code"]) == (409, "order.quote_changed")
    for fen in (1, 99, 20_001):
        asked = await screen.call("POST", "/me/withdrawals", {"amount_fen": fen}, key=f"out{fen}")
        assert asked.status == 422, asked.answer
        assert asked.answer["code"] in {"withdrawal.too_small", "withdrawal.too_large"}
    await sound(market.town)


async def test_who_leaves_is_told_what_they_would_lose_and_gives_it_up_by_its_amount(market):
    screen = await market.member("小明")
    await given_at(UUID(screen.member["id"]), 57, at=market.town.clock.now())
    refused = await screen.call("DELETE", "/me")
    assert (refused.status, refused.answer["code"]) == (409, "member.departure_hindered")
    assert (refused.answer["reasons"], refused.answer["left_fen"]) == (["balance.left"], 57)
    for amount in ("-57", "57.0", "x", "56", "58"):
        refused = await screen.call("DELETE", f"/me?gives_up_fen={amount}")
        assert refused.status == (409 if amount in {"56", "58"} else 400), amount
    await bought(market, screen, await priced(market, limits=[], stock=9), "paid")
    refused = await screen.call("DELETE", "/me?gives_up_fen=57")
    assert (refused.status, refused.answer["reasons"], refused.answer["paid_claims"]) == (409, ["claims.paid"], 1)
    assert (await screen.call("DELETE", "/me?gives_up_fen=57&gives_up_claims=1")).status == 204
    assert (await screen.call("GET", "/me")).status == 401
    await sound(market.town)


async def test_what_is_no_amount_passes_no_door_of_an_operator(market):
    offer, screen = await priced(market, limits=[], stock=9), await market.member("小明")
    await rules(market)
    order = await bought(market, screen, offer, "paid")
    plan = {"code": "gold", "name": "金卡", "level": "gold", "period": "month"}
    doors = [
        ("POST", f"/operator/orders/{order['id']}/refunds", {"reason": "送晚了"}, "amount_fen"),
        ("PUT", "/operator/plans", plan, "price_fen"),
        *(("POST", "/operator/withdrawals/terms", {}, name) for name in ("least_fen", "most_fen", "review_from_fen")),
    ]
    for method, path, body, name in doors:
        for amount in (*NO_AMOUNTS, *TOO_LARGE):
            status, told = await market.desk.tell(method, path, {**body, name: amount})
            assert (status, told["code"]) == (400, code_of(amount)), (path, name, amount, told)
    for name, rate in (("cap_bp", -1), ("cap_bp", 10_001), ("rates", [-1]), ("rates", [0.5]), ("rates", [1, 1, 1])):
        status, told = await market.desk.tell("PUT", "/operator/commission-rules/draft", {name: rate})
        assert (status, told["code"]) == (400, "request.invalid"), (name, rate)
    assert (await OrderRefund.all().count(), await WithdrawalTerms.all().count()) == (0, 0)
    status, told = await market.desk.tell("POST", doors[0][1], {"reason": "送晚了", "amount_fen": PRICE + 1})
    assert (status, told["code"], told["left_fen"]) == (409, "order.refund_too_much", PRICE)
    status, told = await market.desk.tell("POST", "/operator/withdrawals/terms", {"least_fen": 9})
    assert (status, told["code"]) == (422, "withdrawal.terms_wrong")
    await sound(market.town)
