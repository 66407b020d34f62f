"""积分: earned within caps and a budget, spent soonest first, given back, adjusted by operators, and told in time."""

import asyncio
import re
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    BudgetBelowUsed,
    CauseReused,
    EarningRuleUnknown,
    MemberUnknown,
    PointsShort,
    PointsTermsIncomplete,
    RoleMissing,
)
from handlers.points import earning
from handlers.points.earning import Earning, earn
from handlers.points.points import EntryKind
from handlers.points.points_terms import RuleWanted, TermsWanted
from handlers.points.spending import Spending, give_back, spend, spend_each, take_back
from handlers.retrying import again
from handlers.rules.ledger import Cause
from handlers.rules.points import CutBy
from handlers.rules.validity import begins, day_of
from models.database import SerializationConflict, atomic, dialect, rows, script
from models.identity import Member
from models.ids import new_id
from models.ledger import Transfer
from models.operators import AuditEntry
from models.organizations import Organization
from models.outbox import Job
from models.points import EarningCount, PointsAdjustment, PointsTerms
from models.sql import dump_rows, instant_text
from models.statements.points import LOCKED_COUNTS
from models.words import MemberStatus, OperatorRole, PointsExpiry
from tests.handlers.ledgers import breaches
from tests.handlers.offering import key, operator_at
from tests.handlers.test_unmerging import merge

DAY = timedelta(days=1)


class Mall:
    """A programme with points, who runs it, and its members."""

    def __init__(self, rooms, root, operator) -> None:
        self.rooms, self.root, self.operator = rooms, root, operator
        self.points = rooms.handlers.points
        self.adjusting = rooms.handlers.points_adjusting

    async def terms(self, **wanted) -> None:
        facts = {"request_id": None}
        await self.rooms.handlers.points_terms.set(self.operator, TermsWanted(**wanted), **facts)

    async def rule(self, code="visit", **wanted) -> None:
        name = wanted.pop("name", "到店")
        await self.rooms.handlers.points_terms.set_rule(
            self.operator, RuleWanted(code, name, **wanted), request_id=None
        )

    async def earn(self, person, amount, rule="visit", act=None):
        one = Earning(person.member_id, rule, amount, act or key())
        return (await self.earn_all(one))[one]

    async def earn_all(self, *earnings):
        async with atomic():
            return await earn(earnings, at=self.rooms.clock.now())

    async def spend(self, person, amount, act=None):
        cause = Cause("order", act or key())
        async with atomic():
            done = await spend([Spending(person.member_id, amount, cause)], at=self.rooms.clock.now())
        return done[cause].transfer_ids[0]

    async def adjust(self, person, delta, *, by=None, request_id=None):
        answer = await self.adjusting.adjust(
            by or self.operator, person.member_id, delta=delta, reason="补发", request_id=request_id or key()
        )
        return answer.value

    async def seen(self, person):
        view = await self.points.view(person)
        return view.available, view.pending

    async def entries(self, person, **more):
        found = await self.points.entries(person, **{"before": None, "limit": 20, **more})
        return [(each.kind, each.amount) for each in found]


@pytest.fixture
async def mall(far):
    """Whatever a test does, `doctor` has nothing to say in the end."""
    root = await Organization.get(parent=None)
    mall = Mall(far, root, await operator_at(root))
    await mall.rule()
    yield mall
    assert await breaches() == []


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


