"""XML as the platform writes it, and a parser for answers that trusts nobody."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import TypeAlias

Fields: TypeAlias = Mapping[str, object]
Parsed: TypeAlias = "dict[str, str | Parsed | list[str | Parsed]]"


class MarkupError(Exception):
    """Not well-formed, or carrying a DTD."""


class _NoDoctype(ET.TreeBuilder):
    # Entity bombs need a DTD to come in by.

    def doctype(self, name: str, _public: str | None, _system: str | None) -> None:
        raise MarkupError(f"document type {name} refused")


def build(fields: Fields) -> bytes:
    """`<xml>` with numbers bare, text in CDATA, mappings nested and lists as repeated elements."""
    return f"<xml>{_children(fields)}</xml>".encode()


def parse(document: bytes) -> Parsed:
    """The root's children by name; repeated names become lists. Raises MarkupError."""
    try:
        root = ET.fromstring(document, parser=ET.XMLParser(target=_NoDoctype()))  # noqa: S314
    except ET.ParseError as error:
        raise MarkupError(f"not well-formed: {error}") from error
    except (LookupError, ValueError) as error:
        raise MarkupError(f"unknown encoding: {error}") from error
    if root.tag != "xml":
        raise MarkupError(f"root element is {root.tag}")
    content = _content(root)
    return content if isinstance(content, dict) else {}


def _children(fields: Fields) -> str:
    return "".join(_element(name, value) for name, value in fields.items())


def _element(name: str, value: object) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    return f"<{name}>{_text(value)}</{name}>"


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return _children(value)
    if isinstance(value, int | float):
        return str(value)
    safe = str(value).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{safe}]]>"


def _content(element: ET.Element) -> "str | Parsed":
    if len(element) == 0:
        return element.text or ""
    found: Parsed = {}
    for child in element:
        value = _content(child)
        earlier = found.get(child.tag)
        if earlier is None:
            found[child.tag] = value
        elif isinstance(earlier, list):
            earlier.append(value)
        else:
            found[child.tag] = [earlier, value]
    return found
