"""What the law asks of a draw, as checks at publish; in mainland China for prizes that promote a business.

The most that one prize may be worth is 50,000 CNY, things at their market price (规范促销行为暂行规定, in force since 1
December 2020, art. 17). What is to be won, how, when and from whom is published before the start, and from then on
changes in the members' favour alone (art. 13). A spin is never sold for money or what stands for it: that would be
gambling.
"""

from collections.abc import Iterator
from dataclasses import fields

from handlers.rules.draw_rules import DrawRules, Pity, Prize, PrizeKind, milliseconds
from handlers.rules.prize_table import Table
from handlers.rules.problems import Problem

MOST_VALUE_FEN = 5_000_000  # of one prize
KEPT_YEARS = 2  # rules, notices, results and winners
_NEVER = float("inf")


def law_problems(rules: DrawRules, *, points_are_worth_money: bool) -> tuple[Problem, ...]:
    """Everything that the law has against it. `points_are_worth_money`: they can be bought, or turned into money."""
    found = []
    for place, prize in enumerate(rules.prizes):
        if prize.value_fen > MOST_VALUE_FEN:
            found.append(Problem(f"prizes[{place}].value_fen", "over_legal_limit", "单项奖品的价值不能超过5万元"))
        elif prize.kind is not PrizeKind.THANKS and prize.value_fen == 0:
            found.append(Problem(f"prizes[{place}].value_fen", "missing", "请填写奖品的市场价值，用于核对5万元上限"))
    if rules.price.fen or rules.price.carrier_fen:
        found.append(Problem("price", "cash_buy_in", "抽奖次数不能用钱或话费购买"))
    if rules.price.points is not None and points_are_worth_money:
        found.append(Problem("price.points", "cash_buy_in", "积分可以购买或兑现时，不能用积分抽奖"))
    has_goods = any(prize.kind is PrizeKind.GOODS for prize in rules.prizes)
    found += [
        Problem(f"notice.{each.name}", "missing", "开始之前必须向会员公示这一项")
        for each in fields(rules.notice)
        if not getattr(rules.notice, each.name).strip() and (each.name != "delivery" or has_goods)
    ]
    return tuple(found)


def only_better(before: DrawRules, after: DrawRules) -> tuple[Problem, ...]:
    """What a new version of a published draw would take from members; nothing when it may be published.

    Both versions must make a Table. Words that cannot be weighed (conditions, redemption, ...) may not change at all.
    """
    found = [*_frame(before, after)]
    known = {prize.code: (place, prize) for place, prize in enumerate(after.prizes)}
    for old in before.prizes:
        place, new = known.get(old.code, (None, None))
        if place is None or new is None:
            found.append(Problem("prizes", "removed", f"已公布的奖品“{old.name}”不能删除"))
        elif old.kind is not PrizeKind.THANKS:
            found += _prize(f"prizes[{place}]", old, new, before)
    if before.pity is not None and not found:
        found += _pity(before.pity, before, after)
    return tuple(found)


def _frame(before: DrawRules, after: DrawRules) -> Iterator[Problem]:
    if after.opens_at > before.opens_at:
        yield _worse("opens_at", "开始时间不能推迟")
    if after.closes_at < before.closes_at:
        yield _worse("closes_at", "结束时间不能提前")
    old, new = before.price, after.price
    if new.free_daily < old.free_daily:
        yield _worse("price.free_daily", "每日免费次数不能减少")
    if old.takes_chances and not new.takes_chances:
        yield _worse("price.takes_chances", "不能取消用抽奖次数参与")
    if old.points is not None and (new.points is None or new.points > old.points):
        yield _worse("price.points", "积分价格不能提高或取消")
    for name in ("per_member", "per_member_daily"):
        if _limit(getattr(after, name)) < _limit(getattr(before, name)):
            yield _worse(name, "中奖上限不能降低")
    if before.consolation not in (None, after.consolation):
        yield _worse("consolation", "安慰奖不能更换")
    for each in fields(before.notice):
        if each.name != "contact" and getattr(after.notice, each.name) != getattr(before.notice, each.name):
            yield _worse(f"notice.{each.name}", "已公示的内容不能修改")


