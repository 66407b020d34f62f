import asyncio
import logging
import time
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from gateways.stores import BatchedRedis, RedisUnavailable, connected, open_redis, purge_expired


async def test_callers_of_one_moment_share_a_round_trip_and_get_their_own_answers(commands, monkeypatch):
    batches = []
    exchange = commands._exchange

    async def counted(packed, count):
        batches.append(count)
        return await exchange(packed, count)

    monkeypatch.setattr(commands, "_exchange", counted)
    set_and_get = (commands.run(("SET", f"fanpiao:{n}", n, "EX", 60), ("GET", f"fanpiao:{n}")) for n in range(100))
    answers = await asyncio.gather(*set_and_get)
    assert [value for _, value in answers] == [str(n).encode() for n in range(100)]
    assert batches == [200]


async def test_what_comes_during_a_round_trip_goes_out_together_in_the_next(commands, monkeypatch):
    batches = []
    exchange = commands._exchange

    async def slow(packed, count):
        batches.append(count)
        await asyncio.sleep(0.05)
        return await exchange(packed, count)

    monkeypatch.setattr(commands, "_exchange", slow)
    first = asyncio.create_task(commands.run(("PING",)))
    await asyncio.sleep(0.02)
    await asyncio.gather(*(commands.run(("PING",)) for _ in range(10)))
    await first
    assert batches == [1, 10]


async def test_a_refused_command_fails_its_caller_alone(commands):
    good, bad, other = await asyncio.gather(
        commands.run(("SET", "fanpiao:a", "1", "EX", 60), ("GET", "fanpiao:a")),
        commands.run(("LPUSH", "fanpiao:a", "x"), ("GET", "fanpiao:a")),
        commands.run(("GET", "fanpiao:a")),
        return_exceptions=True,
    )
    assert good[1] == other[0] == b"1"
    assert isinstance(bad, RedisUnavailable)


async def test_a_text_that_cannot_be_encoded_fails_its_caller_alone(commands):
    good, bad = await asyncio.gather(
        commands.run(("ECHO", "饭票")), commands.run(("ECHO", "\ud800")), return_exceptions=True
    )
    assert good == ["饭票".encode()]
    assert isinstance(bad, UnicodeEncodeError)


async def test_a_caller_that_goes_away_harms_nobody(commands):
    for pause in (0, 0, 0.001):
        leaving = asyncio.create_task(commands.run(("SET", "fanpiao:left", "1", "EX", 60)))
        staying = asyncio.create_task(commands.run(("ECHO", "here")))
        await asyncio.sleep(pause)
        leaving.cancel()
        assert await staying == [b"here"]
    assert await commands.run(("ECHO", "still")) == [b"still"]


