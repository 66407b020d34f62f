import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gateways.stores import RedisSessions
from handlers.errors import Overloaded
from handlers.ports import SessionRecord


@pytest.fixture
def record(clock) -> SessionRecord:
    now = clock.now()
    return SessionRecord("member-1", "mp", "k1.cipher", opened_at=now, expires_at=now + timedelta(days=30))


@pytest.fixture
def sessions(commands, clock) -> RedisSessions:
    return RedisSessions(commands, clock)


async def test_a_saved_session_is_found_again_by_every_process(sessions, processes, clock, record):
    await sessions.save("hash", record)
    assert await sessions.find("hash") == record
    assert await RedisSessions(processes(), clock).find("hash") == record
    assert await sessions.find("another") is None


async def test_a_session_ends_at_its_absolute_end_however_much_it_is_used(sessions, clock, record):
    await sessions.save("hash", replace(record, expires_at=clock.now() + timedelta(hours=1)))
    clock.advance(timedelta(minutes=59, seconds=59))
    assert await sessions.find("hash") is not None
    clock.advance(timedelta(seconds=1))
    assert await sessions.find("hash") is None


async def test_a_session_that_is_over_is_not_kept(sessions, connect, clock, record):
    await sessions.save("hash", replace(record, expires_at=clock.now()))
    assert await connect().dbsize() == 0


async def test_an_unused_session_ends_after_its_idle_time(commands, clock, record):
    sessions = RedisSessions(commands, clock, idle=timedelta(seconds=0.2))
    await sessions.save("hash", record)
    await asyncio.sleep(0.3)
    assert await sessions.find("hash") is None


async def test_use_renews_the_idle_time(commands, clock, record):
    sessions = RedisSessions(commands, clock, idle=timedelta(seconds=1.5))
    await sessions.save("hash", record)
    for _ in range(4):
        await asyncio.sleep(0.45)
        clock.advance(timedelta(seconds=2))
        assert await sessions.find("hash") == record


async def test_the_idle_time_is_written_once_a_minute_at_most(commands, connect, clock, record):
    redis = connect()
    sessions = RedisSessions(commands, clock)
    await sessions.save("hash", record)
    await sessions.find("hash")
    await redis.pexpire("fanpiao:session:hash", 100_000)
    clock.advance(timedelta(seconds=59))
    await sessions.find("hash")
    assert await redis.pttl("fanpiao:session:hash") <= 100_000
    clock.advance(timedelta(seconds=2))
    await sessions.find("hash")
    assert await redis.pttl("fanpiao:session:hash") > 100_000


async def test_no_key_outlives_the_absolute_end_by_renewal(sessions, connect, clock, record):
    await sessions.save("hash", record)
    await sessions.find("hash")
    clock.advance(timedelta(days=29, hours=23))
    await sessions.find("hash")
    assert await connect().pttl("fanpiao:session:hash") <= 3_600_000


async def test_a_dropped_session_is_dead_here_at_once_and_elsewhere_within_a_second(sessions, processes, clock, record):
    elsewhere = RedisSessions(processes(), clock)
    await sessions.save("hash", record)
    assert await sessions.find("hash") == await elsewhere.find("hash") == record
    await sessions.drop("hash", record.member_id)
    assert await sessions.find("hash") is None
    clock.advance(timedelta(seconds=1))
    assert await elsewhere.find("hash") is None


async def test_a_find_under_way_does_not_bring_a_dropped_session_back(sessions, record):
    for _ in range(50):
        await sessions.save("hash", record)
        await asyncio.gather(sessions.find("hash"), sessions.drop("hash", record.member_id), sessions.find("hash"))
        assert await sessions.find("hash") is None


async def test_logging_out_everywhere_ends_all_sessions_but_the_one_to_keep(sessions, record, connect):
    for name in ("a", "b", "c"):
        await sessions.save(name, record)
        await sessions.find(name)
    await sessions.save("somebody-else", replace(record, member_id="member-2"))
    assert await sessions.drop_all(record.member_id, keep="b") == 2
    assert [name for name in ("a", "b", "c", "somebody-else") if await sessions.find(name)] == ["b", "somebody-else"]
    assert await sessions.drop_all(record.member_id) == 1
    assert await sessions.drop_all(record.member_id) == 0
    assert await connect().exists("fanpiao:sessions:member-1") == 0


async def test_a_short_session_does_not_hide_a_longer_one_from_logging_out_everywhere(sessions, connect, clock, record):
    await sessions.save("long", record)
    await sessions.save("short", replace(record, expires_at=clock.now() + timedelta(minutes=1)))
    redis = connect()
    assert await redis.pttl("fanpiao:sessions:member-1") >= await redis.pttl("fanpiao:session:long")
    clock.advance(timedelta(minutes=2))
    await sessions.save("later", record)
    assert await redis.zcard("fanpiao:sessions:member-1") == 2
    assert await sessions.drop_all(record.member_id) == 2


async def test_sessions_are_kept_under_the_hash_of_their_token_alone(sessions, connect, record):
    await sessions.save("hash", record)
    assert set(await connect().keys()) == {b"fanpiao:session:hash", b"fanpiao:sessions:member-1"}


async def test_a_wiped_redis_costs_a_login(sessions, connect, clock, record):
    await sessions.save("hash", record)
    await sessions.find("hash")
    await connect().flushall()
    clock.advance(timedelta(seconds=1))
    assert await sessions.find("hash") is None


async def test_a_session_written_by_another_version_costs_a_login(sessions, connect):
    for written in (b"not json", b"[]", b'{"member_id": "m"}', b'{"opened_at": 1, "expires_at": 2}'):
        await connect().set("fanpiao:session:hash", written, ex=60)
        assert await sessions.find("hash") is None


async def test_the_cache_of_a_process_is_bounded(sessions, clock, record, monkeypatch):
    monkeypatch.setattr("gateways.stores.sessions.CACHED_AT_MOST", 10)
    for number in range(50):
        await sessions.save(str(number), record)
        assert await sessions.find(str(number)) == record
    assert len(sessions._cache) == 10


async def test_without_redis_sessions_are_unavailable_not_absent(mortal, mortal_redis, clock, record):
    sessions = RedisSessions(mortal(), clock)
    await sessions.save("hash", record)
    mortal_redis.kill()
    for call in (
        sessions.find("hash"),
        sessions.save("hash", record),
        sessions.drop("hash", record.member_id),
        sessions.drop_all(record.member_id),
    ):
        with pytest.raises(Overloaded) as caught:
            await call
        assert caught.value.retry_after


async def test_the_live_sessions_of_a_member_are_listed_and_reading_them_renews_nothing(sessions, clock, record):
    later = replace(record, account="mp2", opened_at=clock.now() + timedelta(minutes=1))
    over_soon = replace(record, expires_at=clock.now() + timedelta(hours=1))
    for token_hash, each in (("a", record), ("b", later), ("c", over_soon)):
        await sessions.save(token_hash, each)
    await sessions.save("d", replace(record, member_id="member-2"))
    assert {each.account for each in await sessions.of("member-1")} == {"mp", "mp2"}
    assert len(await sessions.of("member-1")) == 3
    clock.advance(timedelta(hours=1))
    assert len(await sessions.of("member-1")) == 2
    await sessions.drop_all("member-1")
    assert await sessions.of("member-1") == []
    assert await sessions.of("nobody") == []
