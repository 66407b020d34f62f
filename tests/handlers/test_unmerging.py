"""Taking a merge back."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from handlers.errors import LaterMergeFirst, MergeNotReversible, MergeUnknown
from handlers.identity.linking import link_members
from handlers.identity.merging import absorb
from handlers.identity.transfers import PhoneOutcome
from handlers.identity.unmerging import unmerge
from handlers.membership.member_views import Profile
from models.database import atomic
from models.identity import Identifier, IdentityEvent, Member, MemberMerge
from models.words import ConsentPurpose, IdentifierStatus, IdentityAct, MemberStatus, Namespace
from tests.handlers.conftest import MARKETING, MEMBERSHIP, PHONE
from tests.handlers.snapshots import who_is_who
from tests.handlers.test_transfers import change


async def merge(rooms, one, other):
    async with atomic():
        return await link_members(
            one.member_id, other.member_id, reason="test", now=rooms.clock.now(), vault=rooms.vault
        )


async def undo(rooms, merge_id=None):
    merge_id = merge_id or (await MemberMerge.all().order_by("-id").first()).id
    async with atomic():
        return await unmerge(merge_id, now=rooms.clock.now(), vault=rooms.vault)


async def two_of_one(rooms):
    """A member by the mini-program, and the same person by another platform, both with a life of their own."""
    one = await rooms.member("o-ming")
    other = await rooms.person("o-far", account="far0")
    code = rooms.wechat.phone_code("13912345670")
    await rooms.handlers.membership.join(
        other,
        agreed=[MEMBERSHIP, PHONE],
        phone_code=code,
        profile=Profile(nickname="小明", birthday="1990-02-28"),
        scene="poster",
        request_id="tap",
    )
    other = await rooms.person("o-far", account="far0")
    await rooms.handlers.consents.give(one, agreed=MARKETING)
    await rooms.handlers.consents.give(other, agreed=MARKETING)
    await rooms.handlers.consents.withdraw(other, purpose=ConsentPurpose.MARKETING)
    number = rooms.wechat.phone_code("13912345671")
    await rooms.handlers.numbers.bind(other, phone_code=number, request_id="bind")
    await rooms.handlers.following.follow(other, await rooms.handlers.accounts.get("oa"))
    rooms.clock.advance(timedelta(hours=1))
    return one, other


async def test_merge_and_unmerge_with_nothing_between_restore_the_exact_state(far):
    one, other = await two_of_one(far)
    before = await who_is_who()
    await merge(far, one, other)
    assert await who_is_who() != before
    view = await far.handlers.membership.view(one)
    assert (view.profile.nickname, view.phone_tail) == ("小明", "5670")
    assert ConsentPurpose.MARKETING not in {given.purpose for given in view.consents}
    undone = await undo(far)
    assert (undone.winner_id, undone.loser_id) == (one.member_id, other.member_id)
    assert await who_is_who() == before
    assert await IdentityEvent.filter(act=IdentityAct.UNMERGE).count() == 2


async def test_both_act_for_themselves_again(far):
    one, other = await two_of_one(far)
    await merge(far, one, other)
    assert (await far.person("o-far", account="far0")).member_id == one.member_id
    await undo(far)
    assert (await far.person("o-far", account="far0")).member_id == other.member_id
    assert (await far.person("o-ming")).member_id == one.member_id
    answer = await far.handlers.membership.join(
        other,
        agreed=[MEMBERSHIP, PHONE],
        phone_code="phone-0-13912345670",
        profile=Profile(nickname="小明", birthday="1990-02-28"),
        scene="poster",
        request_id="tap",
    )
    assert answer.replayed  # what they asked before is answered to them again, not to the survivor


async def test_what_was_bound_after_the_merge_stays_with_the_survivor(far):
    one, other = await two_of_one(far)
    await merge(far, one, other)
    await far.handlers.membership.change_profile(one, changes={"nickname": "阿明"})
    changed = await change(far, one, "13912345679")
    assert changed.outcome is PhoneOutcome.ATTACHED
    await undo(far)
    mine = await far.handlers.membership.view(one)
    theirs = await far.handlers.membership.view(await far.person("o-far", account="far0"))
    assert (mine.profile.nickname, mine.phone_tail) == ("阿明", "5679")
    assert (theirs.profile.nickname, theirs.phone_tail) == ("小明", "")  # their phone was given up meanwhile


async def test_a_consent_given_again_after_the_merge_stands(far):
    one, other = await two_of_one(far)
    await merge(far, one, other)
    far.clock.advance(timedelta(minutes=1))
    await far.handlers.consents.give(one, agreed=MARKETING)
    await undo(far)
    given = [consent.purpose for consent in (await far.handlers.membership.view(one)).consents]
    assert sorted(given) == ["marketing", "membership"]


async def test_later_merges_are_undone_first(far):
    first, second, third = [await far.person(f"o-{turn}", account=f"far{turn}") for turn in range(3)]
    before = await who_is_who()
    await merge(far, first, second)
    far.clock.advance(timedelta(seconds=1))
    await merge(far, first, third)
    early, late = [each.id for each in await MemberMerge.all().order_by("merged_at")]
    with pytest.raises(LaterMergeFirst) as refusal:
        await undo(far, early)
    assert refusal.value.facts == {"merge_id": str(late)}
    await undo(far, late)
    await undo(far, early)
    assert await who_is_who() == before


async def test_a_survivor_that_was_merged_itself_comes_back_first(far):
    """A chain: the second one's survivor was absorbed by a third; undone in turn, everybody is who they were."""
    old, young, late = [await far.person(f"o-{turn}", account=f"far{turn}") for turn in range(3)]
    before = await who_is_who()
    await merge(far, young, late)
    far.clock.advance(timedelta(seconds=1))
    await merge(far, old, young)
    first, second = [each.id for each in await MemberMerge.all().order_by("merged_at")]
    with pytest.raises(LaterMergeFirst):
        await undo(far, first)
    await undo(far, second)
    assert (await Member.get(id=late.member_id)).canonical_id == young.member_id
    await undo(far, first)
    assert await who_is_who() == before