def _prize(field: str, old: Prize, new: Prize, before: DrawRules) -> Iterator[Problem]:
    for name in ("name", "kind", "reference", "rarity"):
        if getattr(new, name) != getattr(old, name):
            yield _worse(f"{field}.{name}", f"奖品“{old.name}”不能更换")
    for name in ("ppm", "amount", "value_fen"):
        if getattr(new, name) < getattr(old, name):
            yield _worse(f"{field}.{name}", f"奖品“{old.name}”的概率、数量和价值不能降低")
    for name in ("stock", "daily", "per_member", "per_member_daily"):
        if _limit(getattr(new, name)) < _limit(getattr(old, name)):
            yield _worse(f"{field}.{name}", f"奖品“{old.name}”的库存和上限不能降低")
    if new.unlock_after > old.unlock_after:
        yield _worse(f"{field}.unlock_after", "解锁不能变难")
    thanks = next(prize.code for prize in before.prizes if prize.kind is PrizeKind.THANKS)
    if old.fallback not in (None, thanks, new.fallback):
        yield _worse(f"{field}.fallback", "替补奖品不能更换")
    instants = sorted({milliseconds(each.at) for each in (*old.releases, *new.releases)})
    is_less = _limit(new.stock) < _limit(old.stock)  # said above
    if not is_less and any(_released(new, at) < _released(old, at) for at in (0, *instants)):
        yield _worse(f"{field}.releases", "不能推迟放出")


def _released(prize: Prize, at: int) -> float:
    """How many may have been won by this instant."""
    return _limit(prize.stock) - sum(each.count for each in prize.releases if milliseconds(each.at) > at)


def _pity(old: Pity, before: DrawRules, after: DrawRules) -> Iterator[Problem]:
    new = after.pity
    if new is None or new.rarity != old.rarity:
        yield _worse("pity", "保底不能取消，也不能换成别的稀有度")
        return
    if _limit(new.guaranteed_at) > _limit(old.guaranteed_at):
        yield _worse("pity.guaranteed_at", "必中次数不能增加或取消")
    elif any(_is_rarer(before, after, since) for since in _turns(before) | _turns(after)):
        yield _worse("pity", "保底期间，已公布奖品的概率不能降低")


def _turns(rules: DrawRules) -> set[int]:
    """Where the shares begin or cease to change: between these they change evenly."""
    pity, found = rules.pity, {0}
    if pity is not None and pity.ramp_from is not None:
        thanks = next(prize.ppm for prize in rules.prizes if prize.kind is PrizeKind.THANKS)
        full = pity.ramp_from + -(-thanks // max(pity.ramp_ppm, 1))
        found |= {pity.ramp_from, max(full - 1, 0), full}
    if pity is not None and pity.guaranteed_at is not None:
        found |= {max(pity.guaranteed_at - 2, 0), pity.guaranteed_at - 1}
    return found


def _is_rarer(before: DrawRules, after: DrawRules, since: int) -> bool:
    """Whether a prize that pity speaks of has a smaller share after so many spins; 1 ppm is a matter of rounding."""
    old, new = Table(before), Table(after)
    spins = max(prize.unlock_after for prize in (*before.prizes, *after.prizes))
    was, will = old.shares(spins, since).ppm, new.shares(spins, since).ppm
    rare = [place for place in range(len(before.prizes)) if old.is_rare(place)]
    return any(will[new.places[before.prizes[place].code]] < was[place] - 1 for place in rare)


def _limit(count: int | None) -> float:
    return _NEVER if count is None else count


def _worse(field: str, why: str) -> Problem:
    return Problem(field, "worse_for_members", why)
