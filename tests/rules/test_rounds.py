"""Rounds: side by side what has nothing in common, and everything else in its order."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.rounds import rounds

items = st.lists(st.frozensets(st.integers(0, 6), max_size=3), max_size=30)


def numbered(things):
    return list(enumerate(things))


@given(items)
def test_nobody_is_lost_and_nobody_comes_twice(things):
    made = rounds(numbered(things), lambda item: item[1])
    assert sorted(item for together in made for item in together) == numbered(things)
    assert all(together for together in made)


@given(items)
def test_no_two_of_a_round_touch_the_same_thing(things):
    for together in rounds(numbered(things), lambda item: item[1]):
        assert all(first[1].isdisjoint(second[1]) for first, second in combinations(together, 2))


@given(items)
def test_whoever_shares_something_keeps_the_order(things):
    made = rounds(numbered(things), lambda item: item[1])
    place = {item[0]: number for number, together in enumerate(made) for item in together}
    for first, second in combinations(numbered(things), 2):
        if first[1] & second[1]:
            assert place[first[0]] < place[second[0]]


@given(st.integers(0, 20))
def test_what_has_nothing_in_common_is_one_round(count):
    assert len(rounds(range(count), lambda item: [item])) == min(count, 1)
