"""结算单: what a merchant is owed for the days that it covers, as a pure function of (merchant, days, entries).

Entries are taken as they were written: the amounts of a redemption were decided when it happened, and a reversal takes
away exactly what its redemption brought; a second hand-over that is paid counts as redeemed, and so does the part of a
sale or of a plan's fee, which refunds take away again, of a plan's in as many rows as there are refunds. Sums are sums
of whole fen, so nothing is rounded here, and the shares of the operator and of the merchant make up the whole because
they do so in every entry. Of the operator's share the fee, by the terms of the moment that the entry goes back to,
stays with the house; the rest is what the merchant gets. Of a plan's fee the house has its part already, so that
nothing is taken of the merchant's.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from models.words import EntryKind

FORM = "settlement-statement/1"  # of the canonical form; another one would be another hash
TAKEN_BACK = frozenset({EntryKind.REVERSAL, EntryKind.SALE_REFUND, EntryKind.PLAN_SHARE_REFUND})
OF_PLANS = frozenset({EntryKind.PLAN_SHARE, EntryKind.PLAN_SHARE_REFUND})


@dataclass(frozen=True, slots=True)
class SettledEntry:
    """One redemption row, second hand-over that is paid, sale, or share of a plan's fee; fen, never negative.

    `about`: what a reversal or a refund takes back, and to which redemption a hand-over is the second. `origin_at`:
    when what is taken back had happened, when something was handed over a second time; of a redemption, a sale and a
    share their own instant. It decides to which day the entry belongs, and which fee is taken. A sale and a share have
    no store; of a share `benefit_id` is the plan's.
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


@dataclass(frozen=True, slots=True)
class Sum:
    """The totals of one benefit, or plan, on the day that its entries belong to; earlier than the statement's: late."""

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
        self._digest = hashlib.sha256(canonical([*said, from_on.isoformat()] if from_on else said))
        self._late_count = 0
        # By benefit and day what was given and what was taken back, as `Amounts` has it; counted up, because there may
        # be a million entries.
        self._sums: dict[tuple[UUID, date], tuple[list[int], list[int]]] = {}
        self._last: UUID | None = None
        self._day = business_on, *_bounds(business_on, zone)  # the one that was asked for last, and where it ends
        self._texts: dict[UUID | None, str] = {None: "null"}

    def add(self, entry: SettledEntry) -> None:
        """One more. Raises ValueError for one that does not come after the last: the hash depends on the order."""
        if self._last is not None and entry.id <= self._last:
            raise ValueError("entries come in the order of their ids")
        self._last = entry.id
        belongs = self._belongs_on(entry.origin_at)
        self._digest.update(self._line(entry, belongs))
        self._late_count += belongs < self._first_on
        key = (entry.benefit_id, belongs)
        sums = self._sums.get(key) or self._sums.setdefault(key, ([0] * 5, [0] * 5))
        sum_ = sums[entry.is_taken_back]
        sum_[0] += 1
        sum_[1] += entry.settlement_fen
        sum_[2] += entry.operator_fen
        sum_[3] += entry.merchant_fen
        sum_[4] += entry.fee_fen

    def made(self) -> DayStatement:
        """The statement of what came so far."""
        found = {key: Totals(Amounts(*given), Amounts(*back)) for key, (given, back) in self._sums.items()}
        totals = Totals()
        for each in found.values():
            totals = totals.with_all_of(each)
        ordered = sorted(found, key=lambda key: (key[1], key[0]))
        sums = tuple(Sum(*key, found[key]) for key in ordered)
        digest = self._digest.hexdigest()
        return DayStatement(self._merchant_id, self._business_on, totals, self._late_count, sums, digest, self._from_on)

    def _belongs_on(self, origin_at: datetime) -> date:
        """As `belongs_on`; one entry after the other is mostly of the same day."""
        day, since, until = self._day
        if not since <= origin_at < until:
            day = belongs_on(origin_at, self._zone)
            self._day = day, *_bounds(day, self._zone)
        return day

    def _line(self, entry: SettledEntry, belongs: date) -> bytes:
        """As `canonical` would write these fields. What has no fee reads as it did before there were any."""
        texts = self._texts
        benefit = texts.get(entry.benefit_id) or texts.setdefault(entry.benefit_id, f'"{entry.benefit_id}"')
        store = texts.get(entry.store_id) or texts.setdefault(entry.store_id, f'"{entry.store_id}"')
        about = f'"{entry.about}"' if entry.about else "null"
        at = entry.happened_at.astimezone(UTC).isoformat(timespec="microseconds")
        fee = f",{entry.fee_fen}" if entry.fee_fen else ""
        return (
            f'["{entry.id}","{entry.kind.value}",{about},"{belongs.isoformat()}",{benefit},{store},{entry.uses},'
            f'{entry.settlement_fen},{entry.operator_fen},{entry.merchant_fen},"{at}"{fee}]\n'
        ).encode()


def stated(merchant_id: UUID, business_on: date, entries: Iterable[SettledEntry], zone: ZoneInfo) -> DayStatement:
    """The statement of these entries, in whatever order they come."""
    folding = Folding(merchant_id, business_on, zone)
    for entry in sorted(entries, key=lambda each: each.id):
        folding.add(entry)
    return folding.made()


def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Its first instant, and the first of the next."""
    first, following = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + timedelta(days=1)))
    return first, following


def canonical(fields: list[object]) -> bytes:
    """One line: JSON without spaces, ended by a line feed, so that no two lists of lines read the same."""
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
