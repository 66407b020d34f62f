"""`handlers/rules/odds.py` for thousands of spins at once: the same prizes as `select` one after the other, vectorised.

Within a stretch every member spins at most once, so what a member did before is known. What is left of a prize only
falls, and depends on nothing but who took it earlier. So prizes are settled one after the other, each before its
fallback: of those who want it and may have it the first so many get it, the rest go on to the fallback.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handlers.rules.draw_rules import WHOLE, milliseconds
from handlers.rules.prize_table import Table
from handlers.simulation.arriving import Numbers

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Folded:
    """What became of a stretch: places of prizes, and whether pity made the roll certain."""

    rolled: Numbers
    awarded: Numbers
    is_guaranteed: Flags


class Run:
    """One whole draw as it goes on: stock, and what every member has done."""

    def __init__(self, table: Table, members: int, is_blocked: Flags) -> None:
        self.table, self.is_blocked = table, is_blocked
        prizes = table.prizes
        self.stock = [prize.stock for prize in prizes]
        self.taken_today = [0] * len(prizes)
        self.spins = np.zeros(members, dtype=np.int64)
        self.since = np.zeros(members, dtype=np.int64)
        self.wins = np.zeros((members, len(prizes)), dtype=np.int32)
        self.wins_today = np.zeros((members, len(prizes)), dtype=np.int32)
        self._releases = [[(milliseconds(each.at), each.count) for each in prize.releases] for prize in prizes]
        self._order = sorted(range(len(prizes)), key=lambda place: -len(table.chains[place]))  # thanks is last
        self._rare = np.array([table.is_rare(place) for place in range(len(prizes))])
        self._most_spins = max(prize.unlock_after for prize in prizes)
        self._most_since = most_since(table)
        self._shares: dict[int, tuple[Any, bool]] = {}
        rules = table.rules
        draw_limits = rules.per_member, rules.per_member_daily
        self.is_each_alike = rules.pity is None and self._most_spins == 0 and not any(
            limit is not None
            for limit in (*draw_limits, *(each for one in prizes for each in (one.per_member, one.per_member_daily)))
        )  # fmt: skip

    def next_day(self) -> None:
        """A business day begins."""
        self.taken_today = [0] * len(self.taken_today)
        self.wins_today[:] = 0

    def fold(self, members: Numbers, rolls: Numbers, at: int) -> Folded:
        """Decides a stretch. `at`: of any of its spins, because nothing is released between them."""
        rolled, is_guaranteed = self._rolled(members, rolls)
        awarded = self._awarded(members, rolled, at)
        self._remember(members, awarded)
        return Folded(rolled, awarded, is_guaranteed)

    def _rolled(self, members: Numbers, rolls: Numbers) -> tuple[Numbers, Flags]:
        spins = np.minimum(self.spins[members], self._most_spins)
        since = np.minimum(self.since[members], self._most_since)
        keys, which = np.unique(spins * (self._most_since + 1) + since, return_inverse=True)
        found = [self._shares.get(int(key)) or self._prepare(int(key)) for key in keys]
        if len(found) == 1:
            bounds, is_certain = found[0]
            return np.searchsorted(bounds, rolls, side="right"), np.full(len(rolls), is_certain)
        # Every row of bounds lifted above the one before it: one search among all of them.
        lifted = np.concatenate([bounds + place * WHOLE for place, (bounds, _) in enumerate(found)])
        rolled = np.searchsorted(lifted, rolls + which * WHOLE, side="right") - which * len(self.table.prizes)
        return rolled, np.array([is_certain for _, is_certain in found])[which]

    def _prepare(self, key: int) -> tuple[Any, bool]:
        spins, since = divmod(key, self._most_since + 1)
        shares = self.table.shares(spins, since)
        self._shares[key] = np.array(shares.bounds, dtype=np.int64), shares.is_guaranteed
        return self._shares[key]

    def _awarded(self, members: Numbers, rolled: Numbers, at: int) -> Numbers:
        table = self.table
        wanted = np.where(self.is_blocked[members], table.consolations[0], rolled)
        for place in self._order:
            if place == table.thanks:
                continue
            asking = np.flatnonzero(wanted == place)
            if not len(asking):
                continue
            may = self._may_have(place, members[asking])
            left = self._left(place, at)
            if left is not None:
                may &= np.cumsum(may) <= left
            count = int(may.sum())
            self.taken_today[place] += count
            stock = self.stock[place]
            if stock is not None:
                self.stock[place] = stock - count
            wanted[asking[~may]] = table.chains[place][1]
        return wanted

    def _may_have(self, place: int, members: Numbers) -> Flags:
        rules, prize = self.table.rules, self.table.prizes[place]
        may = self.spins[members] >= prize.unlock_after
        if prize.per_member is not None:
            may &= self.wins[members, place] < prize.per_member
        if prize.per_member_daily is not None:
            may &= self.wins_today[members, place] < prize.per_member_daily
        if rules.per_member is not None:
            may &= self.wins[members].sum(axis=1) < rules.per_member
        if rules.per_member_daily is not None:
            may &= self.wins_today[members].sum(axis=1) < rules.per_member_daily
        return may

    def _left(self, place: int, at: int) -> int | None:
        prize, stock, limits = self.table.prizes[place], self.stock[place], []
        if stock is not None:
            limits.append(stock - sum(count for instant, count in self._releases[place] if instant > at))
        if prize.daily is not None:
            limits.append(prize.daily - self.taken_today[place])
        return max(min(limits), 0) if limits else None

    def _remember(self, members: Numbers, awarded: Numbers) -> None:
        if self.is_each_alike:
            return  # members may come twice in a stretch, and nobody asks
        self.spins[members] += 1
        self.since[members] = np.where(self._rare[awarded], 0, self.since[members] + 1)
        has_won = awarded != self.table.thanks
        self.wins[members[has_won], awarded[has_won]] += 1
        self.wins_today[members[has_won], awarded[has_won]] += 1


def most_since(table: Table) -> int:
    """From so many spins on without a rare prize the shares no longer change."""
    pity = table.rules.pity
    if pity is None:
        return 0
    if pity.guaranteed_at is not None:
        return pity.guaranteed_at - 1
    full = -(-WHOLE // max(pity.ramp_ppm, 1))  # by then all of thanks is taken
    return (pity.ramp_from or 0) + full
