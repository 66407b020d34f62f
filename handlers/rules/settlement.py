"""结算单: what a merchant is owed for the days that it covers, as a pure function of (merchant, days, entries).

Entries are taken as they were written: the amounts of a redemption were decided when it happened, and a reversal takes
away exactly what its redemption brought; a second hand-over that is paid counts as redeemed, and so does the part of a
sale, which its refund takes away again. Sums are sums of whole fen, so nothing is rounded here, and the shares of the
operator and of the merchant make up the whole because they do so in every entry. Of the operator's share the fee, by
the terms of the moment that the entry goes back to, stays with the house; the rest is what the merchant gets.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from models.words import EntryKind

FORM = "settlement-statement/1"  # of the canonical form; another one would be another hash
TAKEN_BACK = frozenset({EntryKind.REVERSAL, EntryKind.SALE_REFUND})


@dataclass(frozen=True, slots=True)
class SettledEntry:
    """One redemption row, second hand-over that is paid, or sale; amounts in fen, never negative.

    `about`: what a reversal or a refund takes back, and to which redemption a hand-over is the second. `origin_at`:
    when what is taken back had happened, when something was handed over a second time; of a redemption and a sale their
    own instant. It decides to which day the entry belongs, and which fee is taken. A sale has no store.
    """

    id: UUID
    kind: EntryKind
    about: UUID | None
    benefit_id: UUID
    store_id: UUID | None
    uses: int
    settlement_fen: int
    operator_fen: int
    merchant_fen: int
    happened_at: datetime
    origin_at: datetime
    fee_fen: int = 0

    @property
    def is_taken_back(self) -> bool:
        """Whether it takes away what another entry brought."""
        return self.kind in TAKEN_BACK


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many entries, and their money in fen: the whole, what operator and merchant bear of it, and the fees."""

    count: int = 0
    settlement_fen: int = 0
    operator_fen: int = 0
    merchant_fen: int = 0
    fee_fen: int = 0

    def with_all_of(self, other: "Amounts") -> "Amounts":
        """Both together."""
        return Amounts(
            self.count + other.count,
            self.settlement_fen + other.settlement_fen,
            self.operator_fen + other.operator_fen,
            self.merchant_fen + other.merchant_fen,
            self.fee_fen + other.fee_fen,
        )

    def plus(self, entry: SettledEntry) -> "Amounts":
        """With one more."""
        return Amounts(
            self.count + 1,
            self.settlement_fen + entry.settlement_fen,
            self.operator_fen + entry.operator_fen,
            self.merchant_fen + entry.merchant_fen,
            self.fee_fen + entry.fee_fen,
        )


@dataclass(frozen=True, slots=True)
class Totals:
    """What was redeemed and what was taken back; payable is the difference, which may be negative."""

    redeemed: Amounts = Amounts()
    reversed: Amounts = Amounts()

    @property
    def count(self) -> int:
        """How many entries there are in all."""
        return self.redeemed.count + self.reversed.count

    @property
    def payable_fen(self) -> int:
        """The whole that is settled."""
        return self.redeemed.settlement_fen - self.reversed.settlement_fen

    @property
    def payable_operator_fen(self) -> int:
        """Of it what the operator bears: what the merchant gets before fees."""
        return self.redeemed.operator_fen - self.reversed.operator_fen

    @property
    def payable_merchant_fen(self) -> int:
        """Of it what the merchant bears itself."""
        return self.redeemed.merchant_fen - self.reversed.merchant_fen

    @property
    def fee_fen(self) -> int:
        """What stays with the house of the operator's part."""
        return self.redeemed.fee_fen - self.reversed.fee_fen

    @property
    def net_fen(self) -> int:
        """What is paid to the merchant."""
        return self.payable_operator_fen - self.fee_fen

    def with_all_of(self, other: "Totals") -> "Totals":
        """Both together."""
        return Totals(self.redeemed.with_all_of(other.redeemed), self.reversed.with_all_of(other.reversed))

    def plus(self, entry: SettledEntry) -> "Totals":
        """With one more."""
        if entry.is_taken_back:
            return Totals(self.redeemed, self.reversed.plus(entry))
        return Totals(self.redeemed.plus(entry), self.reversed)


