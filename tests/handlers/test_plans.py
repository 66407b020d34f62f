"""付费会员: bought, renewed, ended, and what its level brings; the money in the ledger, to the fen."""

from dataclasses import replace

import pytest

from handlers.errors import (
    DepartureHindered,
    KeyReused,
    LevelNotHigher,
    NotAMember,
    OverrideMissing,
    PaymentNotOpen,
    PlanInvalid,
    PlanNotAbove,
    PlanNotPublished,
    PlanUnknown,
    PriceChanged,
    RoleMissing,
)
from handlers.plans.buying import PlanWanted
from models.ids import new_id
from models.levels import LevelRightGiven
from models.orders import Order
from models.organizations import Organization
from models.outbox import Job
from models.plans import MembershipTerm, PlanOrder
from models.words import OperatorRole, OrderState, PlanState, PlanWay, RightPeriod
from tests.handlers.buying import breaches
from tests.handlers.offering import key, operator_at
from tests.handlers.planning import (
    BASE,
    BLACK,
    BLACK_FEN,
    DAY,
    GOLD,
    HOUR,
    MONTH,
    MONTH_FEN,
    claims_of,
    membership,
    plan_desk,
    stretches,
)
from tests.handlers.test_orders import balances
from tests.handlers.test_unmerging import merge, two_of_one, undo


@pytest.fixture
async def desk(rooms):
    yield await plan_desk(rooms)
    assert await breaches() == []


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


