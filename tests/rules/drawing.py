"""Rules of draws for tests: one that is easy to see through, and any that may be published."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from handlers.rules.draw_rules import WHOLE, DrawRules, Notice, Pity, Prize, PrizeKind, Release

OPENS = datetime(2026, 5, 1, tzinfo=UTC)
CLOSES = OPENS + timedelta(days=10)
NOTICE = Notice("本地生活", "10086", "会员", "到店出示", "顺丰", "逾期作废")
THANKS = Prize("thanks", "谢谢参与", PrizeKind.THANKS, 700_000)
PHONE = Prize("phone", "手机", PrizeKind.GOODS, 50_000, rarity=3, value_fen=300_000, stock=2, fallback="coupon")
COUPON = Prize(
    "coupon", "饮料券", PrizeKind.BENEFIT, 100_000, rarity=1, value_fen=500, reference="b1", stock=5, fallback="points"
)
POINTS = Prize("points", "十积分", PrizeKind.POINTS, 150_000, amount=10, value_fen=10)


def a_draw(*prizes: Prize, **facts: Any) -> DrawRules:
    """Phone, coupon, points and thanks, unless told otherwise."""
    return DrawRules(
        **{
            "title": "五月抽奖",
            "opens_at": OPENS,
            "closes_at": CLOSES,
            "prizes": prizes or (PHONE, COUPON, POINTS, THANKS),
            "notice": NOTICE,
            **facts,
        }
    )


few = st.none() | st.integers(1, 3)


@st.composite
def any_rules(draw: Any) -> DrawRules:
    """Of two to six prizes, with small stocks, caps, locks, releases, pity, a consolation and fallbacks."""
    count = draw(st.integers(1, 5))
    cuts = sorted(draw(st.lists(st.integers(0, WHOLE), min_size=count, max_size=count)))
    parts = [high - low for low, high in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
    prizes = [_a_prize(draw, place, parts[place]) for place in range(count)]
    place = draw(st.integers(0, count))  # thanks stands anywhere
    prizes.insert(place, Prize("thanks", "谢谢参与", PrizeKind.THANKS, parts[count]))
    rarity = draw(st.integers(1, 3))
    is_pitiful = any(prize.rarity >= rarity and prize.ppm for prize in prizes)
    return a_draw(
        *prizes,
        pity=draw(st.none() | _pities(rarity)) if is_pitiful else None,
        consolation=draw(st.none() | st.sampled_from([prize.code for prize in prizes])),
        per_member=draw(few),
        per_member_daily=draw(few),
    )


def _a_prize(draw: Any, place: int, ppm: int) -> Prize:
    stock = draw(st.none() | st.integers(1, 6))
    released = draw(st.lists(st.integers(0, 5), max_size=min(2, stock or 0)))
    later = [None, "thanks", *(f"p{number}" for number in range(place))]  # a circle cannot be
    return Prize(
        f"p{place}", f"奖品{place}", PrizeKind.POINTS, ppm, rarity=draw(st.integers(0, 3)), amount=1,
        stock=stock, daily=draw(few), releases=tuple(Release(OPENS + timedelta(seconds=at), 1) for at in released),
        per_member=draw(few), per_member_daily=draw(few),
        unlock_after=draw(st.integers(0, 3)), fallback=draw(st.sampled_from(later)),
    )  # fmt: skip


def _pities(rarity: int) -> Any:
    ramps = st.tuples(st.integers(0, 4), st.integers(1, 400_000))
    nothing = st.just((None, 0))
    return st.one_of(
        st.tuples(st.integers(1, 6), ramps | nothing), st.tuples(st.none(), ramps)
    ).map(lambda facts: Pity(rarity, facts[0], *facts[1]))  # fmt: skip
