"""The one way by which a withdrawal follows the payment service: answers, notices and our own questions alike.

Within one transaction, the row locked: the edge, the hold, what is said to the member. Which of several that hear the
same at once has the effect is settled by one guarded UPDATE; what comes late or twice changes nothing.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import Counter

from handlers.claims.claims import SYSTEM
from handlers.ports import TransferSays, Vault
from handlers.rules.withdrawal_states import CONFIRMED_WITHIN, after, contradicts
from handlers.withdrawals.moving import go
from models.database import require_atomic, row, rows
from models.sql import as_instant, as_uuid
from models.statements import withdrawals as statements
from models.words import TransferHeard, WithdrawalState

PAYEE = "withdrawal.payee"  # what the keyed hash of a payee's openid is for

MISMATCHES = Counter("fanpiao_transfer_mismatches", "Words about transfers that differ from our rows.", ["what"])

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """Where it stands now. `is_believed`: what was said is about this transfer, its payee and its amount."""

    state: WithdrawalState
    is_believed: bool = True
    has_package: bool = False


def payee_hash(vault: Vault, app_id: str, openid: str) -> str:
    """What is kept of who gets it."""
    return vault.blind_index(PAYEE, f"{app_id}:{openid}")


async def settle(
    number: str, says: TransferSays, *, at: datetime, vault: Vault, is_notice: bool = False
) -> Settled | None:
    """Take in what a payment service said, inside the open transaction; None: there is none of this number.

    `is_notice`: nobody asked for it, so it has to say whose money it is about, and how much.
    """
    require_atomic()
    found = await row(statements.LOCKED, number)
    if found is None:
        return None
    state, has_package = WithdrawalState(found["state"]), bool(found["package"])
    if (differs := _differs(found, says, vault, is_notice=is_notice)) is not None:
        _complain(f"transfer_{differs}_differs", found, says)
        return Settled(state, is_believed=False, has_package=has_package)
    if contradicts(state, says.heard):
        _complain("transfer_contradicted", found, says)
        return Settled(state, has_package=has_package)
    target = after(state, says.heard)
    if says.heard is TransferHeard.TO_CONFIRM and WithdrawalState.CONFIRM in {state, target}:
        sent_at = as_instant(found["first_sent_at"])
        kept = says.bill_id[:64], says.package, sent_at + CONFIRMED_WITHIN
        await rows(statements.KEEP_BILL, as_uuid(found["id"]), *kept)
        has_package = has_package or bool(says.package)
    elif target is not None and says.bill_id:
        await rows(statements.KEEP_BILL, as_uuid(found["id"]), says.bill_id[:64], "", None)
    if target is None:
        if says.reason and state is WithdrawalState.SENT:
            await rows(statements.SAID, as_uuid(found["id"]), says.reason[:64])
        return Settled(state, has_package=has_package)
    await go(found, target, says.reason, SYSTEM, at=at)
    return Settled(target, has_package=has_package)


def _differs(found: Mapping[str, Any], says: TransferSays, vault: Vault, *, is_notice: bool) -> str | None:
    """In what the words are not about this transfer; the payee is not compared once they have left."""
    if says.heard in {TransferHeard.UNKNOWN, TransferHeard.ABSENT, TransferHeard.REFUSED}:
        return None
    compared: dict[str, tuple[object, object]] = {"number": (says.number, found["number"])}
    if is_notice or says.mch_id:
        compared["merchant"] = (says.mch_id, found["mch_id"])
    if is_notice or says.amount_fen is not None:
        compared["amount"] = (says.amount_fen, int(found["amount_fen"]))
    if found["payee_hash"] and (is_notice or says.openid):
        compared["payee"] = (payee_hash(vault, found["app_id"], says.openid), found["payee_hash"])
    return next((name for name, (theirs, ours) in compared.items() if theirs != ours), None)


def _complain(event: str, found: Mapping[str, Any], says: TransferSays) -> None:
    """What people have to look at: money may have moved otherwise than we think."""
    MISMATCHES.labels(event).inc()
    log.error(event, extra={"number": found["number"], "state": found["state"], "heard": says.heard})
