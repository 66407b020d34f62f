"""Pydantic's findings in our words: which of our own fields, and what is wrong with it; never what was sent."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from miniapp_api.errors import WrongShape

MAX_LISTED = 20

SENTENCES: Mapping[str, str] = {
    "missing": "必填",
    "unknown": "有不认识的字段",
    "wrong_type": "类型不对",
    "out_of_range": "超出范围",
    "wrong_value": "取值不对",
    "repeated": "重复了",
}

_WORDS: Mapping[str, str] = {
    "missing": "missing",
    "extra_forbidden": "unknown",
    "unexpected_keyword_argument": "unknown",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "string_too_short": "out_of_range",
    "string_too_long": "out_of_range",
    "too_short": "out_of_range",
    "too_long": "out_of_range",
    "int_parsing_size": "out_of_range",
}


def field_names(schema: Mapping[str, Any]) -> frozenset[str]:
    """Every property name of a JSON schema and of the models it refers to: the names that are ours to say."""
    names: set[str] = set()
    for part in (schema, *schema.get("$defs", {}).values()):
        names.update(part.get("properties", {}))
    return frozenset(names)


def wrong_shape(trouble: ValidationError, names: frozenset[str]) -> WrongShape:
    """The refusal for what pydantic found. Names that are not ours are counted, not repeated."""
    found = dict.fromkeys(
        _finding(error["loc"], error["type"], names)
        for error in trouble.errors(include_url=False, include_context=False, include_input=False)
    )
    return wrong_fields(found)


def wrong_fields(found: Iterable[tuple[str, str]]) -> WrongShape:
    """The refusal for (field, problem) pairs; the words are the keys of SENTENCES."""
    listed = list(found)[:MAX_LISTED]
    detail = "；".join(f"{field}：{SENTENCES[word]}" if field else SENTENCES[word] for field, word in listed)
    return WrongShape(detail=f"{detail}。", errors=[{"field": field, "problem": word} for field, word in listed])


def _finding(location: tuple[int | str, ...], kind: str, names: frozenset[str]) -> tuple[str, str]:
    word = _WORDS.get(kind) or ("wrong_type" if kind.endswith(("_type", "_from_float")) else "wrong_value")
    if word == "unknown":
        location = location[:-1]  # its last part is the client's own word
    path = (str(part) if isinstance(part, int) or part in names else "*" for part in location)
    return ".".join(path), word