class TestBuying:
    async def test_paid_is_a_level_until_an_end_and_what_the_level_brings(self, desk, ming, clock):
        await desk.right()
        order = (await desk.order(ming, desk.month, fen=MONTH_FEN)).value.order
        assert (order.offer_id, order.plan_id, order.amount_fen) == (None, desk.month, MONTH_FEN)
        assert (await desk.steps.level(ming), await desk.ends(ming)) == (BASE, None)
        assert await desk.paid(order.number) is OrderState.PAID
        ends = clock.now().replace(microsecond=0) + 31 * DAY
        assert (await desk.steps.level(ming), await desk.ends(ming)) == (GOLD, ends)
        assert await desk.steps.history(ming) == [("paid", GOLD)]
        await desk.work()
        assert len(await claims_of(ming)) == 1
        assert await balances(desk.rooms) == {"received": -MONTH_FEN, "income": MONTH_FEN, "payable": 0}
        said = await Job.get(kind="say_membership")
        assert (said.payload["title"], said.payload["paid_fen"]) == (MONTH.name, MONTH_FEN)
        assert await Job.filter(kind="say_paid").count() == 0
        assert await Job.filter(kind="report_shipping").count() == 1

    async def test_it_ends_by_itself_and_what_was_given_stays(self, desk, ming, rooms, clock):
        await desk.right()
        await desk.buy(ming, desk.month)
        await desk.work()
        clock.advance(31 * DAY)
        assert await desk.ends(ming) is None
        await rooms.handlers.level_judging.sweep()
        assert await desk.steps.level(ming) == BASE
        assert await desk.steps.history(ming) == [("paid", GOLD), ("override_ended", BASE)]
        await rooms.handlers.level_rights_giving.plan(clock.now())
        await desk.work()
        assert len(await claims_of(ming)) == 1

    async def test_a_right_comes_once_in_each_month_of_it(self, desk, ming, rooms, clock):
        await desk.right()
        await desk.buy(ming, desk.quarter)
        for _ in range(4):
            for _ in range(2):
                await rooms.handlers.level_rights_giving.plan(clock.now())
                await rooms.handlers.my_level.view(ming)
                await desk.work()
            clock.advance(31 * DAY)  # the fourth time it has ended
        periods = await LevelRightGiven.all().values_list("period", flat=True)
        assert len(periods) == len(set(periods)) == 3

    async def test_a_right_of_a_quarter_comes_once_in_it(self, desk, ming, rooms, clock):
        await desk.right(period=RightPeriod.QUARTER)
        await desk.buy(ming, desk.quarter)
        for _ in range(3):
            await rooms.handlers.level_rights_giving.plan(clock.now())
            await desk.work()
            clock.advance(30 * DAY)
        periods = await LevelRightGiven.all().order_by("id").values_list("period", flat=True)
        assert periods == ["quarter:2026-Q1", "quarter:2026-Q2"]

    async def test_renewed_early_it_goes_on_from_its_end_and_late_from_now(self, desk, ming, rooms, clock):
        await desk.buy(ming, desk.month)
        first = await desk.ends(ming)
        clock.advance(10 * DAY)
        await desk.buy(ming, desk.quarter)
        assert await desk.ends(ming) == first + 92 * DAY
        assert (await desk.rooms.handlers.my_level.view(ming)).override_until == first + 92 * DAY
        clock.advance(200 * DAY)
        now = clock.now().replace(microsecond=0)
        await desk.buy(ming, desk.month)
        assert (await desk.ends(ming), await desk.steps.level(ming)) == (now + 31 * DAY, GOLD)
        assert [start for _, start, _ in await stretches(ming)] == [first - 31 * DAY, first, now]

    async def test_a_renewal_tells_of_no_new_level(self, desk, ming):
        await desk.buy(ming, desk.month)
        await desk.buy(ming, desk.month)
        assert await Job.filter(kind="say_level").count() == 1
        assert await Job.filter(kind="say_membership").count() == 2

    async def test_the_same_key_is_the_same_order_and_the_price_is_that_of_the_version(self, desk, ming):
        first = await desk.order(ming, desk.month, "once")
        again = await desk.order(ming, desk.month, "once")
        assert (again.replayed, again.value) == (True, first.value)
        with pytest.raises(KeyReused):
            await desk.order(ming, desk.quarter, "once")
        with pytest.raises(PriceChanged) as refused:
            await desk.order(ming, desk.month, fen=1)
        assert refused.value.facts["amount_fen"] == MONTH_FEN
        await desk.sell("month", replace(MONTH, price_fen=9_900))
        assert (await desk.order(ming, desk.month)).value.order.amount_fen == 9_900
        await desk.paid(first.value.order.number)
        assert (await MembershipTerm.get()).plan_version == 1

    async def test_who_has_not_joined_or_cannot_be_charged_buys_nothing(self, desk, ming, rooms):
        with pytest.raises(NotAMember):
            await desk.order(await rooms.person("o-stranger"), desk.month)
        with pytest.raises(PaymentNotOpen):
            await desk.plans.buying.order(replace(ming, account="oa"), PlanWanted(desk.month), request_id="chat")
        with pytest.raises(PlanUnknown):
            await desk.order(ming, new_id())

    async def test_an_order_nobody_pays_ends_and_becomes_nothing(self, desk, ming, rooms, clock):
        order = (await desk.order(ming, desk.month)).value.order
        clock.advance(16 * DAY / 24 / 60)
        await rooms.handlers.order_watch.poll()
        assert (await Order.get()).state is OrderState.EXPIRED
        assert await MembershipTerm.all().count() == 0
        # Paid late all the same: the plan is still sold.
        assert await desk.paid(order.number) is OrderState.PAID
        assert await desk.ends(ming) is not None

    async def test_late_money_for_a_plan_that_is_not_sold_any_more_goes_back(self, desk, ming, rooms, clock):
        late, waiting = [(await desk.order(ming, desk.month)).value.order for _ in range(2)]
        await desk.plans.editing.withdraw(desk.operator, desk.month, request_id=key())
        assert await desk.paid(waiting.number) is OrderState.PAID  # it was ordered while it was sold
        clock.advance(16 * DAY / 24 / 60)
        await rooms.handlers.order_watch.poll()
        assert await desk.paid(late.number) is OrderState.RETURNING
        assert len(await stretches(ming)) == 1

    async def test_money_for_a_cancelled_order_goes_back(self, desk, ming, rooms):
        order = (await desk.order(ming, desk.month)).value.order
        await rooms.handlers.orders.cancel(ming, order.id, request_id="no")
        assert await desk.paid(order.number) is OrderState.RETURNING
        assert await desk.ends(ming) is None

    async def test_nobody_leaves_while_an_order_of_theirs_waits(self, desk, ming, rooms):
        order = (await desk.order(ming, desk.month)).value.order
        with pytest.raises(DepartureHindered):
            await rooms.handlers.departures.leave(ming)
        await desk.paid(order.number)
        await rooms.handlers.departures.leave(ming)
        assert await MembershipTerm.all().count() == 1


