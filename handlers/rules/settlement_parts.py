"""结算分段: a statement is the sum of its parts, and its hash is over theirs."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from handlers.rules.settlement import Amounts, DayStatement, Sum, Totals, canonical

FORM = "settlement-parts/1"  # of the canonical form over parts; another one would be another hash


class Joining:
    """A statement while it is made of parts that come in the order of their ids; it holds sums and no parts.

    Where one part is all, made of the same days, the statement has its hash: that of a statement of before there were
    parts. Otherwise it is over one line for each: its day, its count and its hash.
    """

    def __init__(self, merchant_id: UUID, business_on: date, *, from_on: date | None = None) -> None:
        """`from_on`: its first day, where it covers several."""
        self._merchant_id, self._business_on, self._from_on = merchant_id, business_on, from_on
        said: list[object] = [FORM, str(merchant_id), business_on.isoformat()]
        self._digest = hashlib.sha256(canonical([*said, from_on.isoformat()] if from_on else said))
        self._sums: dict[tuple[UUID, date], Totals] = {}
        self._only: str | None = None
        self._count = 0

    def add(self, part: DayStatement) -> None:
        """One more."""
        self._digest.update(canonical([part.business_on.isoformat(), part.totals.count, part.hash]))
        is_alike = (part.business_on, part.from_on) == (self._business_on, self._from_on)
        self._only = part.hash if is_alike and not self._count else None
        self._count += 1
        for each in part.sums:
            key = each.benefit_id, each.belongs_on
            self._sums[key] = self._sums.get(key, Totals()).with_all_of(each.totals)

    def made(self) -> DayStatement:
        """The statement of the parts that came so far."""
        first_on = self._from_on or self._business_on
        ordered = sorted(self._sums, key=lambda key: (key[1], key[0]))
        sums = tuple(Sum(*key, self._sums[key]) for key in ordered)
        totals = totals_of(sums)
        late_count = sum(each.totals.count for each in sums if each.belongs_on < first_on)
        digest = self._only or self._digest.hexdigest()
        return DayStatement(self._merchant_id, self._business_on, totals, late_count, sums, digest, self._from_on)


def totals_of(sums: Iterable[Sum]) -> Totals:
    """All of them together."""
    totals = Totals()
    for each in sums:
        totals = totals.with_all_of(each.totals)
    return totals


def told(sums: Iterable[Sum]) -> list[dict[str, object]]:
    """The sums as they are stored."""
    return [
        {
            "benefit_id": str(each.benefit_id),
            "belongs_on": each.belongs_on.isoformat(),
            "redeemed": _figures(each.totals.redeemed),
            "reversed": _figures(each.totals.reversed),
        }
        for each in sums
    ]


def read(stored: Iterable[Mapping[str, Any]]) -> tuple[Sum, ...]:
    """The sums from how they are stored."""
    return tuple(
        Sum(
            UUID(each["benefit_id"]),
            date.fromisoformat(each["belongs_on"]),
            Totals(Amounts(*each["redeemed"]), Amounts(*each["reversed"])),
        )
        for each in stored
    )


def _figures(amounts: Amounts) -> list[int]:
    """Where there are no fees, none are told, as before there were any."""
    fee = [amounts.fee_fen] if amounts.fee_fen else []
    return [amounts.count, amounts.settlement_fen, amounts.operator_fen, amounts.merchant_fen, *fee]
