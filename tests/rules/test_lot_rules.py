"""Lots: taken soonest to end first, given back longest-lived first, never more than there was."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.lots import Lot, Use, end_of_returned, in_order, returned, take

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def lots_of(facts: list[tuple[int, int | None]]) -> list[Lot]:
    """How much, and after how many days it ends."""
    return [
        Lot(UUID(int=number), UUID(int=number + 1_000), left, NOON + days * DAY if days is not None else None)
        for number, (left, days) in enumerate(facts)
    ]


some = st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 5)), max_size=8).map(lots_of)


@given(some, st.integers(0, 80))
def test_what_is_taken_is_what_was_asked_for_or_nothing_is_silent(lots, amount):
    there = sum(lot.left for lot in lots)
    if amount > there:
        with pytest.raises(ValueError, match="more than there is"):
            take(in_order(lots), amount)
        return
    taken = take(in_order(lots), amount)
    assert sum(each.amount for each in taken) == amount
    assert sum(lot.left for lot in lots) == there - amount
    assert all(lot.left >= 0 for lot in lots)


@given(some, st.integers(1, 80))
def test_nothing_is_left_that_ends_before_something_that_was_taken(lots, amount):
    there = sum(lot.left for lot in lots)
    taken = take(in_order(lots), min(amount, there))
    far = NOON + 99 * DAY
    latest = max((each.lot.expires_at or far for each in taken), default=NOON)
    assert all(lot.left == 0 for lot in lots if (lot.expires_at or far) < latest)


@given(some, st.integers(1, 80), st.integers(1, 80))
def test_what_was_taken_and_comes_back_whole_leaves_every_lot_as_it_was(lots, amount, part):
    before = [lot.left for lot in lots]
    taken = take(in_order(lots), min(amount, sum(before)))
    uses = [Use(UUID(int=n), each.lot, UUID(int=0), each.amount) for n, each in enumerate(taken)]
    total = sum(each.amount for each in taken)
    first = min(part, total)
    for use, back in [*returned(uses, first), *returned(uses, total - first)]:
        use.lot.left += back
    assert [lot.left for lot in lots] == before
    with pytest.raises(ValueError, match="more than was taken"):
        returned(uses, 1)


def test_what_came_by_a_certain_transfer_can_go_first():
    soon, other = lots_of([(5, 1), (5, 9)])
    assert in_order([soon, other], frozenset({other.origin_id})) == [other, soon]


@pytest.mark.parametrize(
    ("days", "is_swept", "grace", "expected"),
    [
        (None, False, 0, (True, None)),
        (3, False, 0, (True, NOON + 3 * DAY)),
        (3, False, 7, (False, NOON + 7 * DAY)),
        (0, False, 0, (False, NOON)),
        (-2, True, 0, (False, NOON)),
        (-2, True, 7, (False, NOON + 7 * DAY)),
        (9, True, 7, (False, NOON + 9 * DAY)),
    ],
)
def test_what_comes_back_lives_in_its_own_lot_or_at_least_as_long_as_the_grace(days, is_swept, grace, expected):
    (lot,) = lots_of([(1, days)])
    use = Use(UUID(int=1), lot, UUID(int=0), 1, is_swept)
    assert end_of_returned(use, NOON, grace * DAY) == expected
