"""消费: told once for ever in any order, earning by rules, taken back with the money to the last point."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers import lanes
from handlers.errors import (
    ChannelOff,
    ChannelQuotaUsed,
    KeyReused,
    PointsShort,
    PurchaseConflict,
    PurchaseInFuture,
    PurchaseRuleIncomplete,
    PurchaseUneven,
    RefundConflict,
    RefundTooMuch,
    StoreUnknown,
)
from handlers.points.spending import Spending, spend
from handlers.purchases import booking
from handlers.purchases import purchases as purchases_module
from handlers.purchases.told import OrderTold, RefundTold
from handlers.rules.ledger import Cause
from handlers.rules.purchases import Line
from models.cards import Card
from models.channels import Channel
from models.database import atomic
from models.ledger import LedgerLot
from models.organizations import Organization
from models.programmes import Merchant, Store
from models.purchases import Purchase, PurchaseEarning, PurchaseLine, PurchaseRefund
from models.words import BuyerKind, PurchaseRuleKind, PurchaseState, RefundState
from tests.handlers.conftest import MEMBERSHIP
from tests.handlers.laddering import SILVER, Steps, a_ladder
from tests.handlers.ledgers import breaches
from tests.handlers.offering import key
from tests.handlers.test_unmerging import merge
from tests.handlers.tilling import a_till

DAY = timedelta(days=1)


@pytest.fixture
async def till(far):
    """Points of a purchase: one per yuan, at once. Whatever a test does, `doctor` has nothing to say in the end."""
    till = await a_till(far)
    await till.earning()
    await till.rule()
    yield till
    assert await breaches() == []


@pytest.fixture
async def ming(far):
    return await far.member("o-ming", phone="13912345670")


async def points(rooms, person):
    view = await rooms.handlers.points.view(person)
    return view.available, view.pending


async def spends(rooms, person, amount):
    async with atomic():
        await spend([Spending(person.member_id, amount, Cause("order", key()))], at=rooms.clock.now())


class TestOrders:
    async def test_an_order_earns_once_whoever_tells_of_it_again(self, till, ming, rooms):
        first = await till.sell("A-1", ming, 12_345)
        assert (first.state, first.points, first.is_known) == (PurchaseState.CREDITED, 123, False)
        again = await till.sell("A-1", ming, 12_345)
        assert again == replace(first, is_known=True)
        assert await points(rooms, ming) == (123, 0)
        assert await PurchaseLine.all().count() == 1

    async def test_a_repeated_request_gets_the_first_answer_and_another_body_under_its_key_is_refused(self, till, ming):
        sell, order = till.rooms.handlers.purchases.sell, till.order("A-1", ming)
        first = await sell(till.call(), order, request_id="k")
        again = await sell(till.call(), order, request_id="k")
        assert (again.value, again.replayed) == (first.value, True)
        with pytest.raises(KeyReused):
            await sell(till.call(), till.order("A-2", ming), request_id="k")

    async def test_the_same_number_with_another_body_is_a_conflict_and_loses_nothing(self, till, ming, rooms):
        await till.sell("A-1", ming, 10_000)
        with pytest.raises(PurchaseConflict):
            await till.sell("A-1", ming, 20_000)
        assert (await Purchase.get()).amount_fen == 10_000
        assert await points(rooms, ming) == (100, 0)

    async def test_two_channels_may_use_one_number(self, till, ming, rooms):
        other = await a_till(rooms)
        await till.sell("A-1", ming)
        await other.sell("A-1", ming, 20_000)
        assert await points(rooms, ming) == (300, 0)

    async def test_lines_that_do_not_add_up_and_times_to_come_are_refused(self, till, ming, clock):
        with pytest.raises(PurchaseUneven):
            await till.sell("A-1", ming, lines=(Line("", 1),))
        with pytest.raises(PurchaseInFuture):
            await till.sell("A-1", ming, paid_at=clock.now() + timedelta(minutes=6))
        with pytest.raises(PurchaseInFuture):
            told = RefundTold("A-1", "R-1", 5, clock.now() + DAY)
            await till.rooms.handlers.purchases.refund(till.call(), told, request_id=key())
        assert not await Purchase.exists()

    async def test_of_several_orders_each_stands_for_itself(self, till, ming, rooms):
        await till.sell("A-1", ming)
        uneven = till.order("A-3", ming, lines=(Line("", 1),))
        orders = [till.order("A-1", ming, 5), till.order("A-2", ming), uneven, till.order("A-2", ming)]
        answer = await rooms.handlers.purchases.sell_many(till.call(), orders, request_id="many")
        assert [each.code for each in answer.value.items] == ["purchase.conflict", "", "purchase.uneven", ""]
        assert [each.booked.is_known for each in answer.value.items if each.booked] == [False, True]
        again = await rooms.handlers.purchases.sell_many(till.call(), orders, request_id="many")
        assert (again.value, again.replayed) == (answer.value, True)
        assert await points(rooms, ming) == (200, 0)

    async def test_a_channel_names_its_own_stores_and_no_others(self, till, ming, rooms):
        root = await Organization.get(parent=None)
        mine = await Merchant.create(organization=root, code="mine", name="江南")
        other = await Merchant.create(organization=root, code="other", name="别家")
        for merchant in (mine, other):
            await Store.create(merchant=merchant, code=f"s-{merchant.code}", name="店")
        own = await a_till(rooms, merchant="mine")
        await own.sell("A-1", ming, store="s-mine")
        for told in ("s-other", "nowhere"):
            with pytest.raises(StoreUnknown):
                await own.sell("A-2", ming, store=told)
        await till.sell("A-2", ming, store="s-other")  # the root's own till speaks for all below it
        assert await Purchase.filter(store=None).count() == 0

    async def test_without_an_earning_rule_there_are_no_points_and_the_order_is_kept(self, far, ming):
        bare = await a_till(far)
        await bare.rule()
        assert (await bare.sell("A-1", ming)).points == 0
        assert (await PurchaseEarning.get(unit="points")).amount == 0
        assert await breaches() == []


class TestRefunds:
    async def test_points_go_pro_rata_and_all_of_them_with_all_of_the_money(self, till, ming, rooms):
        await till.sell("A-1", ming, 9_999)
        left = [(await till.refund("A-1", f"R-{n}", 3_333)).points for n in range(3)]
        assert left == [66, 33, 0]
        assert await points(rooms, ming) == (0, 0)
        assert (await Purchase.get()).refunded_fen == 9_999

    async def test_more_than_was_paid_is_refused_and_a_number_counts_once(self, till, ming):
        await till.sell("A-1", ming)
        first = await till.refund("A-1", "R-1", 6_000)
        assert replace(first, is_known=True) == await till.refund("A-1", "R-1", 6_000)
        with pytest.raises(RefundConflict):
            await till.refund("A-1", "R-1", 1_000)
        with pytest.raises(RefundTooMuch) as refused:
            await till.refund("A-1", "R-2", 4_001)
        assert refused.value.facts == {"left_fen": 4_000}
        assert (await till.refund("A-1", "R-2", 4_000)).points == 0

    async def test_a_refund_that_comes_before_its_order_waits_for_it(self, till, ming, rooms):
        waits = await till.refund("A-1", "R-1", 4_000)
        assert (waits.state, waits.purchase_id) == (RefundState.WAITING, None)
        sold = await till.sell("A-1", ming)
        assert (sold.refunded_fen, sold.points) == (4_000, 60)
        known = await till.refund("A-1", "R-1", 4_000)
        assert (known.state, known.is_known) == (RefundState.APPLIED, True)
        assert await points(rooms, ming) == (60, 0)

    async def test_refunds_that_came_first_and_are_more_than_was_paid_are_not_counted(self, till, ming):
        await till.refund("A-1", "R-1", 8_000)
        await till.refund("A-1", "R-2", 8_000)
        assert (await till.sell("A-1", ming)).refunded_fen == 8_000
        states = [each.state for each in await PurchaseRefund.all().order_by("id")]
        assert states == [RefundState.APPLIED, RefundState.REFUSED]

    async def test_pending_points_go_first_and_what_is_left_matures(self, till, ming, rooms, clock):
        await till.earning(pending_days=7)
        await till.sell("A-1", ming)
        assert await points(rooms, ming) == (0, 100)
        await till.refund("A-1", "R-1", 5_000)
        assert await points(rooms, ming) == (0, 50)
        clock.advance(8 * DAY)
        assert await points(rooms, ming) == (50, 0)
        await till.refund("A-1", "R-2", 5_000)
        assert await points(rooms, ming) == (0, 0)

    async def test_what_was_spent_is_owed_and_taken_from_what_comes_next(self, till, ming, rooms):
        await till.sell("A-1", ming)
        await spends(rooms, ming, 70)
        gone = await till.refund("A-1", "R-1", 10_000)
        assert (gone.points, gone.owed_points) == (0, 70)
        assert await points(rooms, ming) == (0, 0)
        await till.sell("A-2", ming, 5_000)
        assert await points(rooms, ming) == (0, 0)
        assert (await PurchaseEarning.get(purchase__order_no="A-1", unit="points")).owed_amount == 20
        await till.earning(pending_days=7)
        await till.sell("A-3", ming, 5_000)
        assert await points(rooms, ming) == (0, 30)

    async def test_a_debt_is_collected_by_the_job_too_from_whatever_came(self, till, ming, rooms, clock):
        await till.sell("A-1", ming)
        await spends(rooms, ming, 100)
        await till.refund("A-1", "R-1", 10_000)
        assert await rooms.handlers.waiting_purchases.collect() == 0
        await rooms.handlers.points_adjusting.adjust(
            till.operator, ming.member_id, delta=30, reason="补发", request_id=key()
        )
        assert await rooms.handlers.waiting_purchases.collect() == 30
        assert await points(rooms, ming) == (0, 0)
        with pytest.raises(PointsShort):
            await spends(rooms, ming, 1)

    async def test_what_is_taken_goes_out_of_the_lot_that_it_had_made(self, till, ming, rooms):
        await till.sell("A-1", ming, 10_000)
        await till.sell("A-2", ming, 20_000)
        await till.refund("A-2", "R-1", 5_000)
        left = [each.left_amount for each in await LedgerLot.all().order_by("id")]
        assert left == [100, 150]

    async def test_the_points_of_somebody_who_was_merged_go_all_the_same(self, till, rooms):
        one, other = await rooms.member("o-one"), await rooms.person("o-far", account="far0")
        await rooms.handlers.membership.join(other, agreed=[MEMBERSHIP], phone_code=None)
        await till.sell("A-1", other)
        await merge(rooms, one, other)
        today = await rooms.person("o-one")
        assert await points(rooms, today) == (100, 0)
        assert (await till.refund("A-1", "R-1", 10_000)).points == 0
        assert await points(rooms, today) == (0, 0)

    @pytest.mark.parametrize("seed", range(4))
    async def test_whatever_the_order_and_the_parts_the_same_is_left_and_in_the_end_nothing(
        self, till, ming, rooms, seed
    ):
        draw = random.Random(seed)
        paid = draw.randint(3, 99_999)
        cuts = sorted(draw.sample(range(1, paid), 2))
        parts = [("R-1", cuts[0]), ("R-2", cuts[1] - cuts[0]), ("R-3", paid - cuts[1])]
        at = rooms.clock.now()
        order = till.order("A-1", ming, paid)
        told = [order, order, *(RefundTold("A-1", number, fen, at) for number, fen in (*parts, parts[0]))]
        draw.shuffle(told)
        last = next(each for each in reversed(told) if isinstance(each, RefundTold) and each.refund_no != "R-1")
        told.remove(last)
        purchases = rooms.handlers.purchases
        for each in told:
            tell = purchases.sell if isinstance(each, OrderTold) else purchases.refund
            await tell(till.call(), each, request_id=key())
        earned = paid // 100
        assert await points(rooms, ming) == (earned * last.amount_fen // paid, 0)
        await purchases.refund(till.call(), last, request_id=key())
        assert await points(rooms, ming) == (0, 0)
        (worth,) = await PurchaseEarning.filter(unit="points")
        assert (worth.amount, worth.taken_amount, worth.owed_amount) == (earned, earned, 0)


class TestRules:
    async def test_category_and_activity_multiply_and_are_rounded_down_once(self, till, ming, clock):
        await till.rule("tea", 15_000, category="茶")
        now = clock.now()
        window = {"starts_at": now - DAY, "ends_at": now + DAY, "kind": PurchaseRuleKind.FACTOR}
        await till.rule("festival", 20_000, **window)
        lines = (Line("茶", 333), Line("书", 333))
        sold = await till.sell("A-1", ming, 666, lines=lines)
        assert sold.points == 16  # 333 x 1.5 x 2 + 333 x 2 = 1665 fen: 16.65
        before = await till.sell("A-2", ming, 666, lines=lines, paid_at=now - 2 * DAY)
        assert before.points == 8

    async def test_the_level_decides_the_rate_and_growth_of_the_purchase_lifts_it(self, till, ming, clock):
        await Steps(clock).publish(a_ladder())
        await till.rule("silver", 20_000, level=SILVER)
        await till.rule("growth", 10_000, unit="growth")
        first = await till.sell("A-1", ming, 10_000)
        assert (first.points, first.growth) == (100, 100)  # the level is what it was before
        assert await Steps(clock).level(ming) == SILVER
        assert (await till.sell("A-2", ming, 10_000)).points == 200
        assert (await till.refund("A-1", "R-1", 5_000)).growth == 50

    async def test_a_rule_that_ends_before_it_begins_is_refused(self, till, clock):
        with pytest.raises(PurchaseRuleIncomplete):
            await till.rule("odd", starts_at=clock.now(), ends_at=clock.now())


class TestPeopleNobodyKnows:
    async def test_a_purchase_by_phone_is_credited_once_they_have_joined(self, till, rooms):
        buyer = rooms.handlers.purchases.buyer(BuyerKind.PHONE, "+86 139 8765 4321")
        assert (await till.sell("A-1", buyer=buyer)).state is PurchaseState.WAITING
        await till.refund("A-1", "R-1", 2_500)
        assert await rooms.handlers.waiting_purchases.look() == 0
        hong = await rooms.member("o-hong", phone="13987654321")
        assert await rooms.handlers.waiting_purchases.look() == 1
        assert await points(rooms, hong) == (75, 0)
        assert await rooms.handlers.waiting_purchases.look() == 0
        kept = await Purchase.get()
        assert (kept.buyer_hash, kept.member_id) == ("", hong.member_id)

    async def test_a_purchase_by_card_number_finds_its_holder(self, till, ming, rooms):
        cards = await rooms.handlers.cards.mine(ming)
        assert cards
        card = await Card.filter(member_id=ming.member_id).first()
        number = rooms.vault.decrypt(card.number_cipher, bound_to=f"card:{card.id}:number")
        buyer = rooms.handlers.purchases.buyer(BuyerKind.CARD, number)
        assert (await till.sell("A-1", buyer=buyer)).points == 100

    async def test_whoever_comes_after_the_window_gets_nothing_and_their_number_is_forgotten(self, till, rooms, clock):
        buyer = rooms.handlers.purchases.buyer(BuyerKind.PHONE, "13987654321")
        await till.sell("A-1", buyer=buyer)
        clock.advance(booking.WINDOW)
        hong = await rooms.member("o-hong", phone="13987654321")
        assert await rooms.handlers.waiting_purchases.look() == 0
        assert (await Purchase.get()).buyer_hash == ""
        assert await points(rooms, hong) == (0, 0)
        assert (await till.sell("A-1", buyer=buyer, paid_at=clock.now() - booking.WINDOW)).state == "anonymous"

    async def test_without_a_buyer_nobody_earns(self, till):
        assert (await till.sell("A-1")).state is PurchaseState.ANONYMOUS
        assert not await PurchaseEarning.exists()


class TestRaces:
    async def fifty(self, till, ming):
        calls = (till.sell("A-1", ming) for _ in range(50))
        return await asyncio.gather(*calls)

    async def test_the_same_order_fifty_times_at_once_earns_once(self, till, ming, rooms):
        booked = await self.fifty(till, ming)
        assert [each.is_known for each in booked].count(False) == 1
        assert await points(rooms, ming) == (100, 0)

    async def test_without_looking_at_the_number_it_would_earn_fifty_times(self, till, ming, rooms, monkeypatch):
        """The negative control: every telling is taken for a new one, under a number of its own."""

        def blind(books, number, told, stores, repeated, place):
            own = replace(told, order_no=f"{told.order_no}-{place}-{key()}")
            return plain(books, (number[0], own.order_no), own, stores, repeated, place)

        plain = booking._order
        monkeypatch.setattr(booking, "_order", blind)
        monkeypatch.setattr(booking, "_booked", lambda *_, **__: booking.Booked("A-1", PurchaseState.CREDITED))
        await self.fifty(till, ming)
        assert await points(rooms, ming) == (5_000, 0)

    async def test_channels_that_speak_at_once_share_a_transaction_and_nothing_else(
        self, till, ming, rooms, monkeypatch
    ):
        """One number in eight channels is eight orders; a channel without quota and one that is off stop nobody."""
        tills = [till, *[await a_till(rooms, daily_quota=1 if n == 1 else None) for n in range(1, 8)]]
        await tills[1].sell("A-0")
        await Channel.filter(id=tills[7].channel.id).update(is_active=False)
        seen = []

        async def counting(told, **rest):
            seen.append(len({channel.id for channel, _ in told}))
            return await plain(told, **rest)

        plain = purchases_module.book
        monkeypatch.setattr(purchases_module, "book", counting)
        monkeypatch.setattr(lanes, "SHARED", 1)
        calls = [each.sell("A-1", ming, 100 * n) for n, each in enumerate(tills, start=1)]
        done = await asyncio.gather(*calls, return_exceptions=True)
        booked = [done[0], *done[2:7]]
        assert [type(done[1]), type(done[7])] == [ChannelQuotaUsed, ChannelOff]
        assert max(seen) > 1
        assert [each.points for each in booked] == [1, 3, 4, 5, 6, 7]
        assert await points(rooms, ming) == (26, 0)
        refunds = [each.refund("A-1", "R-1", 100) for each in (tills[0], *tills[2:7])]
        assert {each.refunded_fen for each in await asyncio.gather(*refunds)} == {100}
        assert await points(rooms, ming) == (20, 0)

    async def test_the_quota_lets_in_as_many_as_there_are(self, till, ming, rooms):
        few = await a_till(rooms, daily_quota=10)
        calls = (few.sell(f"A-{n}", ming, 100) for n in range(30))
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(each) for each in done].count(ChannelQuotaUsed) == 20
        assert await Purchase.all().count() == 10
