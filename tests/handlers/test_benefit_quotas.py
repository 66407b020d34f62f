"""Quota flows downwards: given from what is left, taken back as far as it is not used, and never below zero."""

import asyncio

import pytest

from handlers.benefits.benefit_quotas import MOST, take
from handlers.errors import (
    BenefitStateWrong,
    BenefitUnknown,
    KeyReused,
    OrganizationUnknown,
    QuotaMisplaced,
    QuotaTooLarge,
    QuotaTooSmall,
    RoleMissing,
)
from models.benefits import BenefitQuota
from models.database import NotInTransaction, atomic, row
from models.ids import new_id
from models.operators import AuditEntry
from models.organizations import Organization
from models.statements import benefits as statements
from models.words import BenefitState, OperatorRole
from tests.handlers.pooling import benefit_in, country, key, operator_of

AT_ONCE = 50


@pytest.fixture
async def tree(rooms):
    return await country()


@pytest.fixture
async def benefit(rooms, tree):
    """The root's, in the pool."""
    return await benefit_in(BenefitState.POOL, tree.root.organization_id)


async def allot(rooms, by, benefit, to, delta, request_id=None):
    place = getattr(to, "organization_id", to)
    answer = await rooms.handlers.benefit_quotas.allot(
        by, benefit.id, place, delta=delta, request_id=request_id or key()
    )
    return answer.value


async def counts(benefit, of):
    quota = await BenefitQuota.get(benefit=benefit, organization_id=of.organization_id)
    return quota.allotted_count, quota.left_count


async def test_from_the_owner_downwards_each_gives_of_what_is_left(rooms, tree, benefit):
    given = await allot(rooms, tree.root, benefit, tree.province, 100)
    assert (given.giver_id, given.giver_left) == (tree.root.organization_id, None)  # the owner has no limit
    given = await allot(rooms, tree.province, benefit, tree.north, 30)
    assert (given.quota.allotted_count, given.quota.left_count, given.giver_left) == (30, 30, 70)
    await allot(rooms, tree.root, benefit, tree.south, 70)  # from the province's, by somebody above it
    with pytest.raises(QuotaTooSmall) as refused:
        await allot(rooms, tree.province, benefit, tree.north, 1)
    assert refused.value.facts == {"left": 0}
    assert await counts(benefit, tree.province) == (100, 0)
    assert await counts(benefit, tree.north) == (30, 30)
    assert await counts(benefit, tree.south) == (70, 70)


async def test_what_is_used_is_not_taken_back(rooms, tree, benefit):
    await allot(rooms, tree.root, benefit, tree.province, 100)
    await allot(rooms, tree.province, benefit, tree.north, 30)
    async with atomic():
        assert await take(benefit.id, tree.north.organization_id, 25) == 5
    with pytest.raises(QuotaTooSmall) as refused:
        await allot(rooms, tree.province, benefit, tree.north, -6)
    assert refused.value.facts == {"left": 5}
    assert await counts(benefit, tree.province) == (100, 70)  # the giver's half was rolled back
    back = await allot(rooms, tree.province, benefit, tree.north, -5)
    assert (back.quota.allotted_count, back.quota.left_count, back.giver_left) == (25, 0, 75)
    async with atomic():
        assert await take(benefit.id, tree.north.organization_id, -25) == 25
    with pytest.raises(QuotaTooSmall):  # more given back than was ever taken
        async with atomic():
            await take(benefit.id, tree.north.organization_id, -1)


async def test_use_needs_a_quota_and_a_transaction(rooms, tree, benefit):
    with pytest.raises(QuotaTooSmall):
        async with atomic():
            await take(benefit.id, tree.north.organization_id, 1)
    with pytest.raises(NotInTransaction):
        await take(benefit.id, tree.north.organization_id, 1)


async def test_asked_again_it_is_given_once_and_recorded_once(rooms, tree, benefit):
    for _ in range(2):
        await allot(rooms, tree.root, benefit, tree.province, 10, "k")
    with pytest.raises(KeyReused):
        await allot(rooms, tree.root, benefit, tree.province, 11, "k")
    assert await counts(benefit, tree.province) == (10, 10)
    entry = await AuditEntry.get(action="benefit.allotted")
    assert (entry.organization_id, entry.facts["delta"]) == (tree.root.organization_id, 10)


async def test_only_downwards_by_one_step_and_within_the_owners_subtree(rooms, tree, benefit):
    souths = await benefit_in(BenefitState.POOL, tree.south.organization_id, "souths")
    with pytest.raises(QuotaMisplaced):
        await allot(rooms, tree.root, benefit, tree.root, 1)
    with pytest.raises(QuotaMisplaced):
        await allot(rooms, tree.root, souths, tree.north, 1)
    with pytest.raises(QuotaMisplaced):
        await allot(rooms, tree.root, souths, tree.province, 1)
    with pytest.raises(QuotaMisplaced):
        await allot(rooms, tree.root, souths, tree.south, 1)
    with pytest.raises(QuotaTooSmall):  # two steps: the province between them has nothing to give
        await allot(rooms, tree.root, benefit, tree.north, 1)
    assert await BenefitQuota.all().count() == 0


