"""Prizes that ask something of their winner: won at once, given once it is said, lost by nobody but the deadline."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from tortoise.exceptions import BaseORMException

from handlers.codec import from_json, to_json
from handlers.draws.asking import room_later
from handlers.draws.spin_results import Spun
from handlers.errors import (
    ChoicesInvalid,
    DrawNotPublishable,
    DuePrizeSoldOut,
    DuePrizeStateWrong,
    DuePrizeUnknown,
    KeyReused,
    MemberFrozen,
    OfferPaused,
    RechargeToInvalid,
    RechargeToMissing,
    RechargeToUnwanted,
)
from handlers.offers.offers import published
from handlers.recurring import BUSINESS_ZONE
from handlers.simulation.reporting import report
from handlers.simulation.simulating import simulate
from models.benefits import Benefit, Offer
from models.claims import Claim, PoolCode
from models.database import atomic
from models.draws import Draw, DrawCommitment, DrawPrize, DuePrize, Spin
from models.fulfillments import Fulfillment, Supplier
from models.identity import Member
from models.ids import new_id
from models.outbox import Job
from models.statements import due_prizes as statements
from models.words import ClaimSource, ClaimState, DuePrizeState, Heard, MemberStatus, OfferState, PrizeAsks
from tests.handlers.asking import FILM, TEA, WASH, charge, hamper, say, state_of
from tests.handlers.charging import NUMBER, a_supplier, a_top_up, order_of
from tests.handlers.checking_in import elsewhere
from tests.handlers.drawing import DAY, PLAN, fair_of, goods, holds, points
from tests.handlers.offering import key
from tests.handlers.pooled import a_pool, fill
from tests.handlers.test_top_ups import notice, placed
from tests.handlers.test_unmerging import merge, undo
from tests.handlers.trips import counting_trips


@pytest.fixture
async def fair(far):
    """Whatever becomes of prizes, `doctor` has nothing to say in the end."""
    fair = await fair_of(far)
    yield fair
    await holds(fair)


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


async def won(fair, person, prize, **more):
    """The draw, and what the person won at once."""
    draw = await fair.published(prize, **more)
    return draw, (await fair.spin(person, draw)).spins[0]


class TestWinning:
    async def test_a_top_up_is_the_winners_from_the_spin_on(self, fair, ming):
        draw, spin = await won(fair, ming, await charge(fair))
        assert (spin.prize, spin.asks, spin.claim_id, spin.parcel_id) == ("charge", PrizeAsks.NUMBER, None, None)
        due = await DuePrize.get()
        assert (due.id, due.spin_id, due.member_id) == (spin.prize_id, spin.id, ming.member_id)
        assert (due.state, due.deadline_at, due.claim_id) == (DuePrizeState.WAITING, spin.until, None)
        assert spin.until - fair.rooms.clock.now() > 30 * DAY
        assert (await fair.left(draw, "charge"), await Claim.exists(), await Fulfillment.exists()) == (4, False, False)

    async def test_a_spin_that_fails_leaves_nothing_to_wait_for(self, fair, ming, monkeypatch):
        draw = await fair.published(await charge(fair))

        async def broken(*_):
            raise RuntimeError("the batch breaks at its end")

        monkeypatch.setattr("handlers.draws.spin_writing._tell_winners", broken)
        with pytest.raises(RuntimeError):
            await fair.spin(ming, draw)
        assert (await DuePrize.exists(), await fair.left(draw, "charge")) == (False, 5)

    async def test_the_last_one_is_won_once_and_then_it_falls_back(self, fair, ming):
        draw = await fair.published(await charge(fair, stock=2, fallback="points"), points(0))
        spun = await fair.spin(ming, draw, times=10)
        assert [each.prize for each in spun.spins] == ["charge"] * 2 + ["points"] * 8
        assert len({each.prize_id for each in spun.spins}) == 3
        for each in spun.spins[:2]:  # two at once are two
            await say(fair, ming, each.prize_id)
        assert await Fulfillment.all().count() == 2

    async def test_winning_one_takes_as_many_trips_as_winning_a_thing_and_none_takes_none(self, fair, ming):
        """Both are written with their spins, and told of; a draw that has such a prize reads no more than one that
        has a benefit of another kind."""
        voucher, prize = await fair.voucher(0), await charge(fair)
        draws = (
            await fair.published(goods(1_000_000, stock=9), voucher),
            await fair.published(prize, replace(voucher, code="other")),
            await fair.published(goods(0), voucher),
            await fair.published(goods(0), replace(prize, ppm=0)),
        )
        counted = []
        for draw in draws:
            await fair.spin(ming, draw)  # versions and days are read once
            with counting_trips() as trips:
                await fair.spin(ming, draw)
            counted.append(trips.count)
        a_thing, asking, nothing, nothing_asking = counted
        assert (asking, nothing_asking) == (a_thing, nothing)

    async def test_the_same_request_gets_the_same_prize(self, fair, ming):
        draw = await fair.published(await charge(fair))
        first = await fair.spin(ming, draw, request_id="tap")
        assert await fair.spin(ming, draw, request_id="tap") == first
        assert await DuePrize.all().count() == 1

    async def test_an_answer_of_before_is_still_understood(self, fair, ming):
        """Answers are kept for three days: one that was given by an older release has no word of these prizes."""
        draw = await fair.published(points())
        spun = await fair.spin(ming, draw)
        kept = to_json(spun)
        for each in kept["spins"]:
            del each["prize_id"], each["asks"]
        assert from_json(Spun, kept) == spun


class TestSaying:
    async def test_the_number_makes_the_claim_and_its_order(self, fair, ming):
        draw, spin = await won(fair, ming, await charge(fair))
        (claim,) = (await say(fair, ming, spin.prize_id)).claims
        stored = await Claim.get(id=claim.id)
        assert (stored.source, stored.member_id, stored.state) == (ClaimSource.DRAW, ming.member_id, ClaimState.PENDING)
        assert stored.recharge_to_tail == NUMBER[-4:]
        order = await order_of(claim.id)
        assert (order.product, await Job.filter(kind="place_top_up").count()) == ("MOBILE-10", 1)
        (own,) = await fair.handlers.draws.spins(ming, draw, before=None, limit=9)
        assert (own.claim_id, own.prize_state) == (claim.id, DuePrizeState.TAKEN)
        (seen,) = await fair.handlers.due_prizes.listed(ming, before=None, limit=9)
        assert (seen.state, seen.claim_id) == (DuePrizeState.TAKEN, claim.id)

    async def test_choices_bring_the_parts_that_were_chosen(self, fair, ming):
        _, spin = await won(fair, ming, await hamper(fair, choose=2))
        (seen,) = await fair.handlers.due_prizes.listed(ming, before=None, limit=9)
        assert (seen.asks, seen.choose) == (PrizeAsks.CHOICES, 2)
        assert [(each.code, each.name) for each in seen.options] == [(WASH, "洗车"), (TEA, "奶茶"), (FILM, "电影")]
        package, *parts = (await say(fair, ming, spin.prize_id, choices=[TEA, FILM])).claims
        assert {each.name for each in parts} == {"奶茶", "电影"}
        assert {each.package_id for each in parts} == {package.id}

    @pytest.mark.parametrize(
        ("said", "refusal"),
        [
            ({"recharge_to": None}, RechargeToMissing),
            ({"recharge_to": "12345678901"}, RechargeToInvalid),
            ({"recharge_to": NUMBER, "choices": [WASH]}, ChoicesInvalid),
        ],
    )
    async def test_what_is_wrong_for_a_top_up_is_refused_and_nothing_is_lost(self, fair, ming, said, refusal):
        _, spin = await won(fair, ming, await charge(fair))
        with pytest.raises(refusal):
            await say(fair, ming, spin.prize_id, **said)
        assert (await state_of(spin.prize_id), await Claim.exists()) == ("waiting", False)
        await say(fair, ming, spin.prize_id)

    @pytest.mark.parametrize(
        ("said", "refusal"),
        [
            ({"choices": []}, ChoicesInvalid),
            ({"choices": [WASH]}, ChoicesInvalid),
            ({"choices": [WASH, WASH]}, ChoicesInvalid),
            ({"choices": [WASH, TEA, FILM]}, ChoicesInvalid),
            ({"choices": [WASH, "nothing"]}, ChoicesInvalid),
            ({"choices": [WASH, TEA], "recharge_to": NUMBER}, RechargeToUnwanted),
        ],
    )
    async def test_what_is_wrong_for_a_package_is_refused_and_nothing_is_lost(self, fair, ming, said, refusal):
        _, spin = await won(fair, ming, await hamper(fair, choose=2))
        with pytest.raises(refusal):
            await say(fair, ming, spin.prize_id, **said)
        assert (await state_of(spin.prize_id), await Claim.exists()) == ("waiting", False)
        await say(fair, ming, spin.prize_id, choices=[WASH, TEA])

    async def test_the_same_key_is_one_answer_and_other_words_are_refused(self, fair, ming):
        _, spin = await won(fair, ming, await charge(fair))
        claim, facts = fair.handlers.due_prizes.claim, {"recharge_to": NUMBER, "request_id": "tap"}
        first = await claim(ming, spin.prize_id, **facts)
        again = await claim(ming, spin.prize_id, **facts)
        assert (again.value, again.replayed) == (first.value, True)
        with pytest.raises(KeyReused):
            await claim(ming, spin.prize_id, **{**facts, "recharge_to": "13912345671"})
        assert await Claim.all().count() == 1

    async def test_it_is_taken_once(self, fair, ming):
        _, spin = await won(fair, ming, await charge(fair))
        await say(fair, ming, spin.prize_id)
        with pytest.raises(DuePrizeStateWrong) as refused:
            await say(fair, ming, spin.prize_id)
        assert refused.value.facts == {"state": "taken"}

    async def test_another_persons_is_as_one_that_is_not_there(self, fair, ming):
        _, spin = await won(fair, ming, await charge(fair))
        other = await fair.rooms.member("o-other")
        for prize_id in (spin.prize_id, spin.id):
            with pytest.raises(DuePrizeUnknown):
                await say(fair, other, prize_id)
        assert await fair.handlers.due_prizes.listed(other, before=None, limit=9) == ()

    async def test_whoever_is_frozen_keeps_it(self, fair, ming):
        _, spin = await won(fair, ming, await charge(fair))
        await Member.filter(id=ming.member_id).update(status=MemberStatus.FROZEN)
        with pytest.raises(MemberFrozen):
            await say(fair, ming, spin.prize_id)
        await Member.filter(id=ming.member_id).update(status=MemberStatus.ACTIVE)
        await say(fair, ming, spin.prize_id)

    async def test_a_list_has_pages(self, fair, ming):
        draw = await fair.published(await charge(fair))
        spun = await fair.spin(ming, draw, times=10)
        ids = [each.prize_id for each in spun.spins if each.prize_id]
        first = await fair.handlers.due_prizes.listed(ming, before=None, limit=3)
        rest = await fair.handlers.due_prizes.listed(ming, before=first[-1].id, limit=9)
        assert [each.id for each in (*first, *rest)] == sorted(ids, reverse=True)
        with counting_trips() as trips:
            await fair.handlers.due_prizes.listed(ming, before=None, limit=5)
        assert trips.count <= 6


class TestCodes:
    """A package of which one part is of a pool's codes."""

    @pytest.fixture
    async def pool(self, fair):
        return await a_pool()

    async def test_what_is_gone_is_refused_and_something_else_can_be_chosen(self, fair, ming, pool):
        film = await Benefit.get(id=pool.benefit_id)
        await fill(fair.rooms, pool, ["A1"])
        draw = await fair.published(await hamper(fair, film=film))
        first, second = [each.prize_id for each in (await fair.spin(ming, draw, times=10)).spins[:2]]
        await say(fair, ming, first, choices=[film.code])
        with pytest.raises(DuePrizeSoldOut) as refused:
            await say(fair, ming, second, choices=[film.code])
        assert refused.value.facts["title"] == "三选礼包"
        assert await state_of(second) == "waiting"
        await say(fair, ming, second, choices=[TEA])
        assert await PoolCode.filter(claim_id__isnull=False).count() == 1

    async def test_nobody_wins_what_nothing_can_be_chosen_of(self, fair, ming, pool):
        """All three where one of them is of three codes: three can be won, whenever they are asked for."""
        film = await Benefit.get(id=pool.benefit_id)
        await fill(fair.rooms, pool, ["A1", "A2", "A3"])
        draw = await fair.published(await hamper(fair, film=film, choose=3, stock=5))
        one = (await fair.spin(ming, draw)).spins[0].prize_id
        rest = [each.prize_id for each in (await fair.spin(ming, draw, times=10)).spins]
        assert sum(each is not None for each in rest) == 2
        for prize_id in (one, *filter(None, rest)):
            await say(fair, ming, prize_id, choices=[WASH, TEA, film.code])
        assert await fair.left(draw, "hamper") == 0

    async def test_whatever_the_others_choose_there_is_enough(self, fair, ming, pool):
        film = await Benefit.get(id=pool.benefit_id)
        await fill(fair.rooms, pool, ["A1"])
        prize = await hamper(fair, film=film, choose=2)
        (offer,) = (await published([UUID(prize.reference)])).values()
        async with atomic():
            assert await room_later(offer, 4, at=fair.rooms.clock.now()) == 4  # two parts need no codes


