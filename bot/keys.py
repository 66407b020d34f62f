"""What opens and seals the pushes of one account: token, app id and EncodingAESKeys.

The frames are wechatpy's; what it gets wrong about them is put right here.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from functools import lru_cache

from wechatpy.crypto import PrpCrypto, WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException

from models.words import AccountMode

_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")
_TOKEN = re.compile(r"[\x21-\x7e]{3,64}")
_BLOCK = 32
_HEAD = 20  # 16 random bytes, 4 bytes of length


class _Frames(PrpCrypto):  # type: ignore[misc]  # wechatpy is untyped
    """wechatpy's frames with what it leaves out: strong random bytes, and checks of base64, padding and length."""

    def get_random_string(self) -> str:
        """16 unguessable characters of 96 bits: they stand for the random IV that the scheme lacks."""
        return secrets.token_urlsafe(12)

    def _decrypt(self, text: str, _id: str, exception: type[Exception] = InvalidAppIdException) -> str:
        encrypted = base64.b64decode(text, validate=True)
        if not encrypted or len(encrypted) % 16:
            raise ValueError("not whole blocks")
        plain: bytes = self.cipher.decrypt(encrypted)
        pad = plain[-1]
        if not 1 <= pad <= _BLOCK or not plain.endswith(bytes((pad,)) * pad):
            raise ValueError("bad padding")
        end = _HEAD + int.from_bytes(plain[16:_HEAD])
        if end > len(plain) - pad:
            raise ValueError("length out of bounds")
        if plain[end:-pad] != _id.encode():
            raise exception
        return plain[_HEAD:end].decode()


class SealedMessages:
    """Opens and seals the messages of one app under one key."""

    def __init__(self, token: str, aes_key: str, app_id: str) -> None:
        # The cipher is made once: that costs as much as using it.
        self._frames = _Frames(WeChatCrypto(token, aes_key, app_id).key)
        self._token = token
        self._app_id = app_id

    def open(self, encrypted: str) -> str:
        """The message. Raises ValueError, or InvalidAppIdException when another app's id stands at the end.

        The signature is not looked at: wechatpy compares it with `!=`, so the caller has done it, in constant time.
        """
        return str(self._frames.decrypt(encrypted, self._app_id))

    def seal(self, message: str, *, nonce: str, timestamp: int) -> str:
        """The signed envelope of a reply; `timestamp` in unix seconds."""
        frame = self._frames.encrypt(message, self._app_id)
        encrypted = frame.decode() if isinstance(frame, bytes) else str(frame)
        parts = "".join(sorted((self._token, str(timestamp), nonce, encrypted))).encode()
        signature = hashlib.sha1(parts, usedforsecurity=False).hexdigest()  # WeChat's choice, not ours
        return (
            f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt><MsgSignature><![CDATA[{signature}]]></MsgSignature>"
            f"<TimeStamp>{timestamp}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
        )


@lru_cache(maxsize=256)
def _sealed_messages(token: str, aes_key: str, app_id: str) -> SealedMessages:
    return SealedMessages(token, aes_key, app_id)


@dataclass(frozen=True, slots=True)
class DoorKeys:
    """What opens and seals the pushes of one account.

    Raises ValueError, naming the field, when a value cannot work: an EncodingAESKey has 43 characters, safe and
    compatible mode need one, and no token means that anybody can sign.
    """

    app_id: str
    token: str = field(repr=False)
    mode: AccountMode
    aes_key: str = field(default="", repr=False)
    previous_aes_key: str = field(default="", repr=False)
    original_id: str = ""
    ciphers: tuple[SealedMessages, ...] = field(init=False, repr=False, compare=False)  # current first

    def __post_init__(self) -> None:
        if not self.app_id:
            raise ValueError("app_id is empty")
        if not _TOKEN.fullmatch(self.token):
            raise ValueError("token must be 3 to 64 visible ASCII characters")
        for name in ("aes_key", "previous_aes_key"):
            value = getattr(self, name)
            if value and not _AES_KEY.fullmatch(value):
                raise ValueError(f"{name} must be the 43 characters of an EncodingAESKey")
        if self.mode is not AccountMode.PLAIN and not self.aes_key:
            raise ValueError(f"aes_key is needed in {self.mode.value} mode")
        keys = dict.fromkeys(key for key in (self.aes_key, self.previous_aes_key) if key)
        object.__setattr__(self, "ciphers", tuple(_sealed_messages(self.token, key, self.app_id) for key in keys))