async def test_a_thousand_randomly_cancelled_callers_leave_every_answer_with_its_own_question(commands):
    async def ask(number: int) -> None:
        assert await commands.run(("ECHO", str(number))) == [str(number).encode()]

    tasks = []
    for number in range(1000):
        tasks.append(asyncio.create_task(ask(number)))
        if number % 3 == 0:
            await asyncio.sleep(0)
        if number % 5 == 0:
            tasks[number // 2].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {type(None), asyncio.CancelledError}
    assert sum(outcome is None for outcome in outcomes) > 500


async def test_a_server_that_was_restarted_between_two_calls_is_not_noticed(mortal, mortal_redis):
    commands = mortal()
    await commands.run(("PING",))
    mortal_redis.kill()
    mortal_redis.start()
    assert await commands.run(("ECHO", "again")) == [b"again"]


async def test_a_dead_server_is_an_error_at_once_and_said_once_in_the_log(mortal, mortal_redis, caplog):
    commands = mortal()
    await commands.run(("PING",))
    mortal_redis.kill()
    started = time.perf_counter()
    for _ in range(20):
        with pytest.raises(RedisUnavailable):
            await commands.run(("PING",))
    assert time.perf_counter() - started < 5  # not 20 times the half second that an answer may take
    mortal_redis.start()
    await commands.run(("PING",))
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == ["redis does not answer", "redis answers again"]


async def test_a_frozen_server_makes_one_caller_wait_and_the_next_ones_not(mortal, mortal_redis):
    commands = mortal(rest_seconds=3.0)
    await commands.run(("PING",))
    name, labels = "fanpiao_redis_failures_total", {"reason": "timeout"}
    before = REGISTRY.get_sample_value(name, labels) or 0
    mortal_redis.freeze()
    try:
        started = time.perf_counter()
        for _ in range(10):
            with pytest.raises(RedisUnavailable):
                await commands.run(("PING",))
        assert 0.4 < time.perf_counter() - started < 3
    finally:
        mortal_redis.thaw()
    assert REGISTRY.get_sample_value(name, labels) == before + 1
    await asyncio.sleep(3.1)
    assert await commands.run(("ECHO", "awake")) == [b"awake"]


async def test_closing_sends_what_waits_and_the_next_call_opens_again(commands):
    last = asyncio.create_task(commands.run(("ECHO", "last")))
    await asyncio.sleep(0)
    await commands.aclose()
    assert await last == [b"last"]
    assert await commands.run(("ECHO", "more")) == [b"more"]


async def test_no_command_that_redis_refuses_shows_in_the_log(commands, caplog):
    with pytest.raises(RedisUnavailable) as caught:
        await commands.run(("NOSUCHCOMMAND", "canary-secret"))
    assert "canary" not in str(caught.value)
    assert not any("canary" in f"{record.getMessage()} {vars(record)}" for record in caplog.records)


async def test_the_embedded_server_loses_expired_keys_nobody_looks_at():
    redis = open_redis("memory://")
    await redis.set("fanpiao:a", "1", px=20)
    purging = asyncio.create_task(purge_expired(redis, every=timedelta(milliseconds=10)))
    server = redis.connection_pool.connection_kwargs["server"]
    async with asyncio.timeout(20):
        while server.dbs[0]._dict:  # noqa: ASYNC110 - the library tells nobody
            await asyncio.sleep(0.01)
    purging.cancel()
    await asyncio.gather(purging, return_exceptions=True)
    await redis.aclose()


async def test_expired_keys_stay_in_the_embedded_server_without_purging():
    """The control of the test above."""
    redis = open_redis("memory://")
    await redis.set("fanpiao:a", "1", px=20)
    await asyncio.sleep(0.1)
    assert len(redis.connection_pool.connection_kwargs["server"].dbs[0]._dict) == 1
    await redis.aclose()


async def test_a_connected_redis_is_closed_afterwards_and_leaves_no_task():
    before = asyncio.all_tasks()
    async with connected("memory://") as redis:
        assert await redis.ping()
        assert len(asyncio.all_tasks() - before) == 1
    assert asyncio.all_tasks() == before


async def test_two_embedded_redises_share_nothing():
    async with connected("memory://") as one, connected("memory://") as other:
        await one.set("fanpiao:a", "1", ex=60)
        assert await other.get("fanpiao:a") is None


@pytest.mark.parametrize("url", ["", "http://127.0.0.1", "127.0.0.1:6379"])
def test_other_addresses_are_refused(url):
    with pytest.raises(ValueError):
        open_redis(url)


def test_addresses_of_servers_have_time_outs():
    client = open_redis("redis://127.0.0.1:1/0")
    settings = client.connection_pool.connection_kwargs
    assert settings["socket_timeout"] == settings["socket_connect_timeout"] == 1.0
    assert open_redis("rediss://127.0.0.1:1/0").connection_pool.connection_class.__name__ == "SSLConnection"


async def test_nothing_waits_for_an_unreachable_server_longer_than_its_deadline():
    client = open_redis("redis://127.0.0.1:1/0")
    commands = BatchedRedis(client)
    started = time.perf_counter()
    with pytest.raises(RedisUnavailable):
        await commands.run(("PING",))
    assert time.perf_counter() - started < 10
    await commands.aclose()
    await client.aclose()
