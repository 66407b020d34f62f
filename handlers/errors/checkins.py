"""Refusals of check-ins and tasks."""

from handlers.errors.base import DomainError, ErrorKind


class AlreadyCheckedIn(DomainError):
    """Of this business day, or of a later one when a clock was set back; facts: `business_on`."""

    kind, code, message = ErrorKind.CONFLICT, "check_in.already", "今天已经签过到了，明天再来。"


class CheckInsClosed(DomainError):
    """No version of the terms is open."""

    kind, code, message = ErrorKind.CONFLICT, "check_in.closed", "现在没有签到活动，请过些时候再来。"


class DayNotMendable(DomainError):
    """Not a missed day that a card reaches; facts: `days` (those that it does, newest first)."""

    kind, code, message = ErrorKind.CONFLICT, "check_in.day_not_mendable", "这一天不能补签，请选择可以补签的日子。"


class MakeupCardMissing(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "check_in.no_card", "您没有可用的补签卡，可以通过签到和任务获得。"


class CheckInTermsWrong(DomainError):
    """Not to be published like this; facts: `why`, `problems` (each with `field` and `problem`)."""

    kind, code, message = ErrorKind.INVALID, "check_in.terms_wrong", "{why}"


class TaskUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "task.unknown", "没有找到这个任务，请刷新列表。"


class TaskCodeTaken(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "task.code_taken", "这个编号已经有任务在用，请换一个。"


class TaskStateWrong(DomainError):
    """Facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "task.state_wrong", "任务现在的状态不能这样操作，请刷新后再试。"


class TaskNotPublishable(DomainError):
    """Something is missing, or it rewards sharing or following; facts: `why`, `problems` (`field` and `problem`)."""

    kind, code, message = ErrorKind.INVALID, "task.not_publishable", "{why}"


class TaskNotDone(DomainError):
    """There is nothing to be had yet."""

    kind, code, message = ErrorKind.CONFLICT, "task.not_done", "这个任务还没有完成，完成后再来领取。"


class TaskAlreadyRewarded(DomainError):
    """What there was of this period has been given."""

    kind, code, message = ErrorKind.CONFLICT, "task.already_rewarded", "这个任务的奖励已经领过了。"