class TestMeanwhile:
    @pytest.mark.parametrize("what", ["paused", "ended", "over"])
    async def test_what_becomes_of_the_draw_does_not_matter(self, fair, ming, clock, what):
        draw, spin = await won(fair, ming, await charge(fair))
        editing = fair.handlers.draw_editing
        if what == "over":
            clock.advance(12 * DAY)
        else:
            act = editing.pause if what == "paused" else editing.end
            await act(fair.operator, draw, reason="检查", request_id=key())
        assert [each.id for each in await fair.handlers.due_prizes.listed(ming, before=None, limit=9)] == [
            spin.prize_id
        ]
        await say(fair, ming, spin.prize_id)

    async def test_what_becomes_of_the_offer_does_not_matter_either(self, fair, ming):
        _, spin = await won(fair, ming, await charge(fair))
        await Offer.all().update(state=OfferState.ENDED)
        await say(fair, ming, spin.prize_id)

    @pytest.mark.parametrize("switch", ["offer", "benefit", "supplier"])
    async def test_while_it_is_stopped_nothing_is_given_and_nothing_lost(self, fair, ming, clock, switch):
        draw, spin = await won(fair, ming, await charge(fair), terms={"address_days": 1})

        async def throw(*, is_off):
            state = OfferState.PAUSED if is_off else OfferState.PUBLISHED
            if switch == "offer":
                await Offer.all().update(state=state)
            elif switch == "benefit":
                await Benefit.all().update(is_paused=is_off)
            else:
                await Supplier.all().update(is_paused=is_off)

        await throw(is_off=True)
        with pytest.raises(OfferPaused):
            await say(fair, ming, spin.prize_id)
        for _ in range(10):  # long past its deadline
            clock.advance(timedelta(hours=12))
            assert await fair.handlers.due_prizes.lapse() == 0
        await throw(is_off=False)
        assert await fair.handlers.due_prizes.lapse() == 0
        clock.advance(timedelta(hours=23))
        assert await fair.handlers.due_prizes.lapse() == 0
        await say(fair, ming, spin.prize_id)
        assert await fair.left(draw, "charge") == 4

    async def test_who_stops_it_after_the_deadline_takes_nothing_from_the_stock(self, fair, ming, clock):
        """What was stopped between two looks of the job is not late."""
        _, spin = await won(fair, ming, await charge(fair), terms={"address_days": 1})
        clock.advance(3 * DAY)
        await Benefit.all().update(is_paused=True)
        assert await fair.handlers.due_prizes.lapse() == 0
        assert await state_of(spin.prize_id) == "waiting"


