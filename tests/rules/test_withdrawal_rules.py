"""The rules of withdrawals: the graph, what follows on an answer, the limits."""

from datetime import UTC, datetime, timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.withdrawal_states import EDGES, HERE, OPEN, THERE, Next, after, contradicts, look_pause, next_act
from handlers.rules.withdrawals import Today, WithdrawalRules, decide, eyes, problems_of
from models.statements import invariants_withdrawals
from models.words import TransferHeard, WithdrawalState

NOW = datetime(2026, 3, 2, tzinfo=UTC)
STATES, WORDS = list(WithdrawalState), list(TransferHeard)


def test_the_doctor_knows_the_same_graph():
    ours = {(before.value, to.value) for before, tos in EDGES.items() for to in tos}
    assert set(invariants_withdrawals.EDGES) == ours | {("", "review"), ("", "waiting")}
    assert OPEN == HERE | THERE == {state for state in STATES if EDGES[state]}


def test_only_along_the_graph_and_never_from_where_nothing_was_sent():
    for state, heard in product(STATES, WORDS):
        target = after(state, heard)
        assert target is None or (target in EDGES[state] and state in THERE)


@given(st.permutations([TransferHeard.TO_CONFIRM, TransferHeard.MOVING, TransferHeard.DONE]), st.randoms())
def test_in_whatever_order_and_however_often_it_is_told_it_arrives(told, random):
    state = WithdrawalState.SENT
    for heard in [*told, *random.choices(told, k=5)]:
        state = after(state, heard) or state
    assert state is WithdrawalState.ARRIVED


def test_words_against_what_is_booked_are_for_people():
    assert contradicts(WithdrawalState.RETURNED, TransferHeard.DONE)
    assert contradicts(WithdrawalState.ARRIVED, TransferHeard.FAILED)
    assert contradicts(WithdrawalState.MOVING, TransferHeard.ABSENT)
    assert not contradicts(WithdrawalState.ARRIVED, TransferHeard.DONE)
    assert not contradicts(WithdrawalState.RETURNED, TransferHeard.FAILED)
    assert not contradicts(WithdrawalState.SENT, TransferHeard.ABSENT)


def act(state=WithdrawalState.SENT, heard=TransferHeard.ABSENT, *, first=0, last=0, **more) -> Next:
    facts = {"has_package": False, "is_ending": False, **more}
    ago = {"first_sent_at": NOW - timedelta(minutes=first), "sent_at": NOW - timedelta(minutes=last)}
    return next_act(state, heard, now=NOW, **ago, **facts)


def test_money_comes_back_only_when_no_call_of_ours_can_still_be_taken():
    for heard, is_ending in product(WORDS, (True, False)):
        for first, last in product((0, 9, 10, 1_439, 1_440), repeat=2):
            if act(heard=heard, first=first, last=last, is_ending=is_ending) is Next.GIVE_BACK:
                assert heard is TransferHeard.ABSENT
                assert last >= 10
                assert is_ending or first >= 1_440
    assert act(first=1_440, last=10) is Next.GIVE_BACK
    assert act(first=9, last=9) is Next.SEND
    assert act(first=9, last=9, is_ending=True) is Next.WAIT


def test_what_is_not_known_there_any_more_after_it_was_is_never_sent_or_given_back():
    for state in (WithdrawalState.CONFIRM, WithdrawalState.MOVING):
        assert act(state, first=9_999, last=9_999, is_ending=True) is Next.WAIT


def test_a_package_that_was_lost_is_asked_for_under_the_same_number():
    waiting = WithdrawalState.CONFIRM, TransferHeard.TO_CONFIRM
    assert act(*waiting) is Next.SEND
    assert act(*waiting, has_package=True) is act(*waiting, is_ending=True) is Next.WAIT


def test_looks_grow_further_apart():
    pauses = [look_pause(count) for count in range(1, 12)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=15), timedelta(hours=1))


@given(st.integers(-5, 600_000), st.integers(0, 5), st.integers(0, 400_000), st.booleans())
def test_what_is_allowed_is_within_every_limit(amount, count, taken, has_name):
    rules = WithdrawalRules(most_fen=300_000, daily_fen=400_000)
    verdict = decide(rules, amount, Today(count, taken), changed_at=None, has_name=has_name, now=NOW)
    within = rules.least_fen <= amount <= rules.most_fen and count < rules.daily_count
    within = within and taken + amount <= rules.daily_fen and (has_name or amount < 200_000)
    assert (verdict.reason == "") == within


def test_how_many_have_to_agree_and_which_rules_can_be():
    rules = WithdrawalRules()
    assert [eyes(rules, amount) for amount in (49_999, 50_000, 199_999, 200_000)] == [0, 1, 1, 2]
    assert problems_of(rules) == []
    assert [field for field, _ in problems_of(WithdrawalRules(daily_fen=1, second_from_fen=1))] == [
        "daily_fen",
        "second_from_fen",
    ]
