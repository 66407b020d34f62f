"""Files that people open in Excel: nothing in them is a formula, numbers are numbers, and memory stays flat."""

import csv
import io
import tracemalloc
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from miniapp_api import spreadsheets
from miniapp_api.cells import Yuan, safe
from miniapp_api.spreadsheets import BOM, as_csv, as_xlsx

SHANGHAI = ZoneInfo("Asia/Shanghai")
HEADER = ("名称", "次数")
HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\tplain",
    " =1",
    "\u3000=1",
    "\u00a0=1",
    "'=1",
    '"=1',
    '""=1',
    "“=1",
    '" =1',
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM",
    "﹦1",
    "\u22121",
    "\ufeff=1",
    "\u200b=1",
    "\u202e=1",
    "\x00=1",
    '=HYPERLINK("http://x","y")',
    "=cmd|'/C calc'!A0",
]
HARMLESS = [
    "",
    "湖滨店",
    "2026-03-02",
    "a=b",
    "咖啡 +1",
    "3-1",
    "'90 年代",
    "a@b.cn",
    "“引号”",
    "第一行\n第二行",
    'a"b,c;d',
]


async def pages(*rows, size: int = 2):
    for start in range(0, len(rows) or 1, size):
        yield rows[start : start + size]


async def csv_of(*rows) -> list[list[str]]:
    raw = b"".join([part async for part in as_csv(HEADER, pages(*rows), SHANGHAI)])
    assert raw.startswith(BOM)
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


async def xlsx_of(*rows) -> openpyxl.Workbook:
    raw = b"".join([part async for part in as_xlsx(HEADER, pages(*rows), SHANGHAI)])
    return openpyxl.load_workbook(io.BytesIO(raw))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_could_be_a_formula_begins_with_an_apostrophe(text):
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_could_not_stays_as_it_is(text):
    assert safe(text) == text


@given(st.text(st.sampled_from("=+-@＝＋－＠'\"“ \t\r\n\u3000\ufeff\u200ba1中"), max_size=6))
def test_no_text_begins_with_a_formula_behind_whatever_is_skipped(text):
    made = safe(text)
    rest = made.lstrip("'\"“ \t\r\n\u3000\ufeff\u200b")
    assert made.startswith("'") or not rest.startswith(tuple("=+-@＝＋－＠"))
    assert not made.startswith(("\t", "\r", "\n"))


async def test_every_hostile_cell_is_text_in_both_files_and_nothing_is_lost():
    texts = [text for text in HOSTILE if "\x00" not in text]  # no database column holds NUL
    rows = [(text, number) for number, text in enumerate(texts)]
    assert (await csv_of(*rows))[1:] == [[f"'{text}", str(number)] for number, text in enumerate(texts)]
    sheet = (await xlsx_of(*rows)).active
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [unescape(cell.value) for cell in cells] == [f"'{text}" for text in texts]


async def test_every_field_of_a_csv_stands_in_quotes():
    raw = b"".join([part async for part in as_csv(HEADER, pages(("湖滨店", 3)), SHANGHAI)])
    assert raw == BOM + '"名称","次数"\r\n"湖滨店","3"\r\n'.encode()


async def test_numbers_and_money_are_numbers_and_days_are_text_in_the_programmes_zone():
    at = datetime(2026, 3, 1, 16, 30, 5, tzinfo=UTC)
    row = (-2, Yuan(-1205), Yuan(5), None, at, date(2026, 3, 1))
    expected = ["-2", "-12.05", "0.05", "", "2026-03-02 00:30:05", "2026-03-01"]
    assert (await csv_of(row))[1] == expected
    (found,) = (await xlsx_of(row)).active.iter_rows(min_row=2)
    assert [cell.value for cell in found] == [-2, -12.05, 0.05, None, *expected[4:]]
    assert [cell.data_type for cell in found] == ["n", "n", "n", "n", "s", "s"]
    assert found[1].number_format == "0.00"


async def test_an_empty_table_is_a_header_in_both():
    assert await csv_of() == [list(HEADER)]
    assert [[cell.value for cell in row] for row in (await xlsx_of()).active.iter_rows()] == [list(HEADER)]


async def test_a_table_longer_than_a_sheet_goes_on_in_the_next(monkeypatch):
    monkeypatch.setattr(spreadsheets, "SHEET_ROWS", 3)
    book = await xlsx_of(*[(str(number), number) for number in range(5)])
    shown = [[row[1].value for row in sheet.iter_rows()] for sheet in book.worksheets]
    assert shown == [["次数", 0, 1], ["次数", 2, 3], ["次数", 4]]


async def test_nothing_is_left_behind_when_whoever_downloads_goes_away(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    parts = as_xlsx(HEADER, pages(*[("a", 1)] * 50), SHANGHAI)
    assert await anext(parts)
    assert list(tmp_path.iterdir()) != []
    await parts.aclose()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [as_csv, as_xlsx])
async def test_memory_is_flat_however_long_the_table_is(write):
    async def peak(count: int) -> int:
        async def many():
            for _ in range(count):
                yield [("江南书店湖滨店的咖啡一杯", number) for number in range(500)]

        tracemalloc.start()
        try:
            async for _ in write(HEADER, many(), SHANGHAI):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    await peak(1)
    assert await peak(16) < 2 * await peak(2) + 200_000
