"""What members have when two become one, are two again, or leave."""

import pytest

from handlers.errors import PointsShort
from handlers.ledger.due import LedgerDue
from handlers.ledger.holding import HoldExpiry, post_hold
from handlers.rules.ledger import Side
from models.database import atomic
from models.identity import MemberMerge
from models.ledger import LedgerAccount, LedgerLot, Transfer
from models.words import LedgerAccountKind as Kind
from tests.handlers.ledgers import DAY, a_ledger, breaches
from tests.handlers.test_unmerging import merge, undo


@pytest.fixture
async def ledger(far, clock):
    """Whatever a test does to it, `doctor` has nothing to say in the end."""
    yield await a_ledger(clock)
    assert await breaches() == []


@pytest.fixture
async def two(far):
    """A member, and somebody who turns out to be the same person."""
    return await far.member("o-ming"), await far.person("o-far", account="far0")


async def both(ledger, two) -> list[int]:
    return [await ledger.posted(each.member_id) for each in two]


async def test_when_two_become_one_what_they_have_is_together_and_lots_keep_their_ends(far, ledger, two, clock):
    one, other = (each.member_id for each in two)
    soon, late = clock.now() + 5 * DAY, clock.now() + 9 * DAY
    await ledger.earn(one, 10, expires_at=late)
    await ledger.earn(other, 7, expires_at=soon)
    await ledger.earn(other, 3, credit=Side(Kind.PENDING, other), available_at=clock.now() + DAY)
    await merge(far, *two)
    assert await both(ledger, two) == [17, 0]
    assert (await ledger.posted(one, Kind.PENDING), await ledger.posted(other, Kind.PENDING)) == (3, 0)
    assert await ledger.left(one) == [(7, soon), (10, late), (3, None)]
    clock.advance(DAY)
    await ledger.spend(one, 20)
    assert await both(ledger, two) == [0, 0]


async def test_what_a_floor_below_zero_allows_is_not_carried_as_if_it_were_there(far, ledger, two, clock):
    growth = await a_ledger(clock, "growth")
    for each in two:
        await growth.earn(each.member_id, 30)
    await LedgerAccount.filter(member_id=two[1].member_id, unit="growth").update(floor=-100)
    await merge(far, *two)
    assert await both(growth, two) == [60, 0]


async def test_with_nothing_between_merge_and_unmerge_everybody_has_what_they_had(far, ledger, two, clock):
    one, other = (each.member_id for each in two)
    await ledger.earn(one, 10)
    await ledger.earn(other, 7, expires_at=clock.now() + 5 * DAY)
    await ledger.earn(other, 3, credit=Side(Kind.PENDING, other), available_at=clock.now() + DAY)
    growth = await a_ledger(clock, "growth")
    await growth.earn(other, 40)
    before = await LedgerLot.filter(left_amount__gt=0).order_by("id").values("id", "left_amount", "expires_at")
    await merge(far, *two)
    assert await growth.posted(one) == 40
    await undo(far)
    assert await both(ledger, two) == [10, 7]
    assert await both(growth, two) == [0, 40]
    assert await ledger.posted(other, Kind.PENDING) == 3
    after = await LedgerLot.filter(left_amount__gt=0).order_by("id").values("id", "left_amount", "expires_at")
    assert after == before


async def test_what_was_spent_or_expired_in_between_was_the_survivors(far, ledger, two, clock):
    one, other = (each.member_id for each in two)
    await ledger.earn(one, 10, expires_at=clock.now() + 9 * DAY)
    await ledger.earn(other, 7, expires_at=clock.now() + DAY)
    await ledger.earn(other, 6, expires_at=clock.now() + 5 * DAY)
    await merge(far, *two)
    clock.advance(DAY)
    await ledger.spend(one, 2)  # of the six: they end first
    await undo(far)
    assert await both(ledger, two) == [10, 4]


async def test_merging_again_moves_again(far, ledger, two):
    await ledger.earn(two[1].member_id, 7)
    for _ in range(2):
        await merge(far, *two)
        assert await both(ledger, two) == [7, 0]
        await undo(far)
        assert await both(ledger, two) == [0, 7]
    assert await Transfer.filter(cause_kind="member_merge").count() == 2
    assert await MemberMerge.all().count() == 0


async def test_what_was_held_follows_when_its_hold_ends(far, ledger, two, clock):
    other = two[1].member_id
    await ledger.earn(other, 10)
    kept, given = await ledger.hold(other, 4), await ledger.hold(other, 6)
    await merge(far, *two)
    assert await both(ledger, two) == [0, 10]
    async with atomic():
        await post_hold(kept.id, 3, at=clock.now())
    assert await both(ledger, two) == [1, 6]
    clock.advance(DAY)
    await HoldExpiry(clock).sweep()
    assert await both(ledger, two) == [7, 0]
    assert given.amount == 6


async def test_whoever_leaves_leaves_what_they_have(far, ledger, two, clock):
    one = two[0].member_id
    await ledger.earn(one, 10)
    await ledger.earn(one, 5, credit=Side(Kind.PENDING, one), available_at=clock.now() + DAY)
    await ledger.hold(one, 4)
    await far.handlers.departures.leave(two[0])
    assert await ledger.posted(one) == 0
    assert await ledger.posted(one, Kind.PENDING) == 0
    gone = await Transfer.filter(cause_kind="departed").values_list("amount", flat=True)
    assert sorted(gone) == [5, 10]
    await far.handlers.departures.sweep_again(str(one))
    assert await Transfer.filter(cause_kind="departed").count() == 2
    clock.advance(DAY)
    assert await LedgerDue(clock).sweep() == 0
    with pytest.raises(PointsShort):
        await ledger.spend(one, 1)
