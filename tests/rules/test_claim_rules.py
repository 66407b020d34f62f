"""Claims' states, typed codes, quiet hours: pure rules."""

import hashlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.claims.typed_codes import ALPHABET, LENGTH, code_hash, normalise, shown, typed_code
from handlers.rules.claim_slots import LimitFull, free_slots
from handlers.rules.claim_states import EDGES, OPEN, IllegalEdge, after_uses, require_edge, stands
from handlers.rules.offer_terms import Limit, Period
from handlers.rules.quiet_hours import speakable
from models.words import ClaimState

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
STATES = st.sampled_from(ClaimState)


class Index:
    """As much of a vault as codes need."""

    def blind_index(self, purpose: str, value: str) -> str:
        return hashlib.sha256(f"{purpose}:{value}".encode()).hexdigest()


VAULT = Index()


@given(STATES, STATES)
def test_every_edge_is_in_the_graph_or_refused(before, after):
    if after in EDGES[before]:
        require_edge(before, after)
    else:
        with pytest.raises(IllegalEdge):
            require_edge(before, after)


@given(st.lists(STATES, max_size=12))
def test_what_is_over_stays_over_along_every_path(path):
    state, over = ClaimState.PENDING, False
    for after in path:
        if after in EDGES[state]:
            assert not over
            state = after
        over = state in {ClaimState.EXPIRED, ClaimState.REVOKED, ClaimState.TRANSFERRED}


@given(STATES, st.none() | st.timedeltas(timedelta(days=-2), timedelta(days=2)))
def test_time_expires_only_what_is_open(state, until):
    expires_at = NOW + until if until is not None else None
    is_over = expires_at is not None and expires_at <= NOW
    expected = ClaimState.EXPIRED if is_over and state in OPEN else state
    assert stands(state, expires_at, NOW) is expected
    if expected is not state:
        require_edge(state, expected)


@given(st.integers(1, 20), st.data(), st.booleans())
def test_a_use_and_its_reversal_go_along_the_graph(total, data, is_over):
    left = data.draw(st.integers(0, total))
    fewer = data.draw(st.integers(0, left))
    before, after = after_uses(total, left), after_uses(total, fewer)
    if before is not after:
        require_edge(before, after)  # redeemed
    back = after_uses(total, left, is_over=is_over)
    if back is not after:
        require_edge(after, back)  # and taken back
    assert (after is ClaimState.USED) == (fewer == 0)


def test_uses_that_no_claim_can_have_are_refused():
    for total, left in ((1, 2), (3, -1)):
        with pytest.raises(ValueError, match="uses"):
            after_uses(total, left)


@given(st.uuids(), st.integers(0, 9))
def test_a_code_is_derived_the_same_every_time_and_read_back_however_it_is_typed(claim_id, version):
    code = typed_code(VAULT, claim_id, version)
    assert code == typed_code(VAULT, claim_id, version) == normalise(code)
    assert len(code) == LENGTH
    assert set(code) <= set(ALPHABET)
    assert code != typed_code(VAULT, claim_id, version + 1)
    sloppy = shown(code).lower().replace("0", "o").replace("1", "l").replace("-", " ")
    assert normalise(f" {sloppy} ") == code
    assert normalise("".join(chr(ord(sign) + 0xFEE0) for sign in code)) == code  # full-width
    assert code_hash(VAULT, code) != code_hash(VAULT, typed_code(VAULT, claim_id, version + 1))


@given(st.uuids(), st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_noticed(claim_id, place, sign):
    code = typed_code(VAULT, claim_id, 0)
    wrong = code[:place] + sign + code[place + 1 :]
    assert normalise(wrong) == (code if sign == code[place] else None)


@given(st.uuids(), st.integers(0, LENGTH - 3))
def test_two_exchanged_neighbours_are_always_noticed(claim_id, place):
    code = typed_code(VAULT, claim_id, 0)
    exchanged = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert normalise(exchanged) == (code if exchanged == code else None)


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_code_or_nothing(text):
    read = normalise(text)
    assert read is None or (len(read) == LENGTH and normalise(read) == read)


@given(st.timedeltas(timedelta(0), timedelta(days=400)))
def test_nobody_is_written_to_at_night(later):
    at = NOW + later
    when = speakable(at, ZONE)
    assert at <= when <= at + timedelta(hours=12)
    assert 9 <= when.astimezone(ZONE).hour < 21


def test_a_member_who_was_merged_with_the_same_numbers_has_no_more_than_the_limit():
    limit = Limit(Period.EVER, 3)
    assert free_slots({limit: "ever"}, {"ever": [1]}, 2) == [(("ever", 2),), (("ever", 3),)]
    with pytest.raises(LimitFull) as full:
        free_slots({limit: "ever"}, {"ever": [1, 1]}, 2)
    assert (full.value.limit, full.value.left) == (limit, 1)


def test_without_limits_a_claim_takes_no_slot():
    assert free_slots({}, {}, 3) == [(), (), ()]
