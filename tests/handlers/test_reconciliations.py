"""对账: what bills and rows do not agree about is listed and told; what agrees later is on no list any more."""

from collections import Counter
from datetime import date, timedelta

import pytest

from handlers.actors import Operator
from handlers.errors import BillNotReady, ReconciliationUnknown, RoleMissing
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import day_of
from models.ids import new_id
from models.orders import Order, OrderRefund
from models.organizations import Organization
from models.outbox import Job
from models.reconciliations import Reconciliation
from models.words import BillKind, Listed, OperatorRole, TransferHeard
from tests.handlers.buying import PRICE, a_buyer, for_sale
from tests.handlers.withdrawing import a_payee, an_operator, publish

DAY = timedelta(days=1)


def today(rooms) -> date:
    return day_of(rooms.clock.now(), BUSINESS_ZONE)


async def lists(rooms, kind: BillKind, day: date) -> dict[str, Listed]:
    return {each.number: each.listed for each in await rooms.handlers.reconciliations.look(kind, day)}


@pytest.fixture
async def moved(rooms):
    """Somebody bought and gave back, somebody took money out; their bills say the same."""
    offer, buyer = await for_sale(rooms, limits=()), await a_buyer(rooms)
    order_id = await buyer.buy(offer)
    await buyer.buy(offer, "second")
    await buyer.refund(order_id, PRICE)
    await rooms.handlers.order_refunds.poll()
    await publish(rooms)
    payee = await a_payee(rooms, "o-hong")
    rooms.sent = await payee.sent(5_000)
    await payee.heard(rooms.sent, TransferHeard.DONE)
    rooms.trades = {each.number: each.amount_fen for each in await Order.all()}
    rooms.back = {each.number: each.amount_fen for each in await OrderRefund.all()}
    rooms.payments.bills = {
        (BillKind.TRADE, today(rooms)): dict(rooms.trades),
        (BillKind.REFUND, today(rooms)): dict(rooms.back),
        (BillKind.TRANSFER, today(rooms)): {rooms.sent.number: 5_000},
    }
    return rooms


async def test_where_all_agree_nothing_is_listed_and_that_is_on_record(moved):
    for kind in BillKind:
        assert await lists(moved, kind, today(moved)) == {}
    kept = {each.kind: (each.line_count, each.total_fen, each.difference_count) for each in await Reconciliation.all()}
    assert kept == {
        BillKind.TRADE: (2, 2 * PRICE, 0),
        BillKind.REFUND: (1, PRICE, 0),
        BillKind.TRANSFER: (1, 5_000, 0),
    }


async def test_the_three_lists_and_a_later_look_that_finds_them_agreeing(moved):
    first, second = moved.trades
    bill = moved.payments.bills[BillKind.TRADE, today(moved)]
    bill[first] += 1
    del bill[second]
    bill["f" * 32] = 7
    wanted = {first: Listed.DIFFERS, second: Listed.OURS_ONLY, "f" * 32: Listed.THEIRS_ONLY}
    assert await lists(moved, BillKind.TRADE, today(moved)) == wanted
    moved.payments.bills[BillKind.TRANSFER, today(moved)] = {}
    assert await lists(moved, BillKind.TRANSFER, today(moved)) == {moved.sent.number: Listed.OURS_ONLY}
    moved.payments.bills[BillKind.REFUND, today(moved)] = dict.fromkeys(moved.back, 1)
    assert set((await lists(moved, BillKind.REFUND, today(moved))).values()) == {Listed.DIFFERS}

    reconciliations, fin = moved.handlers.reconciliations, await an_operator()
    seen = {each.kind: each for each in await reconciliations.page(fin, after=None, limit=9)}
    assert seen[BillKind.TRADE].difference_count == 3
    told = await reconciliations.differences(fin, seen[BillKind.TRADE].id, after=None, limit=9)
    assert {(each.number, each.ours_fen, each.theirs_fen) for each in told} == {
        (first, PRICE, PRICE + 1),
        (second, PRICE, 0),
        ("f" * 32, 0, 7),
    }
    moved.payments.bills[BillKind.TRADE, today(moved)] = dict(moved.trades)
    assert await lists(moved, BillKind.TRADE, today(moved)) == {}
    assert await reconciliations.differences(fin, seen[BillKind.TRADE].id, after=None, limit=9) == []
    assert await Reconciliation.filter(kind=BillKind.TRADE).count() == 1


async def test_what_we_heard_after_midnight_stands_in_the_bill_of_the_day_before(moved):
    yesterday, day = today(moved) - DAY, today(moved)
    moved.payments.bills[BillKind.TRADE, yesterday] = moved.payments.bills.pop((BillKind.TRADE, day))
    assert await lists(moved, BillKind.TRADE, yesterday) == {}
    assert await lists(moved, BillKind.TRADE, day) == {}


async def test_a_bill_that_is_not_there_yet_is_looked_at_later(moved):
    moved.payments.bills[BillKind.TRADE, today(moved)] = None
    with pytest.raises(BillNotReady) as refused:
        await moved.handlers.reconciliations.look(BillKind.TRADE, today(moved))
    assert refused.value.retry_after == 600
    assert await Reconciliation.all().count() == 0


async def test_every_morning_the_bills_of_the_day_before_are_planned_once(rooms):
    for _ in range(2):
        await rooms.handlers.reconciliations.plan(rooms.clock.now())
    jobs = await Job.filter(kind="reconcile")
    assert {(each.payload["kind_of_bill"], each.payload["day"]) for each in jobs} == {
        (kind.value, str(today(rooms) - DAY)) for kind in BillKind
    }
    by_way = Counter(each.payload["method"] for each in jobs)
    assert by_way == {"wechat": len(BillKind), "carrier": 2}  # nothing is transferred on a phone bill
    await rooms.handlers.reconciliations.look_again(await an_operator(), today(rooms), request_id="again")
    assert await Job.filter(kind="reconcile").count() == 2 * (len(BillKind) + 2)


async def test_only_finance_of_the_whole_installation_looks(rooms):
    reconciliations, root = rooms.handlers.reconciliations, await Organization.get(parent_id=None)
    with pytest.raises(RoleMissing):
        await reconciliations.page(await an_operator(OperatorRole.SUPPORT), after=None, limit=9)
    city = await Organization.create(code="north", name="北城", kind="city", parent_id=root.id)
    with pytest.raises(RoleMissing):
        theirs = Operator(new_id(), city.id, OperatorRole.FINANCE, "north", new_id())
        await reconciliations.page(theirs, after=None, limit=9)
    with pytest.raises(ReconciliationUnknown):
        await reconciliations.differences(await an_operator(), new_id(), after=None, limit=9)
