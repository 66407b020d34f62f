"""Which slots a member's further claims of an offer take: the unique row of a slot is the limit."""

from collections.abc import Collection, Mapping

from handlers.rules.offer_terms import Limit

Slots = tuple[tuple[str, int], ...]  # of one claim: (period, number) for every limit


class LimitFull(Exception):
    """Not so many more within this limit; `left` is how many there could be."""

    def __init__(self, limit: Limit, left: int) -> None:
        super().__init__(limit.period)
        self.limit = limit
        self.left = left


def free_slots(periods: Mapping[Limit, str], taken: Mapping[str, Collection[int]], quantity: int) -> list[Slots]:
    """For each of `quantity` claims the lowest free number of every limit; `periods` name them, `taken` is by period.

    Merged members may hold the same number twice, so all are counted too. Raises LimitFull, of the first limit that is.
    """
    by_limit = []
    for limit, period in periods.items():
        held = taken.get(period, ())
        free = [number for number in range(1, limit.count + 1) if number not in held]
        left = min(len(free), max(limit.count - len(held), 0))
        if left < quantity:
            raise LimitFull(limit, left)
        by_limit.append([(period, number) for number in free[:quantity]])
    return [tuple(slots) for slots in zip(*by_limit, strict=True)] if by_limit else [()] * quantity
