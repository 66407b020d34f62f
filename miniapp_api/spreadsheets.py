"""Tables as files: CSV as Excel reads it, and XLSX. Pages of rows go in and bytes come out; no more than one is held.

An XLSX file is a ZIP archive whose parts are complete only at the end, so it is written to a temporary file first, in
threads: the event loop serves others meanwhile.
"""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter

from miniapp_api.cells import Cell, Yuan, safe, shown

BOM = b"\xef\xbb\xbf"  # without it Excel takes UTF-8 for the system's own encoding
CHUNK = 64 * 1024
SHEET_ROWS = 1_000_000  # of 1,048,576; longer tables go on in a further sheet
LONGEST_TEXT = 32_767  # characters of a cell

Rows = Sequence[Sequence[Cell]]


async def as_csv(header: Sequence[str], pages: AsyncIterator[Rows], zone: ZoneInfo) -> AsyncIterator[bytes]:
    """Every field in quotes, lines ended by CR LF (RFC 4180), UTF-8 with a byte order mark."""
    yield BOM + _lines([header], zone)
    async for page in pages:
        yield _lines(page, zone)


def _lines(rows: Rows, zone: ZoneInfo) -> bytes:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([shown(cell, zone) for cell in row] for row in rows)
    return written.getvalue().encode()


async def as_xlsx(header: Sequence[str], pages: AsyncIterator[Rows], zone: ZoneInfo) -> AsyncIterator[bytes]:
    """Numbers and money as numbers, everything else as text."""
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="fanpiao-")
    try:
        path = Path(folder.name) / "table.xlsx"
        book = _Book(path, header, zone)
        async for page in pages:
            await asyncio.to_thread(book.add, page)
        await asyncio.to_thread(book.close)
        with await asyncio.to_thread(path.open, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield chunk
    finally:
        await asyncio.to_thread(folder.cleanup)


class _Book:
    """One workbook, row by row."""

    def __init__(self, path: Path, header: Sequence[str], zone: ZoneInfo) -> None:
        # Rows are written to a temporary file beside the workbook as soon as the next one begins.
        options = {"constant_memory": True, "tmpdir": str(path.parent)}
        self._book = xlsxwriter.Workbook(str(path), options)
        self._money = self._book.add_format({"num_format": "0.00"})
        self._header, self._zone = header, zone
        self._sheet: Any = None
        self._row = SHEET_ROWS

    def add(self, rows: Rows) -> None:
        for row in rows:
            if self._row >= SHEET_ROWS:
                self._begin_sheet()
            self._write(row)

    def close(self) -> None:
        if self._sheet is None:
            self._begin_sheet()
        self._book.close()

    def _begin_sheet(self) -> None:
        self._sheet, self._row = self._book.add_worksheet(), 0
        self._write(self._header)

    def _write(self, row: Sequence[Cell]) -> None:
        for column, cell in enumerate(row):
            match cell:
                case None:
                    continue
                case Yuan():
                    self._sheet.write_number(self._row, column, cell.fen / 100, self._money)
                case int():
                    self._sheet.write_number(self._row, column, cell)
                case str():
                    self._sheet.write_string(self._row, column, safe(cell)[:LONGEST_TEXT])
                case _:
                    self._sheet.write_string(self._row, column, shown(cell, self._zone))
        self._row += 1
