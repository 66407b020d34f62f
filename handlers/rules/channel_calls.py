"""How a channel signs a call, and when what is signed is too old. Pure; docs/channels.md shows it to others."""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta

LASTS = timedelta(seconds=300)  # how far a clock of theirs may be from ours
KEPT = 2 * LASTS + timedelta(minutes=1)  # of a nonce: signed ahead of our clock, it is good for twice as long
FEWEST_DIFFERENT = 12  # characters of a key; one of 32 random characters has 20 and more

_TIMESTAMP = re.compile(r"[1-9][0-9]{0,10}")
_NONCE = re.compile(r"[!-~]{8,64}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")


def signed_text(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """What is signed: `target` is path and query exactly as they stand in the request, the body by its SHA-256."""
    return "\n".join((method, target, timestamp, nonce, hashlib.sha256(body).hexdigest())).encode()


def signature(key: str, text: bytes) -> str:
    """64 hex digits: HMAC-SHA256 under the key's own characters."""
    return hmac.digest(key.encode(), text, "sha256").hex()


def is_signed_with(keys: tuple[str, ...], text: bytes, given: str) -> bool:
    """Whether any of these keys made it. Every key is tried, in the same time whether or not one fits."""
    return sum([hmac.compare_digest(signature(key, text), given) for key in keys]) > 0


def is_well_formed(timestamp: str, nonce: str, given: str) -> bool:
    """Whether the headers can be what they should be: ASCII, and as long as is agreed."""
    return bool(_TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce) and _SIGNATURE.fullmatch(given))


def is_fresh(timestamp: str, now: datetime) -> bool:
    """Whether a well-formed timestamp (Unix seconds) is within 300 s of now, before or after."""
    return abs(datetime.fromtimestamp(int(timestamp), UTC) - now) <= LASTS


def is_weak(key: str) -> bool:
    """Whether a key looks typed rather than drawn."""
    return len(set(key)) < FEWEST_DIFFERENT
