"""Identifiers in the shapes the platform gives them."""

import base64
import hashlib
import itertools
import secrets
import time

# 64-bit, increasing, larger after a restart too: a server that remembers MsgIds must not take new messages for old.
_message_ids = itertools.count(int(time.time() * 1000) << 20)


def openid(seed: str, person_id: str, app_id: str) -> str:
    """One person in one account: `o` and 27 characters; the same person has another one elsewhere."""
    return "o" + _digest(seed, "openid", person_id, app_id)


def unionid(seed: str, person_id: str, group: str) -> str:
    """One person in all accounts of one open-platform group."""
    return "o" + _digest(seed, "unionid", person_id, group)


def access_token() -> str:
    """136 characters; clients must be able to store 512."""
    return secrets.token_urlsafe(102)


def login_code() -> str:
    """A wx.login or getPhoneNumber code: 32 characters."""
    return secrets.token_urlsafe(24)


def ticket() -> str:
    """A QR or JS-SDK ticket: 96 characters."""
    return "gQ" + secrets.token_urlsafe(72)[:94]


def rid() -> str:
    """The request id that ends every error message."""
    return "-".join(secrets.token_hex(4) for _ in range(3))


def session_key() -> str:
    """16 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(16)).decode()


def nonce() -> str:
    """Ten digits, as the platform's own."""
    return str(secrets.randbelow(9 * 10**9) + 10**9)


def message_id() -> int:
    """The next MsgId."""
    return next(_message_ids)


def _digest(*parts: str) -> str:
    # Derived, not random: with the same seed the same people come back after a restart.
    return base64.urlsafe_b64encode(hashlib.sha256("\n".join(parts).encode()).digest()).decode()[:27]