class TestLate:
    async def test_what_nobody_asked_for_goes_back_once_by_a_promise_and_the_winner_is_told(self, fair, ming, clock):
        draw, spin = await won(fair, ming, await charge(fair), terms={"address_days": 1})
        clock.advance(spin.until - clock.now() - timedelta.resolution)
        assert await fair.handlers.due_prizes.lapse() == 0
        clock.advance(timedelta.resolution)
        with pytest.raises(DuePrizeStateWrong):
            await say(fair, ming, spin.prize_id)
        assert (await fair.handlers.due_prizes.lapse(), await fair.handlers.due_prizes.lapse()) == (1, 0)
        found = await DrawPrize.get(draw_id=draw, code="charge")
        assert (found.left_count, found.returned_count, found.awarded_count) == (5, 1, 1)
        last = await DrawCommitment.filter(draw_id=draw).order_by("-number").first()
        assert last.kind == "stock"
        told = await Job.get(kind="say_prize_lapsed")
        assert told.payload == {"member_id": str(ming.member_id), "prize": "话费10元"}
        with pytest.raises(DuePrizeStateWrong) as refused:
            await say(fair, ming, spin.prize_id)
        assert refused.value.facts == {"state": "lapsed"}
        again = (await fair.spin(ming, draw)).spins[0]
        await say(fair, ming, again.prize_id)

    async def test_more_than_a_page_of_them_goes_back_at_once(self, fair, ming, clock, monkeypatch):
        """All that is won on a day is late at the same midnight."""
        draw = await fair.published(await charge(fair), terms={"address_days": 1})
        await fair.spin(ming, draw, times=10)
        monkeypatch.setattr(statements, "LAPSING", statements.LAPSING.replace("LIMIT 200", "LIMIT 2"))
        clock.advance(3 * DAY)
        assert (await fair.handlers.due_prizes.lapse(), await fair.left(draw, "charge")) == (5, 5)

    async def test_what_is_lost_is_lost_for_good_and_nothing_is_taken_without_its_claim(self, fair, ming, clock):
        """By the database itself, whoever writes there."""
        draw = await fair.published(await charge(fair), terms={"address_days": 1})
        await fair.spin(ming, draw)
        with pytest.raises(BaseORMException, match="kept"):
            await DuePrize.all().update(state=DuePrizeState.TAKEN)
        clock.advance(3 * DAY)
        await fair.handlers.due_prizes.lapse()
        with pytest.raises(BaseORMException, match="kept"):
            await DuePrize.all().update(state=DuePrizeState.WAITING)

    async def test_what_was_taken_does_not_lapse(self, fair, ming, clock):
        draw, spin = await won(fair, ming, await charge(fair), terms={"address_days": 1})
        await say(fair, ming, spin.prize_id)
        clock.advance(30 * DAY)
        assert (await fair.handlers.due_prizes.lapse(), await fair.left(draw, "charge")) == (0, 4)

    async def test_things_and_these_lapse_side_by_side(self, fair, ming, clock):
        draw = await fair.published(await charge(fair, 500_000, stock=50), goods(500_000, stock=50))
        await fair.spin(ming, draw, times=10)
        clock.advance(40 * DAY)
        lapsed = await fair.handlers.due_prizes.lapse() + await fair.handlers.parcels.lapse()
        assert lapsed == 10
        assert (await fair.left(draw, "charge"), await fair.left(draw, "kettle")) == (50, 50)


