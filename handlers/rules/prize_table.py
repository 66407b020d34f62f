"""How a million rolls are shared out among the prizes of a draw, with pity applied, in integers alone."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from handlers.rules.draw_rules import WHOLE, DrawRules, Prize, PrizeKind

_MOST_KEPT = 4_096  # tables of shares that one Table remembers


class Shares:
    """How 1,000,000 rolls are shared out among the prizes, for members at one point of pity."""

    __slots__ = ("bounds", "is_guaranteed", "ppm")

    def __init__(self, ppm: Sequence[int], *, is_guaranteed: bool) -> None:
        self.ppm = tuple(ppm)
        self.bounds = list(accumulate(ppm))
        self.is_guaranteed = is_guaranteed

    def rolled(self, roll: int) -> int:
        """The place of the prize into whose share a roll falls."""
        return bisect_right(self.bounds, roll)


class Table:
    """The rules of one version, made ready to be asked often. Make it once and keep it.

    Raises ValueError for rules that no version may have: shares that do not sum to 1,000,000, not exactly one thanks,
    a code twice, a fallback to nowhere or in a circle.
    """

    def __init__(self, rules: DrawRules) -> None:
        self.rules, self.prizes = rules, rules.prizes
        self.places = {prize.code: place for place, prize in enumerate(rules.prizes)}
        thanks = [place for place, prize in enumerate(rules.prizes) if prize.kind is PrizeKind.THANKS]
        if len(self.places) != len(rules.prizes) or len(thanks) != 1:
            raise ValueError("codes are unique, and one prize is thanks")
        if rules.prizes[thanks[0]].unlock_after:
            raise ValueError("thanks is never locked")
        if sum(prize.ppm for prize in rules.prizes) != WHOLE or any(prize.ppm < 0 for prize in rules.prizes):
            raise ValueError("the shares sum to 1,000,000")
        self.thanks = thanks[0]
        self.chains = tuple(self._chain(prize) for prize in rules.prizes)
        self.consolations = self.chains[self.places[rules.consolation]] if rules.consolation else (self.thanks,)
        pity = rules.pity
        self._is_rare = [pity is not None and prize.rarity >= pity.rarity for prize in rules.prizes]
        self._most_spins = max(prize.unlock_after for prize in rules.prizes)
        self._kept: dict[tuple[int, int], Shares] = {}

    def shares(self, spins: int, since: int) -> Shares:
        """For a member with so many spins in all, and so many since the last prize that pity speaks of."""
        key = (min(spins, self._most_spins), since if self.rules.pity else 0)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            found = self._kept[key] = self._shares(*key)
        return found

    def is_rare(self, place: int) -> bool:
        """Whether pity speaks of this prize."""
        return self._is_rare[place]

    def _chain(self, prize: Prize) -> tuple[int, ...]:
        """The places to look at for this prize, itself first and thanks last."""
        chain = [self.places[prize.code]]
        while chain[-1] != self.thanks:
            code = self.prizes[chain[-1]].fallback
            place = self.thanks if code is None else self.places.get(code)
            if place is None or place in chain:
                raise ValueError(f"the fallback {code!r} leads nowhere")
            chain.append(place)
        return tuple(chain)

    def _shares(self, spins: int, since: int) -> Shares:
        ppm, pity = [0] * len(self.prizes), self.rules.pity
        for place, prize in enumerate(self.prizes):
            # What is locked gives its share to the first of its fallbacks that is not.
            ppm[next(each for each in self.chains[place] if self.prizes[each].unlock_after <= spins)] += prize.ppm
        if pity is None:
            return Shares(ppm, is_guaranteed=False)
        rare = [share if is_rare else 0 for share, is_rare in zip(ppm, self._is_rare, strict=True)]
        if not any(rare):
            return Shares(ppm, is_guaranteed=False)
        if pity.guaranteed_at is not None and since + 1 >= pity.guaranteed_at:
            return Shares(apportion(WHOLE, rare), is_guaranteed=True)
        if pity.ramp_from is not None and since >= pity.ramp_from:
            raised = min(pity.ramp_ppm * (since - pity.ramp_from + 1), ppm[self.thanks])
            ppm[self.thanks] -= raised
            ppm = [share + more for share, more in zip(ppm, apportion(raised, rare), strict=True)]
        return Shares(ppm, is_guaranteed=False)


def apportion(amount: int, weights: Sequence[int]) -> list[int]:
    """The whole amount, shared out by weight: each gets its part rounded down, and what is over goes by one each to
    the largest remainders, of equal ones to the first. At least one weight must not be 0."""
    total = sum(weights)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(amount * weights[place] % total))
    for place in by_remainder[: amount - sum(parts)]:
        parts[place] += 1
    return parts
