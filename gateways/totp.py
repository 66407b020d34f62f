"""One-time passwords of authenticator apps (RFC 6238: SHA-1, six digits, 30 seconds, as every app has them)."""

import hmac
from datetime import datetime

import pyotp

SECONDS, WINDOW = 30, 1  # a step early or late: clocks of phones differ


class Totp:
    """Implements `ports.SecondFactor`."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def new_secret(self) -> str:
        """32 base32 characters: 160 bits."""
        return pyotp.random_base32(32)

    def uri(self, secret: str, *, login: str) -> str:
        """What an authenticator scans."""
        return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=self._issuer)

    def step(self, secret: str, code: str, now: datetime) -> int | None:
        """Every step of the window is compared, whichever fits: how long it takes tells nothing."""
        present = int(now.timestamp()) // SECONDS
        found = None
        for step in range(present - WINDOW, present + WINDOW + 1):
            if hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step).encode(), code.encode()):
                found = step
        return found
