"""kill -9 in the midst of `fanpiao import-codes`: run again, it goes on where it was, and no code is there twice."""

import asyncio
import time

import pytest

from models import database
from models.benefits import Benefit
from models.organizations import Organization
from models.words import BenefitKind, BenefitState
from tests.processes import stored

ROWS = 60_000
COMMAND = ("--pool", "cinema", "--new", "电影票码", "--benefit", "cinema-coupon", "--expires", "2027-01-31")
FIGURES = "SELECT row_count, added_count, repeated_count, refused_count, state FROM code_import"
CODES = """
    SELECT count(*) AS codes, count(DISTINCT code_hash) AS hashes, count(DISTINCT code_import_id) AS imports
    FROM pool_code WHERE claim_id IS NULL
"""


@pytest.fixture
def file(site):
    """Every hundredth line repeats the code of the line before; every thousandth has none."""
    lines = ["券码,密码"]
    for body in range(1, ROWS + 1):
        shown = "" if body % 1_000 == 0 else f"FILM{body - 1 if body % 100 == 0 else body:07d}"
        lines.append(f"{shown},{body:06d}")
    path = site.home / "codes.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


REFUSED = ROWS // 100
ADDED = ROWS - REFUSED


async def rows_done(site):
    found = await stored.read(site.database_url, FIGURES)
    return found[0]["row_count"] if found else 0


async def with_benefit(site):
    """The server makes the root known; what operators do at their door is written here as it is stored."""
    server = await site.serve()
    await server.stop()
    await database.connect(site.database_url)
    try:
        await Benefit.create(
            organization=await Organization.get(parent=None),
            code="cinema-coupon",
            name="电影票",
            kind=BenefitKind.CODE_COUPON,
            state=BenefitState.POOL,
            terms={"pool": "cinema"},
        )
    finally:
        await database.disconnect()


async def killed_after(site, file, count):
    """Start the import and kill it once `count` rows are committed; how many were."""
    running = await site.start("import-codes", str(file), *COMMAND)
    since = time.monotonic()
    while await rows_done(site) < count:
        assert not running.has_ended, running.out + running.err
        assert time.monotonic() - since < 60
        await asyncio.sleep(0.002)
    await running.kill()
    return await rows_done(site)


@pytest.mark.timeout(180)
async def test_an_import_of_codes_that_was_killed_twice_goes_on_and_brings_every_row_once(site, file):
    await with_benefit(site)
    stops = [await killed_after(site, file, count) for count in (4_000, ROWS // 2)]
    assert 0 < stops[0] < stops[1] < ROWS  # otherwise nothing was left to do
    assert stored.integrity(site.database_url) == "ok"
    for _ in range(2):  # the second time there is nothing to do
        finished = await site.run("import-codes", str(file), *COMMAND, within=60)
        assert (finished.code, finished.err) == (1, ""), finished.out + finished.err  # 1: some rows were refused
        (figures,) = await stored.read(site.database_url, FIGURES)
        assert figures == {
            "row_count": ROWS,
            "added_count": ADDED,
            "repeated_count": 0,
            "refused_count": REFUSED,
            "state": "done",
        }
        (codes,) = await stored.read(site.database_url, CODES)
        assert codes == {"codes": ADDED, "hashes": ADDED, "imports": 1}
    report = (site.home / "codes-未导入.csv").read_text("utf-8-sig").splitlines()
    assert len(report) == 1 + REFUSED
    entries = await stored.read(site.database_url, "SELECT action, actor_kind FROM audit_entry ORDER BY id")
    assert [each["action"] for each in entries] == ["code_pool.added", "code_import.ran", "code_import.ran"]
    assert {each["actor_kind"] for each in entries} == {"command_line"}
    (pool,) = await stored.read(site.database_url, "SELECT expires_at FROM code_pool")
    assert str(pool["expires_at"]).startswith("2027-01-31 16:00:00")  # the end of that day in Shanghai
    doctor = await site.run("doctor")
    assert doctor.code == 0, doctor.out


async def test_what_cannot_be_imported_is_told_in_one_line(site, file):
    await with_benefit(site)
    wrong = site.home / "wrong.csv"
    wrong.write_text("邮箱\na@b\n", "utf-8")
    for arguments, words in (
        ((str(file), "--pool", "none"), "没有这个码池"),
        ((str(file), "--pool", "cinema", "--new", "x", "--benefit", "none"), "没有这项权益"),
        ((str(file), *COMMAND[:-1], "31.1.2027"), "--expires"),
        ((str(wrong), *COMMAND), "表头不对"),
        ((str(site.home / "missing.csv"), *COMMAND), "文件打不开"),
    ):
        finished = await site.run("import-codes", *arguments, within=30)
        assert finished.code == 2
        assert words in finished.err
        assert len(finished.err.splitlines()) == 1, finished.err
    assert await stored.number(site.database_url, "SELECT count(*) FROM code_import") == 0