class TestEarning:
    async def test_what_is_earned_is_there_and_ends_as_the_terms_say(self, mall, ming, clock):
        await mall.terms(expiry=PointsExpiry.DAYS, expiry_count=30)
        earned = await mall.earn(ming, 10)
        assert (earned.amount, earned.cut_by, earned.replayed) == (10, None, False)
        view = await mall.points.view(ming)
        ends = begins(day_of(clock.now(), earning.BUSINESS_ZONE) + 31 * DAY, earning.BUSINESS_ZONE)
        assert view.available == 10
        assert view.expiring == ()  # in more than thirty days
        clock.advance(DAY)
        (ending,) = (await mall.points.view(ming)).expiring
        assert (ending.points, ending.expires_at) == (10, ends)

    async def test_the_same_act_earns_once_and_counts_once(self, mall, ming):
        await mall.rule(cap_amount=15)
        first = await mall.earn(ming, 10, act="visit-1")
        again_ = await mall.earn(ming, 10, act="visit-1")
        assert (again_.replayed, again_.amount, again_.transfer_id) == (True, 10, first.transfer_id)
        assert (await mall.earn(ming, 10, act="visit-2")).amount == 5
        assert await mall.seen(ming) == (15, 0)

    async def test_the_counts_of_others_are_not_looked_at(self, mall, ming, clock):
        if dialect() != "postgres":
            pytest.skip("SQLite does not tell how much it read")
        await mall.earn(ming, 1)
        count = await EarningCount.get()
        others = [
            (new_id(), clock.now(), new_id(), MemberStatus.ACTIVE.value, number) for number in range(10_000, 12_000)
        ]
        text = dump_rows(
            {"id": new_id(), "member_id": m, "at": instant_text(at), "status": status, "ordinal": ordinal}
            for _, at, m, status, ordinal in others
        )
        people = "jsonb_to_recordset($1::jsonb) AS r(id uuid, member_id uuid, at timestamptz, status text, ordinal int)"
        await rows(
            "INSERT INTO member (id, created_at, ordinal, status, joined_through, profile_cipher, phone_tail)"
            f" SELECT r.member_id, r.at, r.ordinal, r.status, '', '', '' FROM {people} RETURNING id",
            text,
        )
        await rows(
            "INSERT INTO earning_count (id, created_at, rule_id, member_id, period, amount)"
            f" SELECT r.id, r.at, $2, r.member_id, $3, 1 FROM {people} RETURNING id",
            *(text, count.rule_id, count.period),
        )
        asked = [{"id": new_id(), "rule_id": count.rule_id, "member_id": ming.member_id, "period": count.period}] + [
            {"id": new_id(), "rule_id": count.rule_id, "member_id": m, "period": count.period}
            for _, _, m, _, _ in others[:9]
        ]
        await script("ANALYZE member, earning_count")  # as the database does by itself
        plan = await rows(f"EXPLAIN (ANALYZE, BUFFERS) {LOCKED_COUNTS.postgres}", dump_rows(asked))
        hits = next(int(hit[1]) for each in plan if (hit := re.search(r"Buffers: shared hit=(\d+)", str(each))))
        assert hits < 2_000  # a look at each of the others for each of the ten were tens of thousands

    async def test_a_cap_holds_for_its_period_and_says_that_it_cut(self, mall, ming, clock):
        await mall.rule(cap_amount=15, cap_period="day")
        assert (await mall.earn(ming, 12)).cut_by is None
        cut = await mall.earn(ming, 12)
        assert (cut.amount, cut.cut_by) == (3, CutBy.CAP)
        nothing = await mall.earn(ming, 1)
        assert (nothing.amount, nothing.transfer_id, nothing.cut_by) == (0, None, CutBy.CAP)
        clock.advance(DAY)
        assert (await mall.earn(ming, 12)).amount == 12
        clock.advance(-DAY)
        assert (await mall.earn(ming, 1)).amount == 0  # a clock that is set back gives nobody a second day

    async def test_ten_at_once_get_no_more_than_the_cap(self, mall, ming):
        await mall.rule(cap_amount=25)
        done = await asyncio.gather(*(again(lambda: mall.earn(ming, 10)) for _ in range(10)))
        assert sum(each.amount for each in done) == 25
        assert await mall.seen(ming) == (25, 0)

    async def test_without_the_lock_the_guard_of_the_counter_speaks(self, mall, ming, monkeypatch):
        """The negative control: whoever decides on an old count is stopped by the statement that counts."""
        await mall.rule(cap_amount=15)
        await mall.earn(ming, 10)

        async def nothing_counted(*_):
            return {}

        monkeypatch.setattr(earning, "_locked_counts", nothing_counted)
        with pytest.raises(SerializationConflict):
            await mall.earn(ming, 10)
        assert (await EarningCount.get()).amount == 10

    async def test_the_cap_is_one_persons_whoever_they_were(self, mall, ming, far):
        await mall.rule(cap_amount=15)
        other = await far.person("o-far", account="far0")
        await mall.earn(ming, 10)
        await mall.earn(other, 4)
        await merge(far, ming, other)
        assert (await mall.earn(ming, 10)).amount == 1

    async def test_in_one_batch_everybody_is_decided_in_the_order_of_arrival(self, mall, ming, far):
        hong = await far.member("o-hong")
        await mall.terms(budget=25)
        earnings = [Earning(each.member_id, "visit", 10, key()) for each in (ming, hong, ming, hong)]
        done = await mall.earn_all(*earnings)
        assert [(done[each].amount, done[each].cut_by) for each in earnings] == [
            (10, None),
            (10, None),
            (5, CutBy.BUDGET),
            (0, CutBy.BUDGET),
        ]
        assert (await PointsTerms.get()).budget_used == 25

    async def test_the_budget_is_never_passed_by_many_at_once(self, mall, far):
        people = [await far.member(f"o-{number}") for number in range(6)]
        await mall.terms(budget=35)
        done = await asyncio.gather(*(again(lambda each=each: mall.earn(each, 10)) for each in people))
        assert sum(each.amount for each in done) == 35
        with pytest.raises(IntegrityError):
            await PointsTerms.all().update(budget_used=36)

    async def test_a_rule_that_is_switched_off_or_unknown_gives_nothing(self, mall, ming):
        await mall.rule(is_active=False)
        off = await mall.earn(ming, 10)
        assert (off.amount, off.cut_by) == (0, CutBy.RULE)
        with pytest.raises(EarningRuleUnknown):
            await mall.earn(ming, 10, rule="nothing")

    async def test_what_is_pending_can_be_spent_from_its_day_on(self, mall, ming, clock):
        await mall.rule(pending_days=7)
        await mall.earn(ming, 10)
        assert await mall.seen(ming) == (0, 10)
        with pytest.raises(PointsShort):
            await mall.spend(ming, 1)
        clock.advance(7 * DAY)
        assert await mall.seen(ming) == (10, 0)  # no job has been there
        await mall.spend(ming, 10)
        assert await mall.seen(ming) == (0, 0)

    async def test_the_same_act_with_another_amount_is_told_the_first(self, mall, ming):
        await mall.earn(ming, 10, act="visit-1")
        assert (await mall.earn(ming, 99, act="visit-1")).amount == 10