async def fails(fair, claim):
    """The supplier says so of the last order of this claim."""
    fair.rooms.supplier.becomes = Heard.FAILED
    await placed(fair.rooms, claim)
    fair.rooms.supplier.becomes = Heard.DONE


class TestFailing:
    async def test_a_top_up_that_fails_leaves_the_prize_with_its_winner(self, fair, ming, clock):
        draw, spin = await won(fair, ming, await charge(fair), terms={"address_days": 1})
        (claim,) = (await say(fair, ming, spin.prize_id)).claims
        fair.rooms.supplier.becomes = Heard.UNKNOWN
        order = await placed(fair.rooms, claim)
        clock.advance(5 * DAY)  # the supplier takes its time
        await notice(fair.rooms, order, "failed")
        assert (await Claim.get(id=claim.id)).state is ClaimState.REVOKED
        due = await DuePrize.get()
        assert (due.state, await fair.left(draw, "charge")) == (DuePrizeState.WAITING, 4)
        assert due.deadline_at - clock.now() > 7 * DAY
        assert not await Job.filter(kind="say_top_up_failed").exists()  # not theirs to claim, but to say anew
        first, again = await Job.filter(kind="say_prize_waits").order_by("id")
        assert (first.payload["is_again"], again.payload["is_again"]) == (False, True)
        (own,) = await fair.handlers.draws.spins(ming, draw, before=None, limit=9)
        assert (own.claim_id, own.prize_state) == (None, DuePrizeState.WAITING)
        (second,) = (await say(fair, ming, spin.prize_id, recharge_to="13912345671")).claims
        fair.rooms.supplier.becomes = Heard.DONE
        await placed(fair.rooms, second)
        assert (await Claim.get(id=second.id)).state is ClaimState.USED
        assert await state_of(spin.prize_id) == "taken"

    async def test_a_long_deadline_is_not_made_shorter_by_a_failure(self, fair, ming):
        _, spin = await won(fair, ming, await charge(fair))
        (claim,) = (await say(fair, ming, spin.prize_id)).claims
        await fails(fair, claim)
        assert (await DuePrize.get()).deadline_at == spin.until

    async def test_a_second_supplier_is_asked_before_the_winner(self, fair, ming):
        for code in ("easycharge", "second"):
            await a_supplier(fair.rooms, code)
        _, spin = await won(fair, ming, await charge(fair, fallback_supplier="second"))
        (claim,) = (await say(fair, ming, spin.prize_id)).claims
        await fails(fair, claim)
        assert (await state_of(spin.prize_id), (await order_of(claim.id)).ordinal) == ("taken", 2)
        await fails(fair, claim)
        assert await state_of(spin.prize_id) == "waiting"

    async def test_an_order_that_is_called_off_is_said_anew(self, fair, ming):
        _, spin = await won(fair, ming, await charge(fair))
        (claim,) = (await say(fair, ming, spin.prize_id)).claims
        order = await order_of(claim.id)
        facts = {"reason": "供应商停业", "request_id": key()}
        await fair.handlers.top_up_cancelling.cancel(fair.operator, order.id, **facts)
        assert await state_of(spin.prize_id) == "waiting"


