"""What arrived, in facts that do not depend on the account, the format (XML or JSON) or the encryption.

Source of the kinds, events and fields: WeChat's documents on receiving messages and events.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from bot.kinds import AUTHORIZATION, CARDS, EVENTS, FINISHED_JOBS, MESSAGES, UNKNOWN
from bot.wording import normalise

# What tells two events of one person and one second apart, where FromUserName, Event and EventKey are the same.
_TELLING = (
    "OpenID",
    "CardId",
    "UserCardCode",
    "MsgID",
    "KfAccount",
    "ToKfAccount",
    "trace_id",
    "transaction_id",
    "punish_id",
)
_QR_SCENE = "qrscene_"
_SCENE_LENGTH = 64
_OPENID_LENGTH = 128
_NAME_LENGTH = 64


class Malformed(Exception):
    """Lacks a field that every push has, or has something else in its place."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message or event. Its repr shows no person and nothing that was said."""

    kind: str  # a word of bot.kinds.MESSAGES, `event`, or `unknown`
    event: str  # WeChat's Event in lower case, empty for messages; an unknown push's own name, cut to 64
    created_at: datetime
    openid: str = field(repr=False)
    original_id: str = ""  # ToUserName: gh_... of the account
    message_id: str = ""  # MsgId, which only messages have
    content: str = field(default="", repr=False)  # of a text: as commands are compared (bot.wording)
    raw_content: str = field(default="", repr=False)  # of a text: as typed
    menu_item: str = ""  # bizmsgmenuid, when a choice of a menu message was tapped
    key: str = field(default="", repr=False)  # EventKey as it came
    scene: str = ""  # of the QR code scanned, without `qrscene_`; at most 64 characters
    ticket: str = field(default="", repr=False)
    media_id: str = ""
    picture_url: str = field(default="", repr=False)
    latitude: float | None = field(default=None, repr=False)
    longitude: float | None = field(default=None, repr=False)
    label: str = field(default="", repr=False)  # the address of a location
    items: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)  # the entries of `List`, one or many
    # Everything by WeChat's names: texts, nested mappings, lists; numbers as text, and `List` always a list.
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_card_event(self) -> bool:
        """Card events are delivered again for up to 24 hours."""
        return self.event in CARDS


def read(fields: dict[str, Any]) -> Inbound:
    """Sorts the fields of a push. Raises Malformed; a kind or event nobody knows is not malformed."""
    fields = {
        name: value if type(value) is str and name != "List" else _listed(name, value) for name, value in fields.items()
    }
    kind = _text(fields, "MsgType").lower()
    if not kind:
        raise Malformed("MsgType")
    event = _text(fields, "Event").lower() if kind == "event" else ""
    if kind == "event" and not event:
        raise Malformed("Event")
    is_known = event in EVENTS if kind == "event" else kind in MESSAGES
    raw_content = _text(fields, "Content") if kind == "text" else ""
    key = _text(fields, "EventKey")
    latitude, longitude, label = (None, None, "") if kind == "text" else _place(fields)
    return Inbound(
        kind=kind if is_known else UNKNOWN,
        event=event if is_known else (event or kind)[:_NAME_LENGTH],
        created_at=_instant(_text(fields, "CreateTime")),
        openid=_openid(fields, event),
        original_id=_text(fields, "ToUserName"),
        message_id=_text(fields, "MsgId"),
        content=normalise(raw_content) if raw_content else "",
        raw_content=raw_content,
        menu_item=_text(fields, "bizmsgmenuid"),
        key=key,
        scene=_scene(event, key),
        ticket=_text(fields, "Ticket"),
        media_id=_text(fields, "MediaId"),
        picture_url=_text(fields, "PicUrl"),
        latitude=latitude,
        longitude=longitude,
        label=label,
        items=() if kind == "text" else _items(fields),
        fields=MappingProxyType(fields),
    )


def dedupe_key(inbound: Inbound) -> str:
    """32 hex characters, the same for every delivery of one push and for nothing else of this account.

    Messages by MsgId, finished jobs by MsgID, other events by sender, second, Event and EventKey and by what else tells
    two of the same second apart. The sender is always part of it: a stored answer is one person's.
    """
    fields = inbound.fields
    sender = fields.get("FromUserName")
    parts: tuple[object, ...]
    if inbound.message_id:
        parts = ("message", sender, inbound.message_id)
    elif inbound.event in FINISHED_JOBS and fields.get("MsgID"):
        parts = ("job", sender, inbound.event, fields["MsgID"])
    elif inbound.event:
        telling = [fields.get(name) for name in _TELLING]
        entries = [sorted(item.items()) for item in inbound.items]
        parts = ("event", sender, fields.get("CreateTime"), inbound.event, inbound.key, telling, entries)
    else:
        parts = ("other", sender, fields.get("CreateTime"), inbound.kind, inbound.raw_content)
    return hashlib.blake2b(repr(parts).encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(name)
    return value


def _listed(name: str, value: Any) -> Any:
    """XML and JSON give one entry bare and several as a list: `List` is always a list here, None an empty text."""
    if name == "List":
        entries = value if isinstance(value, list) else [value] if value else []
        return [_listed("", entry) for entry in entries]
    if isinstance(value, dict):
        return {inner: _listed(inner, one) for inner, one in value.items()}
    if isinstance(value, list):
        return [_listed("", one) for one in value]
    return "" if value is None else value


def _instant(created: str) -> datetime:
    if not (created.isascii() and created.isdigit() and len(created) <= 11):
        raise Malformed("CreateTime")
    return datetime.fromtimestamp(int(created), UTC)


def _openid(fields: Mapping[str, Any], event: str) -> str:
    openid = (_text(fields, "OpenID") if event in AUTHORIZATION else "") or _text(fields, "FromUserName")
    if not openid or len(openid) > _OPENID_LENGTH:
        raise Malformed("FromUserName")
    return openid


def _scene(event: str, key: str) -> str:
    if event == "subscribe" and key.startswith(_QR_SCENE):
        key = key.removeprefix(_QR_SCENE)
    elif event != "scan":
        return ""
    return key if len(key) <= _SCENE_LENGTH else ""


def _place(fields: Mapping[str, Any]) -> tuple[float | None, float | None, str]:
    sent = fields.get("SendLocationInfo")
    where = sent if isinstance(sent, dict) else fields
    latitude = _degrees(where.get("Location_X", where.get("Latitude")), 90)
    longitude = _degrees(where.get("Location_Y", where.get("Longitude")), 180)
    label = where.get("Label")
    return latitude, longitude, label if isinstance(label, str) else ""


def _degrees(value: object, limit: int) -> float | None:
    try:
        degrees = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return None
    return degrees if abs(degrees) <= limit else None


def _items(fields: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Of a subscribe-message event: JSON has `List` at the top, XML within SubscribeMsg...Event."""
    for value in (fields, *fields.values()):
        if isinstance(value, dict) and isinstance(value.get("List"), list):
            return tuple(entry for entry in value["List"] if isinstance(entry, dict))
    return ()
