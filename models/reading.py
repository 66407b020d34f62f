"""Reads that need not wait for each other: what several readers ask at the same time is one trip to the database.

An act begins with half a dozen reads of different rooms: who asks, what was answered, what is on offer. Each by itself
costs little more than the way there and back, during which a lane stands still. docs/adr/0052.
"""

from collections.abc import Coroutine, Generator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from models.sql import ctes, is_read

Rows = list[dict[str, Any]]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
Reader = Coroutine[Any, Any, A]


@dataclass(frozen=True, slots=True)
class Ask:
    """One statement that its reader waits for. Raises ValueError for one that changes something."""

    sql: str
    values: Sequence[Any]

    def __post_init__(self) -> None:
        if not is_read(self.sql):
            raise ValueError(f"only what reads is asked beside others: {self.sql}")

    def __await__(self) -> Generator["Ask", Rows, Rows]:
        return (yield self)


class Readers:
    """Coroutines that are run side by side, each up to what it asks, by whoever holds their answers.

    They have no task of their own: between an answer and the next question nothing else runs.
    """

    def __init__(self, readers: Sequence[Coroutine[Any, Any, Any]]) -> None:
        self._readers = readers
        self.results: list[Any] = [None] * len(readers)
        self.asking: dict[int, Ask] = {}

    def go_on(self, number: int, answer: Rows | None) -> None:
        """Give one its answer, None to begin. Raises what it raises, TypeError where it waits for anything else."""
        self.asking.pop(number, None)
        try:
            asked = self._readers[number].send(answer)
        except StopIteration as end:
            self.results[number] = end.value
            return
        if not isinstance(asked, Ask):
            raise TypeError("a reader beside others waits for rows and for nothing else")
        self.asking[number] = asked

    def close(self) -> None:
        """Those that are not done are done with."""
        for each in self._readers:
            each.close()


@lru_cache(maxsize=1024)
def side_by_side(texts: tuple[str, ...]) -> str:
    """One statement of PostgreSQL that reads all of these: the placeholders are numbered on, in the order of the texts.

    Its only row has a column for each: the rows as an array, in their order; null where there are none.
    """
    columns = (f"(SELECT array_agg(r{number}) FROM r{number}) AS r{number}" for number in range(len(texts)))  # noqa: S608 - ours
    return f"{ctes('r', texts)} SELECT {', '.join(columns)}"
