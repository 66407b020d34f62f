"""合作方的积分: held before an offer is given, taken after, let go when nothing came of it, whatever breaks between."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.claims import outside_paying
from handlers.claims.claiming import Claiming
from handlers.errors import (
    OfferNotPublishable,
    OfferSoldOut,
    OutcomeUnknown,
    OutsidePhoneMissing,
    OutsidePointsShort,
    OutsidePointsUnclear,
    OutsidePriced,
    OutsidePriceMoved,
    OutsideUnavailable,
    StillRunning,
)
from handlers.outside_points.holding import OutsideWish
from handlers.requests import Answer
from handlers.rules.offer_terms import Limit, OfferTerms, Period, Price
from handlers.rules.outside_holds import CLOSED, EDGES, MOST_LOOKS, PATIENCE, Act, after, next_act, pause_after
from models.claims import Claim
from models.database import rows
from models.fulfillments import Supplier
from models.outside_points import OutsideHold
from models.statements import invariants
from models.words import BenefitKind, OutsideHeard, OutsideHoldState, Touchpoint
from tests.handlers.charging import a_supplier
from tests.handlers.claimable import an_offer
from tests.handlers.offering import benefit_of, key, stall_of
from tests.handlers.test_claiming import holds
from tests.handlers.tilling import a_till

NUMBER = "13912345670"
COSTS = Price(outside_points=30, outside_account="carrier")
MANY = (Limit(Period.EVER, 1_000),)


@pytest.fixture
async def ming(rooms):
    """A member with a verified number, and a hundred points of the carrier's."""
    await a_supplier(rooms, "carrier", name="移动")
    rooms.points.balances[NUMBER] = 100
    return await rooms.member("o-ming", phone=NUMBER)


async def an_outside_offer(rooms, **terms):
    return await an_offer(rooms.clock.now(), **{"price": COSTS, "limits": MANY, **terms})


async def claim(rooms, person, offer, request_id=None, **more):
    return await rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id=request_id or key(), **more)


async def work(rooms) -> None:
    """What the worker does, until nothing is due."""
    while await rooms.handlers.outside_holds.poll():
        pass


async def states() -> list[OutsideHoldState]:
    return [each.state for each in await OutsideHold.all().order_by("id")]


class TestPaying:
    async def test_points_are_held_before_the_claim_and_taken_after_it(self, rooms, ming):
        offer, seen = await an_outside_offer(rooms, stock=5), []

        async def before(act):
            seen.append((act, await Claim.all().count(), await states()))

        rooms.points.before = before
        answer = await claim(rooms, ming, offer, "k1", quantity=2)
        assert len(answer.value.claims) == 2
        assert (rooms.points.balances[NUMBER], await states()) == (40, [OutsideHoldState.POSTING])
        await work(rooms)
        assert seen == [("hold", 0, [OutsideHoldState.BEGUN]), ("post", 2, [OutsideHoldState.POSTING])]
        (hold,) = await OutsideHold.all()
        assert (hold.state, hold.points) == (OutsideHoldState.POSTED, 60)
        assert hold.claim_id == answer.value.claims[0].id
        # Asked again, the first answer comes, and nobody is asked for points.
        assert await claim(rooms, ming, offer, "k1", quantity=2) == Answer(answer.value, replayed=True)
        assert rooms.points.calls == ["hold", "post"]
        await holds()

    async def test_whoever_has_too_few_gets_nothing_and_pays_nothing(self, rooms, ming):
        offer = await an_outside_offer(rooms, stock=5)
        with pytest.raises(OutsidePointsShort):
            await claim(rooms, ming, offer, quantity=4)
        assert (await offer.left(), rooms.points.balances[NUMBER]) == (5, 100)
        assert await states() == [OutsideHoldState.REFUSED]
        await holds()

    async def test_nothing_is_held_for_somebody_who_cannot_have_it(self, rooms, ming):
        gone = await an_outside_offer(rooms, stock=0)
        with pytest.raises(OfferSoldOut):
            await claim(rooms, ming, gone)
        without = await rooms.member("o-hong")
        offer = await an_outside_offer(rooms)
        with pytest.raises(OutsidePhoneMissing):
            await claim(rooms, without, offer)
        await Supplier.filter(code="carrier").update(is_paused=True)
        with pytest.raises(OutsideUnavailable):
            await claim(rooms, ming, offer)
        assert (rooms.points.calls, await OutsideHold.all().count()) == ([], 0)

    async def test_chat_and_channels_are_sent_to_the_mini_program(self, rooms, ming):
        offer = await an_outside_offer(rooms)
        till = await a_till(rooms)
        with pytest.raises(OutsidePriced):
            await rooms.handlers.claiming.claim_for(till.call(), ming.member_id, offer_id=offer.id, request_id=key())
        with pytest.raises(OutsidePriced):
            await claim(rooms, replace(ming, through=Touchpoint.CHAT), offer)
        assert rooms.points.calls == []


