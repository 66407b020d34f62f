"""Codes, uses and amounts as clerks write them."""

import base64
import json

import pytest

from bot.counter_words import fen_said, is_like_a_code, uses_said
from gateways.vault import FieldVault
from handlers.claims.typed_codes import codes_of, normalise, shown, typed_code
from models.ids import new_id
from tests.fakes import FIELD_KEYS, INDEX_KEY


@pytest.mark.parametrize(
    ("said", "fen"),
    [
        ("128", 12800),
        ("128元", 12800),
        ("128 元", 12800),
        ("128.5", 12850),
        ("128.50", 12850),
        ("0.01", 1),
        ("0128.05", 12805),
        ("0.29", 29),  # 0.29 * 100 is 28.999999999999996 in floats
        ("10000000000", 10**12),
        ("10000000000.01", None),
        ("0", None),
        ("0.00", None),
        ("-1", None),
        ("128.505", None),
        ("1e3", None),
        ("128.", None),
        (".5", None),
        ("1,280", None),
        ("确认", None),
        ("", None),
    ],
)
def test_amounts_in_yuan_are_read_exactly(said, fen):
    assert fen_said(said) == fen


@pytest.mark.parametrize(
    ("said", "counted", "single"),
    [
        ("确认", 1, 1),
        ("确认2", 2, None),
        ("确认 12 次", 12, None),
        ("3", 3, None),
        ("3次", 3, None),
        ("确认0", None, None),
        ("0", None, None),
        ("10000", None, None),
        ("不确认", None, None),
        ("确认次", None, None),
        ("好的", None, None),
        ("", None, None),
    ],
)
def test_uses_are_counted_only_where_there_are_several(said, counted, single):
    assert (uses_said(said, counts=True), uses_said(said, counts=False)) == (counted, single)


def test_codes_are_read_whatever_stands_between_them():
    vault = FieldVault(
        {name: base64.b64decode(key) for name, key in json.loads(FIELD_KEYS).items()}, base64.b64decode(INDEX_KEY)
    )
    codes = [typed_code(vault, new_id(), 0) for _ in range(10)]
    for between in (" ", ", ", "，", "、", "；", "\n", ""):
        assert codes_of(between.join(codes)) == tuple(codes)
    assert codes_of(" ".join(shown(code).lower().replace("-", " ") for code in codes)) == tuple(codes)
    wrong = codes[1][:-1] + next(sign for sign in "01" if sign != codes[1][-1])
    assert normalise(wrong) is None
    assert codes_of(f"{codes[0]} {wrong}") == (codes[0], None)
    for said in ("", "你好", f"核销{codes[0]}", codes[0][:-1], f"{codes[0]} {codes[1][:-1]}"):
        assert codes_of(said) == ()


def test_what_is_meant_as_a_code_is_told_from_words():
    assert is_like_a_code("4J7Q-9XKM-2TBW")
    for said in ("好的", "ok", "128.50", "确认123456789", "我要核销4J7Q9XKM2TBW5"):
        assert not is_like_a_code(said)
