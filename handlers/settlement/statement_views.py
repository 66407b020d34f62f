"""Statements and their entries as they are read, from rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.settlement import OF_PLANS, TAKEN_BACK, Amounts, SettledEntry, Totals, belongs_on
from handlers.rules.settlement_terms import Fees
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import settlement as statements
from models.words import EntryKind, StatementReplyKind


@dataclass(frozen=True, slots=True)
class StatementHead:
    """One statement without its sums. `closed_by` is a login; None: the clock closed it.

    `from_on`: its first day, where it covers several; `reply`: the last word of the merchant; `payout`: the number of
    the batch that pays it.
    """

    id: UUID
    number: str
    merchant: str
    merchant_name: str
    business_on: date
    closed_at: datetime
    closed_by: str | None
    totals: Totals
    late_count: int
    hash: str
    reply: StatementReplyKind | None = None
    reply_note: str = ""
    payout: str | None = None
    from_on: date | None = None


@dataclass(frozen=True, slots=True)
class SumView:
    """Totals of one benefit, or of shares of one plan's fees (`is_plan`), on the day that its entries belong to."""

    benefit: str
    benefit_name: str
    belongs_on: date
    totals: Totals
    is_plan: bool = False


@dataclass(frozen=True, slots=True)
class StatementView:
    """One statement with its sums by benefit or plan, and day."""

    head: StatementHead
    sums: tuple[SumView, ...]


@dataclass(frozen=True, slots=True)
class RedeemedRow:
    """A redemption, the reversal of one (`reverses`), a second hand-over that is paid though another one counts
    (`second_to`), or the merchant's part of a sale or of a plan's fee, or of their refunds, as finance sees it; amounts
    in fen, never negative.

    `belongs_on`: its business day; of a reversal that of what it takes back, of a second hand-over the day on which it
    was handed over, whenever that was decided. `fee_fen`: what stays with the house of the operator's share, the gross.
    `statement`: the number of the one that it is in, or None while its day is open. Of a sale and a share `receipt` is
    the order's number, `bill_amount_fen` what was paid; they have no store and no clerk. A share's benefit is the plan.
    """

    id: UUID
    kind: EntryKind
    reverses: UUID | None
    second_to: UUID | None
    happened_at: datetime
    belongs_on: date
    receipt: str
    merchant: str
    merchant_name: str
    store: str
    store_name: str
    benefit: str
    benefit_name: str
    clerk: str
    uses: int
    bill_amount_fen: int | None
    settlement_fen: int
    operator_share_fen: int
    merchant_share_fen: int
    statement: str | None
    fee_fen: int = 0

    @property
    def net_fen(self) -> int:
        """What it brings the merchant."""
        return self.operator_share_fen - self.fee_fen


def number_of(business_on: date, merchant: str) -> str:
    """By which people name a statement: 20261126-books. A merchant's code never changes."""
    return f"{business_on:%Y%m%d}-{merchant}"


def head(found: Mapping[str, Any]) -> StatementHead:
    """From a row of `STATEMENT`."""
    business_on = date.fromisoformat(found["business_on"])
    return StatementHead(
        id=as_uuid(found["id"]),
        number=number_of(business_on, found["code"]),
        merchant=found["code"],
        merchant_name=found["name"],
        business_on=business_on,
        closed_at=as_instant(found["closed_at"]),
        closed_by=found["login"],
        totals=Totals(_amounts(found, "redeemed"), _amounts(found, "reversed")),
        late_count=found["late_count"],
        hash=found["hash"],
        reply=StatementReplyKind(found["reply"]) if found["reply"] else None,
        reply_note=found["reply_note"] or "",
        payout=found["payout"],
        from_on=date.fromisoformat(found["from_on"]) if found["from_on"] else None,
    )


def _amounts(found: Mapping[str, Any], what: str) -> Amounts:
    return Amounts(
        *(int(found[f"{what}_{name}"]) for name in ("count", "fen", "operator_fen", "merchant_fen", "fee_fen"))
    )


async def whole(found: Mapping[str, Any]) -> StatementView:
    """From a row of `STATEMENT`, with the names that its benefits and plans have today."""
    stored: Sequence[Mapping[str, Any]] = found["sums"]
    ids = sorted({UUID(each["benefit_id"]) for each in stored})
    names = {as_uuid(each["id"]): each for each in await rows(statements.NAMES, ids)} if ids else {}
    return StatementView(
        head(found),
        tuple(
            SumView(
                names[UUID(each["benefit_id"])]["code"],
                names[UUID(each["benefit_id"])]["name"],
                date.fromisoformat(each["belongs_on"]),
                Totals(Amounts(*each["redeemed"]), Amounts(*each["reversed"])),
                bool(names[UUID(each["benefit_id"])]["is_plan"]),
            )
            for each in stored
        ),
    )


def entry(found: Mapping[str, Any], fees: Fees) -> SettledEntry:
    """From a row of an entry (`statement_entries.py`), with the fees of its merchant."""
    happened_at = as_instant(found["redeemed_at"])
    origin_at = as_instant(found["origin_at"]) if found["origin_at"] else happened_at
    kind, benefit_id, gross = EntryKind(found["kind"]), as_uuid(found["benefit_id"]), int(found["operator_share_fen"])
    return SettledEntry(
        id=as_uuid(found["id"]),
        kind=kind,
        about=as_uuid(found["about_id"]) if found["about_id"] else None,
        benefit_id=benefit_id,
        store_id=as_uuid(found["store_id"]) if found["store_id"] else None,
        uses=found["uses"],
        settlement_fen=found["settlement_fen"],
        operator_fen=gross,
        merchant_fen=found["merchant_share_fen"],
        happened_at=happened_at,
        origin_at=origin_at,
        fee_fen=0 if kind in OF_PLANS else fees.at(benefit_id, origin_at).of(gross),
    )


def redeemed(found: Mapping[str, Any], fees: Fees) -> RedeemedRow:
    """From a row of `REPORT` or `LINES`, with the fees of its merchant."""
    happened_at, kind = as_instant(found["redeemed_at"]), EntryKind(found["kind"])
    about = as_uuid(found["about_id"]) if found["about_id"] else None
    origin_at = as_instant(found["origin_at"]) if found["origin_at"] else happened_at
    closed_on, gross = found["business_on"], int(found["operator_share_fen"])
    return RedeemedRow(
        id=as_uuid(found["id"]),
        kind=kind,
        reverses=about if kind in TAKEN_BACK else None,
        second_to=about if kind is EntryKind.CONFLICT else None,
        happened_at=happened_at,
        belongs_on=belongs_on(origin_at, BUSINESS_ZONE),
        receipt=found["receipt"],
        merchant=found["merchant"],
        merchant_name=found["merchant_name"],
        store=found["store"],
        store_name=found["store_name"],
        benefit=found["benefit"],
        benefit_name=found["benefit_name"],
        clerk=found["clerk"],
        uses=found["uses"],
        bill_amount_fen=found["bill_amount_fen"],
        settlement_fen=found["settlement_fen"],
        operator_share_fen=gross,
        merchant_share_fen=found["merchant_share_fen"],
        fee_fen=0 if kind in OF_PLANS else fees.at(as_uuid(found["benefit_id"]), origin_at).of(gross),
        statement=number_of(date.fromisoformat(closed_on), found["merchant"]) if closed_on else None,
    )
