"""Putting a push into its envelope: query string and body, as the account's mode and format want them."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from simulator import markup
from simulator.accounts import Account, Mode, PushFormat
from simulator.crypto import encrypt_message, signature
from simulator.identifiers import nonce
from simulator.tampering import Tampering

# In JSON pushes the lists of these events lie directly under the root.
_WRAPPERS = ("SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent")
_SOMEBODY_ELSE = "wx0000000000000000"
_FORGOTTEN_KEY = "0" * 43


@dataclass(frozen=True)
class Envelope:
    """Exactly what goes over the wire, again and again until it is taken."""

    query: Mapping[str, str]
    body: bytes
    content_type: str


def seal(account: Account, fields: Mapping[str, object], now: float, tampering: Tampering) -> Envelope:
    """Sign and, where the mode says so, encrypt `fields`."""
    mode = tampering.mode or account.mode
    query = {"timestamp": str(int(now) - tampering.stale_seconds), "nonce": nonce()}
    query["signature"] = signature(account.token, query["timestamp"], query["nonce"])
    query["openid"] = str(fields["FromUserName"])
    if mode is not Mode.PLAIN:
        encrypted = _encrypted(account, fields, tampering)
        query["encrypt_type"] = "aes"
        query["msg_signature"] = signature(account.token, query["timestamp"], query["nonce"], encrypted)
        shown = fields if mode is Mode.COMPATIBLE else {"ToUserName": fields["ToUserName"]}
        fields = {**shown, "Encrypt": encrypted}
    if tampering.wrong_signature:
        for name in {"signature", "msg_signature"} & query.keys():
            query[name] = signature("forged", query[name])
    body = _written(account, fields)
    if tampering.truncated:
        body = body[: len(body) // 2]
    return Envelope(query, body, "application/json" if account.push_format is PushFormat.JSON else "text/xml")


def _encrypted(account: Account, fields: Mapping[str, object], tampering: Tampering) -> str:
    key = account.aes_key or _FORGOTTEN_KEY
    if tampering.old_aes_key:
        key = account.previous_aes_key or _FORGOTTEN_KEY
    app_id = _SOMEBODY_ELSE if tampering.wrong_app_id else account.app_id
    return encrypt_message(key, app_id, _written(account, fields))


def _written(account: Account, fields: Mapping[str, object]) -> bytes:
    if account.push_format is PushFormat.XML:
        return markup.build(fields)
    flat: dict[str, object] = {}
    for name, value in fields.items():
        if name in _WRAPPERS and isinstance(value, Mapping):
            flat.update(value)
        else:
            flat[name] = value
    return orjson.dumps(flat)
