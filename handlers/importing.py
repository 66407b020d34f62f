"""Importing a file by batches: each row once, however often the import is started, with memory that does not grow.

A batch of rows and the count of rows done commit together. After a crash the import goes on behind the last batch.
While one batch is written, the next one is read in a thread; more than these two are never held.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar
from uuid import UUID

from handlers.import_files import ImportFile, Line, lines
from handlers.retrying import again
from handlers.rules.file_rows import HeaderRefused, RowRefused


class ImportOvertaken(Exception):
    """Another process imports the same file at the same time and is ahead."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How an import stands. Counts are rows of the file without its header; `share` is 0.0 to 1.0 of its bytes."""

    import_id: UUID
    row_count: int
    added_count: int
    repeated_count: int
    refused_count: int
    share: float
    is_done: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that was not taken: its number in the file, and a code of the rules for such rows."""

    row_number: int
    code: str


B = TypeVar("B")


class Import(Protocol[B]):
    """What is imported, and into what. Only `read` runs in a thread, one call at a time."""

    def header(self, text: str) -> tuple[str, ...]:
        """The columns. Raises HeaderRefused."""

    async def begin(self) -> Progress:
        """Begin, or find what was begun: rows that are done are passed over."""

    def read(self, chunk: Sequence[Line], columns: Sequence[str]) -> B:
        """A batch as it will be written, refused rows included."""

    async def commit(self, batch: B, done: int, count: int) -> None:
        """Write it, in one transaction that also moves the count from `done` by `count`. Raises ImportOvertaken."""

    async def stands(self) -> Progress:
        """How far it is; `share` is filled in by the import itself."""

    async def finish(self) -> None:
        """Every row was read."""


async def run(file: ImportFile, into: Import[B], *, batch: int) -> AsyncGenerator[Progress, None]:
    """Import, or go on; one Progress per batch, the last one done. Raises HeaderRefused, ImportOvertaken."""
    text = lines(file)
    first = next(text, None)
    if first is None or first.fault:
        raise HeaderRefused("第一行不是有效的表头")
    columns = into.header(first.text)
    begun = await into.begin()
    if begun.is_done:
        yield begun
        return
    done = begun.row_count
    for _ in islice(text, done):
        pass
    ahead = await asyncio.to_thread(_next, into, text, columns, batch)
    while ahead is not None:
        following = asyncio.create_task(asyncio.to_thread(_next, into, text, columns, batch))
        try:
            read, count, end = ahead
            await again(lambda read=read, done=done, count=count: into.commit(read, done, count))  # type: ignore[misc]
            done += count
            yield _at(await into.stands(), end / max(file.size, 1))
        finally:
            ahead = await following
    await into.finish()
    yield _at(await into.stands(), 1.0)


def understood(line: Line) -> str:
    """The text of a line that could be read. Raises RowRefused."""
    if line.fault:
        raise RowRefused(line.fault)
    return line.text


def _next(into: Import[B], text: Iterator[Line], columns: Sequence[str], batch: int) -> tuple[B, int, int] | None:
    chunk = list(islice(text, batch))
    return (into.read(chunk, columns), len(chunk), chunk[-1].end) if chunk else None


def _at(stands: Progress, share: float) -> Progress:
    return Progress(
        import_id=stands.import_id,
        row_count=stands.row_count,
        added_count=stands.added_count,
        repeated_count=stands.repeated_count,
        refused_count=stands.refused_count,
        share=min(share, 1.0),
        is_done=stands.is_done,
    )
