"""Cells of files that people open in a spreadsheet: what is text stays text, whoever wrote it.

A program that opens a CSV file takes what begins with = + - @ for a formula, also behind quotes, spaces or a tab, and
some turn full-width signs into plain ones first. A leading apostrophe makes it text in all of them. Numbers of ours
are numbers; only text can be somebody else's.
"""

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

_FORMULA = frozenset("=+-@\u2212")  # and whatever NFKC makes one of them
_QUOTES = frozenset("'\"`\u00b4\u2018\u2019\u201c\u201d\u300c\u300d\u300e\u300f\uff02\uff07")
_BREAKS = frozenset("\t\r\n")


@dataclass(frozen=True, slots=True)
class Yuan:
    """Money: integer fen, shown in yuan with two decimals."""

    fen: int

    def __str__(self) -> str:
        sign, fen = "-" if self.fen < 0 else "", abs(self.fen)
        return f"{sign}{fen // 100}.{fen % 100:02}"


Cell = str | int | Yuan | datetime | date | None


def safe(text: str) -> str:
    """The same text, with an apostrophe before it where a spreadsheet could take it for a formula."""
    if text[:1] in _BREAKS:
        return f"'{text}"
    first = next((letter for letter in text if not _is_skipped(letter)), "")
    is_formula = bool(_FORMULA & set(unicodedata.normalize("NFKC", first)))
    return f"'{text}" if is_formula else text


def _is_skipped(letter: str) -> bool:
    """Spaces, control and format characters (zero width, byte order marks), quotes."""
    return letter.isspace() or letter in _QUOTES or unicodedata.category(letter) in {"Cc", "Cf"}


def shown(cell: Cell, zone: ZoneInfo) -> str:
    """A cell as text: instants in this zone, to the second."""
    match cell:
        case None:
            return ""
        case str():
            return safe(cell)
        case datetime():
            return f"{cell.astimezone(zone):%Y-%m-%d %H:%M:%S}"
        case _:
            return str(cell)
