"""Stand-ins for what is outside: time. Hand-made, so that a test reads as what happens."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """A clock that stands still until it is told to advance. Implements `handlers.ports.Clock`."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)) -> None:  # Monday 10:00 in Shanghai
        if now.tzinfo is None:
            raise ValueError("a clock knows its zone")
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Let time pass; the new present."""
        self._now += by
        return self._now


FIELD_KEYS = '{"k1": "yjXMI/HvbCXe+55JtMZ9Tf3Sj2ESNbmrdyvMiFkH3FU="}'
INDEX_KEY = "omcNoCiAVnlCVS07qPQrPYS8A2SbiE3wfpc8f40LcH4="