class TestSpending:
    async def test_what_comes_back_lives_at_least_as_long_as_the_terms_grant(self, mall, ming, clock):
        await mall.terms(expiry=PointsExpiry.DAYS, expiry_count=1, grace_days=7)
        await mall.earn(ming, 10)
        spent = await mall.spend(ming, 10)
        clock.advance(5 * DAY)
        async with atomic():
            await give_back(ming.member_id, spent, 10, cause=Cause("refund", key()), at=clock.now())
        (ending,) = (await mall.points.view(ming)).expiring
        assert (ending.points, ending.expires_at) == (10, clock.now() + 7 * DAY)

    async def test_an_earning_is_taken_back_from_what_is_pending_of_it_first(self, mall, ming, clock):
        await mall.rule(pending_days=7)
        pending = await mall.earn(ming, 10)
        await mall.rule(pending_days=0)
        await mall.earn(ming, 10)
        async with atomic():
            cause = Cause("refund", key())
            once = await take_back(ming.member_id, pending.transfer_id, 6, cause=cause, at=clock.now())
        async with atomic():  # its answer was lost: the same act, when less of it is pending
            again = await take_back(ming.member_id, pending.transfer_id, 6, cause=cause, at=clock.now())
        assert (again.transfer_ids, again.replayed) == (once.transfer_ids, True)
        assert await mall.seen(ming) == (10, 4)
        clock.advance(7 * DAY)
        async with atomic():
            await take_back(ming.member_id, pending.transfer_id, 4, cause=Cause("refund", key()), at=clock.now())
        assert await mall.seen(ming) == (10, 0)

    async def test_what_was_spent_cannot_be_taken_back(self, mall, ming, clock):
        earned = await mall.earn(ming, 10)
        await mall.spend(ming, 8)
        with pytest.raises(PointsShort):
            async with atomic():
                await take_back(ming.member_id, earned.transfer_id, 10, cause=Cause("refund", key()), at=clock.now())

    async def test_in_a_lane_whoever_cannot_pay_takes_nobody_along(self, mall, ming, far, clock):
        hong = await far.member("o-hong")
        await mall.earn(ming, 10)
        wanted = [Spending(each.member_id, 5, Cause("claim", key())) for each in (ming, hong, ming, ming)]
        async with atomic():
            done = await spend_each(wanted, at=clock.now())
        assert [isinstance(done[each.cause], PointsShort) for each in wanted] == [False, True, False, True]

    async def test_a_cause_is_spent_for_once(self, mall, ming):
        await mall.earn(ming, 10)
        assert await mall.spend(ming, 4, "order-1") == await mall.spend(ming, 4, "order-1")
        with pytest.raises(CauseReused):
            await mall.spend(ming, 5, "order-1")
        assert await mall.seen(ming) == (6, 0)


