"""One claim at the cut-off: who gave something for it, which of them counts, and what has to be written for that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from handlers.offline.applying import Giving
from handlers.rules.offline import Fixed, HandOver, OfflineReason, Place, fix
from handlers.rules.redemption import Reason
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.words import ClaimState, ScanMode, ScanOutcome

Row = Mapping[str, Any]
_FREE = frozenset({ClaimState.ISSUED, ClaimState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one scan; `counted`: the redemption that counts for its claim."""

    scan: Row
    outcome: ScanOutcome
    reason: str
    counted: UUID | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What to write for one claim: at most one row that counts, at most one contra row, and a verdict per scan."""

    claim: Row
    verdicts: tuple[Verdict, ...]
    giving: Giving | None = None
    contra: Row | None = None
    displaced: Row | None = None  # a redemption online that an earlier scan was before: a case for a person
    counted: UUID | None = None

    @property
    def is_taken(self) -> bool:
        """The claim was free and has a redemption now."""
        return self.giving is not None and self.contra is None

    @property
    def is_given_back(self) -> bool:
        """The claim had a redemption and has none now."""
        return self.giving is None and self.contra is not None


def settle(claim: Row, scans: Sequence[Row], standing: Row | None, over: frozenset[UUID]) -> Settled:
    """Pure over rows that were read under the claim's lock.

    `scans` are those of the day without a verdict; `standing` what the claim is redeemed by at this moment, if by
    anything: one of these scans, one of another day, or online.
    """
    taken_back = {as_uuid(each["id"]) for each in scans if each["is_withdrawn"]}
    by_id = {as_uuid(each["id"]): each for each in scans if as_uuid(each["id"]) not in taken_back}
    hand_overs = [_of_scan(each) for each in by_id.values()]
    holder = _holder(by_id, standing)
    if standing is not None and holder is None:
        hand_overs.append(_of_redemption(standing))
    fixed = fix(hand_overs, over)
    counted = next((each for each, told in fixed.items() if told.outcome is ScanOutcome.ACCEPTED), None)
    gone = [each for each in scans if each["is_withdrawn"]]
    withdrawn = tuple(Verdict(each, ScanOutcome.ACCEPTED, "", as_uuid(each["redemption_id"])) for each in gone)
    is_free = ClaimState(claim["state"]) in _FREE and not claim["is_paid_back"]
    if counted in by_id and standing is None and not is_free:
        # It was called back or paid back since the scan came in: nothing can be redeemed any more.
        refused = tuple(Verdict(each, ScanOutcome.REJECTED, Reason.REVOKED, None) for each in by_id.values())
        return Settled(claim, (*withdrawn, *refused))
    giving = contra = None
    if counted in by_id and counted != holder:
        giving = _giving(by_id[counted], claim)
        contra = standing
    elif counted is None:
        contra = standing
    counted_redemption = giving.redemption_id if giving else as_uuid(standing["id"]) if standing and counted else None
    verdicts = tuple(_verdict(by_id[each], told, counted_redemption) for each, told in fixed.items() if each in by_id)
    is_displaced = contra is not None and giving is not None and contra["mode"] == ScanMode.ONLINE
    return Settled(claim, (*withdrawn, *verdicts), giving, contra, contra if is_displaced else None, counted_redemption)


def _verdict(scan: Row, told: Fixed, counted: UUID | None) -> Verdict:
    is_over = told.reason == OfflineReason.OVER_LIMIT
    return Verdict(scan, told.outcome, told.reason, None if is_over else counted)


def _holder(scans: Mapping[UUID, Row], standing: Row | None) -> UUID | None:
    """Which of these scans made the redemption that stands."""
    if standing is None:
        return None
    made = (row_id for row_id, each in scans.items() if each["redemption_id"] == standing["id"])
    return next(made, None)


def _of_scan(scan: Row) -> HandOver:
    place = Place(as_instant(scan["scanned_at"]), scan["device_id"], scan["seq"])
    return HandOver(as_uuid(scan["id"]), as_uuid(scan["claim_id"]), place, scan["value_fen"])


def _of_redemption(standing: Row) -> HandOver:
    """By its own time: the server's of one online, the corrected one of a scan of another day."""
    given_at = as_instant(standing["scanned_at"] if standing["mode"] == ScanMode.OFFLINE else standing["redeemed_at"])
    place = Place(given_at, standing["device_id"])
    return HandOver(as_uuid(standing["id"]), as_uuid(standing["claim_id"]), place, is_online=True)


def _giving(scan: Row, claim: Row) -> Giving:
    return Giving(
        new_id(),
        claim,
        scan,
        as_uuid(scan["merchant_id"]),
        scan["device_id"],
        as_instant(scan["scanned_at"]),
        scan["bill_amount_fen"],
    )
