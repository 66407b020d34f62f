"""The answer to a redemption as it is stored: a receipt, or one refusal with its facts, byte for byte."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from handlers.actors import Clerk
from handlers.codec import from_json
from handlers.errors import (
    AlreadyRedeemed,
    BelowThreshold,
    BenefitPaused,
    BillNeeded,
    ClaimExpired,
    ClaimRevoked,
    MemberBlocked,
    NeedsConfirm,
    NotStarted,
    OwnClaim,
    RedemptionInvalid,
    RedemptionRefused,
    UsesExceeded,
    WrongStore,
    WrongTime,
)
from handlers.redemptions.counter import Laid, Shop
from handlers.requests import Answer
from handlers.rules.benefit_terms import PartnerCouponTerms
from handlers.rules.redemption import Reason, foremost, stores_of
from handlers.rules.store_hours import opens_next
from models.sql import as_instant, as_uuid

DOUBLE_TAP = timedelta(seconds=60)
REFUSALS: Mapping[Reason, type[RedemptionRefused]] = {
    Reason(refusal.code): refusal
    for refusal in (
        RedemptionInvalid,
        OwnClaim,
        ClaimRevoked,
        AlreadyRedeemed,
        MemberBlocked,
        BenefitPaused,
        ClaimExpired,
        WrongStore,
        WrongTime,
        NotStarted,
        UsesExceeded,
        NeedsConfirm,
        BillNeeded,
        BelowThreshold,
    )
}


@dataclass(frozen=True, slots=True)
class Asker:
    """To whom an answer is given, and where they are at work."""

    clerk: Clerk
    where: Shop
    device_id: str


@dataclass(frozen=True, slots=True)
class Line:
    """One claim of a receipt. `deducted_fen`: what a partner coupon took off the bill."""

    id: UUID
    claim_id: UUID
    benefit: str
    member: str  # masked
    uses: int
    uses_left: int
    deducted_fen: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was redeemed in one call. The clerk may take it back until `reversible_until`."""

    number: str
    store: str
    clerk: str
    device_id: str
    redeemed_at: datetime
    reversible_until: datetime
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A receipt, or the code of a refusal with its facts as JSON text, so that they come back in the same bytes."""

    receipt: Receipt | None = None
    reason: str = ""
    facts: str = "{}"

    @classmethod
    def refusal(
        cls,
        laid: Sequence[Laid],
        *,
        firsts: Mapping[UUID, Mapping[str, Any]],
        store_names: Mapping[str, str],
        asker: "Asker",
        now: datetime,
    ) -> "Outcome":
        """The foremost of the reasons, with its facts; with several codes also the reason of each refused one."""
        refused = sorted((each for each in laid if each.against), key=lambda each: each.index)
        reason = foremost([each.against for each in refused if each.against])
        worst = next(each for each in refused if each.against is reason)
        facts = _facts(worst, firsts, store_names, asker, now)
        if len(laid) > 1:
            facts["codes"] = [{"index": each.index, "code": each.against.value} for each in refused if each.against]
        return cls(None, reason.value, orjson.dumps(facts).decode())

    @classmethod
    def of_json(cls, text: str) -> "Outcome":
        """The stored one. Raises TypeError, ValueError, KeyError."""
        return from_json(cls, orjson.loads(text))


def answered(answer: Answer[Outcome]) -> Answer[Receipt]:
    """The receipt, or the refusal raised, marked when it is a replay."""
    outcome = answer.value
    if outcome.receipt is None:
        raise refused(outcome, replayed=answer.replayed)
    return Answer(outcome.receipt, answer.replayed)


def refused(outcome: Outcome, *, replayed: bool = False) -> RedemptionRefused:
    """The refusal that a stored outcome stands for."""
    refusal = REFUSALS[Reason(outcome.reason)](**orjson.loads(outcome.facts))
    refusal.replayed = replayed
    return refusal


def _facts(
    worst: Laid,
    firsts: Mapping[UUID, Mapping[str, Any]],
    store_names: Mapping[str, str],
    asker: Asker,
    now: datetime,
) -> dict[str, object]:
    reason, shown = worst.against, worst.shown
    if shown is None:
        return {}
    if reason is Reason.ALREADY_REDEEMED:
        first = firsts.get(worst.claim_id) if worst.claim_id else None
        return {"first": _first(first, shown.uses_left, asker, now) if first else None}
    if reason is Reason.WRONG_STORE:
        return {"stores": [store_names[code] for code in stores_of(shown.terms) if code in store_names]}
    if reason is Reason.WRONG_TIME:
        opens_at = opens_next(asker.where.hours, asker.where.zone, now)
        return {"opens_at": opens_at.isoformat() if opens_at else None}
    if reason is Reason.EXPIRED:
        return {"expired_at": shown.expires_at.isoformat() if shown.expires_at else None}
    if reason is Reason.NOT_STARTED:
        return {"starts_at": shown.valid_from.isoformat()}
    if reason is Reason.USED_UP:
        return {"uses_left": shown.uses_left}
    if reason in (Reason.BILL_NEEDED, Reason.BELOW_THRESHOLD) and isinstance(shown.terms, PartnerCouponTerms):
        return {"threshold_fen": shown.terms.threshold_fen}
    return {}


def _first(first: Mapping[str, Any], uses_left: int, asker: Asker, now: datetime) -> dict[str, object]:
    """Who, when and where. Another store's names are for those who serve there: null is "another store"."""
    redeemed_at = as_instant(first["redeemed_at"])
    ago = max(now - redeemed_at, timedelta(0))
    is_theirs = asker.clerk.store_id in (None, as_uuid(first["store_id"]))
    return {
        "redeemed_at": redeemed_at.isoformat(),
        "scanned_at": as_instant(first["scanned_at"]).isoformat() if first["scanned_at"] else None,
        "store": first["store"] if is_theirs else None,
        "clerk": first["clerk"] if is_theirs else None,
        "device_id": first["device_id"] if is_theirs else None,
        "receipt": first["receipt"] if is_theirs else None,
        "seconds_ago": int(ago.total_seconds()),
        "uses_left": uses_left,
        "same_device": first["device_id"] == asker.device_id,
        "within_60s": ago <= DOUBLE_TAP,
    }
