"""The registry of namespaces, and that the decision obeys every rule in it."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.identity import Candidate, contested, decide, is_too_much
from handlers.rules.namespaces import REGISTRY, RULES, Key, Registry, is_nobodys
from models.words import Namespace

SHARED = (Namespace.DEVICE, Namespace.COOKIE)
PLATFORMS = (Namespace.TMALL_OMID, Namespace.TMALL_OUID, Namespace.DOUYIN, Namespace.JD, Namespace.YOUZAN)


def key(namespace: Namespace, value: str, scope: str = "s") -> Key:
    return Key(namespace, scope, value)


def member(number: int, *held: Key, **more: object) -> Candidate:
    return Candidate(UUID(int=number), has_joined=False, held=frozenset(held), **more)


def test_every_namespace_has_a_rule_and_priorities_are_a_total_order():
    assert set(RULES) == set(Namespace)
    assert len({rule.priority for rule in RULES.values()}) == len(RULES)


def test_the_owner_of_the_stronger_identifier_acts():
    till, phone = member(1, key(Namespace.POS_MEMBER, "7")), member(2, key(Namespace.PHONE, "p"))
    decision = decide([key(Namespace.POS_MEMBER, "7"), key(Namespace.PHONE, "p")], [till, phone])
    assert {decision.acting, *decision.absorbed} == {UUID(int=1), UUID(int=2)}  # nothing speaks against one person
    anchored = member(1, key(Namespace.POS_MEMBER, "7"), key(Namespace.WX_OPENID, "x"))
    other = member(2, key(Namespace.PHONE, "p"), key(Namespace.WX_OPENID, "y"))
    decision = decide([key(Namespace.POS_MEMBER, "7"), key(Namespace.PHONE, "p")], [anchored, other])
    assert decision.acting == UUID(int=2)
    assert decision.refused == (key(Namespace.POS_MEMBER, "7"),)


@pytest.mark.parametrize("namespace", PLATFORMS)
def test_a_platforms_own_id_joins_two_members_and_two_values_of_it_keep_them_apart(namespace):
    wechat, shop = member(1, key(Namespace.WX_OPENID, "x")), member(2, key(namespace, "a"))
    facts = [key(Namespace.WX_OPENID, "x"), key(namespace, "a")]
    assert decide(facts, [wechat, shop]).absorbed == (UUID(int=2),)
    other = member(1, key(Namespace.WX_OPENID, "x"), key(namespace, "b"))
    decision = decide(facts, [other, shop])
    assert decision.absorbed == ()
    assert len(decision.refused) == 1
    assert contested([other, shop]) == (namespace,)


def test_a_till_may_know_one_person_by_several_numbers():
    one, two = member(1, key(Namespace.POS_MEMBER, "7")), member(2, key(Namespace.POS_MEMBER, "8"))
    assert contested([one, two]) == ()
    assert decide([key(Namespace.POS_MEMBER, "9")], [one], asking=UUID(int=1)).attached == (
        key(Namespace.POS_MEMBER, "9"),
    )


@pytest.mark.parametrize("namespace", SHARED)
def test_a_shared_device_makes_nobody_known_and_nobody_somebody(namespace):
    facts = [key(namespace, "d")]
    assert decide(facts, []).is_nobody
    assert decide(facts, [member(1, key(namespace, "d"))]).is_nobody
    decision = decide(facts, [member(1, key(namespace, "d")), member(2)], asking=UUID(int=2))
    assert (decision.acting, decision.absorbed, decision.attached, decision.refused) == (UUID(int=2), (), (), ())


def test_the_sixth_device_of_a_person_is_not_kept_and_is_no_conflict():
    five = [key(Namespace.DEVICE, str(number), scope=f"app{number}") for number in range(5)]
    decision = decide([key(Namespace.DEVICE, "sixth")], [member(1, *five)], asking=UUID(int=1))
    assert (decision.attached, decision.refused) == ((), ())
    decision = decide([key(Namespace.DEVICE, "fifth")], [member(1, *five[:4])], asking=UUID(int=1))
    assert len(decision.attached) == 1


def test_devices_do_not_blow_the_fuse_and_strong_identifiers_do():
    strong = [key(Namespace.WX_OPENID, "x", scope=f"app{number}") for number in range(REGISTRY.identifiers_of_one)]
    devices = [key(Namespace.DEVICE, str(number)) for number in range(30)]
    assert not is_too_much([member(1, *strong), member(2, *devices)])
    assert is_too_much([member(1, *strong), member(2, key(Namespace.PHONE, "p"))])
    assert is_too_much([member(1, merged_today=REGISTRY.merges_a_day), member(2)])


def test_another_registry_decides_otherwise():
    """The rules are data: a stricter measure, or a namespace with another limit, needs no other code."""
    one, two = member(1, key(Namespace.WX_OPENID, "x")), member(2, key(Namespace.WX_UNIONID, "u"))
    facts = [key(Namespace.WX_OPENID, "x"), key(Namespace.WX_UNIONID, "u")]
    assert decide(facts, [one, two]).fused == ()
    assert decide(facts, [one, two], registry=Registry(identifiers_of_one=1)).fused == (UUID(int=1),)
    two_phones = Registry({**RULES, Namespace.PHONE: replace(RULES[Namespace.PHONE], limit=2)})
    facts, holder = [key(Namespace.PHONE, "q")], member(1, key(Namespace.WX_OPENID, "x"), key(Namespace.PHONE, "p"))
    assert decide(facts, [holder], asking=UUID(int=1)).refused
    assert decide(facts, [holder], asking=UUID(int=1), registry=two_phones).attached == tuple(facts)


@pytest.mark.parametrize("value", ["", "0", "0000-0000", "null", " NULL ", "-1", "anonymous", "undefined", "-----"])
def test_a_word_for_nothing_is_nobody(value):
    assert is_nobodys(value)


@pytest.mark.parametrize("value", ["12", "A0001", "0000001", "nullius"])
def test_a_number_of_somebody_is_somebodys(value):
    assert not is_nobodys(value)


ANY_KEY = st.builds(
    Key, st.sampled_from(list(Namespace)), st.sampled_from(["s", "t"]), st.sampled_from(["a", "b", "c"])
)
BATCHES = st.lists(st.sets(ANY_KEY, min_size=1, max_size=6), max_size=12)


class People:
    """The smallest thing that behaves like the tables."""

    def __init__(self) -> None:
        self.members: dict[UUID, Candidate] = {}
        self.conflicts: set[Key] = set()

    def resolve(self, facts: set[Key]) -> UUID | None:
        decision = decide(facts, [person for person in self.members.values() if person.held & facts])
        if decision.is_nobody:
            return None
        acting = decision.acting or UUID(int=len(self.members) + 1)
        held = self.members[acting].held if acting in self.members else frozenset[Key]()
        for absorbed in decision.absorbed:
            held |= self.members[absorbed].held
            self.members[absorbed] = replace(self.members[absorbed], held=frozenset())
        self.members[acting] = Candidate(acting, has_joined=False, held=held | set(decision.attached))
        self.conflicts |= set(decision.refused)
        return acting


@given(BATCHES)
def test_over_all_namespaces_nobody_holds_more_than_allowed_and_no_value_has_two_owners(batches):
    people = People()
    for facts in batches:
        acting = people.resolve(facts)
        exclusive = {fact for fact in facts if REGISTRY.is_exclusive(fact)}
        assert acting is None or exclusive <= people.members[acting].held | people.conflicts
    held = [each for person in people.members.values() for each in person.held]
    assert len(held) == len(set(held))
    for person in people.members.values():
        for each in person.held:
            limit = REGISTRY[each.namespace].limit
            assert limit is None or sum(REGISTRY.place(o) == REGISTRY.place(each) for o in person.held) <= limit


@given(BATCHES)
def test_what_is_shared_never_changes_who_anybody_is(batches):
    """Metamorphic: the same facts without devices and cookies give the same people."""
    with_them, without = People(), People()
    for facts in batches:
        bare = {fact for fact in facts if REGISTRY.is_exclusive(fact)}
        mine = with_them.resolve(facts)
        assert mine == (without.resolve(bare) if bare else None)
    for member_id, person in without.members.items():
        assert {each for each in with_them.members[member_id].held if REGISTRY.is_exclusive(each)} == set(person.held)


@given(st.sets(ANY_KEY, min_size=1), st.randoms())
def test_the_order_of_facts_and_candidates_does_not_matter(facts, random):
    candidates = [member(number, each) for number, each in enumerate(sorted(facts)[:3], start=1)]
    shuffled_facts, shuffled = list(facts), list(candidates)
    random.shuffle(shuffled_facts)
    random.shuffle(shuffled)
    assert decide(sorted(facts), candidates) == decide(shuffled_facts, shuffled)
