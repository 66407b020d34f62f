"""Resolution of identifiers, as a pure rule against a model in memory."""

import itertools
from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.identity import Candidate, Decision, Key, decide
from models.words import Namespace

OA, MP, PHONE, UNION = (
    (Namespace.WX_OPENID, "oa"),
    (Namespace.WX_OPENID, "mp"),
    (Namespace.PHONE, "86"),
    (Namespace.WX_UNIONID, "main"),
)


def key(kind: tuple[Namespace, str], value: str) -> Key:
    return Key(*kind, value)


def member(number: int, *held: Key, joined: bool = False) -> Candidate:
    return Candidate(UUID(int=number), joined, frozenset(held))


class People:
    """The smallest thing that behaves like the tables: members and what they hold."""

    def __init__(self) -> None:
        self.members: dict[UUID, Candidate] = {}
        self.conflicts: list[Key] = []

    def resolve(self, facts: list[Key]) -> UUID:
        wanted = set(facts)
        candidates = [person for person in self.members.values() if person.held & wanted]
        decision = decide(facts, candidates)
        acting = decision.acting or UUID(int=len(self.members) + 1)
        person = self.members.get(acting, Candidate(acting, has_joined=False, held=frozenset()))
        held = person.held | set(decision.attached)
        for absorbed in decision.absorbed:
            held |= self.members[absorbed].held
            self.members[absorbed] = replace(self.members[absorbed], held=frozenset())
        self.members[acting] = replace(person, held=held)
        self.conflicts += decision.refused
        return acting

    def partition(self) -> set[frozenset[Key]]:
        return {person.held for person in self.members.values() if person.held}


def test_nobody_known_makes_a_new_member_with_everything_shown():
    facts = [key(MP, "y"), key(UNION, "u")]
    assert decide(facts, []) == Decision(None, (), (key(UNION, "u"), key(MP, "y")), ())


def test_a_known_unionid_takes_in_the_openid_of_another_account():
    decision = decide([key(OA, "x"), key(UNION, "u")], [member(1, key(UNION, "u"), key(MP, "y"))])
    assert decision.acting == UUID(int=1)
    assert decision.attached == (key(OA, "x"),)


def test_two_members_linked_by_a_unionid_become_one_and_the_joined_one_survives():
    follower = member(1, key(OA, "x"))
    joined = member(2, key(UNION, "u"), key(MP, "y"), joined=True)
    decision = decide([key(OA, "x"), key(UNION, "u")], [follower, joined])
    assert decision.acting == UUID(int=2)
    assert decision.absorbed == (UUID(int=1),)
    assert not decision.refused


def test_different_unionids_veto_a_merge_and_the_unionid_wins():
    one = member(1, key(OA, "x"), key(UNION, "other"))
    two = member(2, key(UNION, "u"))
    decision = decide([key(OA, "x"), key(UNION, "u")], [one, two])
    assert decision.acting == UUID(int=2)
    assert decision.absorbed == ()
    assert decision.refused == (key(OA, "x"),)


def test_a_phone_of_another_wechat_user_is_never_taken_nor_merged():
    holder = member(1, key(MP, "x"), key(PHONE, "p"), joined=True)
    decision = decide([key(PHONE, "p")], [holder, member(2, key(MP, "y"))], asking=UUID(int=2))
    assert decision.acting == UUID(int=2)
    assert decision.refused == (key(PHONE, "p"),)


def test_a_phone_only_member_is_taken_in_by_the_wechat_user_who_proves_the_phone():
    till = member(1, key(PHONE, "p"))
    decision = decide([key(PHONE, "p")], [till, member(2, key(MP, "y"))], asking=UUID(int=2))
    assert {decision.acting, *decision.absorbed} == {UUID(int=1), UUID(int=2)}


def test_a_second_phone_beside_a_first_is_refused_here():
    holder = member(1, key(MP, "x"), key(PHONE, "p"))
    assert decide([key(PHONE, "q")], [holder], asking=UUID(int=1)).refused == (key(PHONE, "q"),)


PERSON_FACTS = st.integers(0, 3).flatmap(
    lambda person: st.sets(
        st.sampled_from([key(kind, f"{person}") for kind in (UNION, OA, MP, PHONE)]), min_size=1
    ).map(frozenset)
)


@given(st.lists(PERSON_FACTS, min_size=1, max_size=7), st.randoms())
def test_conflict_free_facts_give_the_same_people_in_any_order(batches, random):
    # Every batch carries identifiers of one person, and everybody is tied together by their unionid in the end.
    ties = [frozenset(batch | {Key(*UNION, next(iter(batch)).value_hash)}) for batch in batches]
    shuffled = [*batches, *ties]
    random.shuffle(shuffled)
    in_order, out_of_order = People(), People()
    for batch in (*batches, *ties):
        in_order.resolve(list(batch))
    for batch in (*shuffled, *ties):
        out_of_order.resolve(list(batch))
    assert in_order.partition() == out_of_order.partition()


@given(st.lists(PERSON_FACTS, min_size=1, max_size=7))
def test_asking_again_changes_nothing(batches):
    people = People()
    for batch in batches:
        people.resolve(list(batch))
    before = dict(people.members)
    first = people.resolve(list(batches[-1]))
    assert people.members == before
    assert people.resolve(list(batches[-1])) == first


@given(st.lists(st.sets(st.sampled_from([key(kind, v) for kind in (UNION, OA, MP, PHONE) for v in "ab"]), min_size=1)))
def test_whatever_happens_nobody_holds_two_values_and_no_value_has_two_owners(batches):
    people = People()
    for batch in batches:
        people.resolve(list(batch))
    everything = list(itertools.chain.from_iterable(person.held for person in people.members.values()))
    assert len(everything) == len(set(everything))
    for person in people.members.values():
        assert len({(held.namespace, held.scope) for held in person.held}) == len(person.held)


@given(st.lists(st.sets(st.sampled_from([key(kind, v) for kind in (UNION, OA, MP, PHONE) for v in "ab"]), min_size=1)))
def test_every_fact_ends_up_with_somebody_or_is_named_as_a_conflict(batches):
    people = People()
    for batch in batches:
        people.conflicts.clear()
        acting = people.resolve(list(batch))
        for fact in batch:
            assert fact in people.members[acting].held or fact in people.conflicts
