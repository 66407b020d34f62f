"""A scan as a device sends it, and as it is answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from handlers.codec import fingerprint
from handlers.rules.offline import OfflineReason
from models.sql import as_instant, as_uuid
from models.words import ScanOutcome


@dataclass(frozen=True, slots=True)
class ScanSent:
    """One scan from a device's queue. `scanned_at` is its own clock, `elapsed` its monotonic one since the sync.

    `bill_fen`: what the bill came to, for a partner coupon.
    """

    seq: int
    key: str
    code: str = field(repr=False)
    sync_id: UUID
    scanned_at: datetime
    elapsed: timedelta | None = None
    bill_fen: int | None = None

    def fingerprint(self, code_hash: str) -> str:
        """What must not differ when it is sent again."""
        facts = [self.seq, self.key, code_hash, self.sync_id, self.scanned_at, self.elapsed, self.bill_fen]
        return fingerprint(facts)


class Told(StrEnum):
    """What a device is told of one scan."""

    ACCEPTED = "accepted"
    REPLAYED = "replayed"  # it was uploaded before; what became of it stands beside
    CONFLICT = "conflict"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FirstGiven:
    """What counts for the claim instead. `given_at`: when it was handed over."""

    given_at: datetime
    store: str
    clerk: str
    device_id: str
    receipt: str

    @classmethod
    def of(cls, redemption: Mapping[str, Any]) -> "FirstGiven":
        """From a row of `statements.STANDING` or `BY_ID`."""
        return cls(
            given_at=as_instant(redemption["scanned_at"] or redemption["redeemed_at"]),
            store=redemption["store"],
            clerk=redemption["clerk"],
            device_id=redemption["device_id"],
            receipt=redemption["receipt"],
        )


@dataclass(frozen=True, slots=True)
class ScanAnswer:
    """What became of a scan; provisional until the cut-off. `is_kept` is false for what must be sent again."""

    seq: int
    key: str
    told: Told
    outcome: ScanOutcome
    reason: str = ""
    is_provisional: bool = False
    is_kept: bool = True
    redemption_id: UUID | None = None
    first: FirstGiven | None = None


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The answers in the order in which the scans were sent, and what is still missing of the device's numbers."""

    answers: tuple[ScanAnswer, ...]
    complete_upto: int
    gaps: tuple[tuple[int, int], ...]  # first and last number that is missing, at most 20
    offset: timedelta
    is_clock_warned: bool
    server_at: datetime


def reused(sent: ScanSent, known: Mapping[str, Any]) -> ScanAnswer:
    """The number or the key stands for another scan: this one is not taken."""
    reason = OfflineReason.SEQ_REUSED if known["seq"] == sent.seq else OfflineReason.KEY_REUSED
    return ScanAnswer(sent.seq, sent.key, Told.CONFLICT, ScanOutcome.CONFLICT, reason)


def replay(sent: ScanSent, known: Mapping[str, Any], firsts: Mapping[UUID, Mapping[str, Any]]) -> ScanAnswer:
    """What became of a scan that was uploaded before: the verdict where there is one. `firsts` by claim."""
    is_fixed = known["fixed_outcome"] is not None
    outcome = ScanOutcome(known["fixed_outcome"] if is_fixed else known["outcome"])
    redemption_id = known["fixed_redemption_id"] if is_fixed else known["redemption_id"]
    claim_id = as_uuid(known["claim_id"]) if known["claim_id"] else None
    is_own = outcome is ScanOutcome.ACCEPTED
    counted = firsts.get(claim_id) if outcome is ScanOutcome.CONFLICT and claim_id else None
    return ScanAnswer(
        sent.seq,
        sent.key,
        Told.REPLAYED,
        outcome,
        known["fixed_reason"] if is_fixed else known["reason"],
        is_provisional=not is_fixed,
        redemption_id=as_uuid(redemption_id) if is_own and redemption_id else None,
        first=FirstGiven.of(counted) if counted else None,
    )