async def test_nobody_gives_to_the_own_place_or_elsewhere(rooms, tree, benefit):
    await allot(rooms, tree.root, benefit, tree.province, 100)
    await allot(rooms, tree.province, benefit, tree.north, 10)
    for place in (tree.north.organization_id, tree.south.organization_id, tree.province.organization_id, new_id()):
        with pytest.raises(OrganizationUnknown):
            await allot(rooms, tree.north, benefit, place, 1)
    with pytest.raises(OrganizationUnknown):
        await allot(rooms, tree.province, benefit, tree.province, 1)
    with pytest.raises(BenefitUnknown):  # none of it was allotted to the south
        await allot(rooms, tree.south, benefit, tree.south, 1)
    with pytest.raises(RoleMissing):
        finance = operator_of(tree.root.organization_id, OperatorRole.FINANCE)
        await allot(rooms, finance, benefit, tree.province, 1)
    assert await counts(benefit, tree.province) == (100, 90)


async def test_only_the_pool_is_given_and_everything_is_taken_back(rooms, tree):
    for state in BenefitState:
        each = await benefit_in(state, tree.root.organization_id, state.value)
        if state is not BenefitState.POOL:
            with pytest.raises(BenefitStateWrong):
                await allot(rooms, tree.root, each, tree.province, 1)
        await BenefitQuota.filter(benefit=each).delete()
        whole = {"allotted_count": 5, "left_count": 5}
        await BenefitQuota.create(benefit=each, organization_id=tree.province.organization_id, **whole)
        assert (await allot(rooms, tree.root, each, tree.province, -5)).quota.left_count == 0


async def test_a_counter_is_not_overfilled(rooms, tree, benefit):
    full = {"allotted_count": MOST, "left_count": 0}
    await BenefitQuota.create(benefit=benefit, organization_id=tree.province.organization_id, **full)
    with pytest.raises(QuotaTooLarge):
        await allot(rooms, tree.root, benefit, tree.province, 1)


async def test_the_list_shows_the_own_subtree(rooms, tree, benefit):
    await allot(rooms, tree.root, benefit, tree.province, 100)
    await allot(rooms, tree.province, benefit, tree.north, 10)

    async def listed(by, after=None, limit=9):
        found = await rooms.handlers.benefit_quotas.listing(by, benefit.id, after=after, limit=limit)
        return [each.organization_id for each in found]

    province, north = tree.province.organization_id, tree.north.organization_id
    assert set(await listed(tree.root)) == {province, north}
    assert await listed(tree.north) == [north]
    first = await listed(tree.root, limit=1)
    assert {*first, *await listed(tree.root, after=first[0])} == {province, north}
    with pytest.raises(BenefitUnknown):
        await listed(tree.south)


# --- at once


async def everybody_wants_some(rooms, tree, benefit, *, want=3):
    """50 allotments of the province's 100 to its cities, and 20 uses by the north; how many units there are then."""
    await allot(rooms, tree.root, benefit, tree.province, 100)
    cities = (tree.north, tree.south)
    giving = [allot(rooms, tree.province, benefit, cities[n % 2], want) for n in range(AT_ONCE)]

    async def use():
        async with atomic():
            await take(benefit.id, tree.north.organization_id, 1)
        return "used"

    answers = await asyncio.gather(*giving, *(use() for _ in range(20)), return_exceptions=True)
    refused = {type(each) for each in answers if isinstance(each, BaseException)}
    assert refused == {QuotaTooSmall} or not refused
    used = answers.count("used")
    given = sum(not isinstance(each, BaseException) for each in answers) - used
    return given, used


async def test_of_many_at_once_nobody_gets_more_than_there_is(rooms, tree, benefit):
    given, used = await everybody_wants_some(rooms, tree, benefit)
    assert given == 33  # 33 x 3 of 100
    assert await counts(benefit, tree.province) == (100, 1)
    north, south = await counts(benefit, tree.north), await counts(benefit, tree.south)
    assert north[0] + south[0] == 99
    assert north[1] == north[0] - used
    assert await AuditEntry.filter(action="benefit.allotted").count() == 34


async def test_negative_control_read_first_and_written_afterwards_it_gives_more(rooms, tree, benefit, monkeypatch):
    await allot(rooms, tree.root, benefit, tree.province, 100)
    everybody_has_looked = asyncio.Barrier(AT_ONCE)

    async def naive():
        left = (await row(statements.LEFT, benefit.id, tree.province.organization_id))["left_count"]
        await everybody_has_looked.wait()
        if left < 3:
            raise QuotaTooSmall(left=left)
        async with atomic():
            await BenefitQuota.filter(organization_id=tree.province.organization_id).update(left_count=left - 3)
        return 3

    given = await asyncio.gather(*(naive() for _ in range(AT_ONCE)))
    assert sum(given) > 100


async def test_the_same_request_fifty_times_at_once_gives_once(rooms, tree, benefit):
    answers = await asyncio.gather(*(allot(rooms, tree.root, benefit, tree.province, 7, "k") for _ in range(AT_ONCE)))
    assert len({each.quota for each in answers}) == 1
    assert await counts(benefit, tree.province) == (7, 7)


async def test_giving_and_taking_back_at_once_keeps_every_unit(rooms, tree, benefit):
    await allot(rooms, tree.root, benefit, tree.province, 10)
    await Organization.get(id=tree.north.organization_id)
    moves = [allot(rooms, tree.province, benefit, tree.north, delta) for delta in (5, -3) * 10]
    answers = await asyncio.gather(*moves, return_exceptions=True)
    assert {type(each) for each in answers if isinstance(each, BaseException)} <= {QuotaTooSmall}
    province, north = await counts(benefit, tree.province), await counts(benefit, tree.north)
    assert province[0] == 10
    assert province[1] + north[1] == 10
    assert north[0] == north[1]
