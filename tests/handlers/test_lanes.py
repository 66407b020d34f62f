"""Which lane somebody waits in."""

import asyncio
from uuid import UUID

from handlers import lanes as lanes_module
from handlers.lanes import LASTS, PRESSED, SHARED, Lanes

QUIET, OTHER, HOT = (UUID(int=number) for number in (1, 1 + SHARED, 2))


async def test_quiet_keys_share_lanes_and_one_that_many_press_has_its_own_until_a_second_after(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(lanes_module.time, "monotonic", lambda: now[0])
    lanes = Lanes()
    async with lanes.lane_of(QUIET) as one, lanes.lane_of(OTHER) as two:
        assert one == two
    gate, taken = asyncio.Event(), []

    async def press(number: int) -> None:
        async with lanes.lane_of(HOT) as lane:
            taken.append((number, lane))
            await gate.wait()

    pressing = [asyncio.create_task(press(number)) for number in range(PRESSED + 3)]
    await asyncio.sleep(0)
    shared = [(number, HOT.int % SHARED) for number in range(PRESSED)]
    assert taken == shared  # the others wait for those who came before them
    async with lanes.lane_of(QUIET) as quiet:
        assert quiet == one
    gate.set()
    await asyncio.gather(*pressing)
    assert taken == shared + [(PRESSED + number, HOT) for number in range(3)]
    async with lanes.lane_of(HOT) as between_two_batches:
        assert between_two_batches == HOT
    now[0] += LASTS
    async with lanes.lane_of(HOT) as cooled:
        assert cooled == HOT.int % SHARED
    assert (lanes._here, lanes._busy, lanes._pressed_until) == ({}, {}, {})


async def test_whoever_gives_up_waiting_holds_up_nobody():
    lanes, gate = Lanes(), asyncio.Event()

    async def press() -> None:
        async with lanes.lane_of(HOT):
            await gate.wait()

    pressing = [asyncio.create_task(press()) for _ in range(PRESSED + 3)]
    await asyncio.sleep(0)
    pressing[0].cancel()
    pressing[-1].cancel()
    gate.set()
    done = await asyncio.gather(*pressing, return_exceptions=True)
    assert [type(each) for each in done].count(asyncio.CancelledError) == 2
    assert (lanes._here, lanes._busy) == ({}, {})