class TestUpgrading:
    async def test_a_higher_level_costs_the_difference_for_what_is_left_and_keeps_the_end(self, desk, ming, clock):
        await desk.buy(ming, desk.month)
        ends = await desk.ends(ming)
        clock.advance(11 * DAY)
        # 20 days are left: 20 * 100 fen a day for it, less 20 * 100 fen that were paid.
        shown = {each.plan.id: each.plan for each in await desk.plans.mine.plans(ming)}
        assert (shown[desk.year].way, shown[desk.year].amount_fen) == (PlanWay.UPGRADE, 1)
        dear = await desk.sell("dear", replace(MONTH, name="黑金月卡", level=BLACK, price_fen=6_200))
        order = (await desk.order(ming, dear)).value.order
        assert order.amount_fen == 20 * 200 - 20 * 100
        await desk.paid(order.number)
        assert (await desk.ends(ming), await desk.steps.level(ming)) == (ends, BLACK)
        assert (await membership(ming)).level == BLACK
        with pytest.raises(PlanNotAbove) as refused:
            await desk.order(ming, desk.month)
        assert refused.value.facts["level"] == "黑金会员"
        assert (await PlanOrder.get(order_id=order.id)).way is PlanWay.UPGRADE

    async def test_an_upgrade_that_was_priced_for_another_end_is_not_given_and_goes_back(self, desk, ming, clock):
        await desk.buy(ming, desk.month)
        dear = (await desk.order(ming, desk.year)).value.order
        await desk.buy(ming, desk.quarter)
        assert await desk.paid(dear.number) is OrderState.RETURNING
        assert await desk.steps.level(ming) == GOLD

    async def test_two_upgrades_that_are_both_paid_lift_once(self, desk, ming):
        await desk.buy(ming, desk.month)
        one, two = [(await desk.order(ming, desk.year)).value.order for _ in range(2)]
        assert await desk.paid(one.number) is OrderState.PAID
        assert await desk.paid(two.number) is OrderState.RETURNING

    async def test_what_cost_nothing_is_worth_nothing_towards_an_upgrade(self, desk, ming):
        await desk.plans.trials.begin(ming, desk.month, request_id="try")
        shown = {each.plan.id: each.plan for each in await desk.plans.mine.plans(ming)}
        assert shown[desk.year].amount_fen == 7 * BLACK_FEN // 366


class TestLevels:
    async def test_what_was_paid_for_carries_whom_growth_does_not(self, desk, ming, rooms, clock):
        await desk.steps.earn(ming, 100)
        await desk.buy(ming, desk.month)
        await desk.steps.earn(ming, 100)
        assert await desk.steps.level(ming) == GOLD
        clock.advance(31 * DAY)
        await desk.steps.settle(ming)
        assert await desk.steps.level(ming) == "silver"

    async def test_growth_carries_above_what_was_paid_for(self, desk, ming, clock):
        await desk.buy(ming, desk.month)
        await desk.steps.earn(ming, 2_000_000)
        assert await desk.steps.level(ming) == BLACK
        clock.advance(31 * DAY)
        await desk.steps.settle(ming)
        assert await desk.steps.level(ming) == BLACK

    async def test_an_operator_lifts_above_it_not_to_it_and_does_not_end_it(self, desk, ming, rooms, clock):
        lifting = rooms.handlers.level_overriding
        await desk.buy(ming, desk.month)
        facts = {"until": clock.now() + 5 * DAY, "reason": "补偿"}
        for level in ("silver", GOLD):
            with pytest.raises(LevelNotHigher):
                await lifting.lift(desk.operator, ming.member_id, level=level, request_id=key(), **facts)
        with pytest.raises(OverrideMissing):
            await lifting.end(desk.operator, ming.member_id, reason="按错了", request_id=key())
        await lifting.lift(desk.operator, ming.member_id, level=BLACK, request_id=key(), **facts)
        assert await desk.steps.level(ming) == BLACK
        clock.advance(6 * DAY)
        await desk.steps.settle(ming)
        assert await desk.steps.level(ming) == GOLD
        await lifting.lift(
            desk.operator, ming.member_id, level=BLACK, until=clock.now() + DAY, reason="补偿", request_id=key()
        )
        await lifting.end(desk.operator, ming.member_id, reason="按错了", request_id=key())
        assert await desk.steps.level(ming) == GOLD

    async def test_members_who_become_one_have_the_better_and_go_on_from_it(self, desk, ming, far, clock):
        other = await far.person("f-ming", account="far0")
        await desk.buy(ming, desk.month)
        ends = await desk.ends(ming)
        await merge(far, ming, other)
        assert await desk.ends(other) == ends
        await desk.buy(ming, desk.month)
        assert await desk.ends(ming) == ends + 31 * DAY

    async def test_two_again_each_has_what_they_paid_for(self, desk, rooms, far, clock):
        one, two = await two_of_one(far)
        await desk.buy(one, desk.month)
        await desk.buy(two, desk.year)
        ends = [await desk.ends(each) for each in (one, two)]
        await merge(far, one, two)
        assert await desk.ends(one) == await desk.ends(two) == ends[1]
        assert await desk.steps.level(one) == await desk.steps.level(two) == BLACK
        await undo(far)
        assert [await desk.ends(each) for each in (one, two)] == ends
        await desk.steps.settle(one, two)
        assert [await desk.steps.level(each) for each in (one, two)] == [GOLD, BLACK]


