"""Whether human service is there now."""

import re
from datetime import datetime, tzinfo

_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–~至]\s*(\d{1,2}):(\d{2})")


def is_open(hours: str, now: datetime, zone: tzinfo) -> bool:
    """Whether `now` lies in one of the half-open spans of `hours` (`09:00-12:00 13:00-21:00`, local to `zone`).

    A span may cross midnight. Hours without any span mean always.
    """
    spans = _SPAN.findall(hours)
    local = now.astimezone(zone)
    minute = local.hour * 60 + local.minute
    return not spans or any(
        _covers(_at(start_h, start_m), _at(end_h, end_m), minute) for start_h, start_m, end_h, end_m in spans
    )


def _at(hour: str, minute: str) -> int:
    return min(int(hour) * 60 + int(minute), 24 * 60)  # minutes of the day; 24:00 is its end


def _covers(start: int, end: int, moment: int) -> bool:
    return start <= moment < end if start <= end else moment >= start or moment < end
