"""The merchants' parts of sales, and money that is held back until somebody has had something for it."""

import asyncio
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from handlers.ledger.checkpoints import own_balances
from handlers.orders import refunding
from handlers.points.points_terms import fen
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import begins, day_of
from handlers.settlement import deferring
from models.benefits import Benefit, Offer
from models.claims import Claim
from models.database import rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.orders import OrderClaim
from models.organizations import Organization
from models.programmes import Merchant
from models.settlement import DeferredSale, SaleEntry, SettlementStatement, SettlementTerms
from models.sql import dump_rows
from models.statements import sales as sale_statements
from models.words import ClaimState, EntryKind, LedgerAccountKind, OperatorRole
from tests.handlers.buying import a_buyer, for_sale
from tests.handlers.offering import operator_at
from tests.handlers.settling import DAY, breaches

PRICE = 999
MINUTE = timedelta(minutes=1)


class Market:
    """Somebody who buys what a merchant sells, and the merchant's days."""

    def __init__(self, rooms, offer, merchant, finance) -> None:
        self.rooms, self.offer, self.merchant, self.finance = rooms, offer, merchant, finance

    async def terms(self, number: int, **facts) -> None:
        starts_at = self.rooms.clock.now() - MINUTE
        whose = {"merchant": self.merchant, "decided_by_id": self.finance.id}
        await SettlementTerms.create(**whose, number=number, starts_at=starts_at, **facts)

    def next_day(self):
        clock = self.rooms.clock
        ended = day_of(clock.now(), BUSINESS_ZONE)
        clock.advance(begins(ended + DAY, BUSINESS_ZONE) + timedelta(hours=10) - clock.now())
        return ended

    async def close(self) -> SettlementStatement | None:
        """The day ends, and is closed."""
        ended = self.next_day()
        await self.rooms.handlers.statement_closing.up_to(self.merchant.id, ended)
        return await SettlementStatement.get_or_none(business_on=ended.isoformat())

    async def kinds(self, statement) -> list[tuple[EntryKind, int, int, int]]:
        _, pages = await self.rooms.handlers.statements.lines(self.finance, statement.id)
        return [
            (each.kind, each.operator_share_fen, each.fee_fen, each.bill_amount_fen)
            async for page in pages
            for each in page
        ]

    async def balances(self) -> dict[str, int]:
        found = await own_balances(await fen(), at=self.rooms.clock.now() + MINUTE)
        kinds = LedgerAccountKind
        told = kinds.INCOME, kinds.UNEARNED, kinds.COST, kinds.MERCHANTS, kinds.FEES
        return {kind.value: found[kind] for kind in told if found.get(kind)}

    async def sweep(self) -> int:
        return await self.rooms.handlers.sale_deferring.sweep()


@pytest.fixture
async def market(rooms):
    root = await Organization.get(parent=None)
    merchant = await Merchant.create(organization=root, code="books", name="江南书店")
    offer = await for_sale(rooms, fen=PRICE, stock=None, limits=())
    await Benefit.filter(id=(await Offer.get(id=offer.id)).benefit_id).update(merchant_id=merchant.id)
    return Market(rooms, offer, merchant, await operator_at(root, OperatorRole.FINANCE))


@pytest.fixture
async def ming(rooms):
    return await a_buyer(rooms)


# --- the merchant's part


async def test_a_merchants_part_of_a_sale_is_floored_and_settled_with_its_fee(market, ming):
    await market.terms(1, sale_share_bp=8_500, fee_bp=100)
    await ming.buy(market.offer, quantity=2)
    part, fee = 849, 9  # 999 x 0.85 = 849.15; 849 x 0.99 = 840.51 is paid as 840
    made = await market.close()
    assert await market.kinds(made) == [(EntryKind.SALE, part, fee, PRICE)] * 2
    assert (made.redeemed_count, made.redeemed_fen, made.redeemed_operator_fen) == (2, 2 * part, 2 * part)
    assert await market.balances() == {
        "income": 2 * PRICE,
        "cost": -2 * part,
        "merchants": 2 * (part - fee),
        "fees": 2 * fee,
    }
    assert await breaches() == []


async def test_without_terms_that_give_it_a_part_a_merchant_has_no_lines_of_sales(market, ming):
    await market.terms(1, fee_bp=100)
    await ming.buy(market.offer)
    assert await market.close() is None
    assert not await SaleEntry.exists()


async def test_what_goes_back_takes_the_part_of_then_away_in_the_next_period(market, ming):
    await market.terms(1, sale_share_bp=8_500, fee_bp=100)
    order_id = await ming.buy(market.offer, quantity=2)
    await market.close()
    await market.terms(2, sale_share_bp=1_000, fee_bp=0)
    used = await Claim.all().first()
    await Claim.filter(id=used.id).update(state=ClaimState.USED, uses_left=0)
    await ming.refund(order_id, PRICE)
    made = await market.close()
    assert await market.kinds(made) == [(EntryKind.SALE_REFUND, 849, 9, PRICE)]
    assert (made.reversed_fen, made.reversed_fee_fen, made.late_count) == (849, 9, 1)
    assert (await market.balances())["merchants"] == 849 - 9
    wrong = await breaches()
    assert [each for each in wrong if "剩余次数" not in each and "一条路" not in each] == []  # used by no counter


