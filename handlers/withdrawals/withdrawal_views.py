"""Withdrawals as they are shown, to whoever has them and to operators."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from models.sql import as_instant, as_uuid
from models.words import WithdrawalState


@dataclass(frozen=True, slots=True)
class WithdrawalSeen:
    """One withdrawal. `reason`: the last word about why it stands where it does, for programs."""

    id: UUID
    number: str
    amount_fen: int
    state: WithdrawalState
    reason: str
    asked_at: datetime
    confirm_by: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the payee's mini-program hands to `wx.requestMerchantTransfer`, as often as they open the page."""

    mch_id: str
    app_id: str
    package: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OperatedWithdrawal:
    """The same with what operators need to decide, and to find it in the payment service's own books.

    `eyes`: how many operators have to agree; `proposed_by`: who did first, where that is two.
    """

    withdrawal: WithdrawalSeen
    member_id: UUID
    organization_id: UUID
    bill_id: str
    eyes: int
    proposed_by: UUID | None


def withdrawal_seen(found: Mapping[str, Any]) -> WithdrawalSeen:
    """A row as it is shown."""
    return WithdrawalSeen(
        id=as_uuid(found["id"]),
        number=found["number"],
        amount_fen=int(found["amount_fen"]),
        state=WithdrawalState(found["state"]),
        reason=found["said"],
        asked_at=as_instant(found["asked_at"]),
        confirm_by=instant_or_none(found["confirm_by"]),
        closed_at=instant_or_none(found["closed_at"]),
    )


def confirmation_of(found: Mapping[str, Any], now: datetime) -> Confirmation | None:
    """What the page is opened with, while somebody has to take the money."""
    confirm_by = instant_or_none(found["confirm_by"])
    if found["state"] != WithdrawalState.CONFIRM or not found["package"] or found["ending_at"]:
        return None
    if confirm_by is not None and now >= confirm_by:
        return None
    return Confirmation(found["mch_id"], found["app_id"], found["package"])


def instant_or_none(value: Any) -> datetime | None:
    """An instant of a row that may have none."""
    return as_instant(value) if value else None
