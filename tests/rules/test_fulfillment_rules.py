"""Orders at suppliers, as rules: what is asked first, what ends an order, where a supplier may be."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.fulfillment_states import (
    EDGES,
    OPEN,
    UNDER_WAY,
    Act,
    after,
    contradicts,
    is_about,
    may_send_again,
    next_act,
    pause_after,
)
from handlers.rules.phones import masked
from handlers.rules.supplier_addresses import address_of, problem_of
from models.words import FulfillmentState, Heard

States, Words = st.sampled_from(FulfillmentState), st.sampled_from(Heard)


@given(States, Words, st.booleans())
def test_whatever_is_heard_an_order_moves_along_the_graph_or_stays(state, heard, has_fallback):
    target = after(state, heard, has_fallback=has_fallback)
    assert target is None or target in EDGES[state]


@given(st.sampled_from(sorted(UNDER_WAY)), st.booleans())
def test_only_an_explicit_no_gives_up_an_order(state, has_fallback):
    ends = {heard for heard in Heard if after(state, heard, has_fallback=has_fallback) in {"failed", "replaced"}}
    assert ends == {Heard.FAILED}
    assert after(state, Heard.FAILED, has_fallback=has_fallback) == ("replaced" if has_fallback else "failed")


@given(States, Words, st.booleans())
def test_what_is_closed_or_was_never_sent_is_not_moved_by_words(state, heard, has_fallback):
    if state not in UNDER_WAY:
        assert after(state, heard, has_fallback=has_fallback) is None


@given(States, st.booleans())
def test_what_may_have_been_sent_is_asked_about_and_never_simply_sent(state, is_paused):
    act = next_act(state, is_paused=is_paused)
    assert (act is Act.SEND) == (state is FulfillmentState.WAITING and not is_paused)
    assert (act is Act.ASK) == (state in UNDER_WAY)


def test_an_order_is_sent_again_only_where_it_never_arrived_and_nobody_stopped_it():
    assert {heard for heard in Heard if may_send_again(heard, is_paused=False)} == {Heard.ABSENT}
    assert not any(may_send_again(heard, is_paused=True) for heard in Heard)


def test_a_supplier_that_takes_back_what_was_final_is_noticed():
    assert contradicts(FulfillmentState.DONE, Heard.FAILED)
    assert contradicts(FulfillmentState.FAILED, Heard.DONE)
    assert contradicts(FulfillmentState.REPLACED, Heard.DONE)
    assert contradicts(FulfillmentState.CANCELLED, Heard.DONE)
    assert not any(contradicts(state, heard) for state in OPEN for heard in Heard)
    assert not contradicts(FulfillmentState.DONE, Heard.UNKNOWN)


def test_what_names_another_order_or_amount_is_about_another():
    assert is_about(("1", 1_000), order_no="1", face_value_fen=1_000)
    assert is_about(("1", 1_000), order_no="1", face_value_fen=None)
    assert not is_about(("1", 1_000), order_no="2", face_value_fen=1_000)
    assert not is_about(("1", 1_000), order_no="1", face_value_fen=999)
    assert not is_about(("1", 1_000), order_no=None, face_value_fen=1_000)


def test_looks_come_soon_at_first_and_by_the_hour_at_last():
    pauses = [pause_after(count) for count in range(1, 30)]
    assert pauses == sorted(pauses)
    assert (pause_after(0), pauses[0], pauses[-1]) == (timedelta(seconds=15), timedelta(seconds=15), timedelta(hours=1))


def test_a_number_is_said_back_with_its_middle_covered():
    assert masked("13800000001") == "138****0001"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.supplier.example",
        "https://api.supplier.example:8443/v1/",
        "https://93.184.216.34/api",
        "http://127.0.0.1:8090/supplier",
        "http://localhost:8090/supplier",
        "http://[::1]:8090",
        "https://127.0.0.1",
    ],
)
def test_a_public_host_behind_tls_or_this_machine_can_be_a_supplier(url):
    assert problem_of(url) is None
    assert not address_of(url).endswith("/")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://api.supplier.example", "scheme"),
        ("ftp://api.supplier.example", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("https://", "host"),
        ("https://user:word@api.supplier.example", "host"),
        ("https://api.supplier.example@10.0.0.1", "host"),
        ("https://10.0.0.1", "host"),
        ("https://192.168.1.1/api", "host"),
        ("https://169.254.169.254/latest/meta-data", "host"),
        ("https://100.64.0.1", "host"),
        ("https://0.0.0.0", "host"),
        ("https://[fd00::1]", "host"),
        ("https://[::ffff:10.0.0.1]", "host"),
        ("https://[fe80::1]", "host"),
        ("https://2130706433", "host"),
        ("https://0x7f.1", "host"),
        ("https://127.1", "host"),
        ("https://intranet", "host"),
        ("https://db.internal", "host"),
        ("https://printer.local", "host"),
        ("https://api.supplier.example:99999", "host"),
        ("https://api.supplier.example/v1?to=x", "path"),
        ("https://api.supplier.example/v1#x", "path"),
        ("https://api.supplier.example/../x", "path"),
        ("https://api.supplier.example/%2e%2e/x", "path"),
        ("https://api.supplier.example\\@10.0.0.1", "path"),
        ("https://api.supplier.example/a b", "path"),
        ("https://供应商.example", "path"),
        ("https://api.supplier.example/" + "a" * 200, "path"),
    ],
)
def test_what_leads_anywhere_else_cannot(url, problem):
    assert problem_of(url) == problem
