"""Time and chance as the running program sees them."""

import secrets
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock; implements `ports.Clock`."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC)


class SystemRandomness:
    """The operating system's generator; implements `ports.Randomness`."""

    def token(self) -> str:
        """43 URL-safe characters: 256 bits."""
        return secrets.token_urlsafe(32)
