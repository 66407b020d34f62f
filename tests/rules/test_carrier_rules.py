"""What may be put on a phone bill, by the pure rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.carrier_billing import CODE_PAUSE, CODE_VALID_FOR, CarrierRules, Stands, month_of, problems_of
from handlers.rules.offer_checks import MOST_FEN
from handlers.rules.offer_checks import problems_of as problems_of_offer
from handlers.rules.offer_terms import OfferTerms, Price
from models.words import ChargeState

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
PLAIN = Stands(ChargeState.WAITING, 1, NOON, NOON, 0)


def test_a_month_is_that_of_the_business_zone():
    assert month_of(datetime(2026, 3, 31, 15, 59, tzinfo=UTC), BUSINESS_ZONE) == "2026-03"
    assert month_of(datetime(2026, 3, 31, 16, 0, tzinfo=UTC), BUSINESS_ZONE) == "2026-04"
    assert month_of(datetime(2026, 12, 31, 16, 0, tzinfo=UTC), BUSINESS_ZONE) == "2027-01"


def test_a_month_takes_at_least_one_order():
    assert list(problems_of(CarrierRules())) == []
    assert [field for field, _ in problems_of(CarrierRules(per_order_fen=2, per_month_fen=1))] == ["per_month_fen"]


def test_codes_and_tries_run_out_and_another_code_waits_for_the_one_before():
    assert (PLAIN.code_valid_until, PLAIN.next_code_at()) == (NOON + CODE_VALID_FOR, NOON + CODE_PAUSE)
    never_sent = replace(PLAIN, code_sent_at=None)
    assert never_sent.next_code_at() is None  # the carrier never said that it went out
    nothing_yet = replace(PLAIN, code_count=0, code_asked_at=None, code_sent_at=None)
    assert (nothing_yet.code_valid_until, nothing_yet.codes_left) == (None, 5)
    over = replace(PLAIN, code_count=7, attempt_count=7)
    assert (over.codes_left, over.attempts_left) == (0, 0)
    assert timedelta(seconds=0) < CODE_PAUSE < CODE_VALID_FOR


@pytest.mark.parametrize(
    ("price", "wrong"),
    [
        (Price(carrier_fen=1), set()),
        (Price(carrier_fen=MOST_FEN, points=5), set()),
        (Price(carrier_fen=MOST_FEN + 1), {("price.carrier_fen", "out_of_range")}),
        (Price(carrier_fen=1, fen=1), {("price.fen", "orders_missing")}),
        (
            Price(carrier_fen=1, outside_points=1, outside_account="a"),
            {("price.outside_points", "with_money")},
        ),
    ],
)
def test_with_a_carrier_an_offer_may_cost_something_on_the_phone_bill(price, wrong):
    found = problems_of_offer(OfferTerms(price=price), NOON, BUSINESS_ZONE, takes_bill=True)
    assert {(each.field, each.problem) for each in found} == wrong
