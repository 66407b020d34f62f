"""Importing a third party's codes: what is read, what is refused, and that nothing comes in twice."""

import asyncio
import codecs
from pathlib import Path

import pytest

from handlers.benefits import code_pools
from handlers.benefits.code_imports import CodeImports
from handlers.errors import CodePoolUnknown
from handlers.import_files import examine
from handlers.importing import ImportOvertaken, Progress
from handlers.rules.file_rows import HeaderRefused
from models.claims import CodeImport, PoolCode
from models.database import atomic, rows
from models.statements.invariants import CHECKS
from tests.handlers.pooled import a_pool, an_offer, write_claim


@pytest.fixture
async def imports(rooms) -> CodeImports:
    await a_pool()
    return CodeImports(rooms.clock, rooms.vault)


@pytest.fixture
def csv_file(tmp_path: Path):
    def write(*lines: str, encoding: str = "utf-8", bom: bytes = b"", name: str = "codes.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(bom + "\r\n".join(lines).encode(encoding))
        return path

    return write


async def run(imports: CodeImports, path: Path, pool: str = "cinema") -> Progress:
    last = None
    async for progress in imports.run(examine(path), pool=pool):
        last = progress
    assert last is not None
    assert last.is_done
    assert [check.what for check in CHECKS if await rows(check.sql)] == []
    return last


def counts(progress: Progress) -> tuple[int, int, int]:
    return progress.added_count, progress.repeated_count, progress.refused_count


async def handed_out(rooms, count: int) -> list[str]:
    """The next codes of the pool, as members see them."""
    member, offer = await rooms.member(), await an_offer(await a_pool_again())
    async with atomic():
        claims = [await write_claim(rooms, offer, member.member_id) for _ in range(count)]
        await code_pools.assign("cinema", claims, now=rooms.clock.now())
    shown = await code_pools.reveal(rooms.vault, claims)
    return [shown[claim_id] for claim_id in claims]


async def a_pool_again():
    from models.benefits import CodePool

    return await CodePool.get(code="cinema")


@pytest.mark.parametrize(("encoding", "bom"), [("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("gbk", b"")])
async def test_a_file_is_read_with_or_without_a_bom_and_in_gbk(rooms, imports, csv_file, encoding, bom):
    done = await run(imports, csv_file("券码,密码", "A-1,芝麻开门", '"B-2",', encoding=encoding, bom=bom))
    assert counts(done) == (2, 0, 0)
    assert await handed_out(rooms, 2) == ["A-1 密码 芝麻开门", "B-2"]


async def test_the_same_file_again_under_another_name_adds_nothing(imports, csv_file):
    lines = ["券码", *(f"C{each:05d}" for each in range(5))]
    first = await run(imports, csv_file(*lines))
    assert await run(imports, csv_file(*lines, name="copy.csv")) == first
    assert await PoolCode.all().count() == 5


async def test_another_file_with_known_codes_counts_them_as_repeated(imports, csv_file):
    await run(imports, csv_file("券码", "A-1"))
    done = await run(imports, csv_file("code", "A-1", "B-2", name="next.csv"))
    assert counts(done) == (1, 1, 0)


async def test_a_code_that_was_given_out_does_not_come_back_by_another_file(rooms, imports, csv_file):
    await run(imports, csv_file("券码", "A-1"))
    assert await handed_out(rooms, 1) == ["A-1"]
    assert counts(await run(imports, csv_file("券码", "A-1", "", "A-1 ", name="next.csv"))) == (0, 1, 1)
    assert await PoolCode.filter(claim_id=None).count() == 0


async def test_two_pools_may_have_the_same_code(imports, csv_file):
    await a_pool("theatre")
    path = csv_file("券码", "A-1")
    assert counts(await run(imports, path)) == counts(await run(imports, path, "theatre")) == (1, 0, 0)


async def test_bad_lines_are_refused_by_number_and_code_and_the_others_come_in(imports, csv_file, monkeypatch):
    monkeypatch.setattr("handlers.benefits.code_imports.BATCH", 3)
    bad = [
        "=1+1,",
        ",1234",
        "A-1,",
        'B-2,"12',
        "B-2",
        "1.23457E+15,",
        "B\u200b2,",
        "9" * 300 + ",",
        "",
        "-7,",
        "B-2,1,2",
        "C-3,",
    ]
    done = await run(imports, csv_file("券码,卡密", "A-1,", *bad))
    refusals = [(refusal.row_number, refusal.code) async for refusal in imports.refusals(done.import_id)]
    assert refusals == [
        (3, "row.formula"),
        (4, "code.missing"),
        (5, "code.repeated"),  # of another batch of the same file
        (6, "row.malformed"),
        (7, "row.columns"),
        (8, "code.scientific"),
        (9, "code.wrong"),
        (10, "code.too_long"),
        (12, "row.formula"),
        (13, "row.columns"),
    ]
    assert counts(done) == (2, 0, 10)


async def test_ten_megabytes_of_one_line_are_one_refusal(imports, csv_file):
    assert counts(await run(imports, csv_file("券码", "A-1", "6" * 10_000_000, "B-2"))) == (2, 0, 1)


async def test_a_line_of_broken_text_is_one_refusal(imports, tmp_path):
    path = tmp_path / "codes.csv"
    path.write_bytes(b"\n".join(["券码".encode(), b"A-1", "甲".encode(), b"66\xff\xff\xff"]))
    assert counts(await run(imports, path)) == (2, 0, 1)


@pytest.mark.parametrize("head", ["券码,邮箱", "密码", "A-1", "券码,code", "6" * 100_000, '"券码'])
async def test_a_file_with_wrong_columns_is_refused_and_nothing_is_stored(imports, csv_file, head):
    with pytest.raises(HeaderRefused):
        await run(imports, csv_file(head, "A-1"))
    assert await CodeImport.all().count() == 0


async def test_only_a_known_pool_takes_codes(imports, csv_file):
    with pytest.raises(CodePoolUnknown):
        await run(imports, csv_file("券码", "A-1"), "no")


async def test_an_import_that_was_broken_off_goes_on_behind_the_last_batch(rooms, imports, csv_file, monkeypatch):
    monkeypatch.setattr("handlers.benefits.code_imports.BATCH", 2)
    path = csv_file("券码", *(f"C{each}" for each in range(7)), "C0")
    broken_off = imports.run(examine(path), pool="cinema")
    await anext(broken_off)
    await broken_off.aclose()
    assert (await CodeImport.get()).row_count == 2
    assert counts(await run(imports, path)) == (7, 0, 1)
    assert await handed_out(rooms, 7) == [f"C{each}" for each in range(7)]


async def test_two_imports_of_one_file_at_once_bring_each_row_once(imports, csv_file, monkeypatch):
    monkeypatch.setattr("handlers.benefits.code_imports.BATCH", 2)
    path = csv_file("券码", *(f"C{each}" for each in range(10)))
    await asyncio.gather(*(run(imports, path) for _ in range(3)), return_exceptions=True)
    stands = await CodeImport.get()
    assert (stands.row_count, stands.added_count, stands.repeated_count, stands.refused_count) == (10, 10, 0, 0)
    assert await PoolCode.all().count() == 10


async def test_whoever_is_overtaken_stops(imports, csv_file, monkeypatch):
    monkeypatch.setattr("handlers.benefits.code_imports.BATCH", 2)
    running = imports.run(examine(csv_file("券码", *(f"C{each}" for each in range(6)))), pool="cinema")
    await anext(running)
    await CodeImport.all().update(row_count=4)
    with pytest.raises(ImportOvertaken):
        await anext(running)


async def test_nothing_of_the_file_stands_in_the_database_in_the_clear(imports, csv_file):
    await run(imports, csv_file("券码,密码", "QX-778899,芝麻开门", "=QX-112233,"))
    stored = str(
        [await rows(f"SELECT * FROM {table}") for table in ("pool_code", "code_import", "code_import_refusal")]
    )
    for secret in ("QX-778899", "芝麻开门", "QX-112233"):
        assert secret not in stored
