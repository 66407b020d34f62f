"""任务: done by the evidence of our tables and nobody's word, rewarded once, and never for sharing or following."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app.work import work
from app.worker import Worker
from handlers.errors import (
    NotAMember,
    RoleMissing,
    TaskAlreadyRewarded,
    TaskCodeTaken,
    TaskNotDone,
    TaskNotPublishable,
    TaskStateWrong,
    TaskUnknown,
)
from handlers.identity.devices import seen_on
from handlers.requests import Answer
from handlers.rules.offer_terms import Period
from handlers.rules.rewards import Reward
from handlers.rules.tasks import CARD, INVITE, PROFILE, REDEMPTION, TaskTerms
from handlers.tasks import tasks as module
from handlers.tasks.task_editing import TaskDraft
from handlers.tasks.tasks import Progress
from models.cards import Card
from models.checkins import FinishedTask, GivenReward, Invitation
from models.database import atomic
from models.identity import Attribution, Member
from models.organizations import Organization
from models.programmes import CardKind, Programme
from models.words import CardStatus, OperatorRole
from tests.handlers.checking_in import DAY, a_parlour, elsewhere
from tests.handlers.conftest import MEMBERSHIP
from tests.handlers.counter import open_counter
from tests.handlers.machine.failpoints import Failpoint, How
from tests.handlers.offering import key, operator_at
from tests.handlers.test_unmerging import merge

TEN = (Reward("points", 10, "check_in"),)
FULL = {"nickname": "小明", "birthday": "1990-02-28", "gender": "male"}


class Board:
    """Tasks, who publishes them, and what is asked of them in a line."""

    def __init__(self, rooms, parlour) -> None:
        self.rooms, self.parlour, self.operator = rooms, parlour, parlour.operator
        self.editing, self.tasks = rooms.handlers.task_editing, rooms.handlers.tasks
        self._number = 0

    async def draft(self, kind, *, by=None, **more):
        self._number += 1
        terms = TaskTerms(kind, "做一件事", **{"rewards": TEN, **more})
        answer = await self.editing.draft(
            by or self.operator, TaskDraft(f"task{self._number}", terms), request_id=key()
        )
        return answer.value

    async def publish(self, kind, **more):
        drafted = await self.draft(kind, **more)
        return (await self.editing.publish(self.operator, drafted.id, request_id=key())).value

    async def claim(self, person, task, request_id=None):
        return (await self.tasks.claim(person, task.id, request_id=request_id or key())).value

    async def seen(self, person):
        return [(each.progress, each.finished, each.claimable) for each in await self.tasks.seen(person)]

    async def points(self, person):
        return await self.parlour.points(person)

    async def friend(self, inviter, number=0):
        """Somebody new who came by the invitation and joined."""
        code = (await self.tasks.inviting(inviter)).code
        person = await self.rooms.person(f"o-far{number}", account=f"far{number}")
        facts = {"agreed": [MEMBERSHIP], "scene": code, "request_id": f"join-{number}"}
        await self.rooms.handlers.membership.join(person, **facts)
        return await self.rooms.person(f"o-far{number}", account=f"far{number}")


@pytest.fixture
async def board(far):
    async with a_parlour(far) as parlour:
        yield Board(far, parlour)


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


async def has_bound(person) -> None:
    """A card of an older system is theirs, as the binding leaves it."""
    programme = await Programme.get()
    kind = await CardKind.create(programme=programme, code="old", name="老卡", digit_count=12, is_issued=False)
    member = await Member.get(id=person.member_id)
    facts = {"number_hash": "h", "number_cipher": "", "last4": "0001", "status": CardStatus.BOUND, "is_primary": True}
    await Card.create(kind=kind, programme=programme, member=member, bound_at=member.joined_at, **facts)


class TestEvidence:
    async def test_a_profile_is_complete_when_everything_is_told(self, board, far, ming):
        task = await board.publish(PROFILE)
        assert await board.seen(ming) == [(Progress.OPEN, 0, 0)]
        await far.handlers.membership.change_profile(ming, changes={"nickname": "小明"})
        with pytest.raises(TaskNotDone):
            await board.claim(ming, task)
        await far.handlers.membership.change_profile(ming, changes=FULL)
        assert await board.seen(ming) == [(Progress.CLAIMABLE, 0, 1)]
        done = await board.claim(ming, task)
        assert (done.count, [(each.part, each.amount) for each in done.rewards]) == (1, [("task", 10)])
        assert await board.seen(ming) == [(Progress.DONE, 1, 0)]
        with pytest.raises(TaskAlreadyRewarded):
            await board.claim(ming, task)
        assert await board.points(ming) == 10

    async def test_a_bound_card_counts_and_one_that_joining_issued_does_not(self, board, ming):
        task = await board.publish(CARD)
        with pytest.raises(TaskNotDone):
            await board.claim(ming, task)
        await has_bound(ming)
        assert (await board.claim(ming, task)).count == 1

    async def test_a_redemption_counts_until_it_is_taken_back_and_pays_each_week_anew(self, board, far, clock):
        task = await board.publish(REDEMPTION, period=Period.WEEK)
        counter = await open_counter(far)
        ming = await far.member("o-hua")
        claim = await counter.claim(ming)
        redeemed = await counter.redeem(counter.typed(claim))
        assert await board.seen(ming) == [(Progress.CLAIMABLE, 0, 1)]
        await counter.reverse(redeemed.value.lines[0].id)
        with pytest.raises(TaskNotDone):
            await board.claim(ming, task)
        await counter.redeem(counter.typed(claim))
        await board.claim(ming, task)
        clock.advance(7 * DAY)
        assert await board.seen(ming) == [(Progress.OPEN, 0, 0)]

    async def test_the_worker_gives_it_after_the_act_once_however_often_the_job_runs(self, board, far):
        await board.publish(REDEMPTION)
        counter = await open_counter(far)
        ming = await far.member("o-hua")
        await counter.redeem(counter.typed(await counter.claim(ming)))
        await Worker(work(), far.handlers, far.clock).drain()
        assert await board.points(ming) == 10
        assert await far.handlers.tasks.finish_all(ming.member_id) == 0
        assert await FinishedTask.all().count() == 1

    async def test_who_is_no_member_and_what_is_not_published_or_of_another_city_is_refused(self, board, far, ming):
        drafted = await board.draft(PROFILE)
        with pytest.raises(TaskUnknown):
            await board.claim(ming, drafted)
        task = await board.publish(PROFILE)
        stranger = await far.person("o-hong")
        assert await board.seen(stranger) == []
        for call in (board.claim(stranger, task), far.handlers.tasks.inviting(stranger)):
            with pytest.raises(NotAMember):
                await call
        north = await Organization.create(code="north", name="北城", parent=board.parlour.mall.root)
        theirs = await board.draft(PROFILE, by=await operator_at(north))
        await board.editing.publish(board.operator, theirs.id, request_id=key())
        with pytest.raises(TaskUnknown):
            await board.claim(ming, theirs)


class TestInvitations:
    async def test_a_friend_counts_once_they_act_and_not_for_having_come(self, board, ming):
        task = await board.publish(INVITE, acts_days=2, most=5)
        friend = await board.friend(ming)
        await board.parlour.press(friend)
        with pytest.raises(TaskNotDone):
            await board.claim(ming, task)
        board.rooms.clock.advance(DAY)
        await board.parlour.press(friend)
        assert await board.seen(ming) == [(Progress.CLAIMABLE, 0, 1)]
        assert (await board.claim(ming, task)).count == 1
        with pytest.raises(TaskAlreadyRewarded):
            await board.claim(ming, task)
        assert (await FinishedTask.get()).subject == str(friend.member_id)

    async def test_a_friend_who_redeems_is_rewarded_by_the_worker(self, board, far, ming):
        await board.publish(INVITE, most=5)
        counter = await open_counter(far)
        friend = await board.friend(ming)
        await counter.redeem(counter.typed(await counter.claim(friend)))
        await Worker(work(), far.handlers, far.clock).drain()
        assert await board.points(ming) == 10

    async def test_caps_per_day_and_in_all_hold(self, board, ming):
        task = await board.publish(INVITE, most=3, most_a_day=2)
        for number in range(4):
            await board.parlour.press(await board.friend(ming, number))
        assert (await board.claim(ming, task)).count == 2
        with pytest.raises(TaskAlreadyRewarded):
            await board.claim(ming, task)
        board.rooms.clock.advance(DAY)
        assert (await board.claim(ming, task)).count == 1
        board.rooms.clock.advance(DAY)
        assert await board.seen(ming) == [(Progress.DONE, 3, 0)]
        assert await board.points(ming) == 30

    async def test_nobody_invites_themselves_by_another_door(self, board, far, ming):
        task = await board.publish(INVITE, most=5)
        other = await board.friend(ming)
        await board.parlour.press(other)
        await merge(far, ming, other)
        with pytest.raises(TaskNotDone):
            await board.claim(ming, task)

    async def test_nobody_invites_themselves_by_a_second_account_on_their_own_device(self, board, far, ming):
        task = await board.publish(INVITE, most=5)
        other = await board.friend(ming)
        await board.parlour.press(other)
        for each in (ming, other):
            await seen_on(each.member_id, "one-phone", at=far.clock.now(), vault=far.vault)
        with pytest.raises(TaskNotDone):
            await board.claim(ming, task)

    async def test_two_friends_who_become_one_are_rewarded_once(self, board, far, ming):
        task = await board.publish(INVITE, most=5)
        one, other = await board.friend(ming, 0), await board.friend(ming, 1)
        await board.parlour.press(one)
        await board.claim(ming, task)
        await merge(far, other, one)
        board.rooms.clock.advance(DAY)
        await board.parlour.press(other)
        with pytest.raises(TaskAlreadyRewarded):
            await board.claim(ming, task)

    async def test_who_was_a_member_before_or_left_and_came_back_is_no_newcomer(self, board, far, ming):
        task = await board.publish(INVITE, most=5)
        code = (await board.tasks.inviting(ming)).code
        known = await elsewhere(far, 1)
        board.rooms.clock.advance(timedelta(minutes=1))
        account = await far.handlers.accounts.get("far1")
        now = board.rooms.clock.now()
        await Attribution.create(member_id=known.member_id, account_id=account.id, scene=code, touched_at=now)
        await board.parlour.press(known)
        gone = await elsewhere(far, 0)
        await far.handlers.departures.leave(gone)
        await board.parlour.press(await board.friend(ming, 0))
        with pytest.raises(TaskNotDone):
            await board.claim(ming, task)

    async def test_an_invitation_is_one_for_good_and_goes_with_whoever_leaves(self, board, far, ming):
        codes = await asyncio.gather(*(board.tasks.inviting(ming) for _ in range(10)))
        assert len(set(codes)) == 1
        data = await far.handlers.personal_data.export(ming)
        assert [each.code for each in data.invitations] == [codes[0].code]
        await far.handlers.departures.leave(ming)
        assert await Invitation.all().count() == 0


class TestOnce:
    async def test_fifty_claims_at_once_are_one_reward(self, board, far, ming):
        task = await board.publish(PROFILE)
        await far.handlers.membership.change_profile(ming, changes=FULL)
        calls = (board.tasks.claim(ming, task.id, request_id=f"k{n}") for n in range(50))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(each, Answer) for each in answers) == 1
        assert {type(each) for each in answers} == {Answer, TaskAlreadyRewarded}
        assert (await FinishedTask.all().count(), await GivenReward.all().count()) == (1, 1)

    async def test_the_same_key_is_the_same_answer(self, board, far, ming):
        task = await board.publish(PROFILE)
        await far.handlers.membership.change_profile(ming, changes=FULL)
        assert await board.claim(ming, task, "k") == await board.claim(ming, task, "k")

    async def test_who_was_rewarded_as_somebody_else_is_not_again(self, board, far, ming):
        task = await board.publish(PROFILE)
        other = await elsewhere(far)
        await far.handlers.membership.change_profile(other, changes=FULL)
        await board.claim(other, task)
        await merge(far, ming, other)
        with pytest.raises(TaskAlreadyRewarded):
            await board.claim(ming, task)

    async def test_a_failure_at_any_statement_leaves_nothing_half(self, board, far, ming):
        task = await board.publish(PROFILE)
        await far.handlers.membership.change_profile(ming, changes=FULL)

        async def finish() -> None:
            async with atomic():
                await board.tasks._finish(ming.member_id, task.id)
                raise _EndOfStatements

        statements = 0
        while not isinstance(outcome := await Failpoint(How.ABORT, statements).strikes(finish), _EndOfStatements):
            assert outcome is not None
            assert (await FinishedTask.all().count(), await GivenReward.all().count()) == (0, 0)
            statements += 1
        assert statements > 10
        assert (await board.claim(ming, task)).count == 1

    async def test_without_looking_at_what_was_finished_the_unique_key_still_holds(self, board, far, ming, monkeypatch):
        task = await board.publish(PROFILE)
        await far.handlers.membership.change_profile(ming, changes=FULL)
        await board.claim(ming, task)

        async def blind(*_):
            return [""], 0

        monkeypatch.setattr(module.Tasks, "_fresh", blind)
        with pytest.raises(Exception, match=r"server\.busy"):
            await board.claim(ming, task)
        assert await board.points(ming) == 10


class TestEditing:
    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"kind": "share"}, "kind"),
            ({"kind": "follow"}, "kind"),
            ({"title": "转发到朋友圈"}, "title"),
            ({"description": "关注后领取"}, "description"),
            ({"button": "去分享"}, "button"),
            ({"rewards": (Reward("points", 1, "nothing"),)}, "rewards"),
        ],
    )
    async def test_what_rewards_sharing_or_gates_by_following_is_not_published(self, board, change, field):
        terms = replace(TaskTerms(PROFILE, "完善资料", TEN), **change)
        drafted = await board.editing.draft(board.operator, TaskDraft("bad", terms), request_id=key())
        with pytest.raises(TaskNotPublishable) as refused:
            await board.editing.publish(board.operator, drafted.value.id, request_id=key())
        assert [each["field"] for each in refused.value.facts["problems"]] == [field]

    async def test_a_draft_changes_nothing_until_it_is_published_and_a_stopped_task_gives_nothing(
        self, board, far, ming
    ):
        task = await board.publish(PROFILE)
        await far.handlers.membership.change_profile(ming, changes=FULL)
        await board.editing.edit(board.operator, task.id, TaskTerms(CARD, "绑卡", TEN))
        assert [each.kind for each in await board.tasks.seen(ming)] == [PROFILE]
        again = (await board.editing.publish(board.operator, task.id, request_id=key())).value
        assert (again.version, [each.kind for each in await board.tasks.seen(ming)]) == (2, [CARD])
        await board.editing.stop(board.operator, task.id, request_id=key())
        with pytest.raises(TaskStateWrong):
            await board.editing.stop(board.operator, task.id, request_id=key())
        with pytest.raises(TaskUnknown):
            await board.claim(ming, task)
        assert await board.seen(ming) == []

    async def test_codes_are_taken_once_and_others_see_nothing(self, board):
        task = await board.draft(PROFILE)
        terms = TaskTerms(PROFILE, "完善资料", TEN)
        with pytest.raises(TaskCodeTaken):
            await board.editing.draft(board.operator, TaskDraft(task.code, terms), request_id=key())
        north = await Organization.create(code="north", name="北城", parent=board.parlour.mall.root)
        theirs = await operator_at(north)
        assert await board.editing.listed(theirs, after=None, limit=9) == ()
        with pytest.raises(TaskUnknown):
            await board.editing.publish(theirs, task.id, request_id=key())
        with pytest.raises(RoleMissing):
            await board.editing.listed(
                await operator_at(board.parlour.mall.root, OperatorRole.SUPPORT), after=None, limit=9
            )


class _EndOfStatements(Exception):
    """All statements were run, and they are rolled back."""
