"""The opening hours of a store: spans of days of the week, local to the store's zone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_SPANS = 28
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")

Span = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class WrongSpan:
    """Which of the spans does not fit (0 is the first), and how."""

    index: int
    problem: str  # day, time, order, overlap


def wrong_span(spans: Sequence[Span]) -> WrongSpan | None:
    """What is wrong with these `(day, opens, closes)`, or None.

    Times are HH:MM of one day, 24:00 its end; a night that goes past midnight is two spans. No two of a day overlap.
    """
    seen: dict[str, list[tuple[str, str]]] = {}
    for index, (day, opens, closes) in enumerate(spans):
        if day not in DAYS:
            return WrongSpan(index, "day")
        if not (_TIME.fullmatch(opens) and _TIME.fullmatch(closes)):
            return WrongSpan(index, "time")
        if opens >= closes:
            return WrongSpan(index, "order")
        if any(opens < other_closes and other_opens < closes for other_opens, other_closes in seen.get(day, ())):
            return WrongSpan(index, "overlap")
        seen.setdefault(day, []).append((opens, closes))
    return None


def in_order(spans: Sequence[Span]) -> list[Span]:
    """From Monday's first to Sunday's last."""
    return sorted(spans, key=lambda span: (DAYS.index(span[0]), span[1]))
