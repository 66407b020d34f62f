"""Refusals of signing in, joining and leaving."""

from handlers.errors.base import DomainError, ErrorKind


class NotSignedIn(DomainError):
    kind, code, message = ErrorKind.UNAUTHENTICATED, "session.required", "登录已失效，请重新打开小程序。"


class LoginCodeRefused(DomainError):
    """The wx.login code is used, expired, or of another mini-program."""

    kind, code, message = ErrorKind.INVALID, "session.code_refused", "登录没有成功，请重新打开小程序再试。"


class LoginBlocked(DomainError):
    """WeChat calls this person a high risk (40226); trying again does not help."""

    kind, code, message = ErrorKind.FORBIDDEN, "session.blocked", "微信提示当前账号存在风险，暂时无法登录。"


class AccountUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "account.unknown", "没有找到这个账号，请检查后再试。"


class MemberFrozen(DomainError):
    kind, code, message = ErrorKind.FORBIDDEN, "member.frozen", "您的账号暂时不能使用，请联系客服。"


class NotAMember(DomainError):
    kind, code, message = ErrorKind.FORBIDDEN, "member.required", "请先入会，再使用这项服务。"


class ConsentMissing(DomainError):
    """A consent that joining needs was not given; facts: `purposes`."""

    kind, code, message = ErrorKind.INVALID, "consent.missing", "请先阅读并同意会员协议，再办理入会。"


class ConsentOutdated(DomainError):
    """The version agreed to is not the current one; facts: `purpose`, `version` (the current one)."""

    kind, code, message = ErrorKind.CONFLICT, "consent.outdated", "协议有更新，请重新阅读并同意。"


class ConsentUnknown(DomainError):
    kind, code, message = ErrorKind.INVALID, "consent.unknown", "没有这项授权，请刷新后再试。"


class ConsentNeeded(DomainError):
    """Membership itself cannot be withdrawn alone: that is leaving the programme."""

    kind, code, message = ErrorKind.CONFLICT, "consent.needed", "会员协议不能单独撤回，如需退出请注销会员。"


class PhoneConsentMissing(DomainError):
    kind, code, message = ErrorKind.INVALID, "phone.consent_missing", "使用手机号前，请先同意手机号授权。"


class PhoneCodeRefused(DomainError):
    """The phone code is used, expired, or of another mini-program."""

    kind, code, message = ErrorKind.INVALID, "phone.code_refused", "手机号授权已失效，请重新点击授权。"


class PhoneBlocked(DomainError):
    kind, code, message = ErrorKind.INVALID, "phone.blocked", "这个号码不能使用，请换一个号码。"


class BirthdayInvalid(DomainError):
    """In the future, or of nobody alive."""

    kind, code, message = ErrorKind.INVALID, "profile.birthday_invalid", "生日不能晚于今天，请核对后再填。"


class DepartureHindered(DomainError):
    """Something of theirs is open. Facts: `reasons`, stable words; `left_fen`, `paid_claims`: what they would lose."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "member.departure_hindered",
        "您还有未完成的订单、提现，或余额、已付款未用的权益，请先处理完或确认放弃，再注销会员。",
    )
