"""What an offer's terms must not say when it is published. Each problem names the field and says why."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

from handlers.rules.offer_terms import Audience, Limit, OfferTerms, Period, Price, Validity, ValidityKind
from handlers.rules.problems import Problem
from handlers.rules.stock_buckets import is_on, next_opening
from handlers.rules.validity import ends_at

MOST = 2_147_483_647  # what a counter holds
MOST_FEN = 10_000_000  # of one, in money
MOST_DAYS = 3_660
MOST_MINUTES = 7 * 24 * 60  # of opening early
MOST_OF_ONE = 1_000  # claims of one member within a period
_EARLIEST, _LATEST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_LENGTHS = (Period.DAY, Period.WEEK, Period.MONTH, Period.YEAR, Period.EVER)  # short to long


def problems_of(
    terms: OfferTerms, now: datetime, zone: ZoneInfo, *, takes_money: bool = False, takes_bill: bool = False
) -> tuple[Problem, ...]:
    """Everything that is wrong with the terms; nothing when they can be published now.

    `takes_money`: a payment service is set up, so that something may be sold; `takes_bill`: so is a carrier, so that it
    may be paid on a phone bill.
    """
    if far := tuple(_too_far(terms)):
        return far
    found = [
        *_prices(terms, takes_money=takes_money, takes_bill=takes_bill),
        *_audiences(terms),
        *_window(terms, now),
        *_stock(terms),
        *_early(terms),
    ]
    found += [*_limits(terms.limits), *_validity(terms, now, zone)]
    if terms.limits == () and terms.stock is None:
        found.append(Problem("limits", "unbounded", "既没有库存也没有限领，请至少设置一项"))
    if not found and terms.waves and not _is_ever_on(terms, now, zone):
        found.append(Problem("waves", "never_on", "领取时间内没有任何一场，请调整场次或时间"))
    return tuple(found)


def _too_far(terms: OfferTerms) -> Iterator[Problem]:
    instants = {"opens_at": terms.opens_at, "closes_at": terms.closes_at, "validity.until": terms.validity.until}
    for field, instant in instants.items():
        if instant is not None and not _EARLIEST <= instant < _LATEST:
            yield Problem(field, "out_of_range", "时间超出允许的范围，请检查年份")


def _prices(terms: OfferTerms, *, takes_money: bool, takes_bill: bool) -> Iterator[Problem]:
    priced = {"price": terms.price, **{f"prices[{n}].price": each.price for n, each in enumerate(terms.prices)}}
    for field, price in priced.items():
        yield from _price(field, price, takes_money=takes_money, takes_bill=takes_bill)
    if terms.returns_to_stock and any(price.outside_points for price in priced.values()):
        yield Problem("returns_to_stock", "with_outside_points", "用合作方积分兑换的权益不能退回库存")
    if terms.original_price_fen is not None and terms.original_price_fen < 0:
        yield Problem("original_price_fen", "negative", "原价不能是负数")


def _price(field: str, price: Price, *, takes_money: bool, takes_bill: bool) -> Iterator[Problem]:
    if min(price.fen, price.points, price.carrier_fen, price.outside_points) < 0:
        yield Problem(field, "negative", "价格不能是负数")
    if price.fen > 0 and not takes_money:
        yield Problem(f"{field}.fen", "orders_missing", "还没有开通收款，现金价格暂时只能是0")
    elif price.fen > MOST_FEN:
        yield Problem(f"{field}.fen", "out_of_range", "价格太大，请检查后再填")
    elif price.is_paid and price.outside_points > 0:
        yield Problem(f"{field}.outside_points", "with_money", "合作方积分和现金价格只能设置一项")
    if price.points > MOST:
        yield Problem(f"{field}.points", "out_of_range", "积分价格太大，请检查后再填")
    if price.outside_points > MOST:
        yield Problem(f"{field}.outside_points", "out_of_range", "积分价格太大，请检查后再填")
    if bool(price.outside_points) is not bool(price.outside_account):
        yield Problem(f"{field}.outside_account", "incomplete", "合作方积分请同时填写合作方和分数")
    if price.carrier_fen > 0 and not takes_bill:
        yield Problem(f"{field}.carrier_fen", "carrier_missing", "还没有开通话费支付，话费价格暂时只能是0")
    elif price.carrier_fen > MOST_FEN:
        yield Problem(f"{field}.carrier_fen", "out_of_range", "价格太大，请检查后再填")


def _audiences(terms: OfferTerms) -> Iterator[Problem]:
    audiences: dict[str, Audience] = {"audience": terms.audience}
    audiences |= {f"prices[{n}].audience": each.audience for n, each in enumerate(terms.prices)}
    for field, audience in audiences.items():
        if audience.level_at_least is not None and audience.levels:
            yield Problem(f"{field}.levels", "with_level_at_least", "最低等级和指定等级只能设置一项")
        days = audience.joined_within_days
        if days is not None and not 0 <= days <= MOST_DAYS:
            yield Problem(f"{field}.joined_within_days", "out_of_range", "新会员天数超出范围")


def _window(terms: OfferTerms, now: datetime) -> Iterator[Problem]:
    if terms.closes_at is None:
        return
    if terms.opens_at is not None and terms.closes_at <= terms.opens_at:
        yield Problem("closes_at", "before_start", "结束时间要晚于开始时间")
    elif terms.closes_at <= now:
        yield Problem("closes_at", "in_past", "结束时间已经过去")


def _stock(terms: OfferTerms) -> Iterator[Problem]:
    if terms.stock is not None and not 0 <= terms.stock <= MOST:
        yield Problem("stock", "out_of_range", "库存不能是负数，也不能太大")
    if terms.daily_stock is not None and not 1 <= terms.daily_stock <= MOST:
        yield Problem("daily_stock", "out_of_range", "每日限量至少是1份，也不能太大")
    for number, wave in enumerate(terms.waves):
        if not 1 <= wave.count <= MOST:
            yield Problem(f"waves[{number}].count", "out_of_range", "每场至少有1份，也不能太大")
        if not _is_time(wave.at):
            yield Problem(f"waves[{number}].at", "not_a_time", "场次时间请写成 10:00 这样")
    if len({wave.at for wave in terms.waves}) < len(terms.waves):
        yield Problem("waves", "repeated", "有两场的时间相同")


def _is_time(text: str) -> bool:
    try:
        return len(text) == 5 and time.fromisoformat(text).strftime("%H:%M") == text
    except ValueError:
        return False


def _early(terms: OfferTerms) -> Iterator[Problem]:
    if terms.early and terms.opens_at is None:
        yield Problem("early", "window_missing", "提前领取需要先设置开始时间")
    if terms.early and terms.waves:
        yield Problem("early", "with_waves", "分场领取不能同时设置提前领取")
    for number, each in enumerate(terms.early):
        if not 1 <= each.minutes <= MOST_MINUTES:
            yield Problem(f"early[{number}].minutes", "out_of_range", "提前领取请设置在1分钟到7天之间")
        if bool(each.card_kind) is bool(each.level_at_least):
            yield Problem(f"early[{number}]", "incomplete", "提前领取请选择一个卡种或一个等级")
    if len({(each.card_kind, each.level_at_least) for each in terms.early}) < len(terms.early):
        yield Problem("early", "repeated", "同一卡种或等级只能设置一次提前领取")


def _limits(limits: Sequence[Limit]) -> Iterator[Problem]:
    for number, limit in enumerate(limits):
        if not 1 <= limit.count <= MOST_OF_ONE:
            yield Problem(f"limits[{number}].count", "out_of_range", "限领份数请设置在1到1000之间")
    if len({limit.period for limit in limits}) < len(limits):
        yield Problem("limits", "repeated", "同一周期只能设置一个限领")
    ordered = sorted(limits, key=lambda limit: _LENGTHS.index(limit.period))
    if any(shorter.count > longer.count for shorter, longer in pairwise(ordered)):
        yield Problem("limits", "impossible", "短周期的限领不能多于长周期的限领")


def _validity(terms: OfferTerms, now: datetime, zone: ZoneInfo) -> Iterator[Problem]:
    validity = terms.validity
    if (problem := _incomplete(validity)) is not None:
        yield problem
    elif validity.kind is ValidityKind.FIXED:
        over = ends_at(validity, now, zone)
        if over is not None and over <= max(now, terms.opens_at or now):
            yield Problem("validity.until", "in_past", "有效期在开始领取之前就结束了")
        elif terms.closes_at is None or (over is not None and terms.closes_at > over):
            yield Problem("closes_at", "after_validity", "领取要在有效期结束之前截止，请设置结束时间")


def _incomplete(validity: Validity) -> Problem | None:
    match validity.kind:
        case ValidityKind.FIXED if validity.until is None:
            return Problem("validity.until", "missing", "请填写有效期的最后一天")
        case ValidityKind.DAYS if validity.days is None or not 0 <= validity.days <= MOST_DAYS:
            return Problem("validity.days", "out_of_range", "有效天数超出范围")
        case ValidityKind.NATURAL if validity.period in (None, Period.EVER):
            return Problem("validity.period", "missing", "请选择自然日、周、月或年")
    return None


def _is_ever_on(terms: OfferTerms, now: datetime, zone: ZoneInfo) -> bool:
    start = max(now, terms.opens_at or now)
    return is_on(terms, start, zone) or next_opening(terms, start, zone) is not None
