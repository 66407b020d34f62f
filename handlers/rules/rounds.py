"""Which of many decisions can be taken side by side: those that touch nothing in common."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def rounds(items: Sequence[Item], touched: Callable[[Item], Iterable[Hashable]]) -> list[list[Item]]:
    """Items in as few rounds as their order allows.

    No two of a round touch the same thing, and whoever touches something comes in a later round than everybody before
    them who did. Within a round the order of arrival is kept.
    """
    made: list[list[Item]] = []
    latest: dict[Hashable, int] = {}
    for item in items:
        things = set(touched(item))
        place = max((latest[thing] + 1 for thing in things if thing in latest), default=0)
        if place == len(made):
            made.append([])
        made[place].append(item)
        latest |= dict.fromkeys(things, place)
    return made