class TestFailing:
    async def test_what_nothing_came_of_is_let_go(self, rooms, ming):
        """Somebody else takes the last one while the points are being held."""
        offer = await an_outside_offer(rooms, stock=1)
        other = await rooms.member("o-hong", phone="13912345671")
        rooms.points.balances["13912345671"] = 30

        async def before(act):
            if act == "hold" and len(rooms.points.calls) == 1:
                await claim(rooms, other, offer)

        rooms.points.before = before
        with pytest.raises(OfferSoldOut):
            await claim(rooms, ming, offer)
        assert rooms.points.balances == {NUMBER: 70, "13912345671": 0}
        await work(rooms)
        assert rooms.points.balances == {NUMBER: 100, "13912345671": 0}
        assert sorted(await states()) == [OutsideHoldState.POSTED, OutsideHoldState.VOIDED]
        await holds()

    async def test_without_letting_go_they_would_stay_held(self, rooms, ming, monkeypatch):
        """The negative control: a refused claim that forgets its hold. The clock is what is left to find it."""

        async def forget(hold_id):
            pass

        monkeypatch.setattr(rooms.handlers.outside_holds, "release", forget)
        offer = await an_outside_offer(rooms, stock=1)

        async def before(act):
            if act == "hold":
                await rows("UPDATE offer_stock SET left_count = 0, added_count = 0")

        rooms.points.before = before
        with pytest.raises(OfferSoldOut):
            await claim(rooms, ming, offer)
        await work(rooms)
        assert (rooms.points.balances[NUMBER], await states()) == (70, [OutsideHoldState.HELD])
        rooms.clock.advance(PATIENCE)
        await work(rooms)
        assert (rooms.points.balances[NUMBER], await states()) == (100, [OutsideHoldState.VOIDED])

    async def test_a_price_that_moves_while_points_are_held_takes_nothing(self, rooms, ming):
        offer = await an_outside_offer(rooms)

        async def before(act):
            if act == "hold":
                dearer = Price(outside_points=31, outside_account="carrier")
                await offer.publish(OfferTerms(price=dearer, limits=MANY), rooms.clock.now())

        rooms.points.before = before
        with pytest.raises(OutsidePriceMoved):
            await claim(rooms, ming, offer)
        rooms.points.before = None
        await work(rooms)
        assert (rooms.points.balances[NUMBER], await Claim.all().count()) == (100, 0)

    async def test_an_answer_that_is_lost_is_asked_about_and_the_claim_goes_on(self, rooms, ming):
        rooms.points.does_silently = {"hold"}
        await claim(rooms, ming, await an_outside_offer(rooms))
        assert rooms.points.calls == ["hold", "query"]
        rooms.points.does_silently = {"post"}
        await work(rooms)
        rooms.clock.advance(timedelta(minutes=1))
        await work(rooms)
        assert rooms.points.calls == ["hold", "query", "post", "query"]  # and never posted blindly again
        assert (await states(), rooms.points.balances[NUMBER]) == ([OutsideHoldState.POSTED], 70)

    async def test_an_account_that_is_silent_gives_nothing_and_keeps_nothing(self, rooms, ming):
        offer = await an_outside_offer(rooms, stock=1)
        rooms.points.does_silently, rooms.points.is_deaf = {"hold"}, {"query", "void"}
        with pytest.raises(OutsidePointsUnclear):
            await claim(rooms, ming, offer, "k1")
        assert rooms.points.balances[NUMBER] == 70  # the work was done there all the same
        await work(rooms)
        assert (await states(), await Claim.all().count()) == ([OutsideHoldState.VOIDING], 0)
        rooms.points.is_deaf, rooms.points.does_silently = set(), set()
        rooms.clock.advance(timedelta(minutes=1))
        await work(rooms)
        assert (await states(), rooms.points.balances[NUMBER]) == ([OutsideHoldState.VOIDED], 100)
        await claim(rooms, ming, offer, "k1")  # the same key, another hold
        await work(rooms)
        assert (await states(), rooms.points.balances[NUMBER]) == (
            [OutsideHoldState.VOIDED, OutsideHoldState.POSTED],
            70,
        )

    async def test_a_hold_that_comes_in_after_it_was_let_go_holds_nothing(self, rooms, ming):
        rooms.points.is_deaf = {"hold"}
        with pytest.raises(OutsidePointsUnclear):
            await claim(rooms, ming, await an_outside_offer(rooms))
        await work(rooms)
        (hold,) = await OutsideHold.all()
        rooms.points.is_deaf = set()
        late = await rooms.points.hold(None, hold.hold_no, account=NUMBER, points=30)
        assert (late.heard, rooms.points.balances[NUMBER]) == (OutsideHeard.VOIDED, 100)

    async def test_points_that_the_account_let_go_by_itself_are_for_people(self, rooms, ming, caplog):
        await claim(rooms, ming, await an_outside_offer(rooms))
        (number,) = rooms.points.states
        rooms.points.states[number] = OutsideHeard.VOIDED
        await work(rooms)
        assert await states() == [OutsideHoldState.LOST]
        assert "outside_points_lost" in caplog.text
        await holds()


