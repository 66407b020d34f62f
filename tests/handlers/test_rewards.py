"""Growth and chances of draws as rewards: given with the act, itemised, ended by the clock, never out of nothing."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import CheckInTermsWrong, DrawUnknown, SpinsUsedUp
from handlers.ledger.due import LedgerDue
from handlers.rules.checkins import CheckInRules, Step
from handlers.rules.draw_rules import WHOLE, Prize, PrizeKind, SpinPrice
from handlers.rules.rewards import Reward
from handlers.rules.tasks import PROFILE
from models.draws import Draw
from models.ledger import LedgerAccount, Transfer
from models.organizations import Organization
from models.words import DrawState, SpinPaid
from tests.handlers.checking_in import DAY, a_parlour, elsewhere, points
from tests.handlers.drawing import Fair, holds
from tests.handlers.drawing import points as prize_points
from tests.handlers.laddering import BASE, SILVER, Steps, a_ladder
from tests.handlers.offering import operator_at
from tests.handlers.test_tasks import FULL, Board
from tests.handlers.test_unmerging import merge

CHANCES_ONLY = SpinPrice(free_daily=0, takes_chances=True)


@pytest.fixture
async def parlour(far):
    async with a_parlour(far) as parlour:
        yield parlour
    await holds(Fair(far, parlour.mall.root, parlour.operator, parlour.operator))


@pytest.fixture
async def fair(far, parlour):
    await parlour.mall.rule()
    return Fair(far, parlour.mall.root, parlour.operator, await operator_at(parlour.mall.root))


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


async def code_of(draw_id) -> str:
    return (await Draw.get(id=draw_id)).code


async def wheel(fair, **more) -> tuple[object, str]:
    draw_id = await fair.published(prize_points(0), **{"price": CHANCES_ONLY, **more})
    return draw_id, await code_of(draw_id)


async def chances(fair, person, draw_id) -> int:
    return (await fair.handlers.draws.view(person, draw_id)).turn.chances


async def gifts(fair, person, draw_id):
    listed = await fair.handlers.own_chances.listed(person, draw_id, before=None, limit=9)
    return [(each.source, each.amount, each.left) for each in listed]


async def posted(person, unit) -> int:
    found = await LedgerAccount.get_or_none(member_id=person.member_id, unit=unit, kind="member")
    return found.posted if found else 0


class TestGrowth:
    async def test_a_day_gives_growth_and_whoever_reaches_a_level_by_it_has_it_at_once(self, parlour, ming, clock):
        steps = Steps(clock)
        await steps.publish(a_ladder(silver=10))
        await parlour.publish(CheckInRules((Reward("growth", 6),)))
        (item,) = (await parlour.press(ming)).rewards
        assert (item.kind, item.wanted, item.amount, item.cut_by) == ("growth", 6, 6, "")
        assert await steps.level(ming) == BASE
        clock.advance(DAY)
        await parlour.press(ming)
        assert (await posted(ming, "growth"), await steps.level(ming)) == (12, SILVER)

    async def test_a_task_gives_growth_once(self, far, parlour, ming):
        board = Board(far, parlour)
        task = await board.publish(PROFILE, rewards=(Reward("growth", 30), *points(5)))
        await far.handlers.membership.change_profile(ming, changes=FULL)
        done = await board.claim(ming, task, "k")
        assert await board.claim(ming, task, "k") == done
        assert [(each.kind, each.amount) for each in done.rewards] == [("growth", 30), ("points", 5)]
        assert await posted(ming, "growth") == 30

    async def test_a_batch_of_people_gets_growth_together(self, far, parlour):
        await parlour.publish(CheckInRules((Reward("growth", 6),)))
        people = [await far.member(f"o-{number}") for number in range(5)]
        await asyncio.gather(*(parlour.press(each) for each in people))
        assert [await posted(each, "growth") for each in people] == [6] * 5


class TestChances:
    async def test_a_day_and_a_streak_give_chances_and_a_spin_takes_one(self, parlour, fair, ming):
        draw_id, code = await wheel(fair)
        twice = CheckInRules((Reward("chances", 1, code),), (Step(2, (Reward("chances", 3, code),)),))
        await parlour.publish(twice)
        await parlour.press_on(ming, 0, 1)
        assert await gifts(fair, ming, draw_id) == [("check_in", 3, 3), ("check_in", 1, 1), ("check_in", 1, 1)]
        fair.rooms.clock.advance(DAY)
        spun = await fair.spin(ming, draw_id)
        assert (spun.spins[0].paid_by, spun.chances_left) == (SpinPaid.CHANCE, 4)
        assert await chances(fair, ming, draw_id) == 4

    async def test_a_task_an_operator_and_a_prize_are_sources_of_their_own(self, far, parlour, fair, ming):
        more = Prize("more", "再抽两次", PrizeKind.CHANCES, WHOLE, amount=2, value_fen=1)
        draw_id = await fair.published(more, price=CHANCES_ONLY)
        board = Board(far, parlour)
        task = await board.publish(PROFILE, rewards=(Reward("chances", 3, await code_of(draw_id)),))
        await far.handlers.membership.change_profile(ming, changes=FULL)
        await board.claim(ming, task)
        await fair.chances(ming, draw_id, 1)
        await fair.spin(ming, draw_id)
        assert sorted(await gifts(fair, ming, draw_id)) == [("operator", 1, 1), ("prize", 2, 2), ("task", 3, 2)]

    async def test_chances_live_as_long_as_they_were_promised_and_never_longer_than_their_draw(
        self, parlour, fair, ming, clock
    ):
        draw_id, code = await wheel(fair)
        await parlour.publish(CheckInRules((Reward("chances", 2, code, days=1), Reward("chances", 1, code, days=90))))
        await parlour.press(ming)
        short, long = sorted(
            await fair.handlers.own_chances.listed(ming, draw_id, before=None, limit=9), key=lambda each: -each.amount
        )
        assert long.expires_at == (await Draw.get(id=draw_id)).closes_at
        clock.advance(short.expires_at - clock.now() - timedelta(microseconds=1))
        assert await chances(fair, ming, draw_id) == 3
        clock.advance(timedelta(microseconds=1))
        assert await chances(fair, ming, draw_id) == 1
        assert sorted(await gifts(fair, ming, draw_id)) == [("check_in", 1, 1), ("check_in", 2, 0)]

    async def test_expired_chances_pay_no_spin_and_leave_the_account_by_the_job(self, parlour, fair, ming, clock):
        draw_id, code = await wheel(fair)
        await parlour.publish(CheckInRules((Reward("chances", 2, code, days=0),)))
        await parlour.press(ming)
        unit = f"chances:{draw_id}"
        clock.advance(DAY)
        with pytest.raises(SpinsUsedUp) as refused:
            await fair.spin(ming, draw_id)
        assert (refused.value.facts["left"], await posted(ming, unit)) == (0, 2)
        assert await LedgerDue(clock).sweep() == 1
        assert await posted(ming, unit) == 0
        assert await Transfer.filter(unit=unit, cause_kind="lot_expired").count() == 1
        clock.advance(-DAY)  # what is gone is gone, whatever the clock says afterwards
        assert await chances(fair, ming, draw_id) == 0
        with pytest.raises(SpinsUsedUp):
            await fair.spin(ming, draw_id)

    async def test_those_that_end_first_are_spun_first(self, parlour, fair, ming):
        draw_id, code = await wheel(fair)
        await fair.chances(ming, draw_id, 1)
        await parlour.publish(CheckInRules((Reward("chances", 1, code, days=0),)))
        await parlour.press(ming)
        await fair.spin(ming, draw_id)
        assert await gifts(fair, ming, draw_id) == [("check_in", 1, 0), ("operator", 1, 1)]

    async def test_of_a_draw_that_is_over_nothing_is_given_and_nobody_loses_the_day(self, parlour, fair, ming, clock):
        ended, one = await wheel(fair)
        _, other = await wheel(fair, closes_at=clock.now() + timedelta(hours=1))
        await parlour.publish(CheckInRules((Reward("chances", 1, one), Reward("chances", 1, other), *points(2))))
        await Draw.filter(id=ended).update(state=DrawState.ENDED)
        clock.advance(timedelta(hours=1))
        done = await parlour.press(ming)
        assert [(each.kind, each.amount, each.cut_by) for each in done.rewards] == [
            ("chances", 0, "ended"),
            ("chances", 0, "ended"),
            ("points", 2, ""),
        ]

    async def test_a_draw_of_another_city_gives_nothing_there(self, parlour, fair, ming):
        draw_id, code = await wheel(fair)
        await parlour.publish(CheckInRules((Reward("chances", 1, code),)))
        north = await Organization.create(code="north", name="北城", parent=parlour.mall.root)
        await Draw.filter(id=draw_id).update(organization_id=north.id)
        (item,) = (await parlour.press(ming)).rewards
        assert (item.amount, item.cut_by) == (0, "audience")
        with pytest.raises(DrawUnknown):
            await gifts(fair, ming, draw_id)

    async def test_whoever_becomes_one_with_somebody_brings_their_chances_along(self, far, parlour, fair, ming):
        draw_id, code = await wheel(fair)
        await parlour.publish(CheckInRules((Reward("chances", 2, code),)))
        other = await elsewhere(far)
        await parlour.press(ming)
        await merge(far, other, ming)
        assert await gifts(fair, other, draw_id) == [("check_in", 2, 2)]
        assert await gifts(fair, ming, draw_id) == [("check_in", 2, 2)]
        await fair.spin(other, draw_id)
        assert await gifts(fair, ming, draw_id) == [("check_in", 2, 1)]

    async def test_pages_go_on_where_the_last_one_ended(self, fair, ming):
        draw_id, _ = await wheel(fair)
        for amount in (1, 2, 3):
            await fair.chances(ming, draw_id, amount)
        listed = fair.handlers.own_chances.listed
        first = await listed(ming, draw_id, before=None, limit=2)
        rest = await listed(ming, draw_id, before=first[-1].id, limit=2)
        assert [each.amount for each in (*first, *rest)] == [3, 2, 1]


class TestPromises:
    @pytest.mark.parametrize(
        "reward",
        [
            Reward("growth", 0),
            Reward("growth", 1, "vip"),
            Reward("growth", 1, days=3),
            Reward("chances", 1, "nothing"),
            Reward("chances", 11, "wheel"),
            Reward("chances", 1, "wheel", days=-1),
            Reward("chances", 1, "points-only"),
            Reward("chances", 1, "drafted"),
            Reward("chances", 1, "ended"),
        ],
    )
    async def test_what_cannot_be_given_is_not_promised(self, parlour, fair, reward):
        published = {
            "wheel": await fair.published(prize_points(0), price=CHANCES_ONLY),
            "points-only": await fair.published(price=SpinPrice(free_daily=1, takes_chances=False)),
            "ended": await fair.published(prize_points(0), price=CHANCES_ONLY),
            "drafted": (await fair.drafted(prize_points(0), price=CHANCES_ONLY)).id,
        }
        for code, draw_id in published.items():
            await Draw.filter(id=draw_id).update(code=code)
        await Draw.filter(code="ended").update(state=DrawState.ENDED)
        with pytest.raises(CheckInTermsWrong) as refused:
            await parlour.publish(CheckInRules((reward,)))
        assert [each["field"] for each in refused.value.facts["problems"]] == ["daily"]
        await parlour.publish(CheckInRules((Reward("chances", 10, "wheel", days=0),)))
