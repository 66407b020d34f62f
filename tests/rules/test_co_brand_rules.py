"""What an agreement with a partner may say, and how long it gives whom what."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.co_brands import MOST_DAYS, CoBrandTerms, Subsidy, free_days, problems_of, runs_until

NOW, DAY = datetime(2026, 3, 2, 2, tzinfo=UTC), timedelta(days=1)
TERMS = CoBrandTerms("联名卡", "书展", UUID(int=1), NOW, NOW + 60 * DAY, partner_merchant="books")


@given(st.integers(1, 400), st.integers(-500 * 86_400, 500 * 86_400))
def test_a_free_membership_is_of_whole_days_and_never_passes_the_agreement(day_count, left):
    days = free_days(day_count, NOW, NOW + timedelta(seconds=left))
    assert 0 <= days <= day_count
    assert days == 0 or NOW + days * DAY <= NOW + timedelta(seconds=left)
    assert days == day_count or NOW + (days + 1) * DAY > NOW + timedelta(seconds=left)


def test_a_membership_lasts_as_its_term_does_and_no_longer_than_the_agreement():
    assert runs_until(NOW + 3 * DAY, None, NOW + 9 * DAY) == NOW + 3 * DAY
    assert runs_until(NOW + 3 * DAY, NOW + DAY, NOW + 9 * DAY) == NOW + DAY
    assert runs_until(NOW + 30 * DAY, None, NOW + 9 * DAY) == NOW + 9 * DAY


def test_an_agreement_has_one_partner_a_period_ahead_and_caps_that_pay_for_one_at_least():
    def found(**more: object) -> list[str]:
        return [f"{each.field}:{each.problem}" for each in problems_of(replace(TERMS, **more), NOW)]

    assert found() == []
    assert found(partner_merchant=None) == ["partner:one_of_two"]
    assert found(partner_organization_id=UUID(int=2)) == ["partner:one_of_two"]
    assert found(ends_at=NOW) == ["ends_at:not_ahead"]
    assert found(starts_at=NOW - 9 * DAY, ends_at=NOW - DAY) == ["ends_at:not_ahead"]
    assert found(ends_at=NOW + (MOST_DAYS + 1) * DAY) == ["ends_at:too_long"]
    assert found(house=Subsidy(2, 1), partner=Subsidy(-1, 0)) == ["house:cap_below_one", "partner:out_of_range"]
    assert found(house=Subsidy(1, 1)) == []
