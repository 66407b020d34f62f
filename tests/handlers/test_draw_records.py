"""What the law wants kept of a draw is kept by the database itself: nobody makes it go, or changes it.

规范促销行为暂行规定 art. 19: rules, notices, results, winners and what they were given, for two years.
"""

import os
from datetime import timedelta

import orjson
import pytest
from tortoise.exceptions import BaseORMException

from handlers.errors import DrawUnknown
from handlers.outbox import prune_jobs
from handlers.privacy.retention import purge_expired
from handlers.rules.draw_law import KEPT_YEARS
from models.database import atomic, dialect, rows, script
from models.draws import Draw, DrawDay, Parcel
from models.identity import Member
from models.operators import AuditEntry
from tests.handlers.asking import charge
from tests.handlers.drawing import DAY, fair_of, goods, points
from tests.handlers.offering import operator_at
from tests.operating import city

PAIR = os.environ.get("FANPIAO_TEST_PAIR", "sqlite")
# Every table of a record, with a column that says something of it.
RECORDS = {
    "draw_version": "published_at = created_at",
    "draw_commitment": "document = '{}'",
    "draw_day": "seed_hash = '0'",
    "draw_stock_change": "delta = 9",
    "spin": "awarded = 'thanks'",
    "parcel": "name = '杯子'",
    "due_prize": "name = '杯子'",
}


@pytest.fixture
async def fair(far):
    """A day of a draw in which somebody won two things, and its stock grew; the day is over and its seed revealed."""
    fair = await fair_of(far)
    fair.winner = await far.member("o-ming")
    prizes = goods(1_000_000, stock=3, fallback="charge"), await charge(fair, 0, stock=1), points(0)
    fair.draw_id = await fair.published(*prizes, closes_at=far.clock.now() + 30 * DAY)
    await fair.spin(fair.winner, fair.draw_id, times=10)
    await fair.more(fair.draw_id, "kettle", 1)
    fair.day = (await DrawDay.get()).day
    far.clock.advance(DAY)
    await fair.handlers.draw_revealing.reveal_due()
    return fair


async def record(fair) -> tuple[dict, list[bytes]]:
    """As the law wants it kept, of the day on which everything happened; whoever signs the copy of today aside."""
    lines = await fair.handlers.draw_revealing.exported(fair.operator, fair.draw_id, day=fair.day)
    head, *spins = b"".join([each async for each in lines]).splitlines()
    return {name: each for name, each in orjson.loads(head).items() if name not in {"public_key", "signature"}}, spins


async def refused(statement: str) -> str:
    with pytest.raises(BaseORMException) as why:
        async with atomic():
            await rows(statement)
    return str(why.value)


@pytest.mark.parametrize("table", RECORDS)
async def test_no_record_is_deleted_or_changed(fair, table):
    before = await rows(f"SELECT * FROM {table} ORDER BY id")
    assert before
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {RECORDS[table]}"):
        told = await refused(f"{statement} RETURNING id")
        assert "append-only" in told or "kept" in told or "once" in told
    assert await rows(f"SELECT * FROM {table} ORDER BY id") == before


async def test_no_draw_and_no_winner_goes_while_there_are_records_of_them(fair):
    for table in ("draw", "member"):
        assert "foreign key" in (await refused(f"DELETE FROM {table} RETURNING id")).lower()


@pytest.mark.skipif(PAIR != "postgres", reason="SQLite has no TRUNCATE")
@pytest.mark.parametrize("table", ["draw", *RECORDS])
async def test_no_table_is_emptied(fair, table):
    with pytest.raises(BaseORMException) as why:
        await script(f"TRUNCATE {table} CASCADE")
    assert "append-only" in str(why.value) or "kept" in str(why.value)


async def test_after_two_years_whoever_asks_gets_the_same_record(fair, clock):
    """Whatever cleans up has been there, and the winner has left."""
    before = await record(fair)
    await fair.handlers.departures.leave(fair.winner)
    clock.advance(timedelta(days=366 * KEPT_YEARS))
    now = clock.now()
    await fair.handlers.parcels.lapse()
    await purge_expired(now)
    await prune_jobs(now)
    assert await record(fair) == before
    assert (len(before[1]), await Parcel.all().count()) == (10, 3)


async def test_without_its_triggers_a_record_would_go(fair):
    """The negative control."""
    if dialect() == "postgres":
        await script("ALTER TABLE parcel DISABLE TRIGGER USER")
    else:
        await script("DROP TRIGGER parcel_no_delete")
    assert await rows("DELETE FROM parcel RETURNING id")
    assert not await Parcel.exists()


async def test_the_record_of_winners_names_them_and_what_became_of_each_and_is_on_record(fair, clock):
    code, pages = await fair.handlers.draw_winners.whole(fair.operator, fair.draw_id)
    won = [each for page in [page async for page in pages] for each in page]
    number = (await Member.get(id=fair.winner.member_id)).number
    assert [(each.sequence, each.member, each.prize, each.prize_name, each.state) for each in won] == [
        *((sequence, number, "kettle", "水壶", "waiting") for sequence in (1, 2, 3)),
        (4, number, "charge", "话费10元", "waiting"),
    ]
    assert code == (await Draw.get(id=fair.draw_id)).code
    assert await AuditEntry.filter(action="draw.winners_exported").count() == 1
    parcel = await Parcel.filter(draw_id=fair.draw_id).order_by("id").first()
    await fair.handlers.parcels.address(fair.winner, parcel.id, address="小明 13800000000 湖滨路1号", request_id="a")
    await fair.handlers.parcels.send(fair.operator, parcel.id, waybill="SF1", request_id="b")
    _, again = await fair.handlers.draw_winners.whole(fair.operator, fair.draw_id)
    (first, *_), *_ = [page async for page in again]
    assert (first.state, first.waybill) == ("sent", "SF1")
    elsewhere = await operator_at(await city("临江"))
    with pytest.raises(DrawUnknown):
        await fair.handlers.draw_winners.whole(elsewhere, fair.draw_id)
