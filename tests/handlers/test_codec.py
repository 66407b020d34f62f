"""What is stored as JSON comes back as it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Literal
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.codec import dumps, fingerprint, from_json, to_json


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Size(Enum):
    SMALL = 1
    LARGE = 2


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    colour: Colour


@dataclass(frozen=True, slots=True)
class Note:
    name: str


@dataclass(frozen=True, slots=True)
class Whole:
    id: UUID
    at: datetime
    on: date | None
    price: Decimal
    pause: timedelta
    size: Size
    parts: tuple[Part, ...]
    pair: tuple[int, str]
    either: Part | Note | None
    named: Mapping[str, Part]
    words: frozenset[str]
    raw: bytes
    way: Literal["in", "out"]
    count: int = 0


parts = st.builds(Part, name=st.text(max_size=8), colour=st.sampled_from(Colour))
wholes = st.builds(
    Whole,
    id=st.uuids(),
    at=st.datetimes(timezones=st.just(UTC)),
    on=st.none() | st.dates(),
    price=st.decimals(allow_nan=False, allow_infinity=False),
    pause=st.timedeltas(timedelta(days=-36_500), timedelta(days=36_500)),
    size=st.sampled_from(Size),
    parts=st.lists(parts, max_size=3).map(tuple),
    pair=st.tuples(st.integers(-(2**62), 2**62), st.text(max_size=5)),
    either=st.none() | parts | st.builds(Note, name=st.text(max_size=5)),
    named=st.dictionaries(st.text(max_size=4), parts, max_size=3),
    words=st.frozensets(st.text(max_size=4), max_size=4),
    raw=st.binary(max_size=8),
    way=st.sampled_from(["in", "out"]),
)


@given(wholes)
def test_a_result_survives_the_way_through_json(whole):
    assert from_json(Whole, orjson.loads(dumps(whole))) == whole


@given(wholes)
def test_the_same_result_is_the_same_text(whole):
    again = from_json(Whole, orjson.loads(dumps(whole)))
    assert dumps(again) == dumps(whole)


def test_the_order_of_a_mapping_survives():
    @dataclass(frozen=True)
    class Ordered:
        steps: dict[str, int]

    back = from_json(Ordered, orjson.loads(dumps(Ordered({"b": 1, "a": 2}))))
    assert list(back.steps) == ["b", "a"]


def test_a_field_added_later_takes_its_default():
    data = to_json(Part("x", Colour.RED))
    del data["colour"]
    with pytest.raises(TypeError):
        from_json(Part, data)

    @dataclass(frozen=True)
    class Newer:
        name: str
        colour: str = "none"

    assert from_json(Newer, data) == Newer("x", "none")


@pytest.mark.parametrize("value", [object(), Part, {1, object()}])
def test_what_json_cannot_hold_is_refused_at_once(value):
    with pytest.raises(TypeError):
        to_json(value)


def test_a_naive_instant_is_refused():
    with pytest.raises(ValueError, match="naive"):
        dumps(datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("kind", "data"), [(int, True), (int, "1"), (str, 1), (bool, 1), (Colour, "green"), (Note, {})]
)
def test_a_value_of_another_type_is_not_taken_for_this_one(kind, data):
    with pytest.raises((TypeError, ValueError)):
        from_json(kind, data)


def test_fingerprints_ignore_the_order_of_names_and_nothing_else():
    assert fingerprint({"a": 1, "b": {"c": 2, "d": 3}}) == fingerprint({"b": {"d": 3, "c": 2}, "a": 1})
    different = [{"a": 1}, {"a": "1"}, {"a": True}, {"a": None}, {"b": 1}, ["a", 1], "a", Note("a"), {"a": 2**70}]
    assert len({fingerprint(facts) for facts in different}) == len(different)
    assert fingerprint(["a", "b"]) != fingerprint(["b", "a"])