async def test_a_refund_that_is_asked_for_twice_at_once_takes_the_part_back_once(market, ming):
    await market.terms(1, sale_share_bp=8_500)
    order_id = await ming.buy(market.offer)
    asked = [ming.refund(order_id, PRICE, key=f"k{number}") for number in range(8)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in done) == 1
    assert await SaleEntry.exclude(reverses_id=None).count() == 1
    made = await market.close()
    assert made.redeemed_operator_fen - made.reversed_operator_fen == 0
    assert await breaches() == []


async def test_a_part_that_was_taken_back_is_not_taken_back_again_whoever_tries(market, ming):
    await market.terms(1, sale_share_bp=8_500)
    await ming.refund(await ming.buy(market.offer), PRICE)
    (claim,) = await OrderClaim.all()
    again = dump_rows([{"id": new_id(), "order_claim_id": claim.id}])
    with pytest.raises((IntegrityError, OperationalError)):
        await rows(sale_statements.REVERSE_SALES, again, market.rooms.clock.now())


async def test_a_part_is_assigned_once_and_never_changes(market, ming):
    await market.terms(1, sale_share_bp=8_500)
    await ming.buy(market.offer)
    await market.close()
    for attempt in (
        SaleEntry.all().update(part_id=None),
        SaleEntry.all().update(settlement_fen=1),
        SaleEntry.all().delete(),
    ):
        with pytest.raises((IntegrityError, OperationalError)):
            await attempt


async def test_the_doctor_sees_a_refund_that_took_no_part_back(market, ming, monkeypatch):
    """Planted: the money goes back, and the merchant keeps its part."""

    async def nothing(*_, **__) -> None: ...

    await market.terms(1, sale_share_bp=8_500)
    order_id = await ming.buy(market.offer)
    monkeypatch.setattr(refunding, "unsold", nothing)
    await ming.refund(order_id, PRICE)
    assert await breaches() == ["商户的销售分成和订单一致，退款只抵消一次它的销售"]


# --- what is held back


async def test_money_is_held_back_until_it_is_used_and_again_when_that_is_undone(market, ming):
    await ming.buy(market.offer, quantity=2)
    assert await market.sweep() == 2
    assert await market.balances() == {"unearned": 2 * PRICE}
    used = await Claim.all().first()
    await Claim.filter(id=used.id).update(state=ClaimState.USED, uses_left=0)
    assert await market.sweep() == 1
    assert await market.balances() == {"income": PRICE, "unearned": PRICE}
    await Claim.filter(id=used.id).update(state=ClaimState.ISSUED, uses_left=1)
    assert await market.sweep() == 1
    assert await market.sweep() == 0
    assert await market.balances() == {"unearned": 2 * PRICE}
    assert await breaches() == []


async def test_of_what_is_used_in_parts_the_part_that_is_left_is_held_back(market, ming):
    await ming.buy(market.offer)
    await Claim.all().update(uses_total=3, uses_left=3)
    await market.sweep()
    await Claim.all().update(state=ClaimState.PARTLY_USED, uses_left=2)
    await market.sweep()
    assert await market.balances() == {"income": 333, "unearned": 666}


async def test_what_is_over_is_earned_and_what_goes_back_is_not(market, ming, rooms):
    over, back = await ming.buy(market.offer, "over"), await ming.buy(market.offer, "back")
    await market.sweep()
    await ming.refund(back, PRICE)
    (line,) = await OrderClaim.filter(order_id=over)
    await Claim.filter(id=line.claim_id).update(expires_at=rooms.clock.now())
    assert await market.sweep() == 2
    assert await market.balances() == {"income": PRICE}
    assert await DeferredSale.filter(held_fen__gt=0).count() == 0
    assert await breaches() == []


async def test_looked_at_by_five_at_once_it_is_held_back_once(market, ming, monkeypatch):
    monkeypatch.setattr(deferring, "PAGE", 2)
    await ming.buy(market.offer, quantity=5)
    done = await asyncio.gather(*(market.sweep() for _ in range(5)))
    assert sum(done) == 5
    assert await market.balances() == {"unearned": 5 * PRICE}
    assert await breaches() == []


async def test_without_the_guard_of_its_row_it_would_be_held_back_twice(market, ming, monkeypatch):
    """The negative control: both have looked before either has written, and nothing tells the second one."""
    await ming.buy(market.offer)
    stale = await rows(sale_statements.DEFERRED, deferring._NO_ID, market.rooms.clock.now(), 9)
    await market.sweep()
    looks = iter([stale])

    async def look(statement, *values):
        return next(looks) if statement is sale_statements.DEFERRED else await rows(statement, *values)

    monkeypatch.setattr(deferring, "rows", look)
    with pytest.raises(SerializationConflict):
        await market.rooms.handlers.sale_deferring._page(deferring.SALES, deferring._NO_ID)
    assert await market.balances() == {"unearned": PRICE}

    async def unguarded(*_) -> None: ...

    looks = iter([stale])
    monkeypatch.setattr(deferring, "_write", unguarded)
    await market.rooms.handlers.sale_deferring._page(deferring.SALES, deferring._NO_ID)
    assert await breaches() == [
        "试算平衡：收到的钱等于收入加应退加佣金，和订单一致",
        "试算平衡：未实现的收入等于还没有用掉的订单款",
    ]
