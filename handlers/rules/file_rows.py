"""Lines of an imported file, whatever it holds: a header that names columns, and rows of cells."""

import csv
from collections.abc import Mapping, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run when the file is opened again


class HeaderRefused(Exception):
    """The first line does not name the columns; the text says what is wrong."""


class RowRefused(Exception):
    """One line was not taken; `code` says why and holds nothing of the line."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def cells(line: str) -> list[str]:
    """The cells of one line. A line is a row: a quote that does not end in it is a fault. Raises RowRefused."""
    if "\x00" in line:
        raise RowRefused("row.malformed")
    try:
        (row,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError):
        raise RowRefused("row.malformed") from None
    return [cell.strip() for cell in row]


def columns_of(line: str, spellings: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Our names of the columns of a header, in the file's order, each once. Raises HeaderRefused."""
    known = {spelling: column for column, several in spellings.items() for spelling in several}
    try:
        given = [cell.lower() for cell in cells(line)]
    except RowRefused:
        raise HeaderRefused("第一行不是有效的表头") from None
    unknown = [place for place, cell in enumerate(given, start=1) if cell not in known]
    if unknown:
        raise HeaderRefused(f"第 {'、'.join(map(str, unknown))} 列的表头不认识")
    columns = tuple(known[cell] for cell in given)
    if len(set(columns)) != len(columns):
        raise HeaderRefused("有两列是同一种内容")
    return columns


def row_of(line: str, columns: Sequence[str]) -> dict[str, str]:
    """What one line says under each column. Raises RowRefused."""
    # Most lines are plain cells, and a million of them should not take a CSV reader each.
    row = cells(line) if '"' in line or "\x00" in line else [cell.strip() for cell in line.split(",")]
    if len(row) != len(columns):
        raise RowRefused("row.columns")
    if any(cell.startswith(_FORMULA) for cell in row):
        raise RowRefused("row.formula")
    return dict(zip(columns, row, strict=True))


REASONS: Mapping[str, str] = {
    "row.malformed": "这一行不是有效的 CSV",
    "row.columns": "列数和表头不一致",
    "row.formula": "有单元格以 = + - @ 开头",
    "row.too_long": "这一行太长",
    "row.encoding": "这一行有无法识别的文字",
}
