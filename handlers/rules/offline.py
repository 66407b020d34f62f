"""Redemption without a network, as pure rules: what is allowed offline, when a scan was made, and which scan counts.

Nothing here knows when a scan was uploaded, with which others, or how often. What counts is decided over the whole of
a day's scans by (corrected time, device, number of the scan), so every order and split of the uploads ends the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.rules.benefit_terms import BenefitTerms, PartnerCouponTerms, VoucherTerms
from models.words import ScanOutcome

MOST_VALUE_FEN = 5_000  # of one benefit: a screenshot is worth more to whoever is not looked up
MOST_ENTRIES, MARK_CHARACTERS = 20_000, 12
MOST_SCANS = 500  # of one upload
MOST_SCANS_A_DAY, MOST_FEN_A_DAY = 200, 200_000  # of one device
CLOCK_WARNED, CLOCK_REFUSED = timedelta(minutes=5), timedelta(minutes=30)
CUT_OFF = time(6)  # of the next day
CONTRA = "offline.cut_off"  # why a redemption was taken back when its day was fixed


class OfflineReason(StrEnum):
    """Why a scan does not count, besides the reasons of a scan online (`redemption.*`)."""

    PACK_UNKNOWN = "offline.pack_unknown"  # no pack was fetched on this device under that sync
    CLOCK_OFF = "offline.clock_off"  # the device's clock moved since it fetched the pack
    AHEAD_OF_TIME = "offline.ahead_of_time"  # it has not been yet: not kept, and to be sent again
    PACK_OVER = "offline.pack_over"  # scanned after the pack's day
    CLERK_REVOKED = "offline.clerk_revoked"  # scanned by somebody who did not serve any more
    NOT_ALLOWED = "offline.not_allowed"  # not offline
    LATE = "offline.late"  # uploaded after the cut-off
    OVER_LIMIT = "offline.over_limit"  # more than a device may in a day
    GIVEN_TWICE = "offline.given_twice"  # something else was given for the same claim
    SEQ_REUSED = "offline.seq_reused"  # another scan has this number
    KEY_REUSED = "offline.key_reused"  # another scan has this key


# --- what is allowed


def value_of(terms: BenefitTerms, price_fen: int) -> int:
    """What a benefit is worth at a counter, in fen: its settlement price or its face value, whichever is more."""
    face = terms.face_value_fen if isinstance(terms, VoucherTerms | PartnerCouponTerms) else 0
    return max(price_fen, face)


def why_not_offline(terms: BenefitTerms, price_fen: int) -> tuple[str, Mapping[str, Any]] | None:
    """What forbids it for a benefit, with facts, or None: only what is redeemed at a counter, once, for 50 yuan."""
    if not isinstance(terms, VoucherTerms | PartnerCouponTerms):
        return "not_for_kind", {}
    if isinstance(terms, VoucherTerms) and terms.uses != 1:
        return "multi_use", {"most": 1}
    if value_of(terms, price_fen) > MOST_VALUE_FEN:
        return "too_valuable", {"most": MOST_VALUE_FEN}
    return None


# --- days and clocks


@dataclass(frozen=True, slots=True)
class OfflineDayTimes:
    """A business day: its packs hold in [starts_at, ends_at), uploads of its scans count until `cut_off_at`."""

    on: str
    starts_at: datetime
    ends_at: datetime
    cut_off_at: datetime

    @classmethod
    def named(cls, on: str, zone: ZoneInfo) -> "OfflineDayTimes":
        """The day of this date. Raises ValueError."""
        day = date.fromisoformat(on)
        following = day + timedelta(days=1)
        return cls(
            day.isoformat(),
            datetime.combine(day, time(), zone),
            datetime.combine(following, time(), zone),
            datetime.combine(following, CUT_OFF, zone),
        )

    @classmethod
    def of(cls, instant: datetime, zone: ZoneInfo) -> "OfflineDayTimes":
        """The day in which this instant is."""
        return cls.named(instant.astimezone(zone).date().isoformat(), zone)


def last_due(now: datetime, zone: ZoneInfo) -> str:
    """The date of the last day whose cut-off has come."""
    today = OfflineDayTimes.of(now, zone)
    yesterday = OfflineDayTimes.of(today.starts_at - timedelta(hours=1), zone)
    if yesterday.cut_off_at <= now:
        return yesterday.on
    return OfflineDayTimes.of(yesterday.starts_at - timedelta(hours=1), zone).on


def open_since(now: datetime, zone: ZoneInfo) -> datetime:
    """Since when scans may still come in: the beginning of the day after the last one whose cut-off has come."""
    return OfflineDayTimes.named(last_due(now, zone), zone).ends_at


def is_clock_warned(offset: timedelta) -> bool:
    """Whether the person at the device should hear that its clock is off."""
    return abs(offset) > CLOCK_WARNED


def is_clock_refused(offset: timedelta) -> bool:
    """Whether the device is so far off that it gets no pack and uploads nothing."""
    return abs(offset) > CLOCK_REFUSED


def why_not_then(
    scanned_at: datetime,
    *,
    synced_at: datetime,
    elapsed: timedelta | None,
    revoked_at: datetime | None,
    day: OfflineDayTimes,
    now: datetime,
) -> OfflineReason | None:
    """What speaks against a scan by its times alone, all of them in our clock; None: nothing.

    `elapsed` is what the device's monotonic clock counted since the sync, where it has one; it cannot be set by hand.
    """
    has_moved = elapsed is not None and abs(synced_at + elapsed - scanned_at) > CLOCK_REFUSED
    if has_moved or scanned_at < synced_at - CLOCK_WARNED:
        return OfflineReason.CLOCK_OFF
    if scanned_at >= day.ends_at:
        return OfflineReason.PACK_OVER
    if scanned_at > now + CLOCK_WARNED:
        return OfflineReason.AHEAD_OF_TIME
    if revoked_at is not None and scanned_at >= revoked_at:
        return OfflineReason.CLERK_REVOKED
    return None


# --- which one counts


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a hand-over stands among those of its claim: the least counts. Online ones stand before number 1."""

    at: datetime
    device_id: str
    seq: int = 0


