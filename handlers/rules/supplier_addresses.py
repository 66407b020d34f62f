"""Where a supplier may be: on the public internet behind TLS, or on this very machine for trying things out."""

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

LONGEST = 200
_NAME = re.compile(r"(?=.{4,200}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")
LOOPBACK_NAMES = frozenset({"localhost"})


def problem_of(url: str) -> str | None:
    """Why an address cannot be a supplier's (`scheme`, `host`, `path`), or None; `address_of` gives its one form.

    No user, no query, no fragment; plain http only to loopback; no numbers that stand for hosts within (private,
    link-local), however they are written: a name has letters in its last part, a literal address is a public one.
    What a name resolves to is looked at again when a connection is made.
    """
    if len(url) > LONGEST or not url.isascii() or any(character <= " " or character in "\\%" for character in url):
        return "path"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "host"
    if parts.scheme not in {"http", "https"}:
        return "scheme"
    if "@" in parts.netloc or not host:
        return "host"
    if parts.query or parts.fragment or "?" in url or "#" in url or not _PATH.fullmatch(parts.path):
        return "path"
    if any(step in {".", ".."} for step in parts.path.split("/")):
        return "path"
    if _is_loopback(host):
        return None
    if parts.scheme != "https":
        return "scheme"
    return None if _is_public(host) else "host"


def address_of(url: str) -> str:
    """The form that is stored: no slash at the end."""
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        found = ip_address(host)
    except ValueError:
        return host in LOOPBACK_NAMES
    return found.is_loopback


def _is_public(host: str) -> bool:
    try:
        found = ip_address(host)
    except ValueError:
        return bool(_NAME.fullmatch(host)) and not host.endswith((".localhost", ".local", ".internal"))
    within = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (within or found).is_global and not found.is_multicast
