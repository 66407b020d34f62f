"""kill -9 in the midst of `fanpiao import-cards`: run again, it goes on where it was, and no card is there twice."""

import asyncio
import time

import pytest

from handlers.rules.numbers import check_digit
from tests.processes import stored
from tests.processes.running import get

ROWS = 8_000
COMMAND = ("--kind", "old", "--new", "老会员卡", "--digits", "12", "--prefix", "66")
FIGURES = "SELECT row_count, added_count, repeated_count, refused_count, state FROM card_import"
CARDS = """
    SELECT count(*) AS cards, count(DISTINCT number_hash) AS numbers, sum(opening_balance) AS balance,
        count(DISTINCT card_import_id) AS imports
    FROM card WHERE card_import_id IS NOT NULL
"""


def number(body):
    digits = f"66{body:09d}"
    return digits + check_digit(digits)


@pytest.fixture
def file(site):
    """Every hundredth line repeats the number of the line before; every thousandth has none."""
    lines = ["卡号,手机号,姓名,密码,积分"]
    for body in range(1, ROWS + 1):
        shown = "" if body % 1_000 == 0 else number(body - 1 if body % 100 == 0 else body)
        lines.append(f"{shown},139{body:08d},李明,,{body}")
    path = site.home / "cards.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


GOOD = [body for body in range(1, ROWS + 1) if body % 100]
REFUSED = ROWS - len(GOOD)


async def rows_done(site):
    found = await stored.read(site.database_url, FIGURES)
    return found[0]["row_count"] if found else 0


async def killed_after(site, file, count):
    """Start the import and kill it once `count` rows are committed; how many were."""
    running = await site.start("import-cards", str(file), *COMMAND)
    since = time.monotonic()
    while await rows_done(site) < count:
        assert not running.has_ended, running.out + running.err
        assert time.monotonic() - since < 30
        await asyncio.sleep(0.005)
    await running.kill()
    return await rows_done(site)


async def assert_everything_is_there_once(site):
    (figures,) = await stored.read(site.database_url, FIGURES)
    assert figures == {
        "row_count": ROWS,
        "added_count": len(GOOD),
        "repeated_count": 0,
        "refused_count": REFUSED,
        "state": "done",
    }
    (cards,) = await stored.read(site.database_url, CARDS)
    assert cards == {"cards": len(GOOD), "numbers": len(GOOD), "balance": sum(GOOD), "imports": 1}
    refused = await stored.read(site.database_url, "SELECT row_number FROM card_import_refusal ORDER BY row_number")
    assert [each["row_number"] for each in refused] == [body + 1 for body in range(100, ROWS + 1, 100)]


@pytest.mark.timeout(120)
async def test_an_import_that_was_killed_twice_goes_on_and_brings_every_row_once(site, file):
    stops = [await killed_after(site, file, count) for count in (1_000, ROWS // 2)]
    assert 0 < stops[0] < stops[1] < ROWS  # otherwise nothing was left to do
    assert stored.integrity(site.database_url) == "ok"
    for _ in range(2):  # the second time there is nothing to do
        finished = await site.run("import-cards", str(file), *COMMAND, within=60)
        assert (finished.code, finished.err) == (1, ""), finished.out + finished.err  # 1: some rows were refused
        await assert_everything_is_there_once(site)
    report = (site.home / "cards-未导入.csv").read_text("utf-8-sig").splitlines()
    assert len(report) == 1 + REFUSED
    assert (await site.run("doctor")).code == 0


@pytest.mark.timeout(120)
async def test_a_killed_import_goes_on_beside_a_server_on_postgres_and_after_it_on_sqlite(site, file):
    server = None if site.is_sqlite else await site.serve()
    stop = await killed_after(site, file, 2_000)
    assert stop < ROWS
    if site.is_sqlite:  # the lock of the dead one keeps nobody out
        server = await site.serve()
        await server.stop()
    finished = await site.run("import-cards", str(file), *COMMAND, within=60)
    assert (finished.code, finished.err) == (1, "")
    await assert_everything_is_there_once(site)
    if not site.is_sqlite:
        assert (await get(server, "/readyz"))[0] == 200
