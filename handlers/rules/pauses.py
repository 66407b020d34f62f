"""Whether something was off at an instant, by the pauses that were noted: half-open intervals."""

from collections.abc import Iterable
from datetime import datetime

Interval = tuple[datetime, datetime | None]  # from, until (None: still)


def was_off(at: datetime, pauses: Iterable[Interval], *, is_off_now: bool) -> bool:
    """`is_off_now` is what its own row says. Off with no pause that is open, it is off since before they were noted."""
    is_open = False
    for began_at, ended_at in pauses:
        is_open = is_open or ended_at is None
        if began_at <= at and (ended_at is None or at < ended_at):
            return True
    return is_off_now and not is_open
