"""Sentences that were agreed word by word, and what is computed for them."""

from datetime import timedelta

import pytest

from bot import draw_texts, offer_texts, texts
from handlers.errors import MoneyShort


def test_what_was_agreed_is_said_word_by_word():
    assert texts.UNKNOWN == "没有明白您的意思。可以回复：权益、我的、绑卡、人工。"
    assert texts.ONLY_TEXT.endswith("可以回复：权益、我的、绑卡、人工。")
    assert texts.welcome("江南") == ("您好，欢迎来到江南。回复“权益”看可领取的，“绑卡”关联已有会员卡，“人工”找客服。")
    assert texts.welcome_back() == "欢迎回来。您的会员卡和权益都还在，回复“我的”查看。"
    assert draw_texts.FAILED == "这次没有抽成，次数和积分已退回。"


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(seconds=-1), "不到1分钟"),
        (timedelta(seconds=59), "不到1分钟"),
        (timedelta(minutes=1), "1分钟"),
        (timedelta(hours=2), "2小时"),
        (timedelta(hours=2, minutes=5, seconds=59), "2小时5分钟"),
        (timedelta(days=1), "1天"),
        (timedelta(days=1, hours=3, minutes=20), "1天3小时"),
        (timedelta(days=1, minutes=59), "1天"),
    ],
)
def test_a_countdown_is_rounded_down(left, said):
    assert offer_texts.span(left) == said


def test_prices_in_money_name_every_way_of_paying():
    assert offer_texts.money(1990, 0, 0) == "19.90元"
    assert offer_texts.money(2000, 2000, 0) == "20元或话费20元"
    assert offer_texts.money(0, 905, 30) == "话费9.05元加30分"


@pytest.mark.parametrize(
    ("needed", "available", "said"),
    [(100, 0, "需要1元，可用0元"), (101, 5, "需要1.01元，可用0.05元"), (123456, 1050, "需要1234.56元，可用10.50元")],
)
def test_what_is_missing_of_money_is_told_in_yuan(needed, available, said):
    assert MoneyShort(unit="fen", needed=needed, available=available).sentence == f"余额不足，{said}。"
