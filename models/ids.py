"""Ids that the outside sees: time-ordered UUIDs (version 7 of RFC 9562); index inserts stay at the right edge."""

import os
import struct
import time
from uuid import UUID

_TICKS = 4096  # of a millisecond: what the twelve bits behind it can count
_last = 0

_AT_ONCE = 512  # a question to the system for every id would cost more than the id
_spare: list[int] = []
os.register_at_fork(after_in_child=_spare.clear)  # a child must not give out its parent's


def new_id() -> UUID:
    """A fresh UUIDv7: Unix milliseconds, their fraction in 12 bits, 62 random bits.

    Ids of one process ascend in the order in which they are made, also when its clock stands still or is set back.
    """
    global _last
    _last = tick = max(time.time_ns() * _TICKS // 1_000_000, _last + 1)
    try:
        random = _spare.pop() >> 2
    except IndexError:
        _spare.extend(struct.unpack(f"{_AT_ONCE}Q", os.urandom(8 * _AT_ONCE)))
        random = _spare.pop() >> 2
    return UUID(int=tick // _TICKS << 80 | 0x7 << 76 | tick % _TICKS << 64 | 0x2 << 62 | random)
