"""抽奖: paid in the declared order, rolled by the day's seed, and never without its prize."""

from collections import Counter
from datetime import timedelta

import pytest

from handlers.errors import (
    DrawClosed,
    DrawNotForYou,
    DrawNotOpen,
    DrawPaused,
    DrawUnknown,
    KeyReused,
    NonceInvalid,
    PointsShort,
    SpinsUsedUp,
    TimesInvalid,
)
from handlers.rules.draw_rules import Pity, Prize, PrizeKind, SpinPrice
from handlers.rules.offer_terms import Audience
from models.claims import Claim
from models.draws import Draw, DrawCommitment, DrawPlayer, DrawPrize, Parcel, Spin
from models.ids import new_id
from models.ledger import Transfer
from models.words import ClaimSource, SpinPaid
from tests.handlers.drawing import DAY, fair_of, goods, holds, is_whole, points
from tests.handlers.laddering import BASE, SILVER, Steps, a_ladder
from tests.handlers.offering import key

NOTHING_FREE = SpinPrice(free_daily=0, points=5)


@pytest.fixture
async def fair(far):
    """Whatever a test does, `doctor` has nothing to say in the end, and no sequence has a gap."""
    fair = await fair_of(far)
    yield fair
    await holds(fair)
    for draw in await Draw.all():
        assert await is_whole(draw.id)


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


class TestPaying:
    async def test_free_spins_come_before_chances_and_chances_before_points(self, fair, ming):
        draw = await fair.published(price=SpinPrice(free_daily=1, points=5))
        await fair.chances(ming, draw, 1)
        await fair.earn(ming, 12)
        paid = [(await fair.spin(ming, draw)).spins[0].paid_by for _ in range(4)]
        assert paid == [SpinPaid.FREE, SpinPaid.CHANCE, SpinPaid.POINTS, SpinPaid.POINTS]
        assert await fair.has(ming) == 2
        with pytest.raises(PointsShort) as refused:
            await fair.spin(ming, draw)
        assert refused.value.facts == {"unit": "points", "needed": 5, "available": 2}

    async def test_ten_are_paid_together_or_not_at_all(self, fair, ming):
        draw = await fair.published(price=SpinPrice(free_daily=2, points=5))
        await fair.chances(ming, draw, 3)
        await fair.earn(ming, 24)
        with pytest.raises(PointsShort):
            await fair.spin(ming, draw, times=10)
        assert (await fair.has(ming), await Spin.all().count()) == (24, 0)
        await fair.earn(ming, 1)
        spun = await fair.spin(ming, draw, times=10)
        assert Counter(each.paid_by for each in spun.spins) == {"free": 2, "chance": 3, "points": 5}
        assert [each.sequence for each in spun.spins] == list(range(1, 11))
        assert await fair.has(ming) == 0

    @pytest.mark.parametrize("times", [0, -1, 2, 11])
    async def test_any_other_number_is_refused(self, fair, ming, times):
        draw = await fair.published()
        with pytest.raises(TimesInvalid):
            await fair.spin(ming, draw, times=times)

    async def test_a_clock_set_back_gives_no_second_free_spin(self, fair, ming, clock):
        draw = await fair.published(price=SpinPrice(free_daily=1))
        clock.advance(DAY)
        await fair.spin(ming, draw)
        clock.advance(-DAY)
        with pytest.raises(SpinsUsedUp):
            await fair.spin(ming, draw)
        clock.advance(2 * DAY)
        await fair.spin(ming, draw)

    async def test_chances_end_with_their_draw_and_are_itemised(self, fair, ming):
        draw = await fair.published(price=SpinPrice(free_daily=0))
        await fair.chances(ming, draw, 2)
        given = await Transfer.get(cause_kind="chances")
        assert given.cause_id.startswith("operator:")
        await fair.spin(ming, draw)
        assert (await fair.handlers.draws.view(ming, draw)).turn.chances == 1
        assert await Transfer.filter(cause_kind="spin").count() == 1


