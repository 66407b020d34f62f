"""Whether a scan competes for its claim at all: its times, who made it, and the claim as it was when it was scanned.

What others gave for the same claim is no part of this: that is decided among all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.codec import from_json
from handlers.offline.scans import ScanSent
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.benefit_terms import TERMS_OF
from handlers.rules.offline import OfflineDayTimes, OfflineReason, value_of, why_not_offline, why_not_then
from handlers.rules.pauses import Interval, was_off
from handlers.rules.redemption import Presented, Reason, honours, why_not
from models.sql import as_instant, as_uuid
from models.words import BenefitKind, ClaimState, MemberStatus, OfferState

Row = Mapping[str, Any]
Pauses = Mapping[UUID, Sequence[Interval]]  # when benefits, offers and merchants were off
# A claim in one of these may have been good when it was scanned: time and the others decide about it.
_WAS_PERHAPS_GOOD = frozenset({ClaimState.ISSUED, ClaimState.USED, ClaimState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Judged:
    """A scan with what is known of it. `reason` empty: it competes."""

    sent: ScanSent
    code_hash: str
    sync: Row | None
    claim: Row | None  # only of the device's own merchant
    scanned_at: datetime
    reason: str
    value_fen: int = 0

    @property
    def claim_id(self) -> UUID | None:
        return as_uuid(self.claim["id"]) if self.claim else None

    @property
    def business_on(self) -> str:
        """The day whose cut-off decides about it; empty where no pack of ours was used."""
        return self.sync["business_on"] if self.sync else ""

    @property
    def is_guess(self) -> bool:
        """A code that no pack can have held."""
        return self.reason == Reason.INVALID and self.claim is None


def judge(
    sent: ScanSent,
    code_hash: str,
    sync: Row | None,
    found: Row | None,
    merchant_id: UUID,
    *,
    pauses: Pauses,
    now: datetime,
) -> Judged:
    """`found` is the claim behind the code, its row locked, of whichever merchant."""
    claim = found if found and found["merchant_id"] and as_uuid(found["merchant_id"]) == merchant_id else None
    if sync is None:
        return Judged(sent, code_hash, None, claim, sent.scanned_at, OfflineReason.PACK_UNKNOWN)
    scanned_at = sent.scanned_at + timedelta(milliseconds=sync["offset_ms"])
    against = why_not_then(
        scanned_at,
        synced_at=as_instant(sync["measured_at"]),
        elapsed=sent.elapsed,
        revoked_at=as_instant(sync["revoked_at"]) if sync["revoked_at"] else None,
        day=OfflineDayTimes.named(sync["business_on"], BUSINESS_ZONE),
        now=now,
    )
    if against is not None:
        return Judged(sent, code_hash, sync, claim, scanned_at, against)
    if claim is None:
        return Judged(sent, code_hash, sync, None, scanned_at, Reason.INVALID)
    shown = presented(claim, sync, sent.bill_fen, is_paused=_was_paused(claim, pauses, scanned_at))
    reason: str = why_not(shown, scanned_at) or ""
    if not reason and (
        not claim["is_offline_allowed"]
        or claim["uses_total"] != 1
        or why_not_offline(shown.terms, claim["settlement_price_fen"])
    ):
        reason = OfflineReason.NOT_ALLOWED
    return Judged(
        sent, code_hash, sync, claim, scanned_at, reason, value_of(shown.terms, claim["settlement_price_fen"])
    )


def subjects(claim: Row) -> dict[UUID, bool]:
    """What the claim hangs on: its benefit, offer and merchant, and whether each is off at this moment."""
    switches = {
        as_uuid(claim["benefit_id"]): bool(claim["is_paused"]),
        as_uuid(claim["offer_id"]): claim["offer_state"] == OfferState.PAUSED,
    }
    if claim["merchant_id"]:
        switches[as_uuid(claim["merchant_id"])] = not claim["is_merchant_active"]
    return switches


def _was_paused(claim: Row, pauses: Pauses, at: datetime) -> bool:
    return any(was_off(at, pauses.get(each, ()), is_off_now=is_off) for each, is_off in subjects(claim).items())


def presented(claim: Row, sync: Row, bill_fen: int | None, *, is_paused: bool = False) -> Presented:
    """The claim as it lay on the counter then, as far as anybody can know: unused, unless it was called back.

    What is paid back counts as called back, also where time had ended it before.
    """
    kind = BenefitKind(claim["kind"])
    state = ClaimState.REVOKED if claim["is_paid_back"] else ClaimState(claim["state"])
    terms = from_json(TERMS_OF[kind], claim["terms"])
    return Presented(
        kind=kind,
        terms=terms,
        state=ClaimState.ISSUED if state in _WAS_PERHAPS_GOOD else state,
        uses_left=claim["uses_total"],
        valid_from=as_instant(claim["valid_from"]),
        expires_at=as_instant(claim["expires_at"]) if claim["expires_at"] else None,
        owner=MemberStatus(claim["owner_status"]),
        is_own=as_uuid(claim["owner_id"]) == as_uuid(sync["clerk_member_id"]),
        is_of_merchant=True,
        is_honoured_here=honours(terms, sync["store_code"]),
        is_paused=is_paused,
        is_code_good=bool((claim["offer_terms"] or {}).get("shows_typed_code", True)),
        bill_fen=bill_fen,
    )
