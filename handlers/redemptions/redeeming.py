"""The writing half of redemptions: uses, states, append-only rows with their money, and what follows after commit.

Set-based, for any number of calls that have no claim in common (`tills.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Clerk
from handlers.claims.claims import Edge, went
from handlers.outbox import Later, later_many
from handlers.recurring import BUSINESS_ZONE
from handlers.redemptions.counter import Laid, Shop
from handlers.redemptions.redemption_answers import Line, Receipt
from handlers.redemptions.redemption_attempts import OK, Attempt, note_all
from handlers.redemptions.settling import Settled, terms_in_force
from handlers.redemptions.shift_entries import Entered, enter
from handlers.rules.claim_states import after_uses
from handlers.rules.redemption import OWN_REVERSAL, Presented, masked, money
from handlers.rules.settlement_terms import TermsInForce
from models.database import put, require_atomic, rows
from models.ids import new_id
from models.sql import as_uuid, dump_rows, instant_text
from models.statements import redemptions as statements
from models.words import BenefitKind, ClaimState

REDEEMED = "redeemed"


@dataclass(frozen=True, slots=True)
class Taking:
    """A call against which nothing speaks."""

    clerk: Clerk
    laid: Sequence[Laid]
    where: Shop
    device_id: str
    key: str
    bill_fen: int | None
    scanned_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Use:
    """One claim of a call: its row as it was read under the lock, and how it was presented."""

    claim_id: UUID
    found: Mapping[str, Any]
    shown: Presented
    hashed: str

    @property
    def after(self) -> ClaimState:
        """The state that the claim is in when this is done."""
        return after_uses(self.found["uses_total"], self.found["uses_left"] - self.shown.uses)


async def redeem_all(taken: Sequence[Taking], now: datetime) -> list[Receipt]:
    """Uses, states, rows and outbox. Raises SerializationConflict: a guard saw what the lock should have kept away."""
    require_atomic()
    if not taken:
        return []
    uses = [_uses(each) for each in taken]
    flat = [use for theirs in uses for use in theirs]
    left = await _take(flat)
    terms = await terms_in_force(
        [
            Settled(each.clerk.merchant_id, use.found, now)
            for each, theirs in zip(taken, uses, strict=True)
            for use in theirs
        ]
    )
    settled = await _settled(terms, flat)
    receipts, redemptions, edges, attempts, jobs = [], [], list[Edge](), list[Attempt](), list[Later]()
    for each, theirs in zip(taken, uses, strict=True):
        receipt, written = _written(each, theirs, left, terms, settled, now)
        receipts.append(receipt)
        redemptions += written
        jobs += [_told(each, use, line, now) for use, line in zip(theirs, receipt.lines, strict=True)]
        for use in theirs:
            if use.after is not use.shown.state:
                edges.append(Edge(use.claim_id, use.shown.state, use.after, each.clerk))
            attempts.append(
                Attempt(each.clerk.id, each.where.id, use.claim_id, each.device_id, each.key, use.hashed, OK, now)
            )
    await went(edges, reason=REDEEMED, at=now)
    await put(statements.ADD_REDEMPTIONS, dump_rows(redemptions), now)
    await enter([Entered(each["id"], each["store_id"], each["device_id"]) for each in redemptions], at=now)
    await note_all(attempts)
    await later_many(jobs)
    return receipts


def _uses(each: Taking) -> list[_Use]:
    uses = []
    for laid in sorted(each.laid, key=lambda one: one.index):
        assert laid.found is not None  # noqa: S101 - what was not found was refused
        assert laid.shown is not None  # noqa: S101
        uses.append(_Use(as_uuid(laid.found["id"]), laid.found, laid.shown, laid.sought.hashed))
    return uses


async def _take(uses: Sequence[_Use]) -> dict[UUID, int]:
    """Take the uses and move the claims along; how many uses each has left now."""
    wanted = [
        {"id": use.claim_id, "uses": use.shown.uses, "before": use.shown.state, "after": use.after}
        for use in sorted(uses, key=lambda use: use.claim_id)
    ]
    ids = [each["id"] for each in wanted]
    await put(statements.TAKE_USES, dump_rows(wanted), ids, count=len(ids), conflict="uses were taken meanwhile")
    return {use.claim_id: int(use.found["uses_left"]) - use.shown.uses for use in uses}


async def _settled(terms: Mapping[UUID, TermsInForce], uses: Sequence[_Use]) -> dict[UUID, tuple[int, int]]:
    """By claim, what was settled under the price that holds now, and how many uses under earlier ones."""
    begun = {use.claim_id for use in uses if use.found["uses_left"] < use.found["uses_total"]}
    wanted = [
        {"id": claim_id, "since": instant_text(each.price_since) if each.price_since else None}
        for claim_id, each in terms.items()
        if claim_id in begun
    ]
    settled = await rows(statements.SETTLED, dump_rows(wanted), sorted(begun)) if begun else ()
    found = {as_uuid(each["claim_id"]): (int(each["fen"]), int(each["uses_before"])) for each in settled}
    return {claim_id: found.get(claim_id, (0, 0)) for claim_id in terms}


def _written(
    each: Taking,
    uses: Sequence[_Use],
    left: Mapping[UUID, int],
    terms: Mapping[UUID, TermsInForce],
    settled: Mapping[UUID, tuple[int, int]],
    now: datetime,
) -> tuple[Receipt, list[dict[str, Any]]]:
    """The receipt of one call and its rows. What one partner coupon takes off the bill is gone for the next."""
    number = f"{now.astimezone(BUSINESS_ZONE):%Y%m%d}{new_id().hex[-10:].upper()}"
    bill_left, lines, written = each.bill_fen, [], []
    for use in uses:
        found, total = use.found, use.found["uses_total"]
        worth = money(
            replace(use.shown, bill_fen=bill_left),
            uses_total=total,
            price_fen=terms[use.claim_id].price_fen,
            operator_share_bp=terms[use.claim_id].operator_share_bp,
            settled_fen=settled[use.claim_id][0],
            used=total - found["uses_left"],
            used_before=settled[use.claim_id][1],
        )
        is_bill = use.shown.kind is BenefitKind.PARTNER_COUPON
        if is_bill and bill_left is not None:
            bill_left -= worth.settlement_fen
        redemption_id = new_id()
        written.append(
            {
                "id": redemption_id,
                "claim_id": use.claim_id,
                "benefit_id": found["benefit_id"],
                "merchant_id": each.clerk.merchant_id,
                "store_id": each.where.id,
                "clerk_id": each.clerk.id,
                "device_id": each.device_id,
                "receipt": number,
                "uses": use.shown.uses,
                "scanned_at": instant_text(each.scanned_at) if each.scanned_at else None,
                "bill_amount_fen": each.bill_fen,
                "settlement_fen": worth.settlement_fen,
                "operator_share_fen": worth.operator_fen,
                "merchant_share_fen": worth.merchant_fen,
            }
        )
        deducted = worth.settlement_fen if is_bill else None
        member = masked(found["number"])
        lines.append(
            Line(redemption_id, use.claim_id, found["name"], member, use.shown.uses, left[use.claim_id], deducted)
        )
    receipt = Receipt(number, each.where.name, each.clerk.name, each.device_id, now, now + OWN_REVERSAL, tuple(lines))
    return receipt, written


def _told(each: Taking, use: _Use, line: Line, now: datetime) -> Later:
    owner_id = str(use.found["owner_id"])
    said = {"member_id": owner_id, "benefit": line.benefit, "store": each.where.name, "uses_left": line.uses_left}
    return Later("say_redeemed", f"redeemed:{line.id}", now, said, f"chat:{owner_id}")
