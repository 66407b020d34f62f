"""The many ways to type one command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wording import _PAIRS, normalise


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("我的权益", "我的权益"),
        ("我的權益", "我的权益"),
        ("　“权益”！", "权益"),
        ("【入會】。", "入会"),
        ("綁卡~", "绑卡"),
        ("領權益👍🏻", "领权益"),
        ("簽到", "签到"),
        ("籤到", "签到"),
        ("會員碼❤️", "会员码"),
        ("選單", "选单"),
        ("抽獎～", "抽奖"),
        ("１", "1"),
        ("①", "1"),
        ("1️⃣", "1"),
        ("１．", "1"),
        ("(2)", "2"),
        ("ＡＢＣ１２３", "ABC123"),
        ("核销　 ａｂｃ", "核销 abc"),
        ("\u200b取消\ufeff", "取消"),
        ("/::)", ""),
        ("😀", ""),
        ("……", ""),
        ("", ""),
        ("abc", "abc"),
        ("同意。我要入会", "同意。我要入会"),
    ],
)
def test_a_command_is_the_same_however_it_is_typed(typed, meant):
    assert normalise(typed) == meant


@given(st.text())
def test_normalising_twice_changes_nothing_more(text):
    assert normalise(normalise(text)) == normalise(text)


def test_the_table_turns_each_character_into_one_simpler_and_goes_no_circles():
    traditional = [pair[0] for pair in _PAIRS.split()]
    simplified = {pair[1] for pair in _PAIRS.split()}
    assert {len(pair) for pair in _PAIRS.split()} == {2}
    assert len(traditional) == len(set(traditional))
    assert simplified.isdisjoint(traditional)
