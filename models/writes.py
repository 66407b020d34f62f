"""Writes that wait for the next read or the commit of their transaction, and go out together.

A trip to the database costs as much as the rows of a small write, and a batch has a dozen of them one after the other.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_PLACEHOLDER = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class Write:
    """A write that returns a row for each that it wrote: fewer than `least`, and `otherwise` is raised."""

    sql: str
    values: Sequence[Any]
    least: int
    otherwise: Exception | None

    def check(self, written: int) -> None:
        """Raises `otherwise`."""
        if written < self.least and self.otherwise is not None:
            raise self.otherwise


@lru_cache(maxsize=500)
def together(statements: tuple[tuple[str, int], ...]) -> str:
    """One statement of several (text, number of values), for all their values in turn; its row holds their counts.

    PostgreSQL runs them on one snapshot: none sees what another wrote. Foreign keys are looked at when all are done.
    """
    parts, given = [], 0
    for number, (sql, count) in enumerate(statements):
        moved = _PLACEHOLDER.sub(lambda found, by=given: f"${int(found[1]) + by}", sql)  # type: ignore[misc]
        parts.append(f"w{number} AS ({moved})")
        given += count
    counts = ", ".join(f"(SELECT count(*) FROM w{number}) AS w{number}" for number in range(len(parts)))  # noqa: S608
    return f"WITH {', '.join(parts)} SELECT {counts}"
