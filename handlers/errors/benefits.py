"""Refusals about benefits, their quotas, and offers."""

from handlers.errors.base import DomainError, ErrorKind


class BenefitUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "benefit.unknown", "没有找到这项权益，请刷新列表。"


class BenefitTaken(DomainError):
    """Codes are unique in the whole installation: packages and offers name benefits by them."""

    kind, code, message = ErrorKind.CONFLICT, "benefit.taken", "这个权益编号已经有了，请换一个。"


class BenefitStateWrong(DomainError):
    """Only drafts are edited, only what is in review is decided, only what is in the pool is given; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "benefit.state_wrong", "权益当前状态不能这样处理，请刷新后再看。"


class BenefitTermsInvalid(DomainError):
    """Facts: `field` (`terms.parts[1].count`), `problem` (missing, unknown, wrong_type, too_small, ...), limits."""

    kind, code, message = ErrorKind.INVALID, "benefit.terms_invalid", "权益内容填写有误（{field}），请修改后再保存。"


class BenefitKindUnsupported(DomainError):
    """Nothing here can fulfil this kind; facts: `kind`, `missing`."""

    kind, code, message = ErrorKind.INVALID, "benefit.kind_unsupported", "这类权益还没有接入发放方式，暂时不能保存。"


class BenefitNotReady(DomainError):
    """It cannot go on before what it names is there; facts: `missing` (merchant, store, code_pool, supplier, part),
    `name`."""

    kind, code = ErrorKind.CONFLICT, "benefit.not_ready"
    message = "权益还缺少商户、门店、码池、供应商或组成内容，请补齐后再提交。"


class FourEyesNeeded(DomainError):
    """Whoever brought it in, or worked on it, does not decide about it."""

    kind, code, message = ErrorKind.FORBIDDEN, "benefit.four_eyes", "需要上级机构或另一位管理员来审核。"


class BenefitInPackage(DomainError):
    """Packages that are not retired have it as a part; facts: `packages` (codes)."""

    kind, code, message = ErrorKind.CONFLICT, "benefit.in_package", "还有组合权益在使用它，请先下架组合权益。"


class ChoicesInvalid(DomainError):
    """Not as many parts as are to be chosen, one twice, or none of this package; facts: `choose`."""

    kind, code, message = ErrorKind.INVALID, "benefit.choices_invalid", "请按要求选择组合里的权益后再领取。"


class QuotaTooSmall(DomainError):
    """The giver has not so much left, or the receiver has used more; facts: `left`."""

    kind, code, message = ErrorKind.CONFLICT, "quota.too_small", "剩余配额只有{left}，请调整数量。"


class QuotaMisplaced(DomainError):
    """Quota goes from an organization to one directly below it, within the benefit's own organization."""

    kind, code, message = ErrorKind.INVALID, "quota.misplaced", "配额只能分给直属的下级机构，请重新选择。"


class QuotaTooLarge(DomainError):
    """More than a counter can hold; facts: `most`."""

    kind, code, message = ErrorKind.INVALID, "quota.too_large", "配额数量太大，请减少后再提交。"
