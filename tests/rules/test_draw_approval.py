"""What a later version of a draw decides otherwise."""

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.rules.draw_approval import differences
from handlers.rules.draw_rules import Notice, Pity, SpinPrice
from tests.rules.drawing import a_draw


def with_first(rules, **changes):
    return replace(rules, prizes=(replace(rules.prizes[0], **changes), *rules.prizes[1:]))


def test_words_and_the_window_decide_nothing():
    rules = a_draw()
    later = rules.closes_at + timedelta(days=1)
    assert differences(rules, rules) == ()
    assert differences(rules, replace(rules, title="别的名字", closes_at=later, notice=Notice(contact="12345"))) == ()
    assert differences(rules, replace(rules, prizes=rules.prizes[::-1])) == ()


@pytest.mark.parametrize("name", ["ppm", "stock", "daily", "per_member", "amount", "value_fen", "unlock_after"])
def test_whatever_is_changed_of_a_prize_is_named(name):
    rules = a_draw()
    changed = with_first(rules, **{name: 77})
    assert differences(rules, changed) == (f"prizes.{rules.prizes[0].code}.{name}",)


def test_a_prize_that_is_new_pity_limits_and_price_are_named():
    rules = a_draw()
    more = replace(rules, prizes=(*rules.prizes, replace(rules.prizes[0], code="new")))
    assert differences(rules, more) == ("prizes.new",)
    pity = Pity(rarity=9, guaranteed_at=7)
    assert differences(rules, replace(rules, pity=pity, per_member=77)) == ("pity", "per_member")
    assert differences(rules, replace(rules, price=SpinPrice(free_daily=77))) == ("price",)