class TestCrashing:
    @pytest.mark.parametrize("dies_at", ["hold", "claim"])
    async def test_what_a_crash_left_open_is_settled_by_the_clock(self, rooms, ming, monkeypatch, dies_at):
        class Killed(BaseException):
            pass

        offer = await an_outside_offer(rooms, stock=1)
        if dies_at == "hold":
            rooms.points.does_silently = {"hold"}

            async def before(act):
                if act == "query":
                    raise Killed

            rooms.points.before = before
        else:

            async def dies(paid, *, at):
                if paid:
                    raise asyncio.CancelledError

            monkeypatch.setattr("handlers.claims.claiming.spend", dies)
        with pytest.raises((Killed, asyncio.CancelledError, OutcomeUnknown)):
            await claim(rooms, ming, offer, "k1")
        rooms.points.before, rooms.points.does_silently = None, set()
        monkeypatch.undo()
        assert (rooms.points.balances[NUMBER], await Claim.all().count(), await offer.left()) == (70, 0, 1)
        with pytest.raises(StillRunning):  # nobody pays twice for the same wish
            await claim(rooms, ming, offer, "k1")
        await work(rooms)
        assert rooms.points.balances[NUMBER] == 70  # within its patience somebody may still be at it
        rooms.clock.advance(PATIENCE)
        await work(rooms)
        assert (rooms.points.balances[NUMBER], await states()) == (100, [OutsideHoldState.VOIDED])
        await claim(rooms, ming, offer, "k1")
        await holds()

    async def test_a_claim_that_was_committed_keeps_its_hold_whatever_its_answer_was(self, rooms, ming, monkeypatch):
        offer, real = await an_outside_offer(rooms), rooms.handlers.claiming._submit

        async def broken(wish):
            answer = await real(wish)
            if wish.hold is not None:
                raise OutcomeUnknown
            return answer

        monkeypatch.setattr(rooms.handlers.claiming, "_submit", broken)
        with pytest.raises(OutcomeUnknown):
            await claim(rooms, ming, offer, "k1")
        rooms.clock.advance(PATIENCE)
        await work(rooms)
        assert (await states(), rooms.points.balances[NUMBER]) == ([OutsideHoldState.POSTED], 70)
        assert (await claim(rooms, ming, offer, "k1")).replayed


class TestRacing:
    async def test_ten_presses_with_one_key_pay_once(self, rooms, ming):
        offer = await an_outside_offer(rooms)
        presses = (claim(rooms, ming, offer, "k1") for _ in range(10))
        done = await asyncio.gather(*presses, return_exceptions=True)
        await work(rooms)
        assert {type(each) for each in done} <= {Answer, StillRunning}
        assert (await Claim.all().count(), rooms.points.balances[NUMBER]) == (1, 70)
        await holds()

    async def test_two_processes_with_one_key_pay_once(self, rooms, ming, monkeypatch):
        """They do not wait for each other here: the row of the wish is what is left."""
        monkeypatch.setattr(outside_paying, "alone", lambda scope: _nobody())
        offer = await an_outside_offer(rooms)
        second = Claiming(rooms.clock, rooms.vault, rooms.handlers.outside_holds)
        presses = [
            each.claim(ming, offer_id=offer.id, request_id="k1")
            for each in (rooms.handlers.claiming, second)
            for _ in range(3)
        ]
        await asyncio.gather(*presses, return_exceptions=True)
        rooms.clock.advance(PATIENCE)
        await work(rooms)
        assert (await Claim.all().count(), rooms.points.balances[NUMBER]) == (1, 70)
        await holds()

    async def test_more_wishes_than_points_are_paid_exactly_as_often_as_there_are_points_for(self, rooms, ming):
        offer = await an_outside_offer(rooms)
        presses = (claim(rooms, ming, offer) for _ in range(8))
        done = await asyncio.gather(*presses, return_exceptions=True)
        assert [type(each) for each in done].count(OutsidePointsShort) == 5
        await work(rooms)
        assert (await Claim.all().count(), rooms.points.balances[NUMBER]) == (3, 10)

    async def test_of_the_clock_and_a_claim_at_once_one_has_the_hold(self, rooms, ming):
        """The job lets go just before the claim is decided: then there is none."""
        offer = await an_outside_offer(rooms)
        wish = OutsideWish(ming.member_id, offer.id, "carrier", 30, "k1")
        held = await rooms.handlers.outside_holds.hold(wish)
        rooms.clock.advance(PATIENCE)
        await work(rooms)
        (let_go,) = await OutsideHold.all()
        assert (held.id, let_go.state) == (let_go.id, OutsideHoldState.VOIDED)

        async def hold(_):
            return held

        rooms.handlers.outside_holds.hold = hold
        with pytest.raises(OutsidePriceMoved):
            await claim(rooms, ming, offer, "k1")
        assert not await Claim.exists()


