"""What must not be published is refused with the name of the field."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from handlers.rules.draw_checks import problems_of
from handlers.rules.draw_rules import Pity, PrizeKind, Release, SpinPrice
from handlers.rules.prize_table import Table
from tests.rules.drawing import CLOSES, COUPON, OPENS, PHONE, POINTS, THANKS, a_draw, any_rules


def problems(rules, now=OPENS):
    return {(each.field, each.problem) for each in problems_of(rules, now)}


def test_a_sound_draw_has_no_problem():
    assert problems(a_draw(pity=Pity(1, guaranteed_at=10, ramp_from=5, ramp_ppm=10_000), consolation="points")) == set()


@given(any_rules())
def test_what_can_be_published_makes_a_table(rules):
    found = problems(rules)
    if not found:
        Table(rules)
    assert found <= {("pity.guaranteed_at", "still_locked")}


@pytest.mark.parametrize("total", [999_999, 1_000_001])
def test_odds_that_do_not_sum_to_a_million_are_refused(total):
    off = replace(THANKS, ppm=THANKS.ppm + total - 1_000_000)
    assert problems(a_draw(PHONE, COUPON, POINTS, off)) == {("prizes", "odds_sum")}


@pytest.mark.parametrize(
    ("prize", "field", "problem"),
    [
        (replace(COUPON, code="Coupon!"), "code", "malformed"),
        (replace(COUPON, code="points"), None, "twice"),
        (replace(COUPON, name=""), "name", "out_of_range"),
        (replace(COUPON, ppm=-1), "ppm", "out_of_range"),
        (replace(COUPON, rarity=10), "rarity", "out_of_range"),
        (replace(COUPON, value_fen=-1), "value_fen", "out_of_range"),
        (replace(COUPON, stock=0), "stock", "out_of_range"),
        (replace(COUPON, daily=0), "daily", "out_of_range"),
        (replace(COUPON, per_member=0), "per_member", "out_of_range"),
        (replace(COUPON, unlock_after=-1), "unlock_after", "out_of_range"),
        (replace(COUPON, reference=""), "reference", "missing"),
        (replace(COUPON, kind=PrizeKind.POINTS), "amount", "out_of_range"),
        (replace(COUPON, kind=PrizeKind.GOODS, stock=None), "stock", "missing"),
        (replace(COUPON, fallback="nobody"), "fallback", "unknown"),
        (replace(COUPON, fallback="phone"), "fallback", "circle"),
        (replace(COUPON, releases=(Release(OPENS, 6),)), "releases", "more_than_stock"),
        (replace(COUPON, stock=None, releases=(Release(OPENS, 1),)), "releases", "more_than_stock"),
        (replace(COUPON, releases=(Release(OPENS, 0),)), "releases", "out_of_range"),
        (replace(COUPON, releases=(Release(CLOSES, 1),)), "releases", "outside"),
    ],
)
def test_a_prize_that_cannot_be_is_refused_by_field(prize, field, problem):
    found = problems(a_draw(PHONE, prize, POINTS, THANKS))
    assert (f"prizes[{1 if field else 2}].{field or 'code'}", problem) in found


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"title": ""}, ("title", "out_of_range")),
        ({"closes_at": OPENS}, ("closes_at", "before_opening")),
        ({"consolation": "nobody"}, ("consolation", "unknown")),
        ({"per_member": 0}, ("per_member", "out_of_range")),
        ({"per_member_daily": -1}, ("per_member_daily", "out_of_range")),
        ({"price": SpinPrice(takes_chances=False)}, ("price", "no_way_in")),
        ({"price": SpinPrice(points=0)}, ("price.points", "out_of_range")),
        ({"price": SpinPrice(free_daily=-1)}, ("price.free_daily", "out_of_range")),
        ({"pity": Pity(0, guaranteed_at=5)}, ("pity.rarity", "out_of_range")),
        ({"pity": Pity(4, guaranteed_at=5)}, ("pity.rarity", "none_so_rare")),
        ({"pity": Pity(1)}, ("pity", "empty")),
        ({"pity": Pity(1, guaranteed_at=0)}, ("pity.guaranteed_at", "out_of_range")),
        ({"pity": Pity(1, guaranteed_at=5, ramp_ppm=1)}, ("pity.ramp_from", "missing")),
        ({"pity": Pity(1, ramp_from=5)}, ("pity.ramp_ppm", "out_of_range")),
        ({"pity": Pity(1, ramp_from=-1, ramp_ppm=1)}, ("pity.ramp_from", "out_of_range")),
    ],
)
def test_a_draw_that_cannot_be_is_refused_by_field(facts, expected):
    assert expected in problems(a_draw(**facts))


def test_a_draw_that_is_over_is_refused():
    assert problems(a_draw(), CLOSES + timedelta(days=1)) == {("closes_at", "in_past")}


def test_thanks_is_there_exactly_once_and_has_no_limits():
    assert ("prizes", "no_thanks") in problems(a_draw(replace(PHONE, ppm=900_000), replace(COUPON, fallback=None)))
    twice = replace(THANKS, code="again", ppm=0)
    assert problems(a_draw(PHONE, COUPON, POINTS, THANKS, twice)) == {("prizes", "many_thanks")}
    assert problems(a_draw(PHONE, COUPON, POINTS, replace(THANKS, stock=5))) == {("prizes[3]", "limited_thanks")}
    assert problems(a_draw(PHONE, COUPON, POINTS, replace(THANKS, amount=5))) == {("prizes[3]", "worthy_thanks")}


def test_a_guarantee_of_what_is_still_locked_by_then_is_refused():
    locked = [replace(prize, unlock_after=5) for prize in (PHONE, COUPON)]
    pity = Pity(1, guaranteed_at=5)
    assert problems(a_draw(*locked, POINTS, THANKS, pity=pity)) == {("pity.guaranteed_at", "still_locked")}
    assert problems(a_draw(locked[0], COUPON, POINTS, THANKS, pity=pity)) == set()
