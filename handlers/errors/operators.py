"""Refusals at the operators' door."""

from handlers.errors.base import DomainError, ErrorKind
from handlers.errors.membership import NotSignedIn


class OperatorNotSignedIn(NotSignedIn):
    """No token, or one that is unknown, expired, revoked, or of an operator who may not act any more."""

    message = "登录已失效，请重新登录。"


class SignInRefused(DomainError):
    """Login, password or code is wrong. Never says which: that would tell whom to guess at."""

    kind, code, message = (
        ErrorKind.UNAUTHENTICATED,
        "operator.sign_in_refused",
        "登录没有成功，请检查账号、密码和动态码后再试。",
    )


class SignInTriesUsedUp(DomainError):
    """Too many tries, the same whether somebody has the login or nobody; facts: `minutes`, `retry_after`."""

    kind, code, message = (
        ErrorKind.TOO_MANY,
        "operator.tries_used_up",
        "登录试得太多，请{minutes}分钟后再试；急用请联系管理员。",
    )


class BootstrapRefused(DomainError):
    """The token is wrong or not set, or an operator exists already."""

    kind, code, message = ErrorKind.FORBIDDEN, "operator.bootstrap_refused", "不能这样创建账号，请联系管理员。"


class RoleMissing(DomainError):
    kind, code, message = ErrorKind.FORBIDDEN, "operator.role_missing", "您没有这项权限，请联系管理员。"


class OperatorUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "operator.unknown", "没有找到这个操作员，请刷新列表。"


class OperatorLoginTaken(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "operator.login_taken", "这个登录名已经有人使用，请换一个。"


class LastAdmin(DomainError):
    """The installation would be left without an active admin of the root."""

    kind, code, message = ErrorKind.CONFLICT, "operator.last_admin", "至少要保留一位总部管理员。"


class PasswordTooWeak(DomainError):
    kind, code, message = (
        ErrorKind.INVALID,
        "operator.password_weak",
        "密码太简单，请用 12 位以上，包含大小写字母、数字和符号中的三种，并且不含登录名。",
    )


class OrganizationUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "organization.unknown", "没有找到这个机构，请刷新后再试。"


class OrganizationTaken(DomainError):
    """Codes are unique in the whole installation."""

    kind, code, message = ErrorKind.CONFLICT, "organization.taken", "这个机构编号已经有了，请换一个。"


class OrganizationMisplaced(DomainError):
    """A kind that does not stand below the chosen one: provinces below the operator, cities below provinces."""

    kind, code, message = ErrorKind.INVALID, "organization.misplaced", "这类机构不能设在所选机构之下，请重新选择上级。"


class MemberUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "member.unknown", "没有找到这位会员，请核对后再查。"


class SameMember(DomainError):
    kind, code, message = ErrorKind.INVALID, "merge.same_member", "这是同一位会员，不需要合并。"


class DifferentPeople(DomainError):
    """The two hold different values of one exclusive identifier; facts: `namespaces`."""

    kind, code, message = ErrorKind.CONFLICT, "merge.different_people", "两位会员的微信身份不同，不能合并。"


class NotMergeable(DomainError):
    """One of the two is frozen or was erased."""

    kind, code, message = ErrorKind.CONFLICT, "merge.not_active", "其中一位会员已停用，不能合并。"


class MergeTooMuch(DomainError):
    """More merges in a day or more identifiers than one person has; facts: `merges_a_day`, `identifiers_of_one`.

    An admin may override it, with a reason.
    """

    kind, code, message = (
        ErrorKind.CONFLICT,
        "merge.too_much",
        "合并次数或身份数量超出一个人的范围，请核实后由管理员填写理由再合并。",
    )


class BlockedAlready(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "block_list.already", "这个号码已经在屏蔽名单里了，不用重复添加。"


class BlockedIdentifierUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "block_list.unknown", "没有找到这条屏蔽记录，请刷新列表。"


class IdentifierNotBlockable(DomainError):
    """Not a number anybody could have, or of a kind that is never blocked (WeChat's own)."""

    kind, code, message = ErrorKind.INVALID, "block_list.invalid", "这个号码不完整或不需要屏蔽，请核对后再填。"


class MergeUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "merge.unknown", "没有找到这次合并，请刷新后再试。"


class ReviewUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "review.unknown", "没有找到这条待审记录，请刷新列表。"


class ReviewDecided(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "review.decided", "这条记录已经处理过了，请刷新列表。"


class AccountTaken(DomainError):
    """The key or the app id belongs to another account."""

    kind, code, message = ErrorKind.CONFLICT, "account.taken", "这个账号标识或 AppID 已经添加过了。"


class AccountOfSettings(DomainError):
    """The settings name this account; what is changed here would be overwritten at the next start."""

    kind, code, message = ErrorKind.CONFLICT, "account.of_settings", "这个账号由服务器设置管理，请在设置里修改。"


class AesKeyMissing(DomainError):
    kind, code, message = ErrorKind.INVALID, "account.aes_key_missing", "兼容模式和安全模式需要填写 EncodingAESKey。"
