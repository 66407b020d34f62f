"""A bill beside our rows: every number on one list at most, and none where both agree."""

from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.reconciliation import Difference, compare
from models.words import Listed

NUMBERS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 5))


def test_three_lists():
    theirs, ours = {"same": 5, "more": 6, "foreign": 7, "late": 8}, {"same": 5, "more": 5, "late": 0}
    assert compare(theirs, {"yesterday"}, ours, {"same": 5, "lost": 9, "yesterday": 4}) == [
        Difference("foreign", Listed.THEIRS_ONLY, 0, 7),
        Difference("late", Listed.DIFFERS, 0, 8),
        Difference("more", Listed.DIFFERS, 5, 6),
        Difference("lost", Listed.OURS_ONLY, 9, 0),
    ]


@given(NUMBERS, NUMBERS)
def test_who_agrees_is_on_no_list_and_who_does_not_is_on_one(theirs, ours):
    found = compare(theirs, set(), ours, ours)
    numbers = [each.number for each in found]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) == {each for each in theirs | ours if theirs.get(each) != ours.get(each)}
    for each in found:
        assert (each.ours_fen, each.theirs_fen) == (ours.get(each.number, 0), theirs.get(each.number, 0))


@given(NUMBERS)
def test_a_bill_beside_itself_has_no_differences(both):
    assert compare(both, set(), both, both) == []