class TestEditing:
    async def test_a_plan_is_sold_as_its_published_version_and_withdrawn(self, desk, ming):
        editing = desk.plans.editing
        changed = replace(MONTH, price_fen=5_000)
        seen = (await editing.save(desk.operator, "month", changed, request_id=None)).value
        assert (seen.draft.price_fen, seen.sold.price_fen, seen.version) == (5_000, MONTH_FEN, 1)
        assert (await desk.order(ming, desk.month)).value.order.amount_fen == MONTH_FEN
        gone = (await editing.withdraw(desk.operator, desk.month, request_id=key())).value
        assert gone.state is PlanState.WITHDRAWN
        with pytest.raises(PlanNotPublished):
            await editing.withdraw(desk.operator, desk.month, request_id=key())
        with pytest.raises(PlanUnknown):
            await desk.order(ming, desk.month)
        assert desk.month not in {each.plan.id for each in await desk.plans.mine.plans(ming)}
        again = (await editing.publish(desk.operator, desk.month, request_id=key())).value
        assert (again.state, again.version, again.sold) == (PlanState.PUBLISHED, 2, changed)

    async def test_what_cannot_be_sold_is_not_published(self, desk):
        editing = desk.plans.editing
        for wrong in ({"level": "none"}, {"level": BASE}, {"price_fen": 0}, {"trial_days": 32}):
            saved = (await editing.save(desk.operator, "bad", replace(MONTH, **wrong), request_id=None)).value
            with pytest.raises(PlanInvalid) as refused:
                await editing.publish(desk.operator, saved.id, request_id=key())
            assert [each["field"] for each in refused.value.facts["problems"]] == [*wrong]

    async def test_only_who_may_sees_and_sells(self, desk, ming, rooms):
        support = await operator_at(await Organization.get(parent_id=None), OperatorRole.SUPPORT)
        with pytest.raises(RoleMissing):
            await desk.plans.editing.listing(support, after=None, limit=9)
        seen = await desk.plans.mine.of_member(support, ming.member_id)
        assert (seen.level, seen.terms) == ("", ())


class TestReminding:
    async def test_who_renewed_is_not_reminded_and_who_did_not_is(self, desk, ming, clock):
        await desk.buy(ming, desk.month)
        clock.advance(25 * DAY)
        due = desk.plans.reminders.due
        now = clock.now()
        clock.advance(((11 - now.hour) % 24) * HOUR - 8 * HOUR)
        soon = await due(account="oa", member_id=str(ming.member_id))
        assert (soon.level, soon.ends_at) == ("金卡会员", await desk.ends(ming))
        await desk.buy(ming, desk.month)
        assert await due(account="oa", member_id=str(ming.member_id)) is None

    async def test_who_became_one_with_somebody_else_is_reminded_of_what_they_had(self, desk, far, clock):
        one, other = await two_of_one(far)
        await desk.buy(other, desk.month)
        await merge(far, one, other)
        clock.advance(24.5 * DAY)
        assert await desk.plans.reminders.plan(clock.now()) == 1
        today = (await far.person("o-ming")).member_id
        assert (await Job.get(kind="say_membership_ending")).payload["member_id"] == str(today)