class TestDoctor:
    @pytest.mark.parametrize(
        ("breach", "what"),
        [
            ("look_count = 48", "没有一直悬着"),
            ("claim_id = NULL", "都有领取记录"),
            ("open_key = 'k1'", "不再占用申请"),
        ],
    )
    async def test_a_breach_is_found_by_its_rule(self, rooms, ming, breach, what):
        await claim(rooms, ming, await an_outside_offer(rooms))
        await holds()
        await rows(f"UPDATE outside_hold SET {breach}")
        (check,) = [each for each in invariants.CHECKS if what in each.what]
        assert await rows(check.sql)

    async def test_one_claim_that_two_holds_paid_for_is_found(self, rooms, ming):
        offer = await an_outside_offer(rooms)
        for _ in range(2):
            await claim(rooms, ming, offer)
        first = await Claim.all().order_by("id").first()
        await OutsideHold.all().update(claim_id=first.id)
        (check,) = [each for each in invariants.CHECKS if "只付一次领取" in each.what]
        assert await rows(check.sql)


class TestPublishing:
    async def test_what_could_not_be_given_back_is_not_published(self, rooms):
        stall = await stall_of(rooms)
        await a_supplier(rooms, "carrier", name="移动")
        top_up = await benefit_of(
            stall.root,
            "charge",
            kind=BenefitKind.TOP_UP,
            terms={"supplier": "carrier", "product": "TEN", "face_value_fen": 1_000},
        )
        for terms, more, field in (
            ({"price": COSTS, "returns_to_stock": True}, {}, "returns_to_stock"),
            ({"price": COSTS}, {"benefit_id": top_up.id}, "benefit"),
            ({"price": Price(outside_points=3)}, {}, "price.outside_account"),
            ({"price": Price(outside_account="carrier")}, {}, "price.outside_account"),
            ({"price": Price(outside_points=3, outside_account="nobody")}, {}, "price.outside_account"),
            ({"price": Price(outside_points=-1, outside_account="carrier")}, {}, "price"),
        ):
            with pytest.raises(OfferNotPublishable) as refused:
                await stall.publish(OfferTerms(**terms), **more)
            assert field in {each["field"] for each in refused.value.facts["problems"]}
        await stall.publish(OfferTerms(price=COSTS))


class TestGraph:
    def test_an_answer_takes_no_other_edge_than_the_graph_has(self):
        for state in OutsideHoldState:
            for heard in OutsideHeard:
                assert after(state, heard) in {None, *EDGES[state]}

    def test_what_is_over_is_left_and_what_nobody_decided_about_is_let_go(self):
        assert {next_act(state) for state in CLOSED} == {Act.LEAVE}
        assert {state for state in OutsideHoldState if next_act(state) is Act.POST} == {OutsideHoldState.POSTING}
        assert after(OutsideHoldState.VOIDING, OutsideHeard.ABSENT) is None

    def test_people_look_after_most_of_a_day(self):
        waited = sum((pause_after(number) for number in range(1, MOST_LOOKS + 1)), timedelta())
        assert timedelta(hours=18) < waited < timedelta(days=1)


class _Nobody:
    async def __aenter__(self):
        return None

    async def __aexit__(self, *_):
        return None


def _nobody() -> _Nobody:
    return _Nobody()
