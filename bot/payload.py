"""From the text of a push to its fields, XML and JSON alike, for texts that hostile hands may have written.

XML is looked through before wechatpy parses it: no document type, and so no entities of its own, and at most ten
levels. expat's own events decide, so that a person who types `<!DOCTYPE` into the chat (inside CDATA) is
understood, and a document that hides one is not. expat stops where a handler objects: nothing is expanded or fetched.
"""

import re
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

import orjson
from wechatpy import parse_message

MAX_DEPTH = 10

# What XML 1.0 (2.2 Char) forbids even when escaped; lone surrogates are among it.
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class PayloadRefused(Exception):
    """Why: `malformed`, `too_deep` or `dtd`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Payload:
    """One text that is safe to parse, and what stands at its top level."""

    text: str
    is_json: bool
    top_level: dict[str, Any]
    is_flat: bool = False  # XML without nesting, attributes, repeated names or stray text

    def fields(self) -> dict[str, Any]:
        """All fields by WeChat's names: texts, nested mappings, lists, None for an empty element.

        Raises PayloadRefused.
        """
        if self.is_json:
            return self.top_level
        if self.is_flat and self.top_level.get("MsgType") == "text":
            # What people type is most of all pushes: the look through it has read all that wechatpy would find.
            return {name: value or None for name, value in self.top_level.items()}
        return _parse(self.text)


# The outer document of a push in safe mode, as the platform writes it: nothing in it can hide anything.
_SEALED = re.compile(
    r"\s*<xml>\s*<ToUserName><!\[CDATA\[([A-Za-z0-9_-]{1,64})\]\]></ToUserName>"
    r"\s*<Encrypt><!\[CDATA\[([A-Za-z0-9+/=]+)\]\]></Encrypt>\s*</xml>\s*",
    re.ASCII,
)


# A document of nothing but texts and numbers, as the platform writes what people type. expat would find the same in it,
# in three times the time; whatever is a bit different goes its way.
_ENTRY = (
    r"[ \t\n]*<([A-Za-z]{1,32})>(?:"
    r"<!\[CDATA\[([^\]\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]*)\]\]>|([0-9]{1,20}))</\1>"
)
_SIMPLE = re.compile(rf"[ \t\n]*<xml>(?:{_ENTRY})+[ \t\n]*</xml>[ \t\n]*")
_ENTRIES = re.compile(_ENTRY)


def look(text: str) -> Payload:
    """Checks a text and reads its top level. Raises PayloadRefused."""
    if sealed := _SEALED.fullmatch(text):
        return Payload(text, is_json=False, top_level={"ToUserName": sealed[1], "Encrypt": sealed[2]}, is_flat=True)
    if _SIMPLE.fullmatch(text):
        entries = _ENTRIES.findall(text)
        found = {name: (said or number).strip() for name, said, number in entries}
        if len(found) == len(entries):
            return Payload(text, is_json=False, top_level=found, is_flat=True)
    if text.lstrip().startswith("{"):
        return Payload(text, is_json=True, top_level=_json(text))
    try:
        return _look_through(text)
    except PayloadRefused:
        # People do paste control characters, and the platform passes them on although XML forbids them.
        cleaned = ILLEGAL.sub("", text)
        if cleaned == text:
            raise
        return _look_through(cleaned)


def _parse(text: str) -> dict[str, Any]:
    """What wechatpy makes of it, with the values that it rewrites put back."""
    try:
        message = parse_message(text)
    except (KeyError, AttributeError, TypeError, ValueError) as error:  # its ways to say that a field is missing or odd
        raise PayloadRefused("malformed") from error
    fields: dict[str, Any] = message._data  # noqa: SLF001 - of unknown kinds there is nothing else
    if fields.get("Event") == "subscribe_scan":
        fields["Event"], fields["EventKey"] = "subscribe", f"qrscene_{fields['EventKey']}"
    elif fields.get("Event") == "subscribe_scan_product":
        fields["Event"] = "subscribe"
    return fields


def _look_through(text: str) -> Payload:
    """With the texts directly under the root, by name; the last of repeated names, nothing of nested elements."""
    walk = _Walk()
    parser = expat.ParserCreate()  # what is given to it is text: the encoding that a document claims does not count
    parser.buffer_text = True
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    parser.CharacterDataHandler = walk.texts.append
    parser.StartDoctypeDeclHandler = walk.doctype
    try:
        parser.Parse(text, True)  # noqa: FBT003 - positional only; the text is complete
    except expat.ExpatError as error:
        raise PayloadRefused("malformed") from error
    return Payload(text, is_json=False, top_level=walk.found, is_flat=walk.is_flat)


class _Walk:
    """One pass over one document."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.texts: list[str] = []
        self.is_flat = True
        self._depth = 0

    def start(self, name: str, attributes: object) -> None:
        self._depth += 1
        if self._depth == 1 and name != "xml":
            raise PayloadRefused("malformed")
        if self._depth > MAX_DEPTH:
            raise PayloadRefused("too_deep")
        if attributes or self._depth > 2 or "".join(self.texts).strip():
            self.is_flat = False
        self.texts.clear()

    def end(self, name: str) -> None:
        text = "".join(self.texts).strip()  # as wechatpy reads them
        if self._depth == 2:
            self.is_flat = self.is_flat and name not in self.found
            self.found[name] = text
        elif text:
            self.is_flat = False
        self._depth -= 1
        self.texts.clear()

    def doctype(self, *_: object) -> None:
        raise PayloadRefused("dtd")


def _json(text: str) -> dict[str, Any]:
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise PayloadRefused("malformed") from error
    return {name: _as_in_xml(value, depth=2) for name, value in parsed.items()}


def _as_in_xml(value: Any, *, depth: int) -> Any:
    """JSON in the shapes that XML has: numbers as text, no null, no character that XML forbids."""
    if isinstance(value, str):
        return ILLEGAL.sub("", value)
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if depth >= MAX_DEPTH:
        raise PayloadRefused("too_deep")
    if isinstance(value, dict):
        return {name: _as_in_xml(one, depth=depth + 1) for name, one in value.items()}
    return [_as_in_xml(one, depth=depth + 1) for one in value]
