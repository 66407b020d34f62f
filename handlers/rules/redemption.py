"""Whether a scanned claim is redeemed now, and if not, for which one of a closed list of reasons; and its money.

Of several reasons one is said: the one that a clerk can do most about comes last, because it is worth nothing while an
earlier one stands. The order of `Reason` is that order, and nothing else is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from handlers.rules.benefit_terms import BenefitTerms, PartnerCouponTerms, VoucherTerms
from models.words import BenefitKind, ClaimState, MemberStatus

MOST_CODES = 10
MOST_REVERSALS = 10
OWN_REVERSAL, MANAGER_REVERSAL = timedelta(minutes=15), timedelta(hours=24)
CONFIRM_LASTS = timedelta(seconds=120)
REDEEMABLE = frozenset({BenefitKind.VOUCHER, BenefitKind.PARTNER_COUPON})
FREE_WRONG_CODES, LONGEST_LOCK = 5, timedelta(hours=1)
_UNUSABLE = frozenset({ClaimState.PENDING, ClaimState.TRANSFERRED})


class Reason(StrEnum):
    """Why nothing was redeemed, foremost first; the refusals of `handlers/errors/redemptions.py` have these codes."""

    INVALID = "redemption.invalid"
    OWN_CLAIM = "redemption.own_claim"
    REVOKED = "redemption.revoked"
    ALREADY_REDEEMED = "redemption.already_redeemed"
    MEMBER_BLOCKED = "redemption.member_blocked"
    PAUSED = "redemption.paused"
    EXPIRED = "redemption.expired"
    WRONG_STORE = "redemption.wrong_store"
    WRONG_TIME = "redemption.wrong_time"
    NOT_STARTED = "redemption.not_started"
    USED_UP = "redemption.used_up"
    NEEDS_CONFIRM = "redemption.needs_confirm"
    BILL_NEEDED = "redemption.bill_needed"
    BELOW_THRESHOLD = "redemption.below_threshold"


@dataclass(frozen=True, slots=True)
class Presented:
    """A claim as it lies before the clerk, its row locked: everything the decision needs.

    `is_code_good` is false for a pass that was used, for a typed code where the offer shows none, and for a claim whose
    owner was not identified here.
    """

    kind: BenefitKind
    terms: BenefitTerms
    state: ClaimState
    uses_left: int
    valid_from: datetime
    expires_at: datetime | None
    owner: MemberStatus
    is_own: bool  # it belongs to the clerk who scans it
    is_of_merchant: bool
    is_honoured_here: bool
    is_paused: bool
    is_store_open: bool = True  # also where the store does not tell its hours
    is_code_good: bool = True
    is_pass_used: bool = False  # another scan took the pass
    is_confirmed: bool = True  # no confirm token, or one that fits
    uses: int = 1
    bill_fen: int | None = None
    bill_left_fen: int | None = None  # what coupons before it on the same bill leave to deduct from


_Test = Callable[[Presented, datetime], bool]


def _is_invalid(shown: Presented, _: datetime) -> bool:
    return (
        not shown.is_of_merchant
        or not shown.is_code_good
        or shown.kind not in REDEEMABLE
        or shown.state in _UNUSABLE
        or shown.owner is MemberStatus.ERASED
    )


def _is_expired(shown: Presented, now: datetime) -> bool:
    return shown.state is ClaimState.EXPIRED or (shown.expires_at is not None and now >= shown.expires_at)


def _lacks_bill(shown: Presented, _: datetime) -> bool:
    return isinstance(shown.terms, PartnerCouponTerms) and shown.bill_fen is None


def _is_below(shown: Presented, _: datetime) -> bool:
    terms, bill, left = shown.terms, shown.bill_fen, shown.bill_left_fen
    if not isinstance(terms, PartnerCouponTerms) or bill is None:
        return False
    return bill < max(terms.threshold_fen, 1) or left == 0  # used for nothing, it would be lost


_TESTS: Mapping[Reason, _Test] = {
    Reason.INVALID: _is_invalid,
    Reason.OWN_CLAIM: lambda shown, _: shown.is_own,
    Reason.REVOKED: lambda shown, _: shown.state is ClaimState.REVOKED,
    Reason.ALREADY_REDEEMED: lambda shown, _: shown.state is ClaimState.USED or shown.is_pass_used,
    Reason.MEMBER_BLOCKED: lambda shown, _: shown.owner is MemberStatus.FROZEN,
    Reason.PAUSED: lambda shown, _: shown.is_paused,
    Reason.EXPIRED: _is_expired,
    Reason.WRONG_STORE: lambda shown, _: not shown.is_honoured_here,
    Reason.WRONG_TIME: lambda shown, _: not shown.is_store_open,
    Reason.NOT_STARTED: lambda shown, now: now < shown.valid_from,
    Reason.USED_UP: lambda shown, _: shown.uses > shown.uses_left,
    Reason.NEEDS_CONFIRM: lambda shown, _: not shown.is_confirmed,
    Reason.BILL_NEEDED: _lacks_bill,
    Reason.BELOW_THRESHOLD: _is_below,
}
PRIORITY = tuple(Reason)


def why_not(shown: Presented, now: datetime) -> Reason | None:
    """The one reason against it, or None: redeem it."""
    return next((reason for reason in PRIORITY if _TESTS[reason](shown, now)), None)


def foremost(reasons: Sequence[Reason]) -> Reason:
    """Of the reasons of several codes the one that is said."""
    return min(reasons, key=PRIORITY.index)


# --- money, in fen


def deduction_fen(terms: BenefitTerms, bill_left_fen: int) -> int:
    """What a partner coupon takes off a bill of which so much is left: its face value at most; others take nothing."""
    return min(terms.face_value_fen, max(bill_left_fen, 0)) if isinstance(terms, PartnerCouponTerms) else 0


@dataclass(frozen=True, slots=True)
class Money:
    """What one redemption row is settled at, and who bears it; the shares sum up to the whole."""

    settlement_fen: int
    operator_fen: int
    merchant_fen: int


def money(
    shown: Presented,
    *,
    uses_total: int,
    price_fen: int,
    operator_share_bp: int,
    settled_fen: int,
    used: int,
    used_before: int = 0,
) -> Money:
    """What redeeming `shown.uses` more is settled at.

    A voucher is settled at the share of its price that its uses so far have earned, rounded down, less what was
    settled for it before (`settled_fen`, reversals taken off, for `used` uses): whatever the steps, all uses together
    are settled at exactly the price. Where the price changed meanwhile, `used_before` of them were settled at another
    one: they count for nothing here, and `settled_fen` is without them, so that no use is settled anew. A partner
    coupon is settled at what was deducted: its face value, or the bill where that is less. The operator's share is
    rounded down, the merchant bears the rest.
    """
    if isinstance(shown.terms, PartnerCouponTerms):
        whole = deduction_fen(shown.terms, shown.bill_fen or 0)
    else:
        earned = price_fen * (used + shown.uses) // uses_total - price_fen * used_before // uses_total
        whole = max(earned - settled_fen, 0)
    operator = whole * operator_share_bp // 10_000
    return Money(whole, operator, whole - operator)


# --- taking back


def why_not_reversed(
    *,
    is_reversal: bool,
    is_reversed: bool,
    is_own: bool,
    is_manager: bool,
    is_same_device: bool,
    reversals: int,
    age: timedelta,
) -> str:
    """Why a redemption stays, or an empty text. A clerk takes back the own within 15 minutes, a manager within 24 h."""
    reasons = {
        "is_reversal": is_reversal,
        "reversed": is_reversed,
        "not_yours": not is_own and not is_manager,
        "other_device": not is_same_device and not is_manager,
        "too_late": age > (MANAGER_REVERSAL if is_manager else OWN_REVERSAL),
        "too_often": reversals >= MOST_REVERSALS,
    }
    return next((reason for reason, stands in reasons.items() if stands), "")


# --- caps of a day


def left_today(cap: int, made: int) -> int:
    """How many more a clerk may make. Scans from offline are never refused, so that more may be made than the cap."""
    return max(cap - made, 0)


# --- guessing


def lock_after(wrong_codes: int, *, free: int = FREE_WRONG_CODES) -> timedelta:
    """How long nobody is asked after so many wrong codes: from the fifth on 1, 2, 4 ... minutes, an hour at most."""
    if wrong_codes < free:
        return timedelta(0)
    return min(timedelta(minutes=1 << min(wrong_codes - free, 16)), LONGEST_LOCK)


def masked(number: str | None) -> str:
    """A 会员号 as a clerk sees it: its last four digits."""
    return f"尾号{number[-4:]}" if number else ""


def honours(terms: BenefitTerms, store_code: str) -> bool:
    """Whether this store of the benefit's merchant redeems it."""
    return not (named := stores_of(terms)) or store_code in named


def stores_of(terms: BenefitTerms) -> tuple[str, ...]:
    """The codes of the stores that redeem it; none: every store of its merchant does."""
    return terms.stores if isinstance(terms, VoucherTerms | PartnerCouponTerms) else ()
