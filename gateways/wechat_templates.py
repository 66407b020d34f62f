"""What template and subscription messages may hold. WeChat refuses the whole message for one value that is too long."""

import re
from collections.abc import Mapping
from types import MappingProxyType

# Only kinds of free text are shortened; a number, an amount or an instant that does not fit is a mistake to be seen.
LONGEST: Mapping[str, int] = MappingProxyType({"thing": 20, "short_thing": 5, "phrase": 5})
_SPACES = re.compile(r"\s+")


def fitted(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """`{"thing1": "…"}` as WeChat wants it, `{"thing1": {"value": "…"}}`: one line each, long texts cut by "…"."""
    return {name: {"value": _fit(name, value)} for name, value in values.items()}


def _fit(name: str, value: str) -> str:
    line = _SPACES.sub(" ", value).strip()
    longest = LONGEST.get(name.rstrip("0123456789"))
    return line if longest is None or len(line) <= longest else line[: longest - 1] + "…"