@dataclass(frozen=True, slots=True)
class Sum:
    """The totals of one benefit on the day that its entries belong to; an earlier day than the statement's: late."""

    benefit_id: UUID
    belongs_on: date
    totals: Totals


@dataclass(frozen=True, slots=True)
class DayStatement:
    """What the statement of a day, or of the days from `from_on`, says.

    `hash`: 64 hex characters over its canonical form.
    """

    merchant_id: UUID
    business_on: date
    totals: Totals
    late_count: int
    sums: tuple[Sum, ...]
    hash: str
    from_on: date | None = None


def belongs_on(origin_at: datetime, zone: ZoneInfo) -> date:
    """The business day that an entry belongs to, whichever statement it is in."""
    return origin_at.astimezone(zone).date()


class Folding:
    """A statement while it is made of entries that come in the order of their ids; it holds sums and no entries."""

    def __init__(self, merchant_id: UUID, business_on: date, zone: ZoneInfo, *, from_on: date | None = None) -> None:
        """`from_on`: its first day, where it covers several."""
        self._merchant_id, self._business_on, self._zone, self._from_on = merchant_id, business_on, zone, from_on
        self._first_on = from_on or business_on
        said: list[object] = [FORM, str(merchant_id), business_on.isoformat()]
        self._digest = hashlib.sha256(_canonical([*said, from_on.isoformat()] if from_on else said))
        self._late_count = 0
        self._by_benefit: dict[tuple[UUID, date], Totals] = {}
        self._last: UUID | None = None

    def add(self, entry: SettledEntry) -> None:
        """One more. Raises ValueError for one that does not come after the last: the hash depends on the order."""
        if self._last is not None and entry.id <= self._last:
            raise ValueError("entries come in the order of their ids")
        self._last = entry.id
        belongs = belongs_on(entry.origin_at, self._zone)
        self._digest.update(_line(entry, belongs))
        self._late_count += belongs < self._first_on
        key = (entry.benefit_id, belongs)
        self._by_benefit[key] = self._by_benefit.get(key, Totals()).plus(entry)

    def made(self) -> DayStatement:
        """The statement of what came so far."""
        totals = Totals()
        for each in self._by_benefit.values():
            totals = totals.with_all_of(each)
        ordered = sorted(self._by_benefit, key=lambda key: (key[1], key[0]))
        sums = tuple(Sum(*key, self._by_benefit[key]) for key in ordered)
        digest = self._digest.hexdigest()
        return DayStatement(self._merchant_id, self._business_on, totals, self._late_count, sums, digest, self._from_on)


def stated(merchant_id: UUID, business_on: date, entries: Iterable[SettledEntry], zone: ZoneInfo) -> DayStatement:
    """The statement of these entries, in whatever order they come."""
    folding = Folding(merchant_id, business_on, zone)
    for entry in sorted(entries, key=lambda each: each.id):
        folding.add(entry)
    return folding.made()


def _line(entry: SettledEntry, belongs: date) -> bytes:
    """What has no fee reads as it did before there were any."""
    fee = [entry.fee_fen] if entry.fee_fen else []
    return _canonical(
        [
            str(entry.id),
            entry.kind.value,
            str(entry.about) if entry.about else None,
            belongs.isoformat(),
            str(entry.benefit_id),
            str(entry.store_id) if entry.store_id else None,
            entry.uses,
            entry.settlement_fen,
            entry.operator_fen,
            entry.merchant_fen,
            entry.happened_at.astimezone(UTC).isoformat(timespec="microseconds"),
            *fee,
        ]
    )


def _canonical(fields: list[object]) -> bytes:
    """One line: JSON without spaces, ended by a line feed, so that no two lists of lines read the same."""
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
