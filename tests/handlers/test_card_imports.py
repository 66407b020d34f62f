"""Importing legacy cards: what is read, what is refused, and that nothing comes in twice."""

import asyncio
import codecs
from pathlib import Path

import pytest

from handlers.cards.card_imports import CardImports
from handlers.cards.card_kinds import KindDraft, add_kind
from handlers.errors import CardKindInvalid, CardKindUnknown
from handlers.import_files import FileRefused, examine
from handlers.importing import ImportOvertaken, Progress
from handlers.rules.file_rows import HeaderRefused
from handlers.rules.numbers import check_digit
from models.cards import Card, CardImport
from models.database import atomic, rows

HEADER = "卡号,手机号,姓名,密码,积分"


def number(body: int) -> str:
    digits = f"66{body:09d}"
    return digits + check_digit(digits)


def line(body: int, name: str = "李明") -> str:
    return f"{number(body)},139{body:08d},{name},,{body}"


@pytest.fixture
async def imports(rooms) -> CardImports:
    async with atomic():
        await add_kind(KindDraft("old", "老会员卡", digit_count=12, prefix="66", is_issued=False), rooms.clock)
    return CardImports(rooms.clock, rooms.vault, rooms.handlers.card_kinds)


@pytest.fixture
def csv_file(tmp_path: Path):
    def write(*lines: str, encoding: str = "utf-8", bom: bytes = b"", name: str = "cards.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(bom + "\r\n".join(lines).encode(encoding))
        return path

    return write


async def run(imports: CardImports, path: Path, kind: str = "old") -> Progress:
    last = None
    async for progress in imports.run(examine(path), kind=kind):
        last = progress
    assert last is not None
    assert last.is_done
    return last


def counts(progress: Progress) -> tuple[int, int, int]:
    return progress.added_count, progress.repeated_count, progress.refused_count


@pytest.mark.parametrize(("encoding", "bom"), [("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("gbk", b"")])
async def test_a_file_is_read_with_or_without_a_bom_and_in_gbk(imports, csv_file, encoding, bom):
    done = await run(imports, csv_file(HEADER, line(20_000_001), line(20_000_002), encoding=encoding, bom=bom))
    assert counts(done) == (2, 0, 0)
    card = await Card.get(last4=number(20_000_001)[-4:])
    assert (card.status, card.opening_balance, card.member_id) == ("unbound", 20_000_001, None)


async def test_the_same_file_again_under_another_name_adds_nothing(imports, csv_file):
    lines = [HEADER, *(line(20_000_000 + each) for each in range(5))]
    first = await run(imports, csv_file(*lines))
    again = await run(imports, csv_file(*lines, name="copy.csv"))
    assert again == first
    assert await Card.filter(kind__code="old").count() == 5


async def test_another_file_with_known_numbers_counts_them_as_repeated(imports, csv_file):
    await run(imports, csv_file(HEADER, line(20_000_001)))
    done = await run(imports, csv_file(HEADER, line(20_000_001, "小红"), line(20_000_002), name="next.csv"))
    assert counts(done) == (1, 1, 0)


async def test_bad_lines_are_refused_by_number_and_code_and_the_others_come_in(imports, csv_file, monkeypatch):
    monkeypatch.setattr("handlers.cards.card_imports.BATCH", 3)
    bad = [
        "=1+1,13912345670,,,",
        f"{number(1)[:-1]}x,13912345670,,,",
        f"{number(9)},,,,",
        line(20_000_001),
        f'{number(8)},"13912345670,,,',
        f"{number(7)},13912345670",
        "",
        line(20_000_002),
    ]
    done = await run(imports, csv_file(HEADER, line(20_000_001), *bad))
    refusals = [(refusal.row_number, refusal.code) async for refusal in imports.refusals(done.import_id)]
    assert refusals == [
        (3, "row.formula"),
        (4, "number.wrong"),
        (5, "proof.missing"),
        (6, "number.repeated"),  # of another batch of the same file
        (7, "row.malformed"),
        (8, "row.columns"),
    ]
    assert counts(done) == (2, 0, 6)


async def test_ten_megabytes_of_one_line_are_one_refusal(imports, csv_file):
    done = await run(imports, csv_file(HEADER, line(20_000_001), "6" * 10_000_000, line(20_000_002)))
    assert counts(done) == (2, 0, 1)


async def test_a_line_of_broken_text_is_one_refusal(imports, tmp_path):
    path = tmp_path / "cards.csv"
    good = [HEADER.encode(), *(line(20_000_000 + each).encode() for each in range(3))]
    path.write_bytes(b"\n".join([*good, b"66\xff\xff\xff,13912345670,,,"]))
    assert counts(await run(imports, path)) == (3, 0, 1)


@pytest.mark.parametrize("head", ["卡号,邮箱", "手机号,姓名", line(1), "卡号", "6" * 100_000])
async def test_a_file_with_wrong_columns_is_refused_and_nothing_is_stored(imports, csv_file, head):
    with pytest.raises(HeaderRefused):
        await run(imports, csv_file(head, line(20_000_001)))
    assert await CardImport.all().count() == 0


async def test_files_that_cannot_be_read_are_refused(tmp_path):
    empty, wide = tmp_path / "empty.csv", tmp_path / "wide.csv"
    empty.write_bytes(b"")
    wide.write_bytes("卡号,密码".encode("utf-16"))
    for path in (empty, wide, tmp_path / "none.csv"):
        with pytest.raises(FileRefused):
            examine(path)


async def test_only_a_known_kind_that_is_not_issued_takes_numbers(imports, csv_file):
    path = csv_file(HEADER, line(20_000_001))
    with pytest.raises(CardKindUnknown):
        await run(imports, path, "no")
    with pytest.raises(CardKindInvalid):
        await run(imports, path, "member")


async def test_an_import_that_was_broken_off_goes_on_behind_the_last_batch(imports, csv_file, monkeypatch):
    monkeypatch.setattr("handlers.cards.card_imports.BATCH", 2)
    path = csv_file(HEADER, *(line(20_000_000 + each) for each in range(7)), line(20_000_000))
    broken_off = imports.run(examine(path), kind="old")
    await anext(broken_off)
    await broken_off.aclose()
    assert (await CardImport.get()).row_count == 2
    assert counts(await run(imports, path)) == (7, 0, 1)
    assert await Card.filter(kind__code="old").count() == 7


async def test_two_imports_of_one_file_at_once_bring_each_row_once(imports, csv_file, monkeypatch):
    monkeypatch.setattr("handlers.cards.card_imports.BATCH", 2)
    path = csv_file(HEADER, *(line(20_000_000 + each) for each in range(10)))
    await asyncio.gather(*(run(imports, path) for _ in range(3)), return_exceptions=True)
    stands = await CardImport.get()
    assert (stands.row_count, stands.added_count, stands.repeated_count, stands.refused_count) == (10, 10, 0, 0)
    assert await Card.filter(kind__code="old").count() == 10


async def test_whoever_is_overtaken_stops(imports, csv_file, monkeypatch):
    monkeypatch.setattr("handlers.cards.card_imports.BATCH", 2)
    running = imports.run(examine(csv_file(HEADER, *(line(20_000_000 + each) for each in range(6)))), kind="old")
    await anext(running)
    await CardImport.all().update(row_count=4)
    with pytest.raises(ImportOvertaken):
        await anext(running)


async def test_nothing_of_the_file_stands_in_the_database_in_the_clear(imports, csv_file):
    await run(imports, csv_file(HEADER, f"{number(1)},13912345670,欧阳明月,998877,3", f"{number(2)[:-1]}x,139,,,"))
    stored = str([await rows(f"SELECT * FROM {table}") for table in ("card", "card_import", "card_import_refusal")])
    for secret in (number(1), "13912345670", "欧阳明月", "998877", number(2)[:-1]):
        assert secret not in stored
