"""What is published of a draw comes out of its column as it went in."""

import json

from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.draw_terms import DrawTerms, stored, terms_of
from handlers.rules.offer_terms import Audience
from models.words import DrawLook
from tests.rules.drawing import any_rules

words, ids = st.lists(st.sampled_from("abc")).map(tuple), st.lists(st.uuids()).map(tuple)
audiences = st.builds(
    Audience,
    is_members_only=st.booleans(),
    level_at_least=st.none() | st.just("gold"),
    levels=words,
    card_kinds=words,
    organizations=ids,
    joined_within_days=st.none() | st.integers(1, 9),
    member_list=ids,
)


@given(st.builds(DrawTerms, any_rules(), audiences, st.sampled_from(DrawLook), st.integers(1, 365)))
def test_terms_come_back_as_they_were_kept(terms):
    read = terms_of(json.loads(json.dumps(stored(terms))))
    assert read == terms
    assert hash(read.audience) == hash(terms.audience)  # lists would have none
