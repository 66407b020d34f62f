"""Commissions with an order's money: earned with its payment, taken back with its refunds, in the same transactions.

The order's row is locked by whoever calls; a commission's row is locked here before its state is read, so that what is
being released is taken back from where it then stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from prometheus_client import Counter

from handlers.distribution import money
from handlers.identity.same_person import is_same_person
from handlers.outbox import later
from handlers.rules.commission import shares, taken_back
from handlers.standing import canonical
from models.database import put, require_atomic, rows
from models.distribution import Commission
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_uuid
from models.statements import distribution as statements
from models.words import CommissionState, PromoterState

EARNED = Counter("fanpiao_commissions_fen", "Commissions in fen: earned, and taken back.", ["what"])


@dataclass(frozen=True, slots=True)
class Earns:
    """An order that was just paid: by whom, how much, and what is kept of who paid."""

    order_id: UUID
    buyer_id: UUID
    paid_fen: int
    payer_hash: str


async def earn_all(paid: Sequence[Earns], *, at: datetime) -> None:
    """The commissions of orders that were just paid and fulfilled; one read where nobody brought any of them about.

    All of them in one posting, which locks the promoters' accounts in one order, whoever else posts to them.
    """
    require_atomic()
    brought = {as_uuid(each["order_id"]) for each in await rows(statements.WITH_PROMOTERS, [p.order_id for p in paid])}
    booked = [one for each in paid if each.order_id in brought for one in await _written(each, at)]
    await money.earned(booked, at=at)


async def _written(paid: Earns, at: datetime) -> list[tuple[UUID, UUID, int]]:
    """The commissions of one order (each with its member and fen), by what was written down when it was made.

    A level that is switched off gets none; a promoter who was stopped meanwhile or turned out to be the buyer gets
    none, and nobody above them.
    """
    snapshot = await rows(statements.SNAPSHOT, paid.order_id)
    if not snapshot:
        return []
    today = await canonical(paid.buyer_id)
    amounts = shares(paid.paid_fen, [int(each["rate_bp"]) for each in snapshot], int(snapshot[0]["cap_bp"]))
    booked: list[tuple[UUID, UUID, int]] = []
    for each, amount in zip(snapshot, amounts, strict=True):
        promoter_id, member_id = as_uuid(each["promoter_id"]), as_uuid(each["member_id"])
        if each["level"] == 1:
            protected_until = at + timedelta(days=int(each["protection_days"]))
            await put(statements.PROTECT, today, promoter_id, protected_until, at)
        if each["state"] != PromoterState.ACTIVE or await is_same_person(today, member_id, paid.payer_hash, at=at):
            break  # nobody stands on whoever does not count
        if each["is_off"] or not amount:
            continue
        commission = await Commission.create(
            order_id=paid.order_id,
            level=int(each["level"]),
            promoter_id=promoter_id,
            rule_id=as_uuid(each["rule_id"]),
            base_fen=paid.paid_fen,
            rate_bp=int(each["rate_bp"]),
            amount_fen=amount,
            earned_at=at,
            due_at=at,
        )
        EARNED.labels("earned").inc(amount)
        booked.append((commission.id, member_id, amount))
    return booked


async def claw_back(order_id: UUID, refund_id: UUID, *, at: datetime) -> None:
    """What goes back of an order's commissions with one refund, pro rata to all that was refunded of it so far.

    Raises SerializationConflict (decide again).
    """
    require_atomic()
    for found in await rows(statements.OF_ORDER, order_id):
        amount, back = int(found["amount_fen"]), int(found["back_fen"])
        more = taken_back(amount, int(found["base_fen"]), int(found["refunded_fen"]), back)
        if more:
            await _take(found, refund_id, more, at)


async def _take(found: Mapping[str, Any], refund_id: UUID, fen: int, at: datetime) -> None:
    commission_id, member_id = as_uuid(found["id"]), as_uuid(found["member_id"])
    if not await rows(statements.TAKE_BACK, commission_id, fen, int(found["back_fen"])):
        raise SerializationConflict("a commission was taken back while its row was locked")
    back_id = new_id()
    await Commission.create(
        id=back_id,
        order_id=as_uuid(found["order_id"]),
        level=int(found["level"]),
        promoter_id=as_uuid(found["promoter_id"]),
        rule_id=as_uuid(found["rule_id"]),
        base_fen=int(found["base_fen"]),
        rate_bp=int(found["rate_bp"]),
        amount_fen=-fen,
        state=CommissionState.BACK,
        reverses_id=commission_id,
        refund_id=refund_id,
        earned_at=at,
    )
    EARNED.labels("taken_back").inc(fen)
    is_released = found["state"] == CommissionState.AVAILABLE
    await money.taken_back(back_id, member_id, fen, is_released=is_released, at=at)
    told = {"member_id": str(member_id), "number": found["number"], "amount_fen": fen}
    await later("say_commission_back", key=f"commission_back:{back_id}", at=at, order_key=f"chat:{member_id}", **told)