class TestPeople:
    async def test_what_somebody_won_is_that_of_whoever_they_become(self, fair, ming):
        other = await elsewhere(fair.rooms)
        draw, spin = await won(fair, other, await charge(fair))
        await merge(fair.rooms, ming, other)
        (seen,) = await fair.handlers.due_prizes.listed(ming, before=None, limit=9)
        assert seen.id == spin.prize_id
        (claim,) = (await say(fair, ming, spin.prize_id)).claims
        assert (await Claim.get(id=claim.id)).member_id == ming.member_id
        (own,) = await fair.handlers.draws.spins(ming, draw, before=None, limit=9)
        assert own.claim_id == claim.id
        assert (await DuePrize.get()).member_id == other.member_id  # history is not rewritten

    async def test_whoever_is_two_again_has_their_own(self, fair, ming):
        other = await elsewhere(fair.rooms)
        _, spin = await won(fair, other, await charge(fair))
        await merge(fair.rooms, ming, other)
        await undo(fair.rooms)
        with pytest.raises(DuePrizeUnknown):
            await say(fair, ming, spin.prize_id)
        await say(fair, other, spin.prize_id)

    async def test_what_waits_for_whoever_left_goes_back(self, fair, ming, clock):
        draw, spin = await won(fair, ming, await charge(fair), terms={"address_days": 1})
        await fair.handlers.departures.leave(ming)
        assert await state_of(spin.prize_id) == "waiting"
        clock.advance(3 * DAY)
        assert (await fair.handlers.due_prizes.lapse(), await fair.left(draw, "charge")) == (1, 5)

    async def test_the_export_shows_what_waits_and_where_it_went(self, fair, ming):
        _, spin = await won(fair, ming, await charge(fair))
        data = await fair.handlers.personal_data.export(ming)
        assert [(each.name, each.state) for each in data.due_prizes] == [("话费10元", "waiting")]
        await say(fair, ming, spin.prize_id)
        data = await fair.handlers.personal_data.export(ming)
        assert [(each.state, data.top_ups[0].number) for each in data.due_prizes] == [("taken", NUMBER)]


