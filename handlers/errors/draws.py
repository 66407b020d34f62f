"""Refusals about lucky draws: to those who spin, and to those who make them."""

from handlers.errors.base import DomainError, ErrorKind


class DrawUnknown(DomainError):
    """No such draw, or not of their city or above: the same answer."""

    kind, code, message = ErrorKind.NOT_FOUND, "draw.unknown", "没有找到这个抽奖，请刷新后再看。"


class DrawNotOpen(DomainError):
    """Facts: `title`, `time` (to read), `opens_at`."""

    kind, code, message = ErrorKind.CONFLICT, "draw.not_open", "{title}{time}开始，请到时再来。"


class DrawClosed(DomainError):
    """Facts: `title`, `closed_at`."""

    kind, code, message = ErrorKind.CONFLICT, "draw.closed", "{title}已经结束，回复“抽奖”看其他活动。"


class DrawPaused(DomainError):
    """Facts: `title`."""

    kind, code, message = ErrorKind.CONFLICT, "draw.paused", "{title}暂停中，次数不会减少，请稍后再来。"


class DrawNotForYou(DomainError):
    """Facts: `title`, `audience`, `meant` (to read)."""

    kind, code, message = (
        ErrorKind.FORBIDDEN,
        "draw.not_for_you",
        "{title}面向{meant}，您目前不在范围内。回复“抽奖”看其他活动。",
    )


class SpinsUsedUp(DomainError):
    """Nothing is left to pay with: facts `left` (spins that could be paid), `next_at` (when free ones come again)."""

    kind, code, message = ErrorKind.CONFLICT, "draw.spins_used_up", "今天的次数已用完，明天再来。"


class SpinCostsMore(DomainError):
    """What was free is used, and points were not agreed to; facts: `needed`, `agreed` (points)."""

    kind, code, message = ErrorKind.CONFLICT, "draw.costs_more", "这次需要{needed}分，请确认后再抽。"


class TimesInvalid(DomainError):
    """One or ten at a time; facts: `allowed`."""

    kind, code, message = ErrorKind.INVALID, "draw.times_invalid", "一次可以抽1次或10次，请重新选择。"


class NonceInvalid(DomainError):
    """1 to 255 visible ASCII characters."""

    kind, code, message = ErrorKind.INVALID, "draw.nonce_invalid", "随机码不符合要求，请刷新后再试。"


class DrawCodeTaken(DomainError):
    """Codes are unique in the whole installation."""

    kind, code, message = ErrorKind.CONFLICT, "draw.code_taken", "这个抽奖编号已经有了，请换一个。"


class DrawStateWrong(DomainError):
    """The draw's state does not allow this; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "draw.state_wrong", "抽奖当前状态不能这样操作，请刷新后再看。"


class DrawNotPublishable(DomainError):
    """Facts: `problems`, a list of `{field, problem}`, and `why` (to read)."""

    kind, code, message = ErrorKind.INVALID, "draw.not_publishable", "还不能发布：{why}"


class DrawChangedSince(DomainError):
    """The draft or what is published is not what was asked for any more."""

    kind, code, message = ErrorKind.CONFLICT, "draw.changed_since", "提交之后草稿又改过，请驳回后重新提交。"


class DrawNotSimulable(DomainError):
    """The draft or the plan makes no draw; facts: `problems`, a list of `{field, problem}`, and `why` (to read)."""

    kind, code, message = ErrorKind.INVALID, "draw.not_simulable", "还不能模拟：{why}"


class SimulationUnknown(DomainError):
    """The draw has no such simulation."""

    kind, code, message = ErrorKind.NOT_FOUND, "draw.simulation_unknown", "没有找到这次模拟，请刷新后再看。"


class PrizeUnknown(DomainError):
    """The draw has no such prize, or its stock has no limit."""

    kind, code, message = ErrorKind.NOT_FOUND, "draw.prize_unknown", "没有找到这个奖品的库存，请刷新后再看。"


class PrizeStockBelowAwarded(DomainError):
    """More was to be taken away than is left; facts: `left`, `awarded`."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "draw.stock_below_awarded",
        "已经抽走{awarded}份，只剩{left}份，不能减这么多。",
    )


class PrizeStockOnlyGrows(DomainError):
    """What was published may only change to members' advantage."""

    kind, code, message = ErrorKind.CONFLICT, "draw.stock_only_grows", "活动发布后奖品只能增加，不能减少。"


class DrawDayNotOver(DomainError):
    """A seed is revealed once its day is over."""

    kind, code, message = ErrorKind.CONFLICT, "draw.day_not_over", "这一天还没有结束，请第二天再公布。"


class DrawDayUnknown(DomainError):
    """The draw had no such day, or it is not revealed yet."""

    kind, code, message = ErrorKind.NOT_FOUND, "draw.day_unknown", "这一天还没有公布记录，请换一天再看。"


class ParcelUnknown(DomainError):
    """No such thing was won, or not by them."""

    kind, code, message = ErrorKind.NOT_FOUND, "parcel.unknown", "没有找到这件奖品，请刷新后再看。"


class ParcelStateWrong(DomainError):
    """It was sent, or its time is over; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "parcel.state_wrong", "这件奖品当前不能这样操作，请刷新后再看。"


class DuePrizeUnknown(DomainError):
    """No such benefit was won, or not by them."""

    kind, code, message = ErrorKind.NOT_FOUND, "prize.unknown", "没有找到这件奖品，请刷新后再看。"


class DuePrizeStateWrong(DomainError):
    """It was taken already, or its time is over; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "prize.state_wrong", "这件奖品已经领过或已过期，请刷新后再看。"


class DuePrizeSoldOut(DomainError):
    """What was chosen cannot be had at present; the prize still waits. Facts: `title`, `deadline_at`."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "prize.sold_out",
        "您选的内容暂时没有了，{title}仍为您保留，请换一项或稍后再来。",
    )
