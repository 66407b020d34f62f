"""Which scan of a claim counts, whatever came in when: over all orders, splits and repetitions."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.benefit_terms import CodeCouponTerms, PackageTerms, PartnerCouponTerms, TopUpTerms, VoucherTerms
from handlers.rules.offline import (
    MOST_FEN_A_DAY,
    MOST_SCANS_A_DAY,
    HandOver,
    OfflineDayTimes,
    OfflineReason,
    Place,
    fix,
    is_clock_refused,
    is_clock_warned,
    last_due,
    over_limit,
    value_of,
    why_not_offline,
    why_not_then,
)
from models.words import ScanOutcome

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
DAY = OfflineDayTimes.of(NOON, SHANGHAI)


# --- what is allowed


@pytest.mark.parametrize(
    ("terms", "price_fen", "problem"),
    [
        (VoucherTerms(), 5_000, None),
        (VoucherTerms(), 5_001, "too_valuable"),
        (VoucherTerms(face_value_fen=5_001), 0, "too_valuable"),
        (VoucherTerms(uses=2), 0, "multi_use"),
        (PartnerCouponTerms(5_000), 0, None),
        (PartnerCouponTerms(5_001), 0, "too_valuable"),
        (CodeCouponTerms("pool"), 0, "not_for_kind"),
        (TopUpTerms("s", "p", 100), 0, "not_for_kind"),
        (PackageTerms(()), 0, "not_for_kind"),
    ],
)
def test_offline_is_for_one_use_at_a_counter_of_fifty_yuan_at_most(terms, price_fen, problem):
    against = why_not_offline(terms, price_fen)
    assert (against[0] if against else None) == problem


def test_a_benefit_is_worth_its_price_or_its_face_value():
    assert value_of(VoucherTerms(face_value_fen=300), 200) == 300
    assert value_of(PartnerCouponTerms(100), 200) == 200


# --- days and clocks


def test_a_day_is_that_of_the_zone_and_its_cut_off_the_next_morning():
    assert DAY.on == "2026-11-22"
    assert DAY.starts_at.astimezone(UTC) == datetime(2026, 11, 21, 16, tzinfo=UTC)
    assert DAY.ends_at.astimezone(UTC) == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert DAY.cut_off_at.astimezone(UTC) == datetime(2026, 11, 22, 22, tzinfo=UTC)
    assert OfflineDayTimes.of(DAY.ends_at, SHANGHAI).on == "2026-11-23"


def test_a_day_is_due_at_its_cut_off_and_not_a_moment_before():
    assert last_due(DAY.cut_off_at, SHANGHAI) == "2026-11-22"
    assert last_due(DAY.cut_off_at - timedelta(microseconds=1), SHANGHAI) == "2026-11-21"


def test_a_clock_is_warned_of_beyond_five_minutes_and_refused_beyond_thirty():
    for minutes, warned, refused in ((5, False, False), (6, True, False), (30, True, False), (31, True, True)):
        for offset in (timedelta(minutes=minutes), -timedelta(minutes=minutes)):
            assert (is_clock_warned(offset), is_clock_refused(offset)) == (warned, refused)


def against(scanned_at=NOON, *, synced_at=NOON - timedelta(hours=1), elapsed=None, revoked_at=None, now=DAY.ends_at):
    return why_not_then(
        scanned_at, synced_at=synced_at, elapsed=elapsed, revoked_at=revoked_at, day=DAY, now=now + timedelta(hours=1)
    )


def test_times_speak_for_and_against_a_scan():
    hour, moment = timedelta(hours=1), timedelta(microseconds=1)
    assert against() is None
    assert against(elapsed=hour) is None
    assert against(elapsed=hour + timedelta(minutes=30)) is None
    assert against(elapsed=hour + timedelta(minutes=31)) is OfflineReason.CLOCK_OFF
    assert against(NOON - hour - timedelta(minutes=6)) is OfflineReason.CLOCK_OFF
    assert against(DAY.ends_at - moment) is None
    assert against(DAY.ends_at) is OfflineReason.PACK_OVER
    assert against(now=NOON - hour - timedelta(minutes=6)) is OfflineReason.AHEAD_OF_TIME
    assert against(revoked_at=NOON + moment) is None
    assert against(revoked_at=NOON) is OfflineReason.CLERK_REVOKED


# --- which one counts


def scan(number: int, *, claim: int = 1, seconds: int = 0, device: str = "a", value_fen: int = 0) -> HandOver:
    place = Place(NOON + timedelta(seconds=seconds), device, number)
    return HandOver(UUID(int=number), UUID(int=claim), place, value_fen)


def online(number: int, *, claim: int = 1, seconds: int = 0) -> HandOver:
    return HandOver(UUID(int=number), UUID(int=claim), Place(NOON + timedelta(seconds=seconds), "till"), is_online=True)


def test_the_earliest_counts_then_the_device_then_the_number_and_online_by_its_own_time():
    nobody = frozenset()
    for first, second in (
        (scan(2, seconds=0), scan(1, seconds=1)),
        (scan(2, device="a"), scan(1, device="b")),
        (scan(1), scan(2)),
        (online(9, seconds=0), scan(1, seconds=1)),
        (scan(1, seconds=0), online(9, seconds=1)),
    ):
        fixed = fix([second, first], nobody)
        assert (fixed[first.id].outcome, fixed[first.id].counted) == (ScanOutcome.ACCEPTED, first.id)
        told = fixed[second.id]
        assert (told.outcome, told.counted) == (ScanOutcome.CONFLICT, first.id)


def test_what_is_over_the_limit_takes_no_part_and_alone_leaves_nothing_that_counts():
    early, late = scan(1), scan(2, seconds=1)
    fixed = fix([early, late], frozenset({early.id}))
    assert fixed[early.id].reason == OfflineReason.OVER_LIMIT
    assert fixed[late.id].outcome is ScanOutcome.ACCEPTED
    assert fix([early], frozenset({early.id}))[early.id].counted is None


def test_a_device_may_make_so_many_scans_and_so_much_value_in_the_order_in_which_they_were_made():
    scans = [scan(number, seconds=number) for number in range(1, MOST_SCANS_A_DAY + 3)]
    assert over_limit(reversed(scans)) == {scans[-1].id, scans[-2].id}
    dear = [scan(number, seconds=number, value_fen=MOST_FEN_A_DAY // 2) for number in range(1, 4)]
    cheap = scan(9, seconds=9)
    assert over_limit([cheap, *dear]) == {dear[2].id}


# --- the same for every permutation, split and repetition (I15)


@dataclass
class House:
    """What the house knows: scans by (device, number), as uploads bring them, and what it says at the cut-off."""

    scans: dict[tuple[str, int], HandOver] = field(default_factory=dict)

    def upload(self, part: list[HandOver]) -> None:
        for each in part:
            self.scans.setdefault((each.place.device_id, each.place.seq), each)

    def cut_off(self, redeemed_online: list[HandOver]) -> dict[UUID, object]:
        by_device: dict[str, list[HandOver]] = {}
        by_claim: dict[UUID, list[HandOver]] = {}
        for each in self.scans.values():
            by_device.setdefault(each.place.device_id, []).append(each)
        for each in [*self.scans.values(), *redeemed_online]:
            by_claim.setdefault(each.claim_id, []).append(each)
        over = frozenset().union(*map(over_limit, by_device.values()))
        fixed = {}
        for hand_overs in by_claim.values():
            fixed |= fix(hand_overs, over)
        return fixed


_scans = st.lists(
    st.tuples(
        st.integers(1, 4), st.integers(0, 3), st.sampled_from("abc"), st.sampled_from([0, 5_000, MOST_FEN_A_DAY // 2])
    ),
    max_size=14,
).map(
    lambda facts: [
        scan(number, claim=claim, seconds=seconds, device=device, value_fen=value)
        for number, (claim, seconds, device, value) in enumerate(facts, 1)
    ]
)
_redeemed = st.dictionaries(st.integers(1, 4), st.integers(0, 3), max_size=4).map(
    lambda facts: [online(1000 + claim, claim=claim, seconds=seconds) for claim, seconds in facts.items()]
)


@given(_scans, _redeemed, st.data())
def test_every_permutation_split_and_repetition_of_the_uploads_ends_the_same(scans, redeemed, data):
    once = House()
    once.upload(scans)
    expected = once.cut_off(redeemed)
    queue = data.draw(st.permutations(scans + data.draw(st.lists(st.sampled_from(scans), max_size=6)) if scans else []))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(queue)), max_size=5)))
    other = House()
    for start, end in zip([0, *cuts], [*cuts, len(queue)], strict=True):
        other.upload(queue[start:end])
    assert other.cut_off(data.draw(st.permutations(redeemed))) == expected


@given(_scans, _redeemed)
def test_at_most_one_hand_over_counts_for_a_claim_and_it_is_an_earliest(scans, redeemed):
    house = House()
    house.upload(scans)
    fixed = house.cut_off(redeemed)
    hand_overs = {each.id: each for each in [*scans, *redeemed]}
    for claim in {each.claim_id for each in hand_overs.values()}:
        of_claim = [each for each in hand_overs.values() if each.claim_id == claim]
        counting = [each for each in of_claim if fixed[each.id].outcome is ScanOutcome.ACCEPTED]
        taking_part = [each for each in of_claim if fixed[each.id].reason != OfflineReason.OVER_LIMIT]
        assert len(counting) == bool(taking_part)
        assert all(counting[0].place <= each.place for each in taking_part)


class Hasty(House):
    """Whoever uploaded first has it: the rule that suggests itself."""

    def cut_off(self, redeemed_online: list[HandOver]) -> dict[UUID, object]:
        counted: dict[UUID, UUID] = {}
        for each in [*self.scans.values(), *redeemed_online]:
            counted.setdefault(each.claim_id, each.id)
        return dict(counted)


def test_negative_control_a_house_that_goes_by_arrival_ends_differently():
    ends = {}
    for kind in (House, Hasty):
        for order in (1, -1):
            house = kind()
            house.upload([scan(1, seconds=0, device="a"), scan(2, seconds=1, device="b")][::order])
            ends[kind, order] = house.cut_off([])
    assert ends[House, 1] == ends[House, -1]
    assert ends[Hasty, 1] != ends[Hasty, -1]
