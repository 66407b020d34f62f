"""The values a template or subscribe message may carry."""

import re
from collections.abc import Mapping, Sequence

from simulator.errors import WeChatError

_DATE = r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日)"
_TIME = r"\d{1,2}:\d{2}(:\d{2})?"
_RULES = {
    "thing": r"[^\n]{1,20}",
    "short_thing": r"[^\n]{1,5}",
    "number": r"-?(?=.{1,32}$)\d+(\.\d+)?",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"[^\w\s]{1,5}",
    "character_string": r"[!-~]{1,32}",
    "time": rf"({_DATE} )?{_TIME}|{_DATE}",
    "date": rf"{_DATE}( {_TIME})?",
    "amount": r"[¥￥$€£]?\d{1,10}(\.\d+)?元?",
    "phone_number": r"[0-9+\- ]{1,17}",
    "car_number": r"\w{1,8}",
    "name": r"[一-鿿·]{1,10}|[A-Za-z .]{1,20}",
    "phrase": r"[一-鿿]{1,5}",
    "const": r"[^\n]{1,20}",
}
_PATTERNS = {name: re.compile(rule) for name, rule in _RULES.items()}
_ANY = re.compile(r"[^\n]{1,20}")


def check_values(wanted: Sequence[str], data: object) -> None:
    """Raise 47003, naming the field, unless every wanted field has a value its kind allows."""
    for name in wanted:
        given = data.get(name) if isinstance(data, Mapping) else None
        value = given.get("value") if isinstance(given, Mapping) else None
        if not isinstance(value, str) or not value:
            raise WeChatError(47003, f"argument invalid! data.{name}.value is empty")
        pattern = _PATTERNS.get(name.rstrip("0123456789"), _ANY)
        if not pattern.fullmatch(value):
            raise WeChatError(47003, f"argument invalid! data.{name}.value invalid")
