"""Refusals about co-branded membership."""

from handlers.errors.base import DomainError, ErrorKind


class CoBrandUnknown(DomainError):
    """There is no such agreement, it is not published, or it is another one's."""

    kind, code, message = ErrorKind.NOT_FOUND, "co_brand.unknown", "没有找到这个联名活动，请从首页进入。"


class CoBrandInvalid(DomainError):
    """It cannot be kept or published; facts: `why` (sentences), `problems` (field and problem)."""

    kind, code, message = ErrorKind.INVALID, "co_brand.invalid", "{why}"


class CoBrandStateWrong(DomainError):
    """That is not possible in this state; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "co_brand.state", "这个联名活动现在的状态不能这样操作，请刷新后再看。"


class CoBrandNotOpen(DomainError):
    """It begins later; facts: `name`, `opens_at`."""

    kind, code, message = ErrorKind.CONFLICT, "co_brand.not_open", "{name}还没有开始，请到时再来。"


class CoBrandOver(DomainError):
    """It has ended; facts: `name`."""

    kind, code, message = ErrorKind.CONFLICT, "co_brand.over", "{name}已经结束，回复“会员”看其他可以办理的。"


class CoBrandJoined(DomainError):
    """They have joined before, and nobody joins twice; facts: `name`."""

    kind, code, message = ErrorKind.CONFLICT, "co_brand.joined", "您已经加入过{name}，不用重复加入。"


class CoBrandFull(DomainError):
    """What one of the sides gives is used up; facts: `name`."""

    kind, code, message = ErrorKind.CONFLICT, "co_brand.full", "{name}的名额已满，回复“会员”看其他可以办理的。"


class CoBrandUnpaid(DomainError):
    """It is for whoever has bought the plan since it began; facts: `name`, `plan`, `plan_id`."""

    kind, code, message = ErrorKind.CONFLICT, "co_brand.unpaid", "加入{name}需要先购买{plan}，付款后再加入。"


class CoBrandNothingToGive(DomainError):
    """What they have lasts as long as the agreement would give them, or it ends within a day; facts: `name`."""

    kind, code, message = ErrorKind.CONFLICT, "co_brand.nothing_to_give", "您现有的会员比{name}更久，不用加入。"
