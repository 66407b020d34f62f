"""Ed25519 (RFC 8032) as `handlers.ports.Signer`: small keys, one way to sign, known to every phone."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handlers.ports import SigningPair, VaultError


class Ed25519Signer:
    """Implements `ports.Signer`. The private half is base64url of its 32 bytes."""

    def new_pair(self) -> SigningPair:
        """From the system's randomness."""
        key = Ed25519PrivateKey.generate()
        return SigningPair(_text(key.private_bytes_raw()), _text(key.public_key().public_bytes_raw()))

    def sign(self, private: str, data: bytes) -> str:
        """Raises VaultError for what is no private key."""
        return _text(_key(private).sign(data))


@lru_cache(maxsize=4)  # to make one ready costs as much as to sign
def _key(private: str) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(private + "=" * (-len(private) % 4)))
    except (binascii.Error, ValueError):
        raise VaultError("not a private key of Ed25519") from None


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