class TestLooking:
    async def test_every_entry_says_what_it_was_page_by_page(self, mall, ming, clock):
        await mall.terms(expiry=PointsExpiry.DAYS, expiry_count=1)
        earned = await mall.earn(ming, 10)
        spent = await mall.spend(ming, 8)
        async with atomic():
            await give_back(ming.member_id, spent, 3, cause=Cause("refund", key()), at=clock.now())
            await take_back(ming.member_id, earned.transfer_id, 1, cause=Cause("refund", key()), at=clock.now())
        await mall.adjust(ming, 5)
        clock.advance(3 * DAY)
        await mall.rooms.handlers.ledger_due.sweep()
        entries = await mall.entries(ming)
        assert sorted(entries[:2]) == [(EntryKind.EXPIRED, -5), (EntryKind.EXPIRED, -4)]
        assert entries[2:] == [
            (EntryKind.ADJUSTED, 5),
            (EntryKind.TAKEN_BACK, -1),
            (EntryKind.RETURNED, 3),
            (EntryKind.SPENT, -8),
            (EntryKind.EARNED, 10),
        ]
        whole = await mall.points.entries(ming, before=None, limit=100)
        paged, last = [], None
        while page := await mall.points.entries(ming, before=last, limit=3):
            paged += page
            last = page[-1].id
        assert paged == list(whole)
        assert [each.note for each in whole if each.kind in {EntryKind.EARNED, EntryKind.ADJUSTED}] == ["补发", "到店"]
        assert sum(each.amount for each in whole) == 0

    async def test_what_is_over_is_not_shown_though_no_job_has_been_there(self, mall, ming, clock):
        await mall.terms(expiry=PointsExpiry.DAYS, expiry_count=1)
        await mall.earn(ming, 10)
        clock.advance(3 * DAY)
        view = await mall.points.view(ming)
        assert (view.available, view.expiring) == (0, ())

    async def test_whoever_has_nothing_sees_nothing(self, mall, ming):
        assert await mall.seen(ming) == (0, 0)
        assert await mall.entries(ming) == []

    async def test_when_two_become_one_there_is_one_balance_and_one_history(self, mall, ming, far):
        other = await far.person("o-far", account="far0")
        await mall.earn(ming, 10)
        await mall.earn(other, 4)
        await merge(far, ming, other)
        assert await mall.seen(ming) == (14, 0)
        assert await mall.entries(ming) == [(EntryKind.EARNED, 4), (EntryKind.EARNED, 10)]

    async def test_the_copy_of_personal_data_has_balances_and_entries(self, mall, ming, far):
        await mall.earn(ming, 10)
        await mall.spend(ming, 4)
        data = await far.handlers.personal_data.export(ming)
        assert [(each.unit, each.posted) for each in data.balances] == [("points", 6)]
        assert [(each.amount, each.cause) for each in data.entries] == [(10, "earned"), (-4, "order")]