async def test_a_freeze_that_came_by_the_merge_goes_with_it(far):
    one, other = await two_of_one(far)
    await Member.filter(id=other.member_id).update(status=MemberStatus.FROZEN)
    async with atomic():  # a shared identifier merges even the frozen; by a ticket they are refused
        await absorb(
            winner_id=one.member_id,
            loser_id=other.member_id,
            reason="shared_identifier",
            now=far.clock.now(),
            vault=far.vault,
        )
    assert (await Member.get(id=one.member_id)).status is MemberStatus.FROZEN
    await undo(far)
    assert (await Member.get(id=one.member_id)).status is MemberStatus.ACTIVE
    assert (await Member.get(id=other.member_id)).status is MemberStatus.FROZEN


async def test_after_ninety_days_a_merge_stands(far):
    one, other = await two_of_one(far)
    await merge(far, one, other)
    far.clock.advance(timedelta(days=90))
    with pytest.raises(MergeNotReversible):
        await undo(far)


async def test_nobody_who_left_comes_back_by_undoing_a_merge(far):
    one, other = await two_of_one(far)
    await merge(far, one, other)
    await far.handlers.departures.leave(one)
    with pytest.raises(MergeNotReversible):
        await undo(far)


async def test_undoing_twice_and_undoing_nothing_are_the_same_refusal(far):
    one, other = await two_of_one(far)
    await merge(far, one, other)
    merge_id = (await MemberMerge.get()).id
    await undo(far, merge_id)
    for unknown in (merge_id, uuid4()):
        with pytest.raises(MergeUnknown):
            await undo(far, unknown)


# --- at the same time


async def test_undoing_at_once_undoes_once(far):
    one, other = await two_of_one(far)
    before = await who_is_who()
    await merge(far, one, other)
    merge_id = (await MemberMerge.get()).id
    outcomes = await asyncio.gather(*(undo(far, merge_id) for _ in range(10)), return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert {type(each) for each in outcomes if isinstance(each, BaseException)} == {MergeUnknown}
    assert await who_is_who() == before


async def test_the_race_above_is_seen_when_nobody_locks(far):
    """Negative control: read the row, act on it, delete it."""
    one, other = await two_of_one(far)
    await merge(far, one, other)
    undone, everybody_has_looked = [], asyncio.Barrier(10)

    async def naive():
        found = await MemberMerge.first()
        await everybody_has_looked.wait()
        if found is not None:
            undone.append(found.id)
            await Member.filter(id=other.member_id).update(status=MemberStatus.ACTIVE)
            await MemberMerge.filter(id=found.id).delete()

    await asyncio.gather(*(naive() for _ in range(10)))
    assert len(undone) == 10


async def test_merging_undoing_and_attaching_at_once_leave_every_identifier_with_an_acting_member(far):
    one, other = await two_of_one(far)

    async def attempt(step):
        return await asyncio.gather(step, return_exceptions=True)

    for turn in range(5):
        await attempt(merge(far, one, other))
        phone = change(far, await far.person("o-ming"), f"1391234568{turn}")
        await asyncio.gather(attempt(undo(far)), attempt(phone), attempt(undo(far)))
        far.clock.advance(timedelta(days=1, seconds=1))
    active = Identifier.filter(status=IdentifierStatus.ACTIVE)
    assert await active.filter(member__status=MemberStatus.MERGED).count() == 0
    assert await active.filter(namespace=Namespace.WX_OPENID).count() == 2
