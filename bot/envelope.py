"""The envelope of WeChat's pushes: signature, decryption and parsing on the way in, XML and encryption on the way out.

The only place where messages are opened and sealed. wechatpy decrypts, parses, renders and encrypts; its known defects
are handled in `bot.keys`, `bot.payload` and `bot.replies`. Pure functions: bytes in, values out.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from wechatpy.exceptions import InvalidAppIdException

from bot.inbound import Inbound, Malformed, dedupe_key, read
from bot.keys import DoorKeys
from bot.payload import Payload, PayloadRefused, look
from bot.replies import Reply, to_xml
from models.words import AccountMode

__all__ = ["DoorKeys", "Push", "PushRefused", "Refusal", "open_push", "render", "verify_echo"]

MAX_BODY_BYTES = 64 * 1024
FRESH_FOR = timedelta(seconds=300)
CARD_EVENTS_FRESH_FOR = timedelta(hours=24) + FRESH_FOR
SUCCESS = b"success"  # WeChat takes it for "nothing to say", unencrypted in every mode

_TIMESTAMP = re.compile(r"[0-9]{10}")
_NONCE = re.compile(r"[\x21-\x7e]{1,128}")
_ECHO = re.compile(r"[\x21-\x7e]{1,256}")
_OWN_NONCE = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Refusal(StrEnum):
    """Why a push is refused; stable, for metrics and logs."""

    SIGNATURE = "signature"  # missing or wrong
    STALE = "stale"
    WRONG_APP = "wrong_app"  # meant for another account
    PLAIN_REFUSED = "plain_refused"  # not encrypted, to an account in safe mode
    KEY_MISSING = "key_missing"  # encrypted, and the account has no key
    UNDECRYPTABLE = "undecryptable"  # neither the current nor the previous key opens it
    TOO_LARGE = "too_large"
    ENCODING = "encoding"  # not UTF-8
    MALFORMED = "malformed"
    DTD = "dtd"
    TOO_DEEP = "too_deep"


_UNREADABLE = frozenset({Refusal.TOO_LARGE, Refusal.ENCODING, Refusal.MALFORMED, Refusal.DTD, Refusal.TOO_DEEP})


class PushRefused(Exception):
    """A push that is answered with an empty body and `status`: 400 when unreadable, 403 when not to be trusted."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.status = 400 if reason in _UNREADABLE else 403


@dataclass(frozen=True, slots=True)
class Push:
    """One authentic delivery. Check `dedupe_key` before `is_stale`: a repeat that was answered is answered again."""

    inbound: Inbound
    dedupe_key: str  # the same for every delivery; unique within the account
    is_json: bool
    is_stale: bool  # signed more than 300 s from now; a card event, which comes again for a day, more than that
    timestamp: int  # unix seconds, from the query
    nonce: str
    reply_to: str = field(repr=False)
    opened_by: int | None  # which of DoorKeys.ciphers; None when it was not encrypted

    @property
    def repeats_for(self) -> timedelta:
        """How long a delivery of this push may still come: beyond that it is stale, and refused."""
        return 2 * (CARD_EVENTS_FRESH_FOR if self.inbound.is_card_event else FRESH_FOR)

    @property
    def is_encrypted(self) -> bool:
        """Whether the answer has to be encrypted too."""
        return self.opened_by is not None


def verify_echo(keys: DoorKeys, query: Mapping[str, str]) -> str:
    """The echostr of the platform's GET check, to be answered as it is. Raises PushRefused."""
    _check_query(keys, query)
    echo = query.get("echostr", "")
    if not _ECHO.fullmatch(echo):
        raise PushRefused(Refusal.MALFORMED)
    return echo


