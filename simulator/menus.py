"""The bottom menu of an official account: what may be published, and finding a button in it."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import TypeAlias

from simulator.errors import WeChatError

Button: TypeAlias = Mapping[str, object]
Menu: TypeAlias = Mapping[str, object]

_NEEDS_KEY = {
    "click",
    "scancode_push",
    "scancode_waitmsg",
    "pic_sysphoto",
    "pic_photo_or_album",
    "pic_weixin",
    "location_select",
}
_NEEDS_MEDIA = {"media_id": "media_id", "article_id": "article_id", "article_view_limited": "article_id"}
_MOST_BUTTONS = 3
_MOST_SUB_BUTTONS = 5
_KEY_BYTES = 128
_URL_BYTES = 1024


@dataclass(frozen=True)
class _Level:
    """Limits and error codes of one level."""

    name_bytes: int
    bad_type: int
    bad_name: int
    bad_key: int
    bad_url: int
    bad_domain: int


_TOP = _Level(16, 40017, 40018, 40019, 40020, 40055)
_SUB = _Level(60, 40024, 40025, 40026, 40027, 40054)


def validate(menu: Menu, linked_app_ids: Set[str]) -> None:
    """Raise the WeChatError of the first thing wrong; mini-programs in a menu must be linked to the account."""
    buttons = _list(menu.get("button"), 40016)
    if not 1 <= len(buttons) <= _MOST_BUTTONS:
        raise WeChatError(40016)
    for button in buttons:
        _check_name(button, _TOP)
        if "sub_button" not in button:
            _check_action(button, _TOP, linked_app_ids)
            continue
        subs = _list(button["sub_button"], 40023)
        if not 1 <= len(subs) <= _MOST_SUB_BUTTONS:
            raise WeChatError(40023)
        for sub in subs:
            if "sub_button" in sub:
                raise WeChatError(40022)
            _check_name(sub, _SUB)
            _check_action(sub, _SUB, linked_app_ids)


def buttons_of(menu: Menu) -> Iterator[Button]:
    """Every button that does something."""
    for button in _list(menu.get("button"), 40016):
        if "sub_button" in button:
            yield from _list(button["sub_button"], 40023)
        else:
            yield button


def find(menu: Menu, wanted: str) -> Button | None:
    """The button with this key, or else with this name, url or page."""
    for attribute in ("key", "name", "url", "pagepath"):
        for button in buttons_of(menu):
            if button.get(attribute) == wanted:
                return button
    return None


def _list(value: object, errcode: int) -> list[Button]:
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise WeChatError(errcode)
    return value


def _check_name(button: Button, level: _Level) -> None:
    name = button.get("name")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= level.name_bytes:
        raise WeChatError(level.bad_name)


def _check_action(button: Button, level: _Level, linked_app_ids: Set[str]) -> None:
    kind = button.get("type")
    if kind in _NEEDS_KEY:
        _check_size(button, "key", _KEY_BYTES, level.bad_key)
    elif kind == "view":
        _check_url(button, level)
    elif kind == "miniprogram":
        _check_url(button, level)
        _check_size(button, "pagepath", _URL_BYTES, level.bad_url)
        if button.get("appid") not in linked_app_ids:
            raise WeChatError(45064)
    elif isinstance(kind, str) and kind in _NEEDS_MEDIA:
        _check_size(button, _NEEDS_MEDIA[kind], _KEY_BYTES, level.bad_key)
    else:
        raise WeChatError(level.bad_type)


def _check_url(button: Button, level: _Level) -> None:
    _check_size(button, "url", _URL_BYTES, level.bad_url)
    if not str(button["url"]).startswith(("http://", "https://")):
        raise WeChatError(level.bad_domain)


def _check_size(button: Button, attribute: str, most_bytes: int, errcode: int) -> None:
    value = button.get(attribute)
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= most_bytes:
        raise WeChatError(errcode)
