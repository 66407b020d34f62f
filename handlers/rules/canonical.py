"""The one way to write what is hashed or signed, in words that the standard library of any language can say again.

**Canonical JSON**: keys in the order of their code points, no spaces, nothing escaped that need not be, UTF-8.
Integers, texts, None, lists and objects alone (what is a flag is 0 or 1).
**Hashes** are SHA-256 in lower-case hexadecimal.
**A message of several fields** is a row of netstrings (`4:draw,2:17,`), so that no two lists of fields look the same.
"""

import hashlib
from json import JSONEncoder

_ENCODE = JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical(value: object) -> bytes:
    """The one way to write a value. Raises TypeError or ValueError for what has none."""
    return _ENCODE(value).encode()


def hash_of(value: object) -> str:
    """Of the canonical bytes."""
    return hashlib.sha256(canonical(value)).hexdigest()


def message(*fields: str) -> bytes:
    """Netstrings, one after the other: the number of bytes, a colon, the UTF-8 bytes, a comma."""
    if all(map(str.isascii, fields)):
        return "".join([f"{len(field)}:{field}," for field in fields]).encode()
    return b"".join([b"%d:%b," % (len(each), each) for each in map(str.encode, fields)])