class TestAdjusting:
    async def test_one_operator_gives_and_takes_little_and_it_is_on_record(self, mall, ming):
        key_ = key()
        given = await mall.adjust(ming, 100, request_id=key_)
        assert given.approval_id is None
        assert await mall.adjust(ming, 100, request_id=key_) == given
        await mall.adjust(ming, -30)
        assert await mall.seen(ming) == (70, 0)
        with pytest.raises(PointsShort):
            await mall.adjust(ming, -71)
        told = await AuditEntry.filter(action="points.adjusted").order_by("id")
        assert [(each.facts["delta"], each.facts["reason"]) for each in told] == [(100, "补发"), (-30, "补发")]
        with pytest.raises(IntegrityError):
            await PointsAdjustment.all().update(delta=1)

    async def test_small_steps_of_a_day_count_together_whoever_takes_them(self, mall, ming):
        colleague = await operator_at(mall.root)
        for by in (None, colleague, None, colleague, None):
            assert (await mall.adjust(ming, 200, by=by)).approval_id is None
        assert (await mall.adjust(ming, 1)).approval_id is not None
        mall.rooms.clock.advance(timedelta(days=1))
        assert (await mall.adjust(ming, 1)).approval_id is None

    async def test_much_needs_a_second_operator(self, mall, ming):
        proposed = await mall.adjust(ming, 5_000)
        assert (proposed.transfer_id, await mall.seen(ming)) == (None, (0, 0))
        with pytest.raises(ApprovalOwn):
            await mall.adjusting.approve(mall.operator, proposed.approval_id, request_id=key())
        second = await operator_at(mall.root)
        (waiting,) = await mall.adjusting.pending(second, after=None, limit=9)
        assert (waiting.id, waiting.delta) == (proposed.approval_id, 5_000)
        await mall.adjusting.approve(second, proposed.approval_id, request_id=key())
        assert await mall.seen(ming) == (5_000, 0)
        with pytest.raises(ApprovalDecided):
            await mall.adjusting.reject(second, proposed.approval_id, request_id=key())
        made = await PointsAdjustment.get()
        assert (made.operator_id, made.approved_by_id) == (mall.operator.id, second.id)

    async def test_two_who_approve_at_once_give_once(self, mall, ming):
        proposed = await mall.adjust(ming, 5_000)
        others = [await operator_at(mall.root) for _ in range(2)]
        outcomes = await asyncio.gather(
            *(mall.adjusting.approve(each, proposed.approval_id, request_id=key()) for each in others),
            return_exceptions=True,
        )
        assert sum(isinstance(each, ApprovalDecided) for each in outcomes) == 1
        assert await mall.seen(ming) == (5_000, 0)

    async def test_what_is_rejected_is_not_given(self, mall, ming):
        proposed = await mall.adjust(ming, -5_000)
        second = await operator_at(mall.root)
        await mall.adjusting.reject(second, proposed.approval_id, request_id=key())
        assert await Transfer.all().count() == 0

    async def test_a_member_of_another_city_is_nobody(self, mall, ming):
        south = await Organization.create(code="south", name="南城", parent=mall.root)
        north = await Organization.create(code="north", name="北城", parent=mall.root)
        await Member.filter(id=ming.member_id).update(organization_id=north.id)
        stranger = await operator_at(south)
        for act in (
            mall.adjust(ming, 5, by=stranger),
            mall.adjusting.view(stranger, ming.member_id),
            mall.adjusting.entries(stranger, ming.member_id, before=None, limit=1),
            mall.adjusting.view(mall.operator, new_id()),
        ):
            with pytest.raises(MemberUnknown):
                await act
        finance = await operator_at(mall.root, OperatorRole.FINANCE)
        with pytest.raises(RoleMissing):
            await mall.adjust(ming, 5, by=finance)
        assert (await mall.adjusting.view(await operator_at(north), ming.member_id)).available == 0


