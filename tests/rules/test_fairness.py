"""Commitments, rolls, pseudonyms and the chain: what anybody can compute again with the standard library."""

import hashlib
import hmac
import json
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules import fairness, fairness_log
from handlers.rules.canonical import canonical, message
from handlers.rules.draw_rules import WHOLE, plain
from handlers.rules.fairness import Commitment, Row
from handlers.rules.odds import State, fresh, select
from handlers.rules.prize_table import Table
from tests.rules.drawing import a_draw, any_rules

SEED = bytes(range(32))
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
COMMITTED = Commitment(
    draw="d", number=0, kind="open", sequence=1, at=5, day="2026-05-01", day_begins=0, day_ends=9,
    seed_hash=fairness.seed_hash(SEED), version=1, rules_hash=fairness.rules_hash(a_draw()),
    stock=(2, 5, None, None), change=(0, 0, 0, 0), previous=fairness.genesis("d"),
)  # fmt: skip


def test_a_roll_is_what_a_few_lines_of_the_standard_library_say():
    found = fairness.roll_of(SEED, draw="d", sequence=17, member="ab", nonce="n-1")
    said = hmac.new(SEED, b"1:d,2:17,2:ab,3:n-1,1:0,", hashlib.sha256).digest()
    assert found == int.from_bytes(said[:4], "big") % 1_000_000


@given(st.binary(min_size=32, max_size=32), texts, st.integers(1, 2**40), texts, texts)
def test_a_roller_gives_the_same_rolls_faster(seed, draw, sequence, member, nonce):
    expected = fairness.roll_of(seed, draw=draw, sequence=sequence, member=member, nonce=nonce)
    assert fairness.Roller(seed, draw).roll(sequence, member, nonce) == expected


def test_words_that_would_favour_small_rolls_are_passed_over():
    high, fair = (4_294_000_000).to_bytes(4, "big"), (4_293_999_999).to_bytes(4, "big")
    asked = []

    def keyed(data):
        asked.append(data)
        return high * 8 if len(asked) == 1 else high + fair + bytes(24)

    assert fairness.roll_in(keyed, b"") == 999_999
    assert asked == [b"1:0,", b"1:1,"]


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
def test_no_two_lists_of_fields_make_the_same_message(one, other):
    assert (message(*one) == message(*other)) == (one == other)


@pytest.mark.parametrize("text", ["", "a b", "a\n", "é", "a" * 256, "a\x7f"])
def test_a_nonce_that_is_no_visible_ascii_or_too_long_is_none(text):
    assert not fairness.is_nonce(text)


def test_any_key_that_a_request_may_have_can_stand_for_a_nonce():
    assert fairness.is_nonce("".join(map(chr, range(0x21, 0x7F))))
    assert fairness.is_nonce("a" * 255)


def test_a_pseudonym_is_the_same_throughout_a_draw_and_another_one_in_any_other():
    names = [fairness.pseudonym(b"k" * 32, draw=draw, member=who) for draw in "ab" for who in "mn"]
    assert len(set(names)) == 4
    assert names[0] == fairness.pseudonym(b"k" * 32, draw="a", member="m")
    assert names[0] != fairness.pseudonym(b"l" * 32, draw="a", member="m")
    assert all(len(name) == 32 for name in names)


def test_the_seed_is_what_was_committed_to():
    assert COMMITTED.seed_hash == hashlib.sha256(SEED).hexdigest()
    with pytest.raises(ValueError, match="32 bytes"):
        fairness.seed_hash(b"short")


@pytest.mark.parametrize(
    "change",
    [{"stock": (3, 5, None, None)}, {"change": (1, 0, 0, 0)}, {"version": 2}, {"rules_hash": "0"}, {"seed_hash": "0"},
     {"sequence": 2}, {"previous": "0"}, {"day": "2026-05-02"}],
)  # fmt: skip
def test_whatever_a_commitment_says_is_in_its_hash(change):
    assert fairness.commitment_hash(replace(COMMITTED, **change)) != fairness.commitment_hash(COMMITTED)


def test_a_commitment_is_the_same_after_json():
    read = json.loads(canonical(fairness.commitment_facts(COMMITTED)))
    assert fairness.commitment_of(read) == COMMITTED


@given(any_rules())
def test_rules_are_hashed_over_json_that_the_standard_library_writes_too(rules):
    said = json.loads(canonical(plain(rules)))
    again = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert fairness.rules_hash(rules) == hashlib.sha256(again).hexdigest()


@given(st.recursive(st.none() | texts | st.integers(-(2**63), 2**63 - 1),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)))  # fmt: skip
def test_orjson_writes_the_same_canonical_bytes(value):
    assert orjson.dumps(value, option=orjson.OPT_SORT_KEYS) == canonical(value)


def a_row(**facts):
    table = Table(a_draw())
    before = fresh(table)
    roll = fairness.roll_of(SEED, draw="d", sequence=1, member="ab", nonce='"n\\')
    outcome = select(table, State((2, 5, None, None), before), roll)
    codes = [prize.code for prize in table.prizes]
    row = fairness.row_of(
        outcome, codes, sequence=1, commitment=0, at=6, member="ab", nonce='"n\\', roll=roll, before=before
    )
    return row._replace(**facts)


def test_a_row_is_a_list_in_the_order_of_the_columns():
    row = a_row()
    assert Row._fields == fairness.COLUMNS
    assert json.loads(fairness.row_bytes(row)) == json.loads(json.dumps(row))
    assert orjson.dumps(list(row)) == fairness.row_bytes(row)


@pytest.mark.parametrize("column", fairness.COLUMNS)
def test_whatever_a_row_says_is_in_the_chain(column):
    row, start = a_row(), fairness.genesis("d")
    old = getattr(row, column)
    new = {int: lambda: old + 1, str: lambda: old + "x", tuple: lambda: (*old[1:], 9)}[type(old)]()
    chain = fairness.chain_hash(start, fairness.row_bytes(row))
    assert chain == hashlib.sha256(start.encode() + fairness.row_bytes(row)).hexdigest()
    assert fairness.chain_hash(start, fairness.row_bytes(row._replace(**{column: new}))) != chain
    assert fairness.chain_hash("0" * 64, fairness.row_bytes(row)) != chain


def test_what_is_signed_names_the_rows_their_chain_and_the_commitment():
    signed = fairness_log.receipt_payload("d", "c", [(fairness.row_bytes(a_row()).decode(), "h")] * 2)
    payload = json.loads(signed)
    assert canonical(payload) == signed
    assert payload["rows"] == [[json.loads(fairness.row_bytes(a_row())), "h"]] * 2
    assert (payload["draw"], payload["commitment"]) == ("d", "c")
    closing = fairness_log.closing_payload("d", "2026-05-01", last_sequence=1, head="h", committed="c")
    assert json.loads(closing)["last_sequence"] == 1
    assert json.loads(closing)["type"] != payload["type"]  # neither can be passed off as the other


def test_the_row_of_a_line_stands_where_the_format_says():
    row = fairness.row_bytes(a_row())
    line = fairness_log.line(row, fairness.genesis("d"))
    assert line[82:-1] == row
    assert json.loads(line) == {"chain": fairness.genesis("d"), "row": json.loads(row)}


def test_rolls_of_one_seed_look_even():
    """A million are looked at by the chi-square tests; this one is about the message, not about SHA-256."""
    rolls = [fairness.roll_of(SEED, draw="d", sequence=n, member="m", nonce="n") for n in range(20_000)]
    assert len(set(rolls)) > 19_700
    assert abs(sum(rolls) / len(rolls) - WHOLE / 2) < WHOLE / 100
