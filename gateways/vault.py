"""Encrypts fields and makes blind indexes; the keys live outside the database.

A copy of the database alone gives no phone number and no openid: values are AES-256-GCM, and what is searched for is an
HMAC under a key of its own (an 11-digit number could be guessed from a plain hash in seconds).
"""

import binascii
import hashlib
import hmac
import itertools
import os
import re
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from handlers.ports import VaultError

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
# 32 random bytes hold 30 different ones on average, and fewer than 16 less than once in 10^14 keys.
FEWEST_DIFFERENT_BYTES = 16
_KNOWN_PHRASES = ("", "secret", "password", "changeme", "change-me", "default", "fanpiao", "test", "example")


def generate_key() -> bytes:
    """32 random bytes, good for a field key or the index key."""
    return secrets.token_bytes(KEY_BYTES)


def refuse_weak_key(key: bytes, name: str) -> None:
    """Raises ValueError, naming the key but never showing it, unless `key` looks like 32 random bytes."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"{name}: {KEY_BYTES} bytes are needed, {len(key)} were given")
    known = (hashlib.sha256(phrase.encode()).digest() for phrase in _KNOWN_PHRASES)
    steps = {(after - before) % 256 for before, after in itertools.pairwise(key)}
    is_typed = all(32 <= byte < 127 for byte in key)
    if len(set(key)) < FEWEST_DIFFERENT_BYTES or len(steps) == 1 or is_typed or key in known:
        raise ValueError(f"{name}: not a random key; generate one")


class FieldVault:
    """Implements `ports.Vault`.

    Under one key at most 2^32 values may be encrypted: nonces are 96 random bits (NIST SP 800-38D, 8.3).
    """

    def __init__(self, field_keys: Mapping[str, bytes], index_key: bytes) -> None:
        """`field_keys` maps key id -> 32 bytes, the first is current, the others only decrypt.

        Raises ValueError for weak, repeated or badly named keys.
        """
        if not field_keys:
            raise ValueError("field keys: at least one is needed")
        for key_id, key in field_keys.items():
            if not KEY_ID.fullmatch(key_id):
                raise ValueError(f"field key id {key_id!r}: 1-32 letters, digits, _ or - are needed")
            refuse_weak_key(key, f"field key {key_id}")
        refuse_weak_key(index_key, "index key")
        if len({*field_keys.values(), index_key}) != len(field_keys) + 1:
            raise ValueError("field keys and index key must all differ")
        self._current = next(iter(field_keys))
        self._ciphers = {key_id: AESGCM(key) for key_id, key in field_keys.items()}
        self._index_key = index_key
        self._subkeys: dict[str, bytes] = {}

    def encrypt(self, plain: str, *, bound_to: str) -> str:
        """`keyid.base64url(nonce | ciphertext | tag)`, without padding; decrypts only with the same `bound_to`."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, plain.encode(), bound_to.encode())
        return f"{self._current}.{urlsafe_b64encode(nonce + sealed).rstrip(b'=').decode()}"

    def decrypt(self, cipher: str, *, bound_to: str) -> str:
        """The plain value. Raises VaultError when the key is unknown, or the value tampered with or moved."""
        key_id, _, body = cipher.partition(".")
        key = self._ciphers.get(key_id)
        if key is None:
            raise VaultError("encrypted under a key that is not configured")
        try:
            sealed = b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            raise VaultError("not an encrypted value")
        try:
            return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode()).decode()
        except InvalidTag:
            raise VaultError("wrong key, tampered with, or moved to another row") from None

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of the keys that can decrypt, the current one first."""
        return tuple(self._ciphers)

    def blind_index(self, purpose: str, value: str) -> str:
        """64 hex characters: HMAC-SHA256 of `value` under the purpose's own key (HKDF, RFC 5869)."""
        subkey = self._subkeys.get(purpose)
        if subkey is None:
            info = b"fanpiao blind index\x00" + purpose.encode()
            subkey = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._index_key)
            self._subkeys[purpose] = subkey
        return hmac.digest(subkey, value.encode(), "sha256").hex()
