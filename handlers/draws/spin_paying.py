"""What spins cost and what they bring in the ledger: free ones of the day first, then chances, then points.

One book for a whole batch: balances are read once under their locks, everything is decided in memory, and written by
one statement per kind of row. What a technical failure rolls back was never taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.draws.chances import unit_of
from handlers.draws.held import HeldDraw
from handlers.draws.players import Player
from handlers.draws.prizes import CREDITED, WON
from handlers.errors import DomainError, PointsShort, SpinCostsMore, SpinsUsedUp
from handlers.ledger.books import OpenBook, Place, open_book, write
from handlers.ledger.posting import beside, write_down_what_is_due
from handlers.points.points_terms import TermsHeld
from handlers.rules.draw_rules import Prize, PrizeKind, SpinPrice
from handlers.rules.ledger import GROWTH, POINTS, Cause, Move, Side, Unit
from handlers.rules.points import ends_at
from models.failures import SerializationConflict
from models.words import LedgerAccountKind, SpinPaid

ISSUED, SPENT = Side(LedgerAccountKind.ISSUED), Side(LedgerAccountKind.SPENT)
PAID = "spin"  # the kind of cause; its id is that of the act


@dataclass(frozen=True, slots=True)
class Payment:
    """How one spin is paid."""

    by: SpinPaid
    points: int = 0


@dataclass(slots=True)
class Till:
    """The book of a batch, and the prices by which it is used. `opened` is None where nobody needs the ledger."""

    held: HeldDraw
    points: Unit
    chances: Unit
    growth: Unit
    terms: TermsHeld
    at: datetime
    zone: ZoneInfo
    next_free_at: datetime
    opened: OpenBook | None = None
    _price: SpinPrice = field(init=False)

    def __post_init__(self) -> None:
        self._price = self.held.version.terms.rules.price

    def pay(
        self, player: Player, times: int, act_id: UUID, *, most_points: int | None = None
    ) -> list[Payment] | DomainError:
        """All of them or none, in the declared order; why not, if not."""
        free = min(times, self.free_left(player))
        chances = min(times - free, self._available(self.chances, player)) if self._price.takes_chances else 0
        rest = times - free - chances
        each = self._price.points
        if rest and each is None:
            return SpinsUsedUp(left=free + chances, next_at=self.next_free_at if self._price.free_daily else None)
        cost = rest * (each or 0)
        if cost > (has := self._available(self.points, player) if rest else 0):
            return PointsShort(unit=POINTS, needed=cost, available=has)
        if most_points is not None and cost > most_points:
            return SpinCostsMore(needed=cost, agreed=most_points)
        cause = Cause(PAID, str(act_id))
        moves = []
        if chances:
            moves.append(Move(self.chances, player.side, SPENT, chances, cause, leg=0))
        if cost:
            moves.append(Move(self.points, player.side, SPENT, cost, cause, leg=1))
        self._decide(moves)
        player.use_free(free)
        return [
            *[Payment(SpinPaid.FREE)] * free,
            *[Payment(SpinPaid.CHANCE)] * chances,
            *[Payment(SpinPaid.POINTS, each or 0)] * rest,
        ]

    def credit(self, player: Player, prize: Prize, spin_id: UUID) -> None:
        """A prize that is an entry of the ledger: points by the terms of points, chances until the draw closes, growth
        for good."""
        until = None
        if prize.kind is PrizeKind.POINTS:
            until = ends_at(self.terms.expiry, self.terms.expiry_count, self.at, self.zone)
        elif prize.kind is PrizeKind.CHANCES:
            until = self.held.version.terms.rules.closes_at
        won = Cause(WON, str(spin_id))
        self._decide([Move(self.unit_of(prize.kind), ISSUED, player.side, prize.amount, won, expires_at=until)])

    def unit_of(self, kind: PrizeKind) -> Unit:
        """What prizes of this kind are counted in."""
        return {PrizeKind.POINTS: self.points, PrizeKind.CHANCES: self.chances}.get(kind, self.growth)

    def free_left(self, player: Player) -> int:
        """Of the day's free spins."""
        return max(self._price.free_daily - player.free_used, 0)

    def chances_left(self, player: Player) -> int:
        """As far as this batch has looked: 0 for whoever did not need any."""
        return self._available(self.chances, player)

    async def write(self) -> None:
        """Raises SerializationConflict."""
        if self.opened is not None:
            await write(self.opened.book.changes, self.opened.balances, at=self.at)

    def _available(self, unit: Unit, player: Player) -> int:
        balance = self.opened.balances.get((unit, player.side)) if self.opened else None
        return max(balance.available, 0) if balance is not None else 0

    def _decide(self, moves: Sequence[Move]) -> None:
        if not moves:
            return
        if self.opened is None or self.opened.book.decide(moves) is not None:
            raise SerializationConflict("a purse moved while it was locked")


async def open_till(
    held: HeldDraw,
    players: Mapping[UUID, Player],
    wants: Mapping[UUID, int],
    held_terms: TermsHeld,
    *,
    at: datetime,
    next_free_at: datetime,
    zone: ZoneInfo,
) -> Till:
    """Read and locked for those who may need it: nobody else spends theirs until the transaction ends.

    `wants`: how many spins each member asks for in this batch. `held_terms`: of points, as of this transaction.
    """
    rules = held.version.terms.rules
    price, programme_id = rules.price, held_terms.programme_id
    points, chances = Unit(programme_id, POINTS), unit_of(programme_id, held.id)
    till = Till(held, points, chances, Unit(programme_id, GROWTH), held_terms, at, zone, next_free_at)
    needs: dict[Place, int] = {}
    for member_id, times in wants.items():
        rest = times - max(price.free_daily - players[member_id].free_used, 0)
        if rest > 0 and price.takes_chances:
            needs[chances, players[member_id].side] = rest
        if rest > 0 and price.points is not None:
            needs[points, players[member_id].side] = rest * price.points
    places: dict[Place, None] = dict.fromkeys(needs)
    for unit, _ in needs:
        places |= dict.fromkeys([(unit, SPENT), *beside(unit, players[next(iter(wants))].side)])
    kinds = {prize.kind for prize in rules.prizes if prize.kind in CREDITED}
    for kind in kinds:
        unit = till.unit_of(kind)
        places |= dict.fromkeys([(unit, ISSUED), *((unit, players[member_id].side) for member_id in wants)])
    if places:
        till.opened = await open_book(places, at=at, needs=needs, debited=needs.keys())
        write_down_what_is_due(till.opened, list(needs))
    return till
