"""Resolution on the real tables: which people come out does not depend on the order in which things were proven.

The rule alone is tested in `tests/rules/test_identity_rules.py`, against a model in memory; here the same is asked of
what stands in the database afterwards, merges, repointed rows and all. Every example brings people of its own.
"""

import itertools
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.identity.identity import resolve
from handlers.identity.proofs import Proof
from models.database import atomic
from models.identity import Identifier, IdentityEvent, Member, MemberMerge
from models.words import IdentifierStatus, MemberStatus, Namespace

ACCOUNTS = ("oa", "mp", "app")
_worlds = itertools.count()

few = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class Seen(NamedTuple):
    """One person shows up at one account; WeChat tells the unionid or does not, and they may show their phone."""

    person: int
    account: str
    with_unionid: bool
    with_phone: bool

    def named(self) -> list[tuple[Namespace, str, str]]:
        found = [(Namespace.WX_OPENID, self.account, f"o-{self.account}-{self.person}")]
        if self.with_unionid:
            found.append((Namespace.WX_UNIONID, "main", f"u-{self.person}"))
        if self.with_phone:
            found.append((Namespace.PHONE, "86", f"p-{self.person}"))
        return found


def sightings(*, with_phone):
    return st.lists(
        st.builds(Seen, st.integers(0, 2), st.sampled_from(ACCOUNTS), st.booleans(), with_phone),
        min_size=1,
        max_size=8,
    )


class World:
    """The same three people, told apart from those of every other world by their values."""

    def __init__(self, rooms) -> None:
        self.rooms = rooms
        self.prefix = f"w{next(_worlds)}:"

    async def see(self, steps) -> list:
        members = []
        for step in steps:
            proofs = [Proof(space, scope, self.prefix + value, "test") for space, scope, value in step.named()]
            async with atomic():
                resolution = await resolve(proofs, now=self.rooms.clock.now(), vault=self.rooms.vault)
            members.append(resolution.member_id)
        return members

    async def partition(self) -> set[frozenset[str]]:
        """The values that belong together, by today's member."""
        groups: dict = {}
        names = [f"o-{account}-{person}" for account in ACCOUNTS for person in range(3)]
        names += [f"{kind}-{person}" for kind in "up" for person in range(3)]
        for name in names:
            space = {"o": Namespace.WX_OPENID, "u": Namespace.WX_UNIONID, "p": Namespace.PHONE}[name[0]]
            value_hash = self.rooms.vault.blind_index(f"identifier:{space}", self.prefix + name)
            owner = await Identifier.get_or_none(value_hash=value_hash, status=IdentifierStatus.ACTIVE)
            if owner is not None:
                groups.setdefault(owner.member_id, set()).add(name)
        return {frozenset(group) for group in groups.values()}


def people_of(steps) -> set[frozenset[str]]:
    """Who must come out: whatever is linked by a unionid is one person, an openid alone is one of its own."""
    linked: dict[int, set[str]] = {}
    for step in steps:
        if step.with_unionid:
            linked.setdefault(step.person, set()).update(value for _, _, value in step.named())
    openids = {value for step in steps for space, _, value in step.named() if space is Namespace.WX_OPENID}
    alone = openids.difference(*linked.values())
    return {frozenset(group) for group in linked.values()} | {frozenset({openid}) for openid in alone}


async def nothing_dangles() -> None:
    merged = await Member.filter(status=MemberStatus.MERGED).values_list("id", flat=True)
    assert await Identifier.filter(member_id__in=merged, status=IdentifierStatus.ACTIVE).count() == 0
    assert await Member.filter(canonical_id__in=merged).count() == 0  # one hop to today's row
    assert await MemberMerge.all().count() == len(merged)


@few
@given(steps=sightings(with_phone=st.just(False)), random=st.randoms(use_true_random=False))
async def test_the_same_people_come_out_whatever_the_order(rooms, steps, random):
    in_order, shuffled = World(rooms), World(rooms)
    await in_order.see(steps)
    await shuffled.see(random.sample(steps, len(steps)))
    assert await in_order.partition() == await shuffled.partition() == people_of(steps)
    await nothing_dangles()


@few
@given(steps=sightings(with_phone=st.booleans()), random=st.randoms(use_true_random=False))
async def test_once_the_unionid_is_known_phones_too_are_with_one_person_whatever_the_order(rooms, steps, random):
    ties = [step._replace(with_unionid=True) for step in steps]
    expected = people_of(ties)
    for order in (steps, random.sample(steps, len(steps))):
        world = World(rooms)
        await world.see(order)
        await world.see(random.sample(ties, len(ties)))
        assert await world.partition() == expected
    await nothing_dangles()


@few
@given(steps=sightings(with_phone=st.booleans()))
async def test_proving_the_same_again_changes_nothing_and_means_the_same_person(rooms, steps):
    world = World(rooms)
    await world.see(steps)
    first = (await world.see(steps), await counts())
    assert (await world.see(steps), await counts()) == first


async def counts() -> list[int]:
    return [await table.all().count() for table in (Member, Identifier, IdentityEvent, MemberMerge)]
