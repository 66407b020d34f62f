"""The writing half of a redemption: uses, states, append-only rows with their money, and what follows after commit."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import orjson

from handlers.actors import Clerk
from handlers.claims.claims import transition
from handlers.outbox import later
from handlers.recurring import BUSINESS_ZONE
from handlers.redemptions.counter import Laid, Shop
from handlers.redemptions.redemption_answers import Line, Receipt
from handlers.redemptions.shift_entries import enter
from handlers.rules.claim_states import after_uses
from handlers.rules.redemption import OWN_REVERSAL, masked, money
from models.database import require_atomic, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.redemptions import Redemption
from models.sql import as_uuid
from models.statements import redemptions as statements
from models.words import BenefitKind, ClaimState, RedemptionKind

REDEEMED = "redeemed"


async def redeem_laid(
    clerk: Clerk,
    laid: Sequence[Laid],
    where: Shop,
    device_id: str,
    bill_fen: int | None,
    scanned_at: datetime | None,
    now: datetime,
) -> Receipt:
    """Uses, states, rows and outbox. Raises SerializationConflict: a guard saw what the lock should have kept away."""
    require_atomic()
    wanted = [{"id": str(each.claim_id), "uses": each.shown.uses} for each in laid if each.shown]
    taken = await rows(statements.TAKE_USES, orjson.dumps(wanted).decode())
    left = {as_uuid(each["id"]): int(each["uses_left"]) for each in taken}
    if len(left) < len(laid):
        raise SerializationConflict("uses were taken meanwhile")
    number = f"{now.astimezone(BUSINESS_ZONE):%Y%m%d}{new_id().hex[-10:].upper()}"
    settled = {
        as_uuid(each["claim_id"]): int(each["fen"])
        for each in await rows(statements.SETTLED, [each.claim_id for each in laid])
    }
    by_edge: dict[ClaimState, dict[UUID, ClaimState]] = {}
    made, lines, bill_left = [], [], bill_fen
    for each in sorted(laid, key=lambda one: one.index):
        found, shown = each.found, each.shown
        assert found is not None  # noqa: S101 - what was not found was refused
        assert shown is not None  # noqa: S101
        claim_id, total = as_uuid(found["id"]), found["uses_total"]
        after = after_uses(total, left[claim_id])
        if after is not shown.state:
            by_edge.setdefault(after, {})[claim_id] = shown.state
        worth = money(
            replace(shown, bill_fen=bill_left),
            uses_total=total,
            price_fen=found["settlement_price_fen"],
            operator_share_bp=found["operator_share_bp"],
            settled_fen=settled.get(claim_id, 0),
            used=total - found["uses_left"],
        )
        is_bill = shown.kind is BenefitKind.PARTNER_COUPON
        if is_bill and bill_left is not None:
            bill_left -= worth.settlement_fen
        made.append(
            Redemption(
                kind=RedemptionKind.REDEEM,
                claim_id=claim_id,
                benefit_id=as_uuid(found["benefit_id"]),
                merchant_id=clerk.merchant_id,
                store_id=where.id,
                clerk_id=clerk.id,
                device_id=device_id,
                receipt=number,
                uses=shown.uses,
                redeemed_at=now,
                scanned_at=scanned_at,
                bill_amount_fen=bill_fen,
                settlement_fen=worth.settlement_fen,
                operator_share_fen=worth.operator_fen,
                merchant_share_fen=worth.merchant_fen,
            )
        )
        deducted = worth.settlement_fen if is_bill else None
        member = masked(found["number"])
        lines.append(Line(made[-1].id, claim_id, found["name"], member, shown.uses, left[claim_id], deducted))
    for after, claims in by_edge.items():
        await transition(claims, after, reason=REDEEMED, actor=clerk, at=now)
    await Redemption.bulk_create(made)
    await enter(where.id, device_id, [each.id for each in made], at=now)
    for redemption, line, each in zip(made, lines, sorted(laid, key=lambda one: one.index), strict=True):
        assert each.found is not None  # noqa: S101
        owner_id = str(each.found["owner_id"])
        told = {"member_id": owner_id, "benefit": line.benefit, "store": where.name, "uses_left": line.uses_left}
        await later("say_redeemed", key=f"redeemed:{redemption.id}", at=now, order_key=f"chat:{owner_id}", **told)
    return Receipt(number, where.name, clerk.name, device_id, now, now + OWN_REVERSAL, tuple(lines))
