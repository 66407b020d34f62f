"""Which lane somebody waits in."""

import contextlib
from uuid import UUID

from handlers import lanes as lanes_module
from handlers.lanes import LASTS, PRESSED, SHARED, Lanes

QUIET, OTHER, HOT = (UUID(int=number) for number in (1, 1 + SHARED, 2))


def test_quiet_keys_share_lanes_and_one_that_many_press_has_its_own_until_a_second_after(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(lanes_module.time, "monotonic", lambda: now[0])
    lanes = Lanes()
    with lanes.lane_of(QUIET) as one, lanes.lane_of(OTHER) as two:
        assert one == two
    with contextlib.ExitStack() as under_way:
        taken = [under_way.enter_context(lanes.lane_of(HOT)) for _ in range(PRESSED + 3)]
        assert taken == [HOT.int % SHARED] * PRESSED + [HOT] * 3
        with lanes.lane_of(QUIET) as quiet:
            assert quiet == one
    with lanes.lane_of(HOT) as between_two_batches:
        assert between_two_batches == HOT
    now[0] += LASTS
    with lanes.lane_of(HOT) as cooled:
        assert cooled == HOT.int % SHARED
    assert not lanes._under_way
    assert not lanes._pressed_until
