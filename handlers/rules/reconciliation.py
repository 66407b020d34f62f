"""A bill beside our rows: three lists, one of which is for people who lost money, and all for people who look."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from models.words import Listed


@dataclass(frozen=True, slots=True)
class Difference:
    """One number that both do not agree about; 0 fen: nothing has moved, as far as that side knows."""

    number: str
    listed: Listed
    ours_fen: int
    theirs_fen: int


def compare(
    theirs: Mapping[str, int], before: Set[str], ours: Mapping[str, int], of_day: Mapping[str, int]
) -> list[Difference]:
    """`theirs`: the bill, fen by our number. `ours`: what our rows of these numbers say has moved (0: nothing yet).

    `of_day`: what moved on that day by our clock. We hear later than they book: the bill of the day `before` counts.
    """
    found = []
    for number, fen in sorted(theirs.items()):
        if number not in ours:
            found.append(Difference(number, Listed.THEIRS_ONLY, 0, fen))
        elif ours[number] != fen:
            found.append(Difference(number, Listed.DIFFERS, ours[number], fen))
    missing = of_day.keys() - theirs.keys() - before
    return [*found, *(Difference(number, Listed.OURS_ONLY, of_day[number], 0) for number in sorted(missing))]