def open_push(keys: DoorKeys, query: Mapping[str, str], body: bytes, *, now: datetime) -> Push:
    """Authenticates, decrypts and parses one push. Raises PushRefused and nothing else.

    Staleness is reported, not refused: `PushRefused(Refusal.STALE)` is for the caller, who knows the duplicates.
    """
    timestamp, nonce = _check_query(keys, query)
    if len(body) > MAX_BODY_BYTES:
        raise PushRefused(Refusal.TOO_LARGE)
    text = _decode(body)
    try:
        payload = look(text)
        opened_by = None
        if _is_encrypted(keys, payload):
            encrypted = str(payload.top_level["Encrypt"])
            _check(query.get("msg_signature", ""), keys.token, timestamp, nonce, encrypted)
            opened_by, message = _decrypt(keys, encrypted)
            payload = look(message)
        inbound = read(payload.fields())
    except PayloadRefused as error:
        raise PushRefused(Refusal(error.reason)) from error
    except Malformed as error:
        raise PushRefused(Refusal.MALFORMED) from error
    if keys.original_id and inbound.original_id != keys.original_id:
        raise PushRefused(Refusal.WRONG_APP)
    fresh_for = CARD_EVENTS_FRESH_FOR if inbound.is_card_event else FRESH_FOR
    return Push(
        inbound=inbound,
        dedupe_key=dedupe_key(inbound),
        is_json=payload.is_json,
        is_stale=abs(now.timestamp() - int(timestamp)) > fresh_for.total_seconds(),
        timestamp=int(timestamp),
        nonce=nonce,
        reply_to=str(inbound.fields.get("FromUserName", "")),
        opened_by=opened_by,
    )


def render(keys: DoorKeys, push: Push, reply: Reply | None, *, now: datetime, nonce: str) -> bytes:
    """The body of the answer, `success` (never encrypted) when there is nothing to say.

    Encrypted when the push was, under the key that opened it: until both sides have changed their keys, WeChat reads
    only that one.
    `nonce` is 1-64 of `[A-Za-z0-9_-]`, cryptographically random, the caller's (ValueError otherwise). Pushes in JSON
    come from mini-programs, which take no answer but `success`.
    """
    if not _OWN_NONCE.fullmatch(nonce):
        raise ValueError("nonce must be 1 to 64 of [A-Za-z0-9_-]")
    if push.is_json:
        return SUCCESS
    created = int(now.timestamp())
    document = to_xml(reply, to=push.reply_to, sender=push.inbound.original_id, created=created)
    if not document:
        return SUCCESS
    if push.opened_by is not None:
        document = keys.ciphers[push.opened_by].seal(document, nonce=nonce, timestamp=created)
    return document.encode()


def _check_query(keys: DoorKeys, query: Mapping[str, str]) -> tuple[str, str]:
    """Timestamp and nonce, once the signature over both holds.

    The scheme joins its parts without separators: if the timestamp had no fixed form, digits moved between it and the
    nonce would make an old signature fit a new time.
    """
    timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    if not _TIMESTAMP.fullmatch(timestamp) or not _NONCE.fullmatch(nonce):
        raise PushRefused(Refusal.SIGNATURE)
    _check(query.get("signature", ""), keys.token, timestamp, nonce)
    return timestamp, nonce


def _check(claimed: str, *parts: str) -> None:
    joined = "".join(sorted(parts)).encode()
    expected = hashlib.sha1(joined, usedforsecurity=False).hexdigest()  # WeChat's choice, not ours
    if not hmac.compare_digest(expected.encode(), claimed.encode("utf-8", "replace")):
        raise PushRefused(Refusal.SIGNATURE)


def _is_encrypted(keys: DoorKeys, payload: Payload) -> bool:
    if payload.top_level.get("Encrypt"):
        if keys.ciphers:
            return True
        if not payload.top_level.get("MsgType"):
            raise PushRefused(Refusal.KEY_MISSING)
    if keys.mode is AccountMode.SAFE:
        # The signature of a plain push covers no byte of its body: anybody who saw one can send any.
        raise PushRefused(Refusal.PLAIN_REFUSED)
    return False


def _decrypt(keys: DoorKeys, encrypted: str) -> tuple[int, str]:
    reason = Refusal.UNDECRYPTABLE
    for number, cipher in enumerate(keys.ciphers):
        try:
            return number, cipher.open(encrypted)
        except InvalidAppIdException:
            reason = Refusal.WRONG_APP
        except UnicodeDecodeError:
            reason = Refusal.ENCODING
        except ValueError:  # another key, perhaps
            continue
    raise PushRefused(reason)


def _decode(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise PushRefused(Refusal.ENCODING) from error
    if "\x00" in text:  # UTF-16 or UTF-32 of plain ASCII is valid UTF-8, full of zeros
        raise PushRefused(Refusal.ENCODING)
    return text.removeprefix("\ufeff")