class TestOperators:
    async def test_what_asks_is_refused_for_nothing_but_what_every_benefit_is(self, fair):
        top_up, package = await charge(fair, 0), await hamper(fair, 0)
        limited = await a_top_up(fair.rooms, stock=3)
        wrong = {
            "stock missing": replace(package, stock=None),
            "stock more_than_offer": replace(top_up, reference=str(limited.id), stock=4),
            "reference unknown": replace(top_up, reference=str(new_id())),
        }
        for problem, prize in wrong.items():
            with pytest.raises(DrawNotPublishable) as refused:
                await fair.published(prize, points(0))
            found = [f"{each['field'].partition('.')[2]} {each['problem']}" for each in refused.value.facts["problems"]]
            assert found == [problem]
        await Offer.filter(id=top_up.reference).update(state=OfferState.PAUSED)
        with pytest.raises(DrawNotPublishable):
            await fair.published(top_up, points(0))
        await Offer.filter(id=top_up.reference).update(state=OfferState.PUBLISHED)
        await fair.published(replace(top_up, stock=None), package, points(0))  # of a top-up there is always more

    async def test_the_units_come_out_of_the_offer_when_the_draw_is_published(self, fair, ming, clock):
        prize = await charge(fair, stock=2)
        limited = await a_top_up(fair.rooms, stock=3)
        draw, spin = await won(fair, ming, replace(prize, reference=str(limited.id)))
        assert (await limited.left(), await fair.left(draw, "charge")) == (1, 1)
        await say(fair, ming, spin.prize_id)
        assert (await limited.left(), await fair.left(draw, "charge")) == (1, 1)

    async def test_it_is_simulated_as_any_other_prize(self, fair):
        asking = await charge(fair, 300_000)
        other = await fair.voucher(300_000, code="charge", value_fen=1_000)
        plan = replace(PLAN, expected_spins=50, virtual_spins=1_000, seed=7)
        rules = [fair.rules(replace(prize, name="奖品"), points(100_000)) for prize in (asking, other)]
        first, second = [report(simulate(each, plan, BUSINESS_ZONE)) for each in rules]
        assert first == second
        assert (first.runs, first.cost_mean_fen > 4_000) == (20, True)  # five are won nearly always

    async def test_the_record_of_winners_tells_what_became_of_each(self, fair, ming, clock):
        draw = await fair.published(await charge(fair), terms={"address_days": 1})
        ids = [each.prize_id for each in (await fair.spin(ming, draw, times=10)).spins][:5]
        for prize_id in ids[:2]:
            await say(fair, ming, prize_id)
        await fails(fair, await Claim.filter(source=ClaimSource.DRAW).order_by("id").first())
        assert await states(fair, draw) == ["waiting", "pending", "waiting", "waiting", "waiting"]
        clock.advance(3 * DAY)
        await fair.handlers.due_prizes.lapse()
        assert await states(fair, draw) == ["waiting", "pending", "lapsed", "lapsed", "lapsed"]

    async def test_winners_odds_and_rules_say_the_same_of_it_as_of_every_prize(self, fair, ming):
        draw, _ = await won(fair, ming, await charge(fair))
        (winner,) = await fair.handlers.draws.winners(ming, draw, before=None, limit=9)
        assert winner.name == "话费10元"
        view = await fair.handlers.draws.view(ming, draw)
        assert (view.prizes[0].left, view.disclosure.prizes[0].left) == (4, 4)
        assert (await fair.handlers.draws.burn(fair.operator, draw)).prizes[0].awarded == 1

    async def test_the_log_names_nobody_and_nothing_that_was_said(self, fair, ming, clock):
        draw, spin = await won(fair, ming, await charge(fair))
        before = [each async for each in Spin.filter(draw_id=draw)]
        await say(fair, ming, spin.prize_id)
        after = [each async for each in Spin.filter(draw_id=draw)]
        assert [(each.row, each.chain_hash) for each in after] == [(each.row, each.chain_hash) for each in before]
        day = (await Draw.get(id=draw)).day
        clock.advance(2 * DAY)
        await fair.handlers.draw_revealing.reveal_due()
        log = b"".join([each async for each in await fair.handlers.draw_revealing.log(ming, draw, day=day)])
        assert NUMBER.encode() not in log
        assert str(spin.prize_id).encode() not in log


async def states(fair, draw):
    _, pages = await fair.handlers.draw_winners.whole(fair.operator, draw)
    return [each.state async for page in pages for each in page]
