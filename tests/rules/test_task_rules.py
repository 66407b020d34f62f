"""Tasks as pure rules: nothing that rewards sharing or asks to follow passes, however it is written."""

from dataclasses import replace

import pytest

from handlers.rules.offer_terms import Period
from handlers.rules.rewards import Reward
from handlers.rules.tasks import INVITE, PROFILE, REDEMPTION, TaskTerms, inducement, problems_of, room_left

POINTS = (Reward("points", 10, "task"),)
GOOD = TaskTerms(PROFILE, "完善资料", POINTS)
INVITING = TaskTerms(INVITE, "邀请好友入会", POINTS, "好友入会并到店核销后，您得10分。", most=10)


@pytest.mark.parametrize("kind", ["share", "forward", "moments", "like", "follow", "subscribe"])
def test_no_kind_rewards_sharing_or_following_and_the_reason_names_the_field(kind):
    ((field, why),) = problems_of(replace(GOOD, kind=kind))
    assert field == "kind"
    assert why.startswith("不能")


@pytest.mark.parametrize("field", ["title", "description", "button"])
@pytest.mark.parametrize(
    "text",
    [
        "转发得积分",
        "分享到朋友圈",
        "关注后领取",
        "关注公众号再来",
        "集 赞 三十个",
        "转-发 给好友",
        "轉發有禮",
        "關註我們",
        "分\u200b享有礼",
        "找好友助力",
    ],
)
def test_no_text_urges_to_share_or_to_follow_however_it_is_written(field, text):
    ((named, why),) = problems_of(replace(GOOD, **{field: text or "x"}))
    assert named == field
    assert "请去掉" in why


def test_plain_words_about_what_somebody_does_pass():
    assert problems_of(GOOD) == problems_of(INVITING) == []
    assert inducement("首次核销送20分，绑定会员卡再送10分") is None


def test_what_is_missing_or_out_of_measure_is_named():
    wrong = TaskTerms("climb", "", (), acts_days=0, most_a_day=0)
    assert [field for field, _ in problems_of(wrong)] == ["kind", "title", "rewards", "acts_days", "most_a_day"]
    assert [field for field, _ in problems_of(replace(INVITING, most=None))] == ["most"]
    assert [field for field, _ in problems_of(replace(GOOD, period=Period.DAY))] == ["period"]
    assert problems_of(replace(GOOD, kind=REDEMPTION, period=Period.WEEK)) == []


def test_room_is_what_both_caps_leave():
    both = replace(INVITING, most=10, most_a_day=2)
    assert room_left(both, finished=0, finished_today=0) == 2
    assert room_left(both, finished=9, finished_today=0) == 1
    assert room_left(both, finished=9, finished_today=2) == 0
    assert room_left(both, finished=12, finished_today=0) == 0
