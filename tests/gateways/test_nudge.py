import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from gateways.stores import BatchedRedis, Nudge, open_redis


@pytest.fixture
async def nudges(connect) -> AsyncIterator[Callable[[], Nudge]]:
    """Gives the nudge of one more process each time."""
    async with AsyncExitStack() as stack:

        def process() -> Nudge:
            redis = connect()
            commands = BatchedRedis(redis)
            stack.push_async_callback(commands.aclose)
            nudge = Nudge(redis, commands)
            stack.push_async_callback(nudge.aclose)
            return nudge

        yield process


async def listening(nudge: Nudge) -> asyncio.Task[None]:
    task = asyncio.create_task(nudge.listen())
    assert await nudge.wait(20)  # it wakes once when it begins to hear
    await asyncio.sleep(0.05)
    return task


async def stop(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_ring_wakes_the_worker_of_the_same_process_at_once(nudges):
    nudge = nudges()
    waiting = asyncio.create_task(nudge.wait(30))
    await asyncio.sleep(0)
    started = time.perf_counter()
    nudge.ring()
    assert await waiting
    assert time.perf_counter() - started < 5


async def test_a_ring_wakes_the_workers_of_all_other_processes(nudges):
    server, workers = nudges(), [nudges(), nudges()]
    tasks = [await listening(worker) for worker in workers]
    server.ring()
    assert await asyncio.gather(*(worker.wait(20) for worker in workers)) == [True, True]
    await stop(*tasks)


async def test_a_worker_that_heard_nothing_for_long_still_hears(nudges):
    server, worker = nudges(), nudges()
    task = await listening(worker)
    assert not await worker.wait(1.3)  # longer than an answer of Redis may take
    server.ring()
    assert await worker.wait(20)
    await stop(task)


async def test_a_ring_wakes_once_even_where_it_is_heard_as_well(nudges):
    nudge = nudges()
    task = await listening(nudge)
    nudge.ring()
    assert await nudge.wait(20)
    assert not await nudge.wait(0.15)
    await stop(task)


async def test_a_ring_before_the_wait_is_not_lost(nudges):
    nudge = nudges()
    nudge.ring()
    assert await nudge.wait(20)


async def test_many_rings_of_one_moment_go_out_as_one(nudges, connect):
    nudge = nudges()
    channel = connect().pubsub(ignore_subscribe_messages=True)
    await channel.subscribe("fanpiao:nudge")
    for _ in range(100):
        nudge.ring()
    await nudge.aclose()
    async with asyncio.timeout(20):
        while await channel.get_message(timeout=0.1) is None:
            pass
    assert [await channel.get_message(timeout=0.1) for _ in range(3)] == [None] * 3
    await channel.aclose()


async def test_without_a_ring_a_wait_ends_in_time(nudges):
    started = time.perf_counter()
    assert not await nudges().wait(0.1)
    assert time.perf_counter() - started < 5


async def test_a_dead_redis_costs_nothing_but_the_early_wake(mortal, mortal_redis):
    client = open_redis(mortal_redis.url)
    nudge = Nudge(client, mortal())
    task = await listening(nudge)
    mortal_redis.kill()
    nudge.ring()
    assert await nudge.wait(20)
    assert not await nudge.wait(0.1)
    mortal_redis.start()
    assert await nudge.wait(20)  # it listens again
    await stop(task)
    await nudge.aclose()
    await client.aclose()
