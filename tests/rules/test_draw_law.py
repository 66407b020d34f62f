"""The law by construction: what is refused, what may change, what is told, and whether it can be chance."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from handlers.rules.chi_square import fit, planned, upper_gamma
from handlers.rules.draw_disclosure import disclosure, percent
from handlers.rules.draw_law import law_problems, only_better
from handlers.rules.draw_rules import Pity, Release, SpinPrice
from handlers.rules.fairness import Roller, roll_of
from handlers.rules.odds import State, fresh, select
from handlers.rules.prize_table import Table
from tests.rules.drawing import CLOSES, COUPON, NOTICE, OPENS, PHONE, POINTS, THANKS, a_draw, any_rules

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)
LOCKED = replace(PHONE, unlock_after=3, per_member=1, daily=1, releases=(Release(OPENS + HOUR, 1),))
PUBLISHED = a_draw(
    LOCKED, COUPON, POINTS, THANKS,
    pity=Pity(1, guaranteed_at=10, ramp_from=5, ramp_ppm=10_000), per_member=9, per_member_daily=5,
    consolation="points", price=SpinPrice(free_daily=1, points=10),
)  # fmt: skip


def broken(rules, **facts):
    return {(each.field, each.problem) for each in law_problems(rules, **{"points_are_worth_money": False, **facts})}


def worse(after, before=PUBLISHED):
    return {each.field for each in only_better(before, after)}


def test_a_prize_over_fifty_thousand_yuan_is_refused_and_one_of_exactly_that_is_not():
    at, over = (a_draw(replace(PHONE, value_fen=value), COUPON, POINTS, THANKS) for value in (5_000_000, 5_000_001))
    assert broken(at) == set()
    assert broken(over) == {("prizes[0].value_fen", "over_legal_limit")}


def test_a_prize_without_a_value_cannot_slip_under_the_limit():
    assert broken(a_draw(replace(PHONE, value_fen=0), COUPON, POINTS, THANKS)) == {("prizes[0].value_fen", "missing")}


@pytest.mark.parametrize("price", [SpinPrice(fen=1), SpinPrice(carrier_fen=100)])
def test_money_never_buys_a_spin(price):
    assert broken(a_draw(price=price)) == {("price", "cash_buy_in")}


def test_points_that_are_worth_money_buy_no_spin():
    for_points = a_draw(price=SpinPrice(points=10))
    assert broken(for_points) == set()
    assert broken(for_points, points_are_worth_money=True) == {("price.points", "cash_buy_in")}
    assert broken(a_draw(), points_are_worth_money=True) == set()


@pytest.mark.parametrize("name", ["organiser", "contact", "conditions", "redemption", "delivery", "forfeiture"])
def test_what_members_must_be_told_is_never_missing(name):
    untold = replace(NOTICE, **{name: " "})
    assert broken(a_draw(notice=untold)) == {(f"notice.{name}", "missing")}
    without_goods = a_draw(COUPON, POINTS, replace(THANKS, ppm=750_000), notice=untold)
    assert broken(without_goods) == (set() if name == "delivery" else {(f"notice.{name}", "missing")})


@given(any_rules())
def test_the_same_rules_again_are_no_worse(rules):
    assert only_better(rules, rules) == ()


def with_prize(place, **changes):
    prizes = list(PUBLISHED.prizes)
    prizes[place] = replace(prizes[place], **changes)
    rest = sum(prize.ppm for prize in prizes) - 1_000_000
    prizes[3] = replace(prizes[3], ppm=prizes[3].ppm - rest)
    return replace(PUBLISHED, prizes=tuple(prizes))


@pytest.mark.parametrize(
    "after",
    [
        replace(PUBLISHED, opens_at=OPENS - HOUR, closes_at=CLOSES + HOUR, per_member=None, per_member_daily=6),
        replace(PUBLISHED, price=SpinPrice(free_daily=2, points=9), notice=replace(NOTICE, contact="10010")),
        replace(PUBLISHED, prizes=(*PUBLISHED.prizes, replace(POINTS, code="more", ppm=0, stock=9))),
        replace(PUBLISHED, pity=replace(PUBLISHED.pity, guaranteed_at=9, ramp_from=4, ramp_ppm=20_000)),
        with_prize(0, unlock_after=0, per_member=2, daily=None, stock=3, releases=()),
        with_prize(0, releases=(Release(OPENS, 1),)),
        with_prize(0, stock=5, releases=(Release(OPENS + HOUR, 1), Release(OPENS + 3 * HOUR, 2))),
        with_prize(2, stock=None, amount=11, value_fen=11),
    ],
)
def test_what_is_better_for_members_may_be_published(after):
    assert worse(after) == set()


@pytest.mark.parametrize(
    ("after", "field"),
    [
        (replace(PUBLISHED, opens_at=OPENS + HOUR), "opens_at"),
        (replace(PUBLISHED, closes_at=CLOSES - HOUR), "closes_at"),
        (replace(PUBLISHED, per_member=8), "per_member"),
        (replace(PUBLISHED, per_member_daily=4), "per_member_daily"),
        (replace(PUBLISHED, consolation=None), "consolation"),
        (replace(PUBLISHED, price=SpinPrice(points=10)), "price.free_daily"),
        (replace(PUBLISHED, price=SpinPrice(free_daily=1, points=11)), "price.points"),
        (replace(PUBLISHED, price=SpinPrice(free_daily=1)), "price.points"),
        (replace(PUBLISHED, price=SpinPrice(free_daily=1, points=1, takes_chances=False)), "price.takes_chances"),
        (replace(PUBLISHED, notice=replace(NOTICE, redemption="明天")), "notice.redemption"),
        (replace(PUBLISHED, prizes=PUBLISHED.prizes[1:]), "prizes"),
        (with_prize(0, ppm=49_999), "prizes[0].ppm"),
        (with_prize(0, name="充电宝"), "prizes[0].name"),
        (with_prize(1, reference="b2"), "prizes[1].reference"),
        (with_prize(0, rarity=2), "prizes[0].rarity"),
        (with_prize(0, value_fen=299_999), "prizes[0].value_fen"),
        (with_prize(2, amount=9), "prizes[2].amount"),
        (with_prize(2, stock=1_000_000), "prizes[2].stock"),
        (with_prize(0, stock=1, releases=()), "prizes[0].stock"),
        (with_prize(1, daily=1), "prizes[1].daily"),
        (with_prize(1, per_member=1), "prizes[1].per_member"),
        (with_prize(0, unlock_after=4), "prizes[0].unlock_after"),
        (with_prize(0, fallback="points"), "prizes[0].fallback"),
        (with_prize(0, releases=(Release(OPENS + 2 * HOUR, 1),)), "prizes[0].releases"),
        (with_prize(0, releases=(Release(OPENS + HOUR, 2),)), "prizes[0].releases"),
        (replace(PUBLISHED, pity=None), "pity"),
        (replace(PUBLISHED, pity=Pity(2, guaranteed_at=10, ramp_from=5, ramp_ppm=10_000)), "pity"),
        (replace(PUBLISHED, pity=replace(PUBLISHED.pity, guaranteed_at=11)), "pity.guaranteed_at"),
        (replace(PUBLISHED, pity=replace(PUBLISHED.pity, guaranteed_at=None)), "pity.guaranteed_at"),
        (replace(PUBLISHED, pity=replace(PUBLISHED.pity, ramp_from=6)), "pity"),
        (replace(PUBLISHED, pity=replace(PUBLISHED.pity, ramp_ppm=9_999)), "pity"),
        (with_prize(1, ppm=200_000), "pity"),  # the phone would be rarer among what is guaranteed
    ],
)
def test_what_is_worse_for_members_is_refused_by_field(after, field):
    assert worse(after) == {field}


def test_the_page_says_what_the_engine_does():
    table = Table(PUBLISHED)
    page = disclosure(table, SHANGHAI, (1, 5, None, None))
    assert [(each.name, each.odds, each.quantity, each.left) for each in page.prizes] == [
        ("手机", "5%", 2, 1), ("饮料券", "10%", 5, 5), ("十积分", "15%", None, None), ("谢谢参与", "70%", None, None),
    ]  # fmt: skip
    said = "\n".join(page.sentences)
    assert "2026年5月1日08:00至2026年5月11日08:00" in said
    assert "抽中“手机”而它已发完、未到放出时间或已到您的上限时，改得“饮料券”。" in said
    assert "第10次必定抽中其一（“手机”33.3333%、“饮料券”66.6667%）" in said
    assert "“手机”在您抽满3次后才能抽中" in said
    assert "有违规记录的账号只能得到“十积分”" in said
    assert all(text in said for text in (NOTICE.organiser, NOTICE.contact, NOTICE.forfeiture, "每次10分"))


@given(any_rules())
def test_every_draw_has_a_page_whose_odds_are_the_table_s(rules):
    page = disclosure(Table(rules), SHANGHAI)
    assert sum(each.ppm for each in page.prizes) == 1_000_000
    assert [each.odds for each in page.prizes] == [percent(prize.ppm) for prize in rules.prizes]
    assert all(sentence.strip("：") for sentence in page.sentences)


@pytest.mark.parametrize(
    ("ppm", "text"), [(0, "0%"), (1, "0.0001%"), (5_000, "0.5%"), (100_000, "10%"), (1_000_000, "100%")]
)
def test_odds_are_told_exactly(ppm, text):
    assert percent(ppm) == text


@pytest.mark.parametrize(
    ("degrees", "statistic", "p"),
    [(1, 3.841459, 0.05), (1, 10.827566, 0.001), (7, 14.067140, 0.05), (7, 24.321886, 0.001), (30, 43.772972, 0.05),
     (2, 0.0, 1.0), (100, 149.449, 0.001)],
)  # fmt: skip
def test_the_tail_of_chi_square_is_that_of_the_printed_tables(degrees, statistic, p):
    assert upper_gamma(degrees / 2, statistic / 2) == pytest.approx(p, rel=1e-4)


def test_a_million_seeded_spins_fit_the_odds():
    """Eight prizes, pity in force for one of many members: p > 0.001, and no roll is without a prize."""
    small = [replace(POINTS, code=f"s{place}", ppm=ppm) for place, ppm in enumerate((10, 990, 9_000, 90_000))]
    prizes = (replace(PHONE, ppm=100), replace(COUPON, ppm=100_000), *small, replace(POINTS, ppm=100_000), THANKS)
    table = Table(a_draw(*prizes[:-1], replace(THANKS, ppm=1_000_000 - sum(prize.ppm for prize in prizes[:-1]))))
    shares, rolled = table.shares(0, 0), [0] * 8
    roller = Roller(bytes(range(32)), "d")
    for sequence in range(1, 1_000_001):
        rolled[shares.rolled(roller.roll(sequence, "m", "n"))] += 1
    found = fit(rolled, planned(table, [(0, 0, 1_000_000)]))
    assert found.degrees == 7
    assert found.p > 0.001


def test_pity_is_part_of_the_plan_and_whoever_forgets_it_is_alarmed():
    table = Table(a_draw(pity=Pity(1, guaranteed_at=5)))
    member, rolled, points = fresh(table), [0] * 4, {}
    for sequence in range(1, 4_001):
        roll = roll_of(b"s" * 32, draw="d", sequence=sequence, member="m", nonce="n")
        outcome = select(table, State((None,) * 4, member), roll)
        points[0, member.since] = points.get((0, member.since), 0) + 1
        rolled[outcome.rolled] += 1
        member = outcome.member
    assert not fit(rolled, planned(table, [(*point, count) for point, count in points.items()])).is_alarming
    assert fit(rolled, planned(table, [(0, 0, 4_000)])).is_alarming


@pytest.mark.parametrize(
    ("rolled", "is_alarming"),
    [([50_000, 100_000, 150_000, 700_000], False), ([51_000, 99_000, 150_000, 700_000], True), ([0, 0, 0, 1], False)],
)
def test_odds_that_are_not_kept_raise_the_alarm(rolled, is_alarming):
    assert fit(rolled, planned(Table(a_draw()), [(0, 0, sum(rolled))])).is_alarming == is_alarming


def test_a_prize_that_has_no_share_and_was_rolled_all_the_same_raises_the_alarm():
    table = Table(a_draw(replace(PHONE, ppm=0), COUPON, POINTS, replace(THANKS, ppm=750_000)))
    assert fit([1, 9, 15, 75], planned(table, [(0, 0, 100)])).is_alarming
    with pytest.raises(ValueError, match="as many"):
        fit([1, 1], [1.0, 2.0])
