"""Argon2id (RFC 9106) in threads: one check costs about 50 ms and 64 MiB, so only a few run at a time."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 4


class Argon2Passwords:
    """Implements `ports.Passwords` with the library's defaults, which follow RFC 9106's low-memory profile."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """A new salt each time."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """For nobody's hash the same work is done in vain."""
        async with self._turn:
            if self._nobodys is None:  # made in both cases, so that the first sign-in tells nothing either
                self._nobodys = await asyncio.to_thread(self._hasher.hash, "nobody has this password")
            fits = await asyncio.to_thread(self._verify, password_hash or self._nobodys, password)
        return fits and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Parameters grow over the years; a sign-in is when the plain password is at hand to hash it anew."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
