"""The platform's side of a push, written from WeChat's documents with nothing of wechatpy or of `bot` in it."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.envelope import DoorKeys, Push, open_push, render
from bot.replies import Reply
from models.words import AccountMode

TOKEN = "AAAAA"
AES_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
OLD_AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APP_ID = "wx49f0ab532d5d035a"
GH = "gh_0123456789ab"
OPENID = "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"
TIMESTAMP = "1714036504"
NONCE = "1514711492"
NOW = datetime.fromtimestamp(int(TIMESTAMP), UTC)
CREATED = 1714036503

HELLO: Mapping[str, Any] = {
    "ToUserName": GH,
    "FromUserName": OPENID,
    "CreateTime": CREATED,
    "MsgType": "text",
    "Content": "我的权益",
    "MsgId": 24536978271638,
}


def keys(mode: AccountMode = AccountMode.SAFE, **others: str) -> DoorKeys:
    """Keys of the test account; with no AES key in plain mode."""
    given = {"aes_key": "" if mode is AccountMode.PLAIN else AES_KEY, "original_id": GH} | others
    return DoorKeys(app_id=APP_ID, token=TOKEN, mode=mode, **given)


PLAIN = keys(AccountMode.PLAIN)
COMPATIBLE = keys(AccountMode.COMPATIBLE)
SAFE = keys()


def sign(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324 - WeChat's choice


def query(
    encrypted: str | None = None, *, token: str = TOKEN, timestamp: str = TIMESTAMP, nonce: str = NONCE
) -> dict[str, str]:
    """What stands behind the `?` of a push; with msg_signature when something is encrypted."""
    found = {"signature": sign(token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce, "openid": OPENID}
    if encrypted is not None:
        found |= {"encrypt_type": "aes", "msg_signature": sign(token, timestamp, nonce, encrypted)}
    return found


def frame(message: bytes, app_id: str = APP_ID, random: bytes = b"1234567890123456") -> bytes:
    plain = random + len(message).to_bytes(4, "big") + message + app_id.encode()
    pad = 32 - len(plain) % 32
    return plain + bytes([pad]) * pad


def seal(framed: bytes, aes_key: str = AES_KEY) -> str:
    """Base64 of the encrypted frame, whose length must be whole blocks of 16."""
    key = base64.b64decode(aes_key + "=")
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(framed) + encryptor.finalize()).decode()


def encrypt(message: bytes, *, aes_key: str = AES_KEY, app_id: str = APP_ID) -> str:
    return seal(frame(message, app_id), aes_key)


def decrypt(encrypted: str, *, aes_key: str = AES_KEY) -> str:
    key = base64.b64decode(aes_key + "=")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(base64.b64decode(encrypted)) + decryptor.finalize()
    plain = plain[: -plain[-1]]
    end = 20 + int.from_bytes(plain[16:20], "big")
    assert plain[end:].decode() == APP_ID
    return plain[20:end].decode()


def xml(fields: Mapping[str, Any]) -> bytes:
    return f"<xml>{_children(fields)}</xml>".encode()


def _children(fields: Mapping[str, Any]) -> str:
    found = []
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            inner = _children(one) if isinstance(one, Mapping) else str(one)
            is_bare = isinstance(one, int | Mapping)
            found.append(f"<{name}>{inner if is_bare else _cdata(inner)}</{name}>")
    return "".join(found)


def _cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


@dataclass(frozen=True)
class Sent:
    """One delivery as it arrives."""

    query: dict[str, str]
    body: bytes

    def opened_with(self, opening: DoorKeys, *, now: datetime = NOW) -> Push:
        return open_push(opening, self.query, self.body, now=now)


def plain(fields: Mapping[str, Any] = HELLO, *, as_json: bool = False) -> Sent:
    return Sent(query(), json.dumps(fields).encode() if as_json else xml(fields))


def safe(fields: Mapping[str, Any] = HELLO, *, as_json: bool = False, **sealing: str) -> Sent:
    inner = json.dumps(fields, ensure_ascii=False).encode() if as_json else xml(fields)
    return safe_bytes(inner, as_json=as_json, **sealing)


def safe_bytes(inner: bytes, *, as_json: bool = False, **sealing: str) -> Sent:
    return wrapped(encrypt(inner, **sealing), as_json=as_json)


def wrapped(encrypted: str, *, as_json: bool = False) -> Sent:
    outer = {"ToUserName": GH, "Encrypt": encrypted}
    return Sent(query(encrypted), json.dumps(outer).encode() if as_json else xml(outer))


def compatible(fields: Mapping[str, Any] = HELLO, encrypted_fields: Mapping[str, Any] | None = None) -> Sent:
    encrypted = encrypt(xml(encrypted_fields or fields))
    return Sent(query(encrypted), xml({**fields, "Encrypt": encrypted}))


def answered(push: Push, reply: Reply | None, opening: DoorKeys = SAFE) -> bytes:
    return render(opening, push, reply, now=NOW, nonce="a-nonce_1")


def document(answer: bytes) -> ET.Element:
    """What an independent parser reads in an answer."""
    return ET.fromstring(answer)  # noqa: S314 - our own words


def said(answer: bytes, path: str = "Content") -> str:
    return document(answer).findtext(path, default="")