class TestWinning:
    async def test_a_won_benefit_is_a_claim_of_the_same_transaction(self, fair, ming):
        draw = await fair.published(await fair.voucher(1_000_000))
        (one,) = (await fair.spin(ming, draw)).spins
        claim = await Claim.get(id=one.claim_id)
        assert (claim.member_id, claim.source) == (ming.member_id, ClaimSource.DRAW)
        assert (await Spin.get(id=one.id)).claim_id == claim.id
        assert await fair.left(draw, "wash") == 4

    async def test_points_and_chances_are_entries_of_the_ledger(self, fair, ming):
        more = points(500_000, amount=7), points(500_000, amount=2)
        chance = more[1].__class__("again", "再来2次", PrizeKind.CHANCES, 500_000, amount=2, value_fen=1)
        draw = await fair.published(more[0], chance)
        spun = await fair.spin(ming, draw, times=10)
        won = Counter(each.prize for each in spun.spins)
        assert await fair.has(ming) == 7 * won["points"]
        assert (await fair.handlers.draws.view(ming, draw)).turn.chances == 2 * won["again"]

    async def test_growth_moves_levels_in_the_same_transaction(self, fair, ming, clock):
        steps = Steps(clock)
        await steps.publish(a_ladder(silver=30))
        growth = Prize("growth", "成长值", PrizeKind.GROWTH, 1_000_000, amount=5, value_fen=1)
        draw = await fair.published(growth)
        await fair.spin(ming, draw)
        assert await steps.level(ming) == BASE
        await fair.spin(ming, draw, times=10)
        assert await steps.level(ming) == SILVER
        assert await Transfer.filter(cause_kind="spin_won").count() == 11

    async def test_what_runs_out_falls_back_and_both_are_told(self, fair, ming):
        draw = await fair.published(goods(1_000_000, stock=3, fallback="points"), points(0))
        spun = await fair.spin(ming, draw, times=10)
        assert [each.prize for each in spun.spins] == ["kettle"] * 3 + ["points"] * 7
        assert {each.rolled for each in spun.spins} == {"kettle"}
        assert await Parcel.all().count() == 3
        assert (await DrawPrize.get(draw_id=draw, code="kettle")).awarded_count == 3

    async def test_a_member_wins_no_more_than_the_cap(self, fair, ming):
        draw = await fair.published(goods(1_000_000, stock=30, per_member=2))
        spun = await fair.spin(ming, draw, times=10)
        assert Counter(each.prize for each in spun.spins) == {"kettle": 2, "thanks": 8}

    async def test_the_guarantee_holds_over_requests_and_is_shown(self, fair, ming):
        draw = await fair.published(goods(1, stock=30, rarity=3), pity=Pity(rarity=3, guaranteed_at=5))
        for _ in range(4):
            await fair.spin(ming, draw)
        assert (await fair.handlers.draws.view(ming, draw)).turn.guaranteed_in == 1
        (fifth,) = (await fair.spin(ming, draw)).spins
        assert (fifth.prize, fifth.is_guaranteed) == ("kettle", True)
        assert (await DrawPlayer.get(draw_id=draw)).since == 0

    async def test_whoever_is_block_listed_gets_the_consolation_alone(self, fair, ming):
        draw = await fair.published(goods(1_000_000, stock=30), points(0), consolation="points")
        await fair.handlers.draw_stock.block(
            fair.operator, ming.member_id, is_blocked=True, reason="刷奖", request_id=key()
        )
        (one,) = (await fair.spin(ming, draw)).spins
        assert (one.prize, one.rolled, one.why) == ("points", "kettle", "blocked")
        await fair.handlers.draw_stock.block(
            fair.operator, ming.member_id, is_blocked=False, reason="误判", request_id=key()
        )
        assert (await fair.spin(ming, draw)).spins[0].prize == "kettle"


class TestAskingAgain:
    async def test_the_same_key_gets_the_same_answer_and_spins_once(self, fair, ming):
        draw = await fair.published(points(500_000))
        first = await fair.spin(ming, draw, request_id="tap", times=10)
        assert await fair.spin(ming, draw, request_id="tap", times=10) == first
        assert await Spin.all().count() == 10

    async def test_the_same_key_with_other_facts_is_refused(self, fair, ming):
        draw = await fair.published()
        await fair.spin(ming, draw, request_id="tap")
        with pytest.raises(KeyReused):
            await fair.spin(ming, draw, request_id="tap", times=10)
        with pytest.raises(KeyReused):
            await fair.spin(ming, draw, request_id="tap", client_nonce="other")

    @pytest.mark.parametrize("nonce", ["", "x" * 256, "空", "a b"])
    async def test_a_nonce_is_short_and_visible(self, fair, ming, nonce):
        draw = await fair.published()
        with pytest.raises(NonceInvalid):
            await fair.spin(ming, draw, client_nonce=nonce)


class TestWhen:
    async def test_nobody_spins_before_after_or_in_a_pause(self, fair, ming, clock):
        now = clock.now()
        draw = await fair.published(opens_at=now + timedelta(hours=1), closes_at=now + timedelta(hours=2))
        with pytest.raises(DrawNotOpen):
            await fair.spin(ming, draw)
        clock.advance(timedelta(hours=1))
        await fair.spin(ming, draw)
        editing = fair.handlers.draw_editing
        await editing.pause(fair.operator, draw, reason="检查", request_id=key())
        with pytest.raises(DrawPaused):
            await fair.spin(ming, draw)
        await editing.resume(fair.operator, draw, reason="好了", request_id=key())
        clock.advance(timedelta(hours=1))
        with pytest.raises(DrawClosed):
            await fair.spin(ming, draw)
        with pytest.raises(DrawUnknown):
            await fair.spin(ming, new_id())

    async def test_a_draw_for_a_level_names_it_to_the_others(self, fair, ming, clock):
        steps = Steps(clock)
        await steps.publish(a_ladder())
        draw = await fair.published(terms={"audience": Audience(level_at_least=SILVER)})
        with pytest.raises(DrawNotForYou) as refused:
            await fair.spin(ming, draw)
        assert refused.value.facts["meant"] == "银卡会员及以上"
        assert (await fair.handlers.draws.view(ming, draw)).summary.reason == "draw.not_for_you"
        await steps.earn(ming, 100)
        await fair.spin(ming, draw)

    async def test_each_day_opens_with_a_promise_before_its_first_spin(self, fair, ming, clock):
        draw = await fair.published()
        await fair.spin(ming, draw)
        clock.advance(DAY)
        await fair.spin(ming, draw)
        found = await DrawCommitment.filter(draw_id=draw).order_by("number").values_list("kind", "sequence")
        assert [tuple(each) for each in found] == [("open", 1), ("open", 2)]
