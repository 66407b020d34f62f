"""What the rules of a draw must not say when they are published. Each problem names the field and says why."""

import re
from collections.abc import Iterator
from datetime import datetime

from handlers.rules.draw_rules import WHOLE, DrawRules, Pity, Prize, PrizeKind
from handlers.rules.offer_checks import MOST
from handlers.rules.problems import Problem

MOST_PRIZES, MOST_RARITY, MOST_NAME = 100, 9, 64
MOST_SPINS = 100_000  # that pity or a lock may ask for
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_AMOUNTS = (PrizeKind.POINTS, PrizeKind.CHANCES, PrizeKind.GROWTH)


def problems_of(rules: DrawRules, now: datetime) -> tuple[Problem, ...]:
    """Everything that is wrong with the rules; nothing when they can be published now.

    Whether a benefit exists, and whether somebody fulfils a kind of prize, is asked elsewhere.
    """
    found = [*_window(rules, now), *_table(rules), *_price(rules)]
    for place, prize in enumerate(rules.prizes):
        found += _prize(f"prizes[{place}]", prize, rules)
    if rules.pity is not None:
        found += _pity(rules.pity, rules)
    if rules.consolation is not None and all(prize.code != rules.consolation for prize in rules.prizes):
        found.append(Problem("consolation", "unknown", "没有这个安慰奖，请从奖品中选一个"))
    for name in ("per_member", "per_member_daily"):
        if (limit := getattr(rules, name)) is not None and not 1 <= limit <= MOST:
            found.append(Problem(name, "out_of_range", "中奖上限至少是1，不限请留空"))
    return tuple(found)


def _window(rules: DrawRules, now: datetime) -> Iterator[Problem]:
    if not 1 <= len(rules.title) <= MOST_NAME:
        yield Problem("title", "out_of_range", f"请填写活动名称，不超过{MOST_NAME}字")
    if rules.closes_at <= rules.opens_at:
        yield Problem("closes_at", "before_opening", "结束时间要晚于开始时间")
    elif rules.closes_at <= now:
        yield Problem("closes_at", "in_past", "结束时间已经过去")


def _table(rules: DrawRules) -> Iterator[Problem]:
    if not 2 <= len(rules.prizes) <= MOST_PRIZES:
        yield Problem("prizes", "out_of_range", f"奖品连同“谢谢参与”为2到{MOST_PRIZES}项")
    if (total := sum(prize.ppm for prize in rules.prizes)) != WHOLE:
        yield Problem("prizes", "odds_sum", f"各项概率之和须正好是{WHOLE}，现在是{total}")
    thanks = [place for place, prize in enumerate(rules.prizes) if prize.kind is PrizeKind.THANKS]
    if len(thanks) != 1:
        yield Problem("prizes", "no_thanks" if not thanks else "many_thanks", "须正好有一项“谢谢参与”，概率可以是0")
    codes: set[str] = set()
    for place, prize in enumerate(rules.prizes):
        if prize.code in codes:
            yield Problem(f"prizes[{place}].code", "twice", "奖品编号重复")
        codes.add(prize.code)
    for place, prize in enumerate(rules.prizes):
        if prize.fallback is not None and prize.fallback not in codes:
            yield Problem(f"prizes[{place}].fallback", "unknown", "没有这个替补奖品")
        elif _turns_in_a_circle(prize, rules):
            yield Problem(f"prizes[{place}].fallback", "circle", "替补奖品绕回了自己")


def _turns_in_a_circle(prize: Prize, rules: DrawRules) -> bool:
    following = {each.code: each.fallback for each in rules.prizes}
    seen, code = {prize.code}, prize.fallback
    while code is not None and code not in seen:
        seen.add(code)
        code = following.get(code)
    return code is not None


def _price(rules: DrawRules) -> Iterator[Problem]:
    price = rules.price
    if not 0 <= price.free_daily <= MOST:
        yield Problem("price.free_daily", "out_of_range", "每日免费次数不能是负数")
    if price.points is not None and not 1 <= price.points <= MOST:
        yield Problem("price.points", "out_of_range", "积分价格至少是1，不用积分请留空")
    if price.free_daily == 0 and price.points is None and not price.takes_chances:
        yield Problem("price", "no_way_in", "没有任何参与方式，请设置免费次数、抽奖次数或积分")


