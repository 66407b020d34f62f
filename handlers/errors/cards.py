"""Refusals about cards."""

from handlers.errors.base import DomainError, ErrorKind


class CardKindUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "card.kind_unknown", "没有这种卡，请刷新后再选。"


class CardKindTaken(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "card.kind_taken", "这个卡种编号已经有了，请换一个。"


class CardKindInvalid(DomainError):
    """The form of its numbers is impossible, or it belongs to a brand and a merchant at once."""

    kind, code, message = ErrorKind.INVALID, "card.kind_invalid", "卡种的号段或归属不正确，请检查后再保存。"


class CardNumberWrong(DomainError):
    """Length, prefix or check digit do not fit: a typing mistake, which is not counted as an attempt."""

    kind, code, message = ErrorKind.INVALID, "card.number_wrong", "这个卡号不完整或有错字，请对照卡面再输一次。"


class CardPhoneOnHold(DomainError):
    """The phone came from somebody else within the last day; `opens_at` in RFC 3339."""

    kind, code = ErrorKind.CONFLICT, "card.phone_on_hold"
    message = "这个手机号刚换到您名下，24小时后才能用它验证。也可以用卡的密码或姓名验证。"


class CardProofMissing(DomainError):
    """Nothing was shown that could prove ownership; facts: `kind`, `kind_name`, `last4` when a ticket names them."""

    kind, code, message = (
        ErrorKind.INVALID,
        "card.proof_missing",
        "还差一步核实：请用手机号、卡密码，或姓名和门店验证。",
    )


class CardProofDiffers(DomainError):
    """Number and proof do not belong together, or there is no such card: the same answer. Facts: `left`."""

    kind, code, message = (
        ErrorKind.INVALID,
        "card.proof_differs",
        "卡号或验证信息不一致，请核对后再试，还可以试{left}次。",
    )


class CardTriesUsedUp(DomainError):
    """Five attempts an hour, per member and per card; facts: `minutes`, `retry_after`."""

    kind, code, message = ErrorKind.TOO_MANY, "card.tries_used_up", "为保护您的卡，请{minutes}分钟后再试。"


class CardAlreadyYours(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "card.already_yours", "这张卡已经在您名下了。"


class CardHeld(DomainError):
    """Bound to another member, said only after proof; a case for the service desk is open."""

    kind, code, message = (
        ErrorKind.CONFLICT,
        "card.held",
        "这张卡已绑定另一个微信。如果卡是您的，请回复“人工”，核实后帮您处理。",
    )


class CardLost(DomainError):
    kind, code, message = (
        ErrorKind.CONFLICT,
        "card.lost",
        "这张卡已挂失，不能绑定。补卡请联系门店或回复“人工”。",
    )


class CardReplaced(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "card.replaced", "这张卡已换新卡，请用新卡的卡号绑定。"


class CardCoolingDown(DomainError):
    """Unbound a short while ago; facts: `opens_at`, `days`."""

    kind, code, message = ErrorKind.CONFLICT, "card.cooling_down", "这张卡刚刚解绑，{days}天后可以再绑定。"


class CardUnknown(DomainError):
    """No such card, or not theirs: the same answer."""

    kind, code, message = ErrorKind.NOT_FOUND, "card.unknown", "没有找到这张卡，请刷新后再试。"


class CardNotUnbindable(DomainError):
    """The programme's own card comes with membership and goes with it."""

    kind, code, message = ErrorKind.CONFLICT, "card.not_unbindable", "会员卡随会员身份发放，不能单独解绑。"


class CardStateWrong(DomainError):
    """The card's state does not allow this; facts: `status`."""

    kind, code, message = ErrorKind.CONFLICT, "card.state_wrong", "卡片当前状态不能这样处理，请刷新后再看。"


class CardHolderChanged(DomainError):
    """Somebody else holds the card than the service desk saw when it decided."""

    kind, code, message = ErrorKind.CONFLICT, "card.holder_changed", "这张卡刚刚换了持有人，请刷新后再处理。"


class CardKindInactive(DomainError):
    """Switched off: nothing of this kind is issued or bound any more."""

    kind, code, message = ErrorKind.CONFLICT, "card.kind_inactive", "这个卡种已停用，不能发卡和绑卡。"


class CardReceiverInactive(DomainError):
    """Has not joined, or is frozen."""

    kind, code, message = ErrorKind.CONFLICT, "card.receiver_inactive", "对方还没有入会或已停用，不能接收这张卡。"


class CardSpareMissing(DomainError):
    """A kind of an older system is replaced by another plastic card of it, whose number the desk has to give."""

    kind, code, message = ErrorKind.INVALID, "card.spare_missing", "这种卡要用一张未绑定的新卡来换，请填写新卡的卡号。"


class CardSpareUnusable(DomainError):
    """The new card is not there, or is not free."""

    kind, code, message = ErrorKind.CONFLICT, "card.spare_unusable", "这张新卡不能用来补卡，请核对卡号或换一张。"


class CardImportUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "card.import_unknown", "没有找到这次导入，请刷新列表。"


class MemberCodeInvalid(DomainError):
    """Used, expired, or never given."""

    kind, code, message = ErrorKind.NOT_FOUND, "code.invalid", "会员码已失效，请顾客刷新后再扫。"
