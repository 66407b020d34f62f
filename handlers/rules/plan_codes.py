"""激活码: twenty characters of Crockford's base32, 100 bits, as people type them."""

import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 20
BITS = 5 * LENGTH
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})
_DASHES = "-–—‐‑‒―−_.·/"


def written(derived: str) -> str:
    """The code of 64 hex characters that nobody can guess: its first 100 bits."""
    number = int(derived[: BITS // 4], 16)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(BITS - 5, -1, -5))


def shown(code: str) -> str:
    """As people read it: `4J7Q9-XKM2T-BW5H8-6YACD`."""
    return "-".join(code[place : place + 5] for place in range(0, LENGTH, 5))


def normalise(text: str) -> str | None:
    """What somebody typed as the code it means; None: it cannot be one.

    Full-width forms, lower case, separators, and O, I, L for 0, 1, 1 are forgiven.
    """
    plain = unicodedata.normalize("NFKC", text).upper()
    code = "".join(sign for sign in plain if not sign.isspace() and sign not in _DASHES).translate(_MISREAD)
    return code if len(code) == LENGTH and all(sign in ALPHABET for sign in code) else None