class TestTerms:
    async def test_they_hold_for_what_comes_after(self, mall, ming, clock):
        await mall.earn(ming, 10)
        await mall.terms(expiry=PointsExpiry.DAYS, expiry_count=1)
        await mall.earn(ming, 5)
        clock.advance(3 * DAY)
        assert await mall.seen(ming) == (10, 0)

    async def test_a_budget_cannot_be_less_than_was_given(self, mall, ming):
        await mall.terms(budget=100)
        await mall.earn(ming, 30)
        with pytest.raises(BudgetBelowUsed) as refused:
            await mall.terms(budget=29)
        assert refused.value.facts == {"used": 30}
        await mall.terms(budget=30)
        assert (await mall.earn(ming, 1)).amount == 0

    async def test_days_want_a_number(self, mall):
        with pytest.raises(PointsTermsIncomplete):
            await mall.terms(expiry=PointsExpiry.DAYS)

    async def test_a_city_does_not_set_what_holds_for_all(self, mall):
        south = await Organization.create(code="south", name="南城", parent=mall.root)
        terms = mall.rooms.handlers.points_terms
        with pytest.raises(RoleMissing):
            await terms.view(await operator_at(south, OperatorRole.ADMIN))

    async def test_what_was_set_is_seen(self, mall):
        await mall.terms(expiry=PointsExpiry.YEARS, grace_days=7, budget=5)
        terms = mall.rooms.handlers.points_terms
        held = await terms.view(mall.operator)
        assert (held.expiry, held.grace_days, held.budget, held.budget_used) == (PointsExpiry.YEARS, 7, 5, 0)
        await mall.rule("bind", name="绑卡", cap_amount=1)
        told = await terms.rules(mall.operator, after=None, limit=9)
        assert [each.code for each in told] == ["bind", "visit"]
        assert [each.code for each in await terms.rules(mall.operator, after="bind", limit=9)] == ["visit"]
        assert await AuditEntry.filter(action__startswith="points.").count() == 3


class TestReminders:
    async def test_a_week_and_a_day_before_once_a_day_and_never_at_night(self, mall, ming, far, clock):
        await far.handlers.following.follow(ming, await far.handlers.accounts.get("oa"))
        await mall.terms(expiry=PointsExpiry.DAYS, expiry_count=30)
        await mall.earn(ming, 10)
        ends = (await Transfer.get()).happened_at + 30 * DAY
        planned = {}
        for _ in range(32):
            planned[(ends - clock.now()).days] = await far.handlers.points_reminders.plan(clock.now())
            await far.handlers.points_reminders.plan(clock.now())
            clock.advance(DAY)
        assert sum(planned.values()) == 2
        jobs = await Job.filter(kind="say_points_expiring").order_by("id")
        assert len(jobs) == 2  # planned twice each
        assert (jobs[1].run_at - jobs[0].run_at) // DAY == 6

    async def test_it_says_what_is_still_there_and_nothing_where_nothing_is(self, mall, ming, far, clock):
        await mall.terms(expiry=PointsExpiry.DAYS, expiry_count=2)
        await mall.earn(ming, 10)
        reminders = far.handlers.points_reminders
        said = {"account": "oa", "member_id": str(ming.member_id)}
        seen = await reminders.due(**said)
        if seen is None:  # at night: a later job has it
            clock.advance(timedelta(hours=12))
            seen = await reminders.due(**said)
        assert seen.points == 10
        await mall.spend(ming, 10)
        assert await reminders.due(**said) is None
