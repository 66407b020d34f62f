"""The page that tells members what they can win and how: written from the very table that the engine asks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from handlers.rules.draw_rules import DrawRules, Prize, PrizeKind
from handlers.rules.prize_table import Table

_FAIR = "每天开始前公布随机种子的指纹，当天结束后公布种子，任何人都可以用它重新算出每一次的结果。"


@dataclass(frozen=True, slots=True)
class DisclosedPrize:
    """One line of the table of prizes. `ppm` is the share without pity; None: no limit."""

    name: str
    ppm: int
    odds: str  # 0.5%
    quantity: int | None
    left: int | None
    daily: int | None


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What is published: the table of prizes in the order of the wheel, and sentences."""

    title: str
    prizes: tuple[DisclosedPrize, ...]
    sentences: tuple[str, ...]


def disclosure(table: Table, zone: ZoneInfo, left: Sequence[int | None] | None = None) -> Disclosure:
    """Of this version. `left`: the units left in all, in the order of the prizes; as at the start when left out."""
    rules = table.rules
    units = [prize.stock for prize in rules.prizes] if left is None else left
    ppm = [prize.ppm for prize in rules.prizes]
    prizes = tuple(
        DisclosedPrize(prize.name, share, percent(share), prize.stock, have, prize.daily)
        for prize, share, have in zip(rules.prizes, ppm, units, strict=True)
    )
    return Disclosure(rules.title, prizes, tuple(_sentences(table, zone)))


def percent(ppm: int) -> str:
    """Exactly, without zeros that say nothing: 5%, 0.0001%."""
    whole, rest = divmod(ppm, 10_000)
    return f"{whole}.{rest:04}".rstrip("0").rstrip(".") + "%"


def _sentences(table: Table, zone: ZoneInfo) -> Iterator[str]:
    rules, notice = table.rules, table.rules.notice
    yield f"活动时间：{_when(rules.opens_at, zone)}至{_when(rules.closes_at, zone)}，随时抽、即时开奖。"
    yield f"参与条件：{notice.conditions}"
    yield f"参与方式：{'；'.join(_ways(rules))}。"
    for prize in rules.prizes:
        yield from _of_prize(prize, table, zone)
    yield from _pity(table)
    if rules.per_member is not None:
        yield f"每人在整个活动中最多中奖{rules.per_member}次。"
    if rules.per_member_daily is not None:
        yield f"每人每天最多中奖{rules.per_member_daily}次。"
    consolation = table.prizes[table.consolations[0]].name
    yield f"有违规记录的账号只能得到“{consolation}”。"
    yield f"兑奖：{notice.redemption}"
    if notice.delivery:
        yield f"寄送：{notice.delivery}"
    yield f"失效：{notice.forfeiture}"
    yield _FAIR
    yield f"主办方：{notice.organiser}；联系方式：{notice.contact}"


def _ways(rules: DrawRules) -> Iterator[str]:
    price = rules.price
    if price.free_daily:
        yield f"每天免费{price.free_daily}次"
    if price.takes_chances:
        yield "用抽奖次数，每次用1个"
    if price.points is not None:
        yield f"用积分，每次{price.points}分"


def _of_prize(prize: Prize, table: Table, zone: ZoneInfo) -> Iterator[str]:
    if prize.kind is PrizeKind.THANKS:
        return
    chain = table.chains[table.places[prize.code]]
    instead = table.prizes[chain[1]].name
    if _is_limited(prize, table.rules):
        yield f"抽中“{prize.name}”而它已发完、未到放出时间或已到您的上限时，改得“{instead}”。"
    for name, count in (("在整个活动中", prize.per_member), ("每天", prize.per_member_daily)):
        if count is not None:
            yield f"“{prize.name}”每人{name}最多{count}份。"
    if prize.unlock_after:
        yield f"“{prize.name}”在您抽满{prize.unlock_after}次后才能抽中，此前它的概率归入替补的奖品。"
    for release in prize.releases:
        yield f"“{prize.name}”中的{release.count}份从{_when(release.at, zone)}起可以抽中。"


def _is_limited(prize: Prize, rules: DrawRules) -> bool:
    limits = (
        prize.stock,
        prize.daily,
        prize.per_member,
        prize.per_member_daily,
        rules.per_member,
        rules.per_member_daily,
    )
    return any(limit is not None for limit in limits)


def _pity(table: Table) -> Iterator[str]:
    pity = table.rules.pity
    if pity is None:
        return
    rare = [place for place in range(len(table.prizes)) if table.is_rare(place)]
    names = "、".join(f"“{table.prizes[place].name}”" for place in rare)
    if pity.guaranteed_at is not None:
        unlocked = max(prize.unlock_after for prize in table.prizes)
        shares = table.shares(unlocked, pity.guaranteed_at - 1).ppm
        parts = "、".join(f"“{table.prizes[place].name}”{percent(shares[place])}" for place in rare)
        k = pity.guaranteed_at
        yield f"保底：连续{k - 1}次没有得到{names}时，第{k}次必定抽中其一（{parts}）。"
    if pity.ramp_from is not None:
        yield (
            f"概率递增：连续{pity.ramp_from}次没有得到{names}之后，每抽一次，它们合计的概率增加"
            f"{percent(pity.ramp_ppm)}，从“{table.prizes[table.thanks].name}”的概率中扣除。"
        )
    yield "得到上述奖品之一后，保底重新计数；抽中而已发完的不算得到，保底保留。"


def _when(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local.year}年{local.month}月{local.day}日{local:%H:%M}"
