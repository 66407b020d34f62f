"""The typed code of a claim: derived from the index key, the claim's id and a version; never stored.

Twelve characters of Crockford's base32 (60 bits) and his check symbol modulo 37, which finds every single wrong or
exchanged character (https://www.crockford.com/base32.html). His check alphabet has five signs that people do not type
and chats strip (`* ~ $ = U`): a derivation that would end in one of them is passed over for the next.
"""

import itertools
import unicodedata
from uuid import UUID

from handlers.ports import Vault

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 13  # with the check symbol
_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)
_VALUES = {sign: value for value, sign in enumerate(ALPHABET)}
_CHECK_MODULUS = 37
_HEX_OF_60_BITS = 15
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})
_DASHES = "-–—‐‑‒―−_.·/"
_BETWEEN_CODES = ",;、+"  # full-width forms are folded before


def typed_code(vault: Vault, claim_id: UUID, version: int) -> str:
    """The code as it is compared: 13 characters, upper case, without separators."""
    for attempt in itertools.count():
        derived = vault.blind_index("claim_code", f"{claim_id}:{version}:{attempt}")
        number = int(derived[:_HEX_OF_60_BITS], 16)
        check = number % _CHECK_MODULUS
        if check < len(ALPHABET):
            return _written(number) + ALPHABET[check]
    raise AssertionError("unreachable: one derivation in seven at most is passed over")


def shown(code: str) -> str:
    """The code as people read it: `4J7Q-9XKM-2TBW-5`."""
    return "-".join(filter(None, (code[:4], code[4:8], code[8:12], code[12:])))


def normalise(text: str) -> str | None:
    """What somebody typed as the code it means, or None where it cannot be one.

    Full-width forms, lower case, separators, and O, I, L for 0, 1, 1 are forgiven; a wrong check symbol is not.
    """
    plain = unicodedata.normalize("NFKC", text).upper()
    code = "".join(sign for sign in plain if not sign.isspace() and sign not in _DASHES).translate(_MISREAD)
    if len(code) != LENGTH or any(sign not in _VALUES for sign in code):
        return None
    number = 0
    for sign in code[:-1]:
        number = number * len(ALPHABET) + _VALUES[sign]
    return code if number % _CHECK_MODULUS == _VALUES[code[-1]] else None


def codes_of(text: str) -> tuple[str | None, ...]:
    """The codes that a text consists of, whatever stands between them; None for one whose check symbol is wrong.

    Empty where it cannot be codes and nothing else.
    """
    signs = "".join(sign for sign in unicodedata.normalize("NFKC", text) if not _is_between(sign))
    if len(signs) % LENGTH or not (signs.isascii() and signs.isalnum()):
        return ()
    return tuple(normalise(signs[start : start + LENGTH]) for start in range(0, len(signs), LENGTH))


def code_hash(vault: Vault, code: str) -> str:
    """How a claim is found by its code: 64 hex characters. `code` is a normalised one."""
    return vault.blind_index("claim_code_hash", code)


def _is_between(sign: str) -> bool:
    return sign.isspace() or sign in _DASHES or sign in _BETWEEN_CODES


def _written(number: int) -> str:
    """Twelve characters, two at a time: a hot offer writes thousands of codes a second."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in (50, 40, 30, 20, 10, 0)])
