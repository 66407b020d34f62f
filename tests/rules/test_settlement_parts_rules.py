"""A statement of parts says what one of all entries says; its hash is over theirs."""

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.settlement import Folding, stated
from handlers.rules.settlement_parts import Joining, read, told
from models.ids import new_id
from models.words import EntryKind
from tests.rules.test_settlement_rules import COFFEE, MERCHANT, NOON, TEA, an_entry

TODAY = date(2026, 3, 2)
DAY = timedelta(days=1)


def part(*entries, day=TODAY, from_on=None):
    folding = Folding(MERCHANT, day, BUSINESS_ZONE, from_on=from_on)
    for each in entries:
        folding.add(each)
    return folding.made()


def joined(*parts, day=TODAY, from_on=None):
    joining = Joining(MERCHANT, day, from_on=from_on)
    for each in parts:
        joining.add(each)
    return joining.made()


lines = st.lists(
    st.tuples(
        st.sampled_from([COFFEE, TEA]), st.integers(0, 2), st.booleans(), st.integers(0, 9999), st.integers(0, 99)
    ),
    max_size=12,
)


@given(lines, st.sets(st.integers(0, 12)))
def test_wherever_it_is_cut_the_sums_are_those_of_all_entries_together(drawn, cuts):
    entries = [
        an_entry(
            EntryKind.REVERSAL if is_back else EntryKind.REDEEM,
            fen=fen,
            operator=fen,
            origin=NOON - days * DAY,
            benefit_id=benefit,
            fee_fen=min(fee, fen),
        )
        for benefit, days, is_back, fen, fee in drawn
    ]
    places = [0, *sorted(each for each in cuts if each < len(entries)), len(entries)]
    parts = [part(*entries[since:until]) for since, until in pairwise(places)]
    whole = stated(MERCHANT, TODAY, entries, BUSINESS_ZONE)
    assert replace(joined(*parts), hash="") == replace(whole, hash="")
    assert [read(told(each.sums)) for each in parts] == [each.sums for each in parts]


def test_a_statement_of_one_part_has_the_hash_that_it_had_before_there_were_parts():
    entries = [an_entry(), an_entry()]
    whole = stated(MERCHANT, TODAY, entries, BUSINESS_ZONE)
    assert joined(part(*entries)) == whole
    assert joined(part()) == stated(MERCHANT, TODAY, [], BUSINESS_ZONE)


def test_a_part_of_other_days_is_not_the_statement():
    first = TODAY.replace(day=1)
    whole = part(an_entry(), from_on=first)
    assert joined(whole, from_on=first).hash == whole.hash
    assert joined(part(an_entry()), from_on=first).hash != part(an_entry()).hash
    assert joined(whole).hash != whole.hash


def test_the_hash_of_several_is_that_of_their_lines():
    one, two = part(an_entry()), part(an_entry(), an_entry())
    text = (
        f'["settlement-parts/1","{MERCHANT}","2026-03-02"]\n'
        f'["2026-03-02",1,"{one.hash}"]\n["2026-03-02",2,"{two.hash}"]\n'
    )
    assert joined(one, two).hash == hashlib.sha256(text.encode()).hexdigest()


def test_the_hash_is_another_for_other_parts_another_order_and_other_days():
    one, two = part(an_entry()), part(an_entry(id=new_id(), fen=5, operator=5))
    made = joined(one, two).hash
    others = [joined(two, one), joined(one), joined(one, two, two), joined(one, two, day=TODAY + DAY)]
    others += [joined(one, two, from_on=TODAY - DAY), joined(one, replace(two, hash="0" * 64))]
    assert made not in [each.hash for each in others]


def test_what_belongs_to_an_earlier_day_than_the_statements_is_late_whatever_it_was_for_its_part():
    late = part(an_entry(origin=NOON - DAY), day=TODAY)
    assert (late.late_count, joined(late, part(an_entry())).late_count) == (1, 1)
    assert joined(late, part(an_entry()), from_on=TODAY - DAY).late_count == 0
