"""The graphs of orders and refunds, and what money does: as pure rules."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.offer_checks import MOST_FEN, problems_of
from handlers.rules.offer_terms import OfferTerms, Price
from handlers.rules.order_states import (
    EDGES,
    HAS_MONEY,
    LOCKED_FOR,
    LOOKS,
    OPEN,
    REFUND_EDGES,
    IllegalEdge,
    Money,
    contradicts,
    is_over_there,
    next_look,
    on_money,
    refund_after,
    refund_pause,
    require_edge,
    stands,
)
from models.statements import invariants_orders
from models.words import OrderRefundState, OrderState, RefundHeard, TradeHeard

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def test_the_doctor_knows_the_same_graph():
    edges = {(before.value, after.value) for before, afters in EDGES.items() for after in afters}
    assert {edge for edge in invariants_orders.EDGES if edge[0]} == edges
    assert ("", "waiting") in invariants_orders.EDGES


def test_what_has_money_never_loses_it_but_by_a_refund():
    for before in HAS_MONEY:
        assert EDGES[before] <= {OrderState.REFUNDED}


def test_an_edge_that_is_not_there_is_refused():
    require_edge(OrderState.WAITING, OrderState.PAID)
    with pytest.raises(IllegalEdge):
        require_edge(OrderState.REFUNDED, OrderState.PAID)


def test_an_order_is_expired_from_the_first_instant_after_its_quarter_of_an_hour():
    until = NOON + LOCKED_FOR
    assert stands(OrderState.WAITING, until, until - timedelta(microseconds=1)) is OrderState.WAITING
    assert stands(OrderState.WAITING, until, until) is OrderState.EXPIRED
    assert stands(OrderState.PAID, until, until) is OrderState.PAID


@given(st.sampled_from(OrderState))
def test_money_is_given_something_for_or_goes_back_or_was_heard_of(state):
    act = on_money(state)
    leads = {
        Money.FULFIL: {OrderState.PAID, OrderState.RETURNING},
        Money.LOCK_AGAIN: {OrderState.PAID, OrderState.RETURNING},
        Money.RETURN: {OrderState.RETURNING},
        Money.KNOWN: set(),
    }[act]
    assert leads <= EDGES[state]
    assert (act is Money.KNOWN) == (state in HAS_MONEY)


def test_a_service_that_takes_money_back_in_words_contradicts_itself():
    assert contradicts(OrderState.PAID, TradeHeard.OPEN)
    assert not contradicts(OrderState.PAID, TradeHeard.UNKNOWN)
    assert not contradicts(OrderState.EXPIRED, TradeHeard.CLOSED)


def test_it_is_asked_after_one_three_ten_and_thirty_minutes_and_as_the_lock_ends():
    asked = [next_look(NOON, number, NOON) - NOON for number in range(len(LOOKS))]
    assert asked == [timedelta(minutes=minutes) for minutes in (1, 3, 10, 15, 30)]
    assert LOCKED_FOR in asked
    late = NOON + timedelta(hours=3)
    assert next_look(NOON, 1, late) > late
    assert next_look(NOON, len(LOOKS), late) == late + timedelta(minutes=10)


@given(st.sampled_from(OrderState), st.sampled_from(TradeHeard), st.booleans())
def test_nobody_stops_asking_while_somebody_could_still_pay(state, heard, is_closed):
    if is_over_there(state, heard, is_closed=is_closed):
        assert state is not OrderState.WAITING or heard is TradeHeard.PAID
        assert heard is not TradeHeard.UNKNOWN or is_closed or state in HAS_MONEY


@given(st.sampled_from(OrderRefundState), st.sampled_from(RefundHeard))
def test_a_refund_goes_only_along_its_graph(state, heard):
    target = refund_after(state, heard)
    assert target is None or target in REFUND_EDGES[state]
    if heard in {RefundHeard.UNKNOWN, RefundHeard.REFUSED, RefundHeard.ABSENT, RefundHeard.UNDER_WAY}:
        assert target is None


def test_refunds_are_asked_about_more_and_more_rarely():
    pauses = [refund_pause(number) for number in range(1, 12)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(hours=1)


def test_whoever_waits_or_is_owed_money_cannot_leave():
    assert {OrderState.WAITING, OrderState.RETURNING} == OPEN


@pytest.mark.parametrize(
    ("price", "problems"),
    [
        (Price(fen=1), set()),
        (Price(fen=MOST_FEN), set()),
        (Price(fen=MOST_FEN + 1), {("price.fen", "out_of_range")}),
        (Price(fen=-1), {("price", "negative")}),
        (Price(fen=1, points=1), set()),
        (Price(fen=1, outside_points=1, outside_account="a"), {("price.outside_points", "with_money")}),
        (Price(fen=1, carrier_fen=1), {("price.carrier_fen", "carrier_missing")}),
    ],
)
def test_where_money_is_taken_an_offer_may_cost_some(price, problems):
    found = problems_of(OfferTerms(price=price), NOON, BUSINESS_ZONE, takes_money=True)
    assert {(each.field, each.problem) for each in found} == problems
