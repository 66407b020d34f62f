"""The platform's side of message signing and encryption, written from its documents alone.

Nothing here comes from the library our server uses: two independent readings of the rules check each other.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_MESSAGE_BLOCK = 32  # the platform pads messages to 32 bytes, twice the cipher's own block
_DATA_BLOCK = 16


class CipherError(Exception):
    """What was received cannot be decrypted, or was not meant for this account."""


def signature(*parts: str) -> str:
    """The hex SHA-1 over the sorted parts: token, timestamp, nonce and, for msg_signature, the ciphertext."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def js_signature(ticket: str, nonce: str, timestamp: int, url: str) -> str:
    """What wx.config checks; `url` without its fragment."""
    joined = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url}"
    return hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()


def session_signature(session_key: str) -> str:
    """The signature of an empty message under a session key, as checksession wants it."""
    return hmac.new(session_key.encode(), b"", hashlib.sha256).hexdigest()


def encrypt_message(aes_key: str, app_id: str, message: bytes, random: bytes | None = None) -> str:
    """Base64 of AES-256-CBC over 16 random bytes, the length, the message and the receiver's app id."""
    key = _message_key(aes_key)
    head = random if random is not None else secrets.token_hex(8).encode()
    plain = head + len(message).to_bytes(4, "big") + message + app_id.encode()
    return _to_text(_encrypt(key, key[:16], plain, _MESSAGE_BLOCK))


def decrypt_message(aes_key: str, app_id: str, encrypted: str) -> bytes:
    """The message inside; raises CipherError on bad base64, padding, length, or another app id at the end."""
    key = _message_key(aes_key)
    plain = _decrypt(key, key[:16], _from_text(encrypted), _MESSAGE_BLOCK)
    end = 20 + int.from_bytes(plain[16:20], "big")
    if len(plain) < 20 or end > len(plain):
        raise CipherError("length out of bounds")
    if plain[end:] != app_id.encode():
        raise CipherError("another appid at the end")
    return plain[20:end]


def encrypt_data(session_key: str, iv: str, data: bytes) -> str:
    """The old `encryptedData` of a mini-program: AES-128-CBC under the session key."""
    return _to_text(_encrypt(_from_text(session_key), _from_text(iv), data, _DATA_BLOCK))


def decrypt_data(session_key: str, iv: str, data: str) -> bytes:
    """The inverse of encrypt_data."""
    return _decrypt(_from_text(session_key), _from_text(iv), _from_text(data), _DATA_BLOCK)


def _message_key(aes_key: str) -> bytes:
    key = _from_text(aes_key + "=")
    if len(key) != 32:
        raise CipherError("EncodingAESKey must be 43 characters")
    return key


def _encrypt(key: bytes, iv: bytes, plain: bytes, block: int) -> bytes:
    pad = block - len(plain) % block
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()


def _decrypt(key: bytes, iv: bytes, encrypted: bytes, block: int) -> bytes:
    if not encrypted or len(encrypted) % 16:
        raise CipherError("ciphertext is not whole blocks")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    plain = decryptor.update(encrypted) + decryptor.finalize()
    pad = plain[-1]
    if not 1 <= pad <= block or plain[-pad:] != bytes([pad]) * pad:
        raise CipherError("bad padding")
    return plain[:-pad]


def _to_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _from_text(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CipherError("not base64") from error
