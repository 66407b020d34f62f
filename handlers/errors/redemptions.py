"""Refusals at the counter: clerks, their invitations and sessions, passes, and the closed list of redemption."""

from handlers.errors.base import DomainError, ErrorKind


class ClerkNotSignedIn(DomainError):
    """No such session: it ended, was revoked, or never was."""

    kind, code, message = ErrorKind.UNAUTHENTICATED, "clerk.not_signed_in", "登录已失效，请店员重新登录。"


class NotAClerk(DomainError):
    """Whoever signed in serves in no store, or not any more."""

    kind, code, message = ErrorKind.FORBIDDEN, "clerk.not_a_clerk", "您还不是店员，请向管理员要邀请链接。"


class ClerkUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "clerk.unknown", "没有找到这位店员，请刷新列表。"


class ClerkAlready(DomainError):
    """They serve this merchant already; the invitation stays good for somebody else."""

    kind, code, message = ErrorKind.CONFLICT, "clerk.already", "您已经是本商户的店员，直接登录即可。"


class InvitationInvalid(DomainError):
    """Used, expired, taken back, or never given."""

    kind, code, message = ErrorKind.NOT_FOUND, "clerk.invitation_invalid", "邀请已失效，请向管理员要新的邀请。"


class InvitationUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "clerk.invitation_unknown", "没有找到这个邀请，请刷新列表。"


class PassUnavailable(DomainError):
    """The claim cannot be shown at a counter: it was used, ran out, or is not one that a clerk redeems."""

    kind, code, message = ErrorKind.CONFLICT, "claim.no_pass", "这份权益现在不能出示核销码，请在“我的权益”查看。"


class RedemptionUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "redemption.unknown", "没有找到这笔核销，请刷新列表。"


class StoreNeeded(DomainError):
    """The clerk serves several stores and did not say in which one."""

    kind, code, message = ErrorKind.INVALID, "redemption.store_needed", "请先选择门店再核销。"


class TooManyWrongCodes(DomainError):
    """Wrong codes by this clerk, on this device, in this store or from this address; facts: `retry_after`."""

    kind, code, message = ErrorKind.TOO_MANY, "redemption.locked", "输错次数太多，请{retry_after}秒后再试。"


class DailyRedemptionsReached(DomainError):
    """These codes are more than the clerk may still redeem on this business day; whoever manages the store may.

    Facts: `cap`, `left`, `retry_after` (seconds until the next business day). Not kept under the request's key.
    """

    kind, code = ErrorKind.TOO_MANY, "redemption.daily_cap"
    message = "今天核销的次数已到上限，请店长来核销。"


# --- the closed list of reasons why nothing was redeemed; which one counts is decided in `handlers/rules/redemption.py`


class RedemptionRefused(DomainError):
    """Nothing was redeemed, and the answer is kept under the request's key.

    Facts, when there were several codes: `codes`, the reason of each refused one by its `index`.
    """

    kind = ErrorKind.CONFLICT


class RedemptionInvalid(RedemptionRefused):
    """No such code, or one of another merchant, which is not told apart."""

    kind, code, message = ErrorKind.NOT_FOUND, "redemption.invalid", "没有找到这个核销码，请顾客刷新后再出示。"


class OwnClaim(RedemptionRefused):
    code, message = "redemption.own_claim", "不能核销自己的权益，请让其他店员操作。"


class ClaimRevoked(RedemptionRefused):
    code, message = "redemption.revoked", "这份权益已被收回，不能核销。"


class AlreadyRedeemed(RedemptionRefused):
    """Facts: `first` {redeemed_at, scanned_at, store, clerk, device_id, receipt, seconds_ago, uses_left, same_device,
    within_60s}; what names people and places is null where it was in a store that the clerk does not serve."""

    code, message = "redemption.already_redeemed", "此码已经核销过，请勿再次兑付。"


class MemberBlocked(RedemptionRefused):
    code, message = "redemption.member_blocked", "该会员暂不能使用权益，请联系客服。"


class BenefitPaused(RedemptionRefused):
    code, message = "redemption.paused", "这项权益暂停核销，请稍后再试。"


class WrongStore(RedemptionRefused):
    """A benefit of the own merchant that this store does not honour; facts: `stores`, the names of those that do."""

    code, message = "redemption.wrong_store", "本店不能使用，请看适用门店。"


class WrongTime(RedemptionRefused):
    """Outside the store's opening hours; facts: `opens_at`, when it opens next."""

    code, message = "redemption.wrong_time", "本店现在不营业，请在营业时间内核销。"


class ClaimExpired(RedemptionRefused):
    """Facts: `expired_at`."""

    code, message = "redemption.expired", "这份权益已过期，不能核销。"


class NotStarted(RedemptionRefused):
    """Facts: `starts_at`."""

    code, message = "redemption.not_started", "这份权益还没到使用时间，请到时再来。"


class UsesExceeded(RedemptionRefused):
    """More uses than are left; facts: `uses_left`."""

    code, message = "redemption.used_up", "剩余次数不够，请减少次数后再核销。"


class BillNeeded(RedemptionRefused):
    """A partner coupon without `bill_amount_fen`; facts: `threshold_fen`."""

    kind, code, message = ErrorKind.INVALID, "redemption.bill_needed", "请输入消费金额后再核销。"


class BelowThreshold(RedemptionRefused):
    """The bill is below what the partner coupon asks for; facts: `threshold_fen`."""

    code, message = "redemption.below_threshold", "消费金额未到使用门槛，不能核销。"


class NeedsConfirm(RedemptionRefused):
    """The confirm token is another code's, store's or clerk's, or older than two minutes: preview again."""

    code, message = "redemption.needs_confirm", "请重新查验后再确认核销。"


# --- taking back


class NotReversible(DomainError):
    """Facts: `reason`: `not_yours`, `other_device`, `too_late`, `reversed`, `too_often`, or `is_reversal`."""

    kind, code, message = ErrorKind.CONFLICT, "redemption.not_reversible", "这笔核销不能撤销，请联系店长处理。"


class DailyReversalsReached(DomainError):
    """The clerk has taken back as often as they may on this business day; whoever manages the store goes on.

    Facts: `cap`, `left`, `retry_after` (seconds until the next business day).
    """

    kind, code = ErrorKind.TOO_MANY, "redemption.daily_reversal_cap"
    message = "今天撤销的次数已到上限，请店长来撤销。"


class RedemptionSettled(DomainError):
    """Its business day is closed: what was paid out for it is not taken back at the counter."""

    kind, code, message = ErrorKind.CONFLICT, "redemption.settled", "这笔核销已经结算，不能撤销，请联系运营人员处理。"
