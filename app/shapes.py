"""What the values of settings look like: each check raises ValueError, and never shows the value."""

import base64
import binascii
import ipaddress
import json
import re

from pydantic import AfterValidator, SecretStr
from yarl import URL

from gateways.vault import KEY_ID, refuse_weak_key

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

AES_KEY = re.compile(r"[A-Za-z0-9]{43}")
PUSH_TOKEN = re.compile(r"[A-Za-z0-9]{3,32}")
APP_ID = re.compile(r"wx[0-9a-f]{16}")
APP_SECRET = re.compile(r"[0-9A-Za-z]{32}")
ORIGINAL_ID = re.compile(r"gh_[0-9A-Za-z]{6,32}")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?|::1?")
_OBVIOUS = frozenset({"token", "weixin", "wechat", "fanpiao", "test", "secret", "changeme", "default", "123456"})


def matching(pattern: re.Pattern[str]) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError
        return value

    return AfterValidator(check)


def secret_matching(pattern: re.Pattern[str], *, different: int) -> AfterValidator:
    """A secret of this shape with at least so many different characters, and not a word that everybody tries."""

    def check(value: SecretStr) -> SecretStr:
        plain = value.get_secret_value()
        is_weak = len(set(plain)) < different or plain.lower() in _OBVIOUS
        if is_weak or not pattern.fullmatch(plain):
            raise ValueError
        return value

    return AfterValidator(check)


def aes_key(value: SecretStr) -> SecretStr:
    plain = value.get_secret_value()
    # The platform makes 43 letters and digits; with "=" they are the base64 of 32 bytes.
    if not AES_KEY.fullmatch(plain) or len(base64.b64decode(plain + "=")) != 32 or len(set(plain)) < 12:
        raise ValueError
    return value


def decoded_key(text: str, name: str) -> bytes:
    """32 bytes from base64 (standard or URL-safe alphabet). Raises ValueError for anything else, and for weak keys."""
    try:
        key = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        raise ValueError(f"{name}: not base64") from None
    refuse_weak_key(key, name)
    return key


def decoded_field_keys(text: str) -> dict[str, bytes]:
    """`{key id: 32 bytes}` in the order written, the first is current. Raises ValueError."""
    pairs = json.loads(text, object_pairs_hook=list)
    if not isinstance(pairs, list) or not pairs:
        raise ValueError("a JSON object with at least one key is needed")
    keys: dict[str, bytes] = {}
    for pair in pairs:
        # An array would come as a list too, but not as a list of pairs of texts.
        if not (isinstance(pair, tuple) and isinstance(pair[1], str) and KEY_ID.fullmatch(pair[0])):
            raise ValueError("key ids and base64 texts are needed")
        if pair[0] in keys:
            raise ValueError("the same key id twice")
        keys[pair[0]] = decoded_key(pair[1], f"field key {pair[0]}")
    if len(set(keys.values())) != len(keys):
        raise ValueError("the same key twice")
    return keys


def field_keys(value: SecretStr) -> SecretStr:
    decoded_field_keys(value.get_secret_value())
    return value


def index_key(value: SecretStr) -> SecretStr:
    decoded_key(value.get_secret_value(), "index key")
    return value


def networks(value: object) -> object:
    if isinstance(value, str):
        return tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
    return value


def database_url(value: str) -> str:
    if value.startswith("sqlite://") and value.removeprefix("sqlite://").strip("/") and "?" not in value:
        return value
    url = URL(value)
    if url.scheme not in {"postgres", "postgresql"} or not url.host or not url.path.strip("/"):
        raise ValueError
    return value.replace("postgresql://", "postgres://", 1)


def redis_url(value: str) -> str:
    url = URL(value)
    if value != "memory://" and (url.scheme not in {"redis", "rediss"} or not url.host):
        raise ValueError
    return value


def web_url(value: str) -> str:
    """A web address without query, fragment and credentials; a closing slash is dropped. Empty: derived elsewhere."""
    if not value:
        return value
    url = URL(value)
    if url.scheme not in {"http", "https"} or not url.host or url.query_string or url.fragment or url.user:
        raise ValueError
    return value.rstrip("/")


def api_url(value: str) -> str:
    # Secrets travel over it: without TLS only within this machine.
    if URL(web_url(value)).scheme == "http" and URL(value).host not in {"localhost", "127.0.0.1", "::1"}:
        raise ValueError
    return value.rstrip("/")