def _prize(field: str, prize: Prize, rules: DrawRules) -> Iterator[Problem]:
    if not _CODE.fullmatch(prize.code):
        yield Problem(f"{field}.code", "malformed", "编号用小写字母、数字、横线，不超过32位")
    if not 1 <= len(prize.name) <= MOST_NAME:
        yield Problem(f"{field}.name", "out_of_range", f"请填写奖品名称，不超过{MOST_NAME}字")
    if not 0 <= prize.ppm <= WHOLE:
        yield Problem(f"{field}.ppm", "out_of_range", f"概率为0到{WHOLE}")
    if not 0 <= prize.rarity <= MOST_RARITY:
        yield Problem(f"{field}.rarity", "out_of_range", f"稀有度为0到{MOST_RARITY}")
    if not 0 <= prize.value_fen <= MOST:
        yield Problem(f"{field}.value_fen", "out_of_range", "价值不能是负数")
    if not 0 <= prize.unlock_after <= MOST_SPINS:
        yield Problem(f"{field}.unlock_after", "out_of_range", f"解锁所需次数为0到{MOST_SPINS}")
    if prize.kind is PrizeKind.THANKS:
        yield from _thanks(field, prize)
        return
    if prize.kind in _AMOUNTS and not 1 <= prize.amount <= MOST:
        yield Problem(f"{field}.amount", "out_of_range", "请填写数量，至少是1")
    if prize.kind is PrizeKind.BENEFIT and not prize.reference:
        yield Problem(f"{field}.reference", "missing", "请选择权益")
    yield from _stock(field, prize, rules)


def _thanks(field: str, prize: Prize) -> Iterator[Problem]:
    limited = prize.stock, prize.daily, prize.per_member, prize.per_member_daily, prize.fallback
    if any(each is not None for each in limited) or prize.releases or prize.unlock_after or prize.rarity:
        yield Problem(field, "limited_thanks", "“谢谢参与”不能有库存、上限、稀有度、解锁或替补")
    if prize.value_fen or prize.amount or prize.reference:
        yield Problem(field, "worthy_thanks", "“谢谢参与”不能有价值")


def _stock(field: str, prize: Prize, rules: DrawRules) -> Iterator[Problem]:
    for name in ("stock", "daily", "per_member", "per_member_daily"):
        limit = getattr(prize, name)
        if limit is not None and not 1 <= limit <= MOST:
            yield Problem(f"{field}.{name}", "out_of_range", "至少是1，不限请留空")
    if prize.kind is PrizeKind.GOODS and prize.stock is None:
        yield Problem(f"{field}.stock", "missing", "实物奖品须有库存")
    if not prize.releases:
        return
    if any(each.count < 1 for each in prize.releases):
        yield Problem(f"{field}.releases", "out_of_range", "每次放出的数量至少是1")
    if prize.stock is None or sum(each.count for each in prize.releases) > prize.stock:
        yield Problem(f"{field}.releases", "more_than_stock", "分时放出的总数不能多于库存")
    if any(not rules.opens_at <= each.at < rules.closes_at for each in prize.releases):
        yield Problem(f"{field}.releases", "outside", "放出时间要在活动时间之内")


def _pity(pity: Pity, rules: DrawRules) -> Iterator[Problem]:
    if not 1 <= pity.rarity <= MOST_RARITY:
        yield Problem("pity.rarity", "out_of_range", f"稀有度为1到{MOST_RARITY}")
    rare = [prize for prize in rules.prizes if prize.rarity >= pity.rarity and prize.ppm > 0]
    if not rare:
        yield Problem("pity.rarity", "none_so_rare", "没有达到这个稀有度且概率大于0的奖品")
    if pity.guaranteed_at is None and pity.ramp_from is None:
        yield Problem("pity", "empty", "请设置必中次数或概率递增")
    if pity.guaranteed_at is not None:
        if not 1 <= pity.guaranteed_at <= MOST_SPINS:
            yield Problem("pity.guaranteed_at", "out_of_range", f"必中次数为1到{MOST_SPINS}")
        elif rare and all(prize.unlock_after >= pity.guaranteed_at for prize in rare):
            yield Problem("pity.guaranteed_at", "still_locked", "到必中那一次，奖品都还没有解锁")
    if pity.ramp_from is None:
        if pity.ramp_ppm:
            yield Problem("pity.ramp_from", "missing", "请填写从第几次起递增")
        return
    if not 0 <= pity.ramp_from <= MOST_SPINS:
        yield Problem("pity.ramp_from", "out_of_range", f"递增起点为0到{MOST_SPINS}")
    if not 1 <= pity.ramp_ppm <= WHOLE:
        yield Problem("pity.ramp_ppm", "out_of_range", f"每次递增的概率为1到{WHOLE}")
