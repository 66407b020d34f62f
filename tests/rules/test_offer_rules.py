"""Which counters a claim takes from, who may have it and for what, and what cannot be published."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.benefit_terms import VoucherTerms
from handlers.rules.eligibility import (
    Asker,
    AudienceWord,
    BenefitFacts,
    PublishedOffer,
    Reason,
    decide,
    next_turn,
    price_for,
)
from handlers.rules.offer_checks import problems_of
from handlers.rules.offer_terms import (
    Audience,
    AudiencePrice,
    EarlyOpening,
    Limit,
    OfferTerms,
    Period,
    Price,
    Validity,
    ValidityKind,
    Wave,
)
from handlers.rules.stock_buckets import NothingOn, buckets, is_on, next_opening
from models.words import BenefitKind, BenefitState, OfferState

ZONE = ZoneInfo("Asia/Shanghai")
ROOT, NORTH, SOUTH, ME, OTHER = (UUID(int=number) for number in range(1, 6))
NOW = datetime(2026, 11, 22, 12, tzinfo=ZONE)
WAVES = OfferTerms(waves=(Wave("10:00", 5), Wave("15:00", 7)))
MEMBER = Asker(ME, True, NOW - timedelta(days=3), frozenset([ROOT, NORTH]), frozenset(["gold"]), frozenset([ME]))
SILVER = replace(MEMBER, level="silver", levels_reached=frozenset(["base", "silver"]))
GUEST = Asker(ME, False, None, frozenset([ROOT]), frozenset(), frozenset([ME]))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def offer(terms: OfferTerms = OfferTerms(), *, place: UUID = ROOT, state=OfferState.PUBLISHED, is_paused=False):  # noqa: B008
    facts = BenefitFacts(
        UUID(int=9), "wash", "洗车", BenefitKind.VOUCHER, VoucherTerms(), None, BenefitState.POOL, is_paused
    )
    return PublishedOffer(UUID(int=8), "wash", facts.id, place, 1, terms, state, facts)


def names(terms: OfferTerms, now: datetime) -> list[str]:
    return [each.name for each in buckets(terms, now, ZONE)]


# --- counters


def test_every_counter_there_is_gives_one_in_the_order_of_names():
    terms = replace(WAVES, stock=100, daily_stock=10)
    assert names(terms, NOW) == ["day:2026-11-22", "total", "wave:2026-11-22T10:00"]
    assert names(OfferTerms(), NOW) == []


def test_a_wave_lasts_until_the_next_one_and_before_the_first_there_is_nothing():
    assert names(WAVES, at("2026-11-22T10:00")) == ["wave:2026-11-22T10:00"]
    assert names(WAVES, at("2026-11-22T14:59:59")) == ["wave:2026-11-22T10:00"]
    assert names(WAVES, at("2026-11-22T15:00")) == ["wave:2026-11-22T15:00"]
    for early in ("2026-11-22T00:00", "2026-11-22T09:59:59"):
        assert not is_on(WAVES, at(early), ZONE)
        with pytest.raises(NothingOn):
            buckets(WAVES, at(early), ZONE)


@pytest.mark.parametrize(
    ("now", "sold_out", "opening"),
    [
        ("2026-11-22T09:00", (), "2026-11-22T10:00"),
        ("2026-11-22T12:00", ("wave:2026-11-22T10:00",), "2026-11-22T15:00"),
        ("2026-11-22T16:00", ("wave:2026-11-22T15:00",), "2026-11-23T10:00"),
        ("2026-11-22T12:00", ("day:2026-11-22", "wave:2026-11-22T10:00"), "2026-11-23T10:00"),
        ("2026-11-22T12:00", ("total", "wave:2026-11-22T10:00"), None),
        ("2026-11-24T16:00", ("wave:2026-11-24T15:00",), None),
        ("2026-11-20T16:00", (), "2026-11-21T10:00"),
    ],
)
def test_when_there_is_more(now, sold_out, opening):
    terms = replace(WAVES, opens_at=at("2026-11-21T10:00"), closes_at=at("2026-11-25T10:00"), daily_stock=8)
    assert next_opening(terms, at(now), ZONE, sold_out=sold_out) == (at(opening) if opening else None)


def test_a_day_that_is_sold_out_is_followed_by_the_next():
    terms = OfferTerms(daily_stock=3)
    assert next_opening(terms, NOW, ZONE, sold_out=["day:2026-11-22"]) == at("2026-11-23T00:00")
    assert next_opening(OfferTerms(stock=3), NOW, ZONE, sold_out=["total"]) is None


times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
jumps = st.lists(st.sampled_from([-24, -1, 0, 1, 24]), max_size=8)


@given(st.sets(times, min_size=1, max_size=5), moments)
def test_something_is_on_at_every_announced_opening_and_nothing_in_between(clock_times, now):
    terms = OfferTerms(waves=tuple(Wave(each, 1) for each in clock_times))
    opening = next_opening(terms, now, ZONE)
    assert opening is not None
    assert now < opening <= now + timedelta(days=1)
    assert is_on(terms, opening, ZONE)
    if not is_on(terms, now, ZONE):
        assert not is_on(terms, opening - timedelta.resolution, ZONE)


@given(st.sets(times, min_size=1, max_size=3), moments, jumps)
def test_however_the_clock_jumps_a_calendar_day_has_each_counter_once(clock_times, now, hours):
    terms = OfferTerms(waves=tuple(Wave(each, 1) for each in clock_times), daily_stock=5)
    seen, moment = set(), now
    days = set()
    for jump in [0, *hours]:
        moment += timedelta(hours=jump)
        if is_on(terms, moment, ZONE):
            days.add(moment.astimezone(ZONE).date())
            seen |= set(names(terms, moment))
    assert len({name for name in seen if name.startswith("day:")}) == len(days)
    assert len({name for name in seen if name.startswith("wave:")}) <= len(days) * len(clock_times)


# --- eligibility


def test_a_member_of_the_city_can_have_what_is_open():
    assert decide(offer(), MEMBER, NOW, ZONE).ok
    assert decide(offer(place=NORTH), MEMBER, NOW, ZONE).ok


def test_another_citys_offer_is_as_good_as_not_there_whatever_its_state():
    for state in OfferState:
        assert decide(offer(place=SOUTH, state=state), MEMBER, NOW, ZONE).reason is Reason.UNKNOWN


def test_the_window_is_half_open():
    terms = OfferTerms(opens_at=NOW, closes_at=NOW + timedelta(hours=1))
    before = decide(offer(terms), MEMBER, NOW - timedelta.resolution, ZONE)
    assert (before.reason, before.opens_at) == (Reason.NOT_OPEN, NOW)
    assert decide(offer(terms), MEMBER, NOW, ZONE).ok
    assert decide(offer(terms), MEMBER, NOW + timedelta(hours=1) - timedelta.resolution, ZONE).ok
    after = decide(offer(terms), MEMBER, NOW + timedelta(hours=1), ZONE)
    assert (after.reason, after.closed_at) == (Reason.CLOSED, terms.closes_at)


def test_some_cards_open_early_and_of_several_the_earliest_counts():
    early = (EarlyOpening("gold", 30), EarlyOpening("silver", 60))
    terms = OfferTerms(opens_at=NOW, early=early)
    both = replace(MEMBER, card_kinds=frozenset(["gold", "silver"]))
    none = replace(MEMBER, card_kinds=frozenset())
    half = NOW - timedelta(minutes=30)
    assert decide(offer(terms), MEMBER, half, ZONE).ok
    assert not decide(offer(terms), MEMBER, half - timedelta.resolution, ZONE).ok
    assert decide(offer(terms), both, NOW - timedelta(minutes=60), ZONE).ok
    assert decide(offer(terms), none, half, ZONE).opens_at == NOW


def test_a_level_and_those_above_it_open_early_too():
    early = (EarlyOpening(minutes=30, level_at_least="silver"), EarlyOpening("black", 60))
    terms = OfferTerms(opens_at=NOW, early=early)
    half = NOW - timedelta(minutes=30)
    gold = replace(MEMBER, level="gold", levels_reached=frozenset(["base", "silver", "gold"]))
    assert decide(offer(terms), SILVER, half, ZONE).ok
    assert decide(offer(terms), gold, half, ZONE).ok
    assert not decide(offer(terms), gold, half - timedelta.resolution, ZONE).ok
    assert decide(offer(terms), MEMBER, half, ZONE).opens_at == NOW


def test_between_waves_it_is_not_open_and_says_when():
    verdict = decide(offer(WAVES), MEMBER, at("2026-11-22T08:00"), ZONE)
    assert (verdict.reason, verdict.opens_at) == (Reason.NOT_OPEN, at("2026-11-22T10:00"))
    last = replace(WAVES, closes_at=at("2026-11-22T09:00"))
    assert decide(offer(last), MEMBER, at("2026-11-22T08:00"), ZONE).reason is Reason.CLOSED


def test_what_is_paused_says_so_and_what_is_over_is_over():
    assert decide(offer(state=OfferState.PAUSED), MEMBER, NOW, ZONE).reason is Reason.PAUSED
    assert decide(offer(is_paused=True), MEMBER, NOW, ZONE).reason is Reason.PAUSED
    assert decide(offer(state=OfferState.ENDED), MEMBER, NOW, ZONE).reason is Reason.CLOSED
    over = OfferTerms(closes_at=NOW)
    assert decide(offer(over, state=OfferState.PAUSED), MEMBER, NOW, ZONE).reason is Reason.CLOSED


@pytest.mark.parametrize(
    ("audience", "who", "outside"),
    [
        (Audience(), GUEST, AudienceWord.MEMBERS),
        (Audience(is_members_only=False), GUEST, None),
        (Audience(level_at_least="gold"), MEMBER, AudienceWord.LEVEL),
        (Audience(level_at_least="silver"), SILVER, None),
        (Audience(level_at_least="base"), SILVER, None),
        (Audience(level_at_least="gold"), SILVER, AudienceWord.LEVEL),
        (Audience(levels=("base", "silver")), SILVER, None),
        (Audience(levels=("base",)), SILVER, AudienceWord.LEVEL),
        (Audience(card_kinds=("gold", "black")), MEMBER, None),
        (Audience(card_kinds=("black",)), MEMBER, AudienceWord.CARD_KINDS),
        (Audience(organizations=(NORTH,)), MEMBER, None),
        (Audience(organizations=(SOUTH,)), MEMBER, AudienceWord.CITY),
        (Audience(joined_within_days=3), MEMBER, None),
        (Audience(joined_within_days=2), MEMBER, AudienceWord.NEW_MEMBERS),
        (Audience(is_members_only=False, joined_within_days=2), GUEST, AudienceWord.NEW_MEMBERS),
        (Audience(member_list=(ME,)), MEMBER, None),
        (Audience(member_list=(OTHER,)), MEMBER, AudienceWord.LIST),
        (Audience(member_list=(OTHER,)), replace(MEMBER, ids=frozenset([ME, OTHER])), None),
        (Audience(card_kinds=("gold",), organizations=(SOUTH,)), MEMBER, AudienceWord.CITY),
    ],
)
def test_all_that_an_audience_asks_must_hold(audience, who, outside):
    verdict = decide(offer(OfferTerms(audience=audience)), who, NOW, ZONE)
    assert (verdict.ok, verdict.audience) == (outside is None, outside)


def test_of_several_prices_the_first_that_fits_counts():
    gold, members = Audience(card_kinds=("gold",)), Audience()
    prices = (AudiencePrice(gold, Price(points=1)), AudiencePrice(members, Price(points=2)))
    terms = OfferTerms(price=Price(points=3), prices=prices)
    assert price_for(terms, MEMBER, NOW, ZONE) == Price(points=1)
    assert price_for(terms, replace(MEMBER, card_kinds=frozenset()), NOW, ZONE) == Price(points=2)
    assert price_for(terms, GUEST, NOW, ZONE) == Price(points=3)
    turned = replace(terms, prices=prices[::-1])
    assert price_for(turned, MEMBER, NOW, ZONE) == Price(points=2)


@given(moments, st.integers(-48, 48), st.integers(1, 48))
def test_nobody_can_have_it_outside_of_the_window(now, opens_in, lasts):
    opens_at = now + timedelta(hours=opens_in)
    terms = OfferTerms(opens_at=opens_at, closes_at=opens_at + timedelta(hours=lasts))
    assert decide(offer(terms), MEMBER, now, ZONE).ok == (opens_in <= 0 < opens_in + lasts)


# --- what cannot be published


def fields_of(terms: OfferTerms) -> set[tuple[str, str]]:
    return {(each.field, each.problem) for each in problems_of(terms, NOW, ZONE)}


def test_a_plain_offer_can_be_published():
    assert fields_of(OfferTerms()) == set()
    assert fields_of(replace(WAVES, stock=100, opens_at=NOW, closes_at=NOW + timedelta(days=1))) == set()


LATER = NOW + timedelta(days=2)


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        (OfferTerms(price=Price(fen=1)), ("price.fen", "orders_missing")),
        (OfferTerms(price=Price(points=2**31)), ("price.points", "out_of_range")),
        (OfferTerms(price=Price(carrier_fen=1)), ("price.carrier_fen", "carrier_missing")),
        (OfferTerms(price=Price(fen=-1)), ("price", "negative")),
        (OfferTerms(price=Price(points=-1)), ("price", "negative")),
        (OfferTerms(price=Price(carrier_fen=-1)), ("price", "negative")),
        (OfferTerms(original_price_fen=-1), ("original_price_fen", "negative")),
        (OfferTerms(audience=Audience(joined_within_days=3_661)), ("audience.joined_within_days", "out_of_range")),
        (OfferTerms(closes_at=datetime(2019, 12, 31, tzinfo=UTC)), ("closes_at", "out_of_range")),
        (OfferTerms(daily_stock=2**31), ("daily_stock", "out_of_range")),
        (OfferTerms(waves=(Wave("10:00", 2**31),)), ("waves[0].count", "out_of_range")),
        (OfferTerms(limits=(Limit(Period.DAY, 1_001),)), ("limits[0].count", "out_of_range")),
        (OfferTerms(validity=Validity(ValidityKind.DAYS, days=3_661)), ("validity.days", "out_of_range")),
        (OfferTerms(validity=Validity(ValidityKind.NATURAL)), ("validity.period", "missing")),
        (
            OfferTerms(opens_at=LATER, early=(EarlyOpening("gold", 7 * 24 * 60 + 1),)),
            ("early[0].minutes", "out_of_range"),
        ),
        (
            OfferTerms(opens_at=LATER, early=(EarlyOpening("gold", 1), EarlyOpening("gold", 2))),
            ("early", "repeated"),
        ),
        (
            OfferTerms(prices=(AudiencePrice(Audience(), Price(fen=9)),)),
            ("prices[0].price.fen", "orders_missing"),
        ),
        (
            OfferTerms(audience=Audience(level_at_least="gold", levels=("gold",))),
            ("audience.levels", "with_level_at_least"),
        ),
        (OfferTerms(opens_at=LATER, early=(EarlyOpening("gold", 5, "gold"),)), ("early[0]", "incomplete")),
        (OfferTerms(opens_at=LATER, early=(EarlyOpening(minutes=5),)), ("early[0]", "incomplete")),
        (
            OfferTerms(prices=(AudiencePrice(Audience(level_at_least="gold", levels=("gold",)), Price()),)),
            ("prices[0].audience.levels", "with_level_at_least"),
        ),
        (OfferTerms(audience=Audience(joined_within_days=-1)), ("audience.joined_within_days", "out_of_range")),
        (OfferTerms(opens_at=LATER, closes_at=LATER), ("closes_at", "before_start")),
        (OfferTerms(opens_at=LATER, closes_at=LATER - timedelta(seconds=1)), ("closes_at", "before_start")),
        (OfferTerms(closes_at=NOW), ("closes_at", "in_past")),
        (OfferTerms(opens_at=datetime(9999, 12, 31, tzinfo=UTC)), ("opens_at", "out_of_range")),
        (OfferTerms(stock=-1), ("stock", "out_of_range")),
        (OfferTerms(stock=2**31), ("stock", "out_of_range")),
        (OfferTerms(daily_stock=0), ("daily_stock", "out_of_range")),
        (OfferTerms(waves=(Wave("10:00", 0),)), ("waves[0].count", "out_of_range")),
        (OfferTerms(waves=(Wave("24:00", 1),)), ("waves[0].at", "not_a_time")),
        (OfferTerms(waves=(Wave("1000", 1),)), ("waves[0].at", "not_a_time")),
        (OfferTerms(waves=(Wave("10:00", 1), Wave("10:00", 2))), ("waves", "repeated")),
        (
            replace(WAVES, opens_at=at("2026-11-23T00:00"), closes_at=at("2026-11-23T10:00")),
            ("waves", "never_on"),
        ),
        (OfferTerms(early=(EarlyOpening("gold", 30),)), ("early", "window_missing")),
        (OfferTerms(opens_at=LATER, early=(EarlyOpening("gold", 0),)), ("early[0].minutes", "out_of_range")),
        (replace(WAVES, opens_at=LATER, early=(EarlyOpening("gold", 5),)), ("early", "with_waves")),
        (OfferTerms(limits=(Limit(Period.DAY, 0),)), ("limits[0].count", "out_of_range")),
        (OfferTerms(limits=(Limit(Period.DAY, 3), Limit(Period.EVER, 2))), ("limits", "impossible")),
        (OfferTerms(limits=(Limit(Period.DAY, 1), Limit(Period.DAY, 2))), ("limits", "repeated")),
        (OfferTerms(limits=()), ("limits", "unbounded")),
        (OfferTerms(validity=Validity(ValidityKind.FIXED)), ("validity.until", "missing")),
        (OfferTerms(validity=Validity(ValidityKind.DAYS, days=-1)), ("validity.days", "out_of_range")),
        (OfferTerms(validity=Validity(ValidityKind.NATURAL, period=Period.EVER)), ("validity.period", "missing")),
        (
            OfferTerms(validity=Validity(ValidityKind.FIXED, until=NOW - timedelta(days=1))),
            ("validity.until", "in_past"),
        ),
        (
            OfferTerms(closes_at=LATER, validity=Validity(ValidityKind.FIXED, until=NOW)),
            ("closes_at", "after_validity"),
        ),
    ],
)
def test_what_is_impossible_is_named(terms, problem):
    assert problem in fields_of(terms)


def test_every_reason_is_given_at_once():
    terms = OfferTerms(price=Price(fen=1), stock=-1, closes_at=NOW)
    assert {field for field, _ in fields_of(terms)} == {"price.fen", "stock", "closes_at"}


# --- when the clock changes something

HOUR = timedelta(hours=1)
near = st.none() | st.integers(-48, 48).map(lambda hours: NOW + hours * HOUR)


@given(
    st.sets(times, max_size=3), near, near, st.sampled_from([(), (EarlyOpening("gold", 90),)]), moments, st.floats(0, 1)
)
def test_until_the_next_turn_nothing_changes_for_anybody(waves, opens_at, closes_at, early, now, share):
    terms = OfferTerms(
        audience=Audience(joined_within_days=2),
        opens_at=opens_at,
        closes_at=closes_at,
        early=early,
        waves=tuple(Wave(each, 5) for each in sorted(waves)),
    )
    turn = next_turn(terms, now, ZONE)
    then = max(now, min(now + share * (turn - now), turn - timedelta.resolution))
    assert now < turn
    for who in (MEMBER, GUEST, replace(MEMBER, card_kinds=frozenset())):
        assert decide(offer(terms), who, then, ZONE) == decide(offer(terms), who, now, ZONE)


@pytest.mark.parametrize(
    ("terms", "turn"),
    [
        (OfferTerms(), at("2026-11-23T00:00")),
        (OfferTerms(opens_at=NOW + 2 * HOUR), NOW + 2 * HOUR),
        (OfferTerms(opens_at=NOW + 2 * HOUR, early=(EarlyOpening("gold", 90),)), NOW + HOUR / 2),
        (OfferTerms(opens_at=NOW - HOUR, closes_at=NOW + HOUR), NOW + HOUR),
        (WAVES, at("2026-11-22T15:00")),
    ],
)
def test_the_next_turn_is_the_first_of_all_that_can_come(terms, turn):
    assert next_turn(terms, NOW, ZONE) == turn
