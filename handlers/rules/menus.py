"""What may be published as the menu of an official account.

Source: WeChat's document on `cgi-bin/menu/create`: three buttons, five below each, names 16 and 60 bytes, keys 128,
addresses 1,024. Only the kinds of buttons that our chat or WeChat itself answers are allowed: no tap ends in silence.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handlers.rules.replies import APP_ID, Problem, is_https

MAX_BUTTONS = 3
MAX_CHILDREN = 5
MAX_NAME_BYTES = 16
MAX_CHILD_NAME_BYTES = 60
MAX_KEY_BYTES = 128
MAX_PATH_BYTES = 1_024

_FIELDS: Mapping[str, frozenset[str]] = {
    "click": frozenset({"key"}),
    "view": frozenset({"url"}),
    "miniprogram": frozenset({"appid", "pagepath", "url"}),
    "media_id": frozenset({"media_id"}),
    "article_id": frozenset({"article_id"}),
}

Button = Mapping[str, Any]


def problems_of_menu(buttons: Sequence[Button]) -> list[Problem]:
    """Everything wrong with a menu, by the place of the button: `buttons.0.sub_button.2.name`."""
    found = []
    if not 1 <= len(buttons) <= MAX_BUTTONS:
        found.append(Problem("buttons", "wrong_number"))
    for index, button in enumerate(buttons):
        place = f"buttons.{index}"
        found += _name(place, button, MAX_NAME_BYTES)
        children = button.get("sub_button")
        if children is None:
            found += _action(place, button)
            continue
        if not 1 <= len(children) <= MAX_CHILDREN:
            found.append(Problem(f"{place}.sub_button", "wrong_number"))
        # With buttons below it a button only opens them: WeChat drops its own action without a word.
        found += [Problem(f"{place}.{name}", "unexpected") for name in sorted(button.keys() - {"name", "sub_button"})]
        for child_index, child in enumerate(children):
            child_place = f"{place}.sub_button.{child_index}"
            found += _name(child_place, child, MAX_CHILD_NAME_BYTES)
            if "sub_button" in child:
                found.append(Problem(f"{child_place}.sub_button", "too_deep"))
            else:
                found += _action(child_place, child)
    return found


def _name(place: str, button: Button, most_bytes: int) -> Iterator[Problem]:
    name = button.get("name")
    if not isinstance(name, str) or not name.strip():
        yield Problem(f"{place}.name", "missing")
    elif len(name.encode(errors="replace")) > most_bytes:
        yield Problem(f"{place}.name", "too_long")


def _action(place: str, button: Button) -> Iterator[Problem]:
    kind = button.get("type")
    fields = _FIELDS.get(str(kind))
    if fields is None:
        yield Problem(f"{place}.type", "missing" if kind is None else "unknown_type")
        return
    for name in sorted(button.keys() - fields - {"name", "type"}):
        yield Problem(f"{place}.{name}", "unexpected")
    for name in sorted(fields & {"key", "media_id", "article_id"}):
        yield from _size(place, button, name, MAX_KEY_BYTES)
    if "pagepath" in fields:
        yield from _size(place, button, "pagepath", MAX_PATH_BYTES)
    if "appid" in fields and not APP_ID.fullmatch(str(button.get("appid", ""))):
        yield Problem(f"{place}.appid", "not_an_app_id")
    if "url" in fields and not is_https(str(button.get("url", ""))):
        yield Problem(f"{place}.url", "not_https")


def _size(place: str, button: Button, name: str, most_bytes: int) -> Iterator[Problem]:
    value = button.get(name)
    if not isinstance(value, str) or not value.strip():
        yield Problem(f"{place}.{name}", "missing")
    elif len(value.encode(errors="replace")) > most_bytes:
        yield Problem(f"{place}.{name}", "too_long")