@dataclass(frozen=True, slots=True)
class HandOver:
    """Something that was given for a claim: a scan without a network, or a redemption online (`is_online`)."""

    id: UUID
    claim_id: UUID
    place: Place
    value_fen: int = 0
    is_online: bool = False


@dataclass(frozen=True, slots=True)
class Fixed:
    """What became of a hand-over, and which one counts for its claim (None: none does)."""

    outcome: ScanOutcome
    reason: str
    counted: UUID | None


def over_limit(scans: Iterable[HandOver]) -> frozenset[UUID]:
    """Of the scans of one device and one day those that are more than it may make, in number or in value.

    In the order in which they were made; one that does not fit is left out, and a smaller one after it may still fit.
    """
    number = fen = 0
    over = set[UUID]()
    for scan in sorted(scans, key=lambda each: each.place):
        if number >= MOST_SCANS_A_DAY or fen + scan.value_fen > MOST_FEN_A_DAY:
            over.add(scan.id)
        else:
            number, fen = number + 1, fen + scan.value_fen
    return frozenset(over)


def first(hand_overs: Sequence[HandOver]) -> HandOver | None:
    """The one that counts, of those of one claim."""
    return min(hand_overs, key=lambda each: each.place, default=None)


def fix(hand_overs: Sequence[HandOver], over: frozenset[UUID]) -> dict[UUID, Fixed]:
    """What became of every hand-over of one claim; those in `over` take no part."""
    counted = first([each for each in hand_overs if each.id not in over])
    fixed = dict[UUID, Fixed]()
    for each in hand_overs:
        if each.id in over:
            fixed[each.id] = Fixed(ScanOutcome.REJECTED, OfflineReason.OVER_LIMIT, None)
        elif counted is not None and each.id == counted.id:
            fixed[each.id] = Fixed(ScanOutcome.ACCEPTED, "", each.id)
        else:
            fixed[each.id] = Fixed(ScanOutcome.CONFLICT, OfflineReason.GIVEN_TWICE, counted.id if counted else None)
    return fixed
