"""Refusals about paid membership: plans, trials, activation codes."""

from handlers.errors.base import DomainError, ErrorKind


class PlanUnknown(DomainError):
    """There is no such plan, or it is not sold."""

    kind, code, message = ErrorKind.NOT_FOUND, "plan.unknown", "没有找到这个会员套餐，请刷新后再看。"


class PlanNotAbove(DomainError):
    """They have paid for another level that still runs; facts: `level` (its name)."""

    kind, code, message = ErrorKind.CONFLICT, "plan.not_above", "您现在是{level}，到期后可以再办理这一项。"


class PlanChanged(DomainError):
    """Their membership stands otherwise than when it was priced."""

    kind, code, message = ErrorKind.CONFLICT, "plan.changed", "您的会员有变化，请刷新后重新下单。"


class PlanInvalid(DomainError):
    """It cannot be published; facts: `why` (sentences), `problems` (field and problem)."""

    kind, code, message = ErrorKind.INVALID, "plan.invalid", "{why}"


class PlanNotPublished(DomainError):
    """It was never published, or was withdrawn; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "plan.not_published", "这个套餐没有在售，请先发布。"


class TrialMissing(DomainError):
    """The plan has no trial; facts: `title`."""

    kind, code, message = ErrorKind.CONFLICT, "plan.no_trial", "{title}没有试用，可以直接购买。"


class TrialUsed(DomainError):
    """This person, or somebody with the same account, phone or card, had one before."""

    kind, code, message = ErrorKind.CONFLICT, "plan.trial_used", "每人只能试用一次，您已经试用过，可以直接购买。"


class TrialNotNow(DomainError):
    """They are a paid member already."""

    kind, code, message = ErrorKind.CONFLICT, "plan.trial_not_now", "您已经是付费会员，不用试用。"


class CodeBatchInvalid(DomainError):
    """Too many codes, none, or an end that is not ahead or too far; facts: `most`, `days`."""

    kind, code, message = (
        ErrorKind.INVALID,
        "plan.codes_invalid",
        "一次生成1到{most}个激活码，有效期请设在今后{days}天以内。",
    )


class PlanCodeInvalid(DomainError):
    """No code of ours, used, or its time is over: told alike; facts: `left` (tries within the hour)."""

    kind, code, message = (
        ErrorKind.INVALID,
        "plan.code_invalid",
        "激活码不正确、已使用或已过期，请核对后再试，还可以试{left}次。",
    )


class PlanCodeTriesUsedUp(DomainError):
    """Five attempts an hour; facts: `minutes`, `retry_after`."""

    kind, code, message = ErrorKind.TOO_MANY, "plan.code_tries_used_up", "为保护您的账号，请{minutes}分钟后再试激活码。"
