"""Tasks as they are published, and the law about them: nobody is rewarded for sharing, and following gates nothing.

WeChat forbids rewards for the act of sharing (诱导分享) and for following (诱导关注); what may be rewarded is what
somebody did, and that a friend whom they invited came and did something of their own accord.
"""

import re
import unicodedata
from dataclasses import dataclass

from handlers.rules.offer_terms import Period
from handlers.rules.rewards import Reward

PROFILE, CARD, REDEMPTION, INVITE = "profile", "card", "redemption", "invite"
PERIODS = {
    PROFILE: {Period.EVER},
    CARD: {Period.EVER},
    REDEMPTION: {Period.EVER, Period.DAY, Period.WEEK, Period.MONTH},
    INVITE: {Period.EVER},
}
MOST_INVITED, MOST_DAYS = 1_000, 31
_NO_SHARING = "不能奖励分享、转发、集赞这些行为，可以奖励好友自己的真实行为"
_NO_FOLLOWING = "不能奖励关注，也不能把关注作为领取的条件"
_OF_INDUCEMENT = {
    **dict.fromkeys(("share", "forward", "moments", "like"), _NO_SHARING),
    **dict.fromkeys(("follow", "subscribe"), _NO_FOLLOWING),
}
_SHARING = "不能诱导分享：请去掉“{word}”，写会员自己要做的事"
_FOLLOWING = "不能诱导关注：请去掉“{word}”，关注不能作为领取的条件"
_SHARING_WORDS = ("转发", "分享", "朋友圈", "集赞", "点赞", "助力", "砍价", "发圈", "群发", "扩散", "拉人", "拉新")
_FOLLOWING_WORDS = ("关注", "订阅公众号", "加粉")
_WORDS = {**dict.fromkeys(_SHARING_WORDS, _SHARING), **dict.fromkeys(_FOLLOWING_WORDS, _FOLLOWING)}
_TRADITIONAL = str.maketrans("轉發關註贊讚圈擴訂閱眾號紅", "转发关注赞赞圈扩订阅众号红")
_BETWEEN = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class TaskTerms:
    """A task. `acts_days`: of an invited person who has redeemed nothing, on how many days they have to check in.

    `most_a_day` and `most`: invited persons that are rewarded per business day, and in all; None: no limit.
    """

    kind: str
    title: str
    rewards: tuple[Reward, ...]
    description: str = ""
    button: str = ""
    period: Period = Period.EVER
    acts_days: int = 1
    most_a_day: int | None = None
    most: int | None = None


def inducement(text: str) -> tuple[str, str] | None:
    """The first word that urges to share or to follow, and why it cannot stand; None: there is none.

    Signs and spaces between the characters, full-width and traditional forms hide nothing.
    """
    plain = _BETWEEN.sub("", unicodedata.normalize("NFKC", text).translate(_TRADITIONAL))
    word = next((each for each in _WORDS if each in plain), None)
    return None if word is None else (word, _WORDS[word].format(word=word))


def problems_of(terms: TaskTerms) -> list[tuple[str, str]]:
    """What keeps a task from being published: the field, and why, in words for operators."""
    problems = []
    if (why := _OF_INDUCEMENT.get(terms.kind)) is not None:
        problems.append(("kind", why))
    elif terms.kind not in PERIODS:
        problems.append(("kind", f"没有“{terms.kind}”这种任务"))
    elif terms.period not in PERIODS[terms.kind]:
        problems.append(("period", "这种任务不能按这个周期重复"))
    if not terms.title:
        problems.append(("title", "请填写任务名称"))
    texts = {field: inducement(getattr(terms, field)) for field in ("title", "description", "button")}
    problems += [(field, found[1]) for field, found in texts.items() if found is not None]
    if not terms.rewards:
        problems.append(("rewards", "至少要有一项奖励"))
    if not 1 <= terms.acts_days <= MOST_DAYS:
        problems.append(("acts_days", f"好友签到的天数要在1到{MOST_DAYS}之间"))
    for field in ("most_a_day", "most"):
        most = getattr(terms, field)
        if most is not None and not 1 <= most <= MOST_INVITED:
            problems.append((field, f"上限要在1到{MOST_INVITED}之间"))
    if terms.kind == INVITE and terms.most is None:
        problems.append(("most", "邀请任务要写明每人最多奖励多少位好友"))
    return problems


def room_left(terms: TaskTerms, *, finished: int, finished_today: int) -> int:
    """How many more a member can be rewarded for now."""
    limits = [(terms.most, finished), (terms.most_a_day, finished_today)]
    return min((max(most - done, 0) for most, done in limits if most is not None), default=MOST_INVITED)
