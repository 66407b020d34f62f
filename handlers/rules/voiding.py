"""What may be voided (作废), and what is too much for one to void alone."""

from datetime import datetime, timedelta

from handlers.rules.benefit_terms import BenefitTerms, PartnerCouponTerms, VoucherTerms
from handlers.rules.claim_states import USABLE, stands
from models.words import ClaimState

ALONE_FEN = 10_000  # 100 yuan: what one person voids without a second, where a merchant's terms say nothing else
WAITS = timedelta(hours=72)  # how long a manager's wish is there to be decided


def worth_fen(terms: BenefitTerms, *, price_fen: int, uses_left: int, uses_total: int) -> int:
    """What the member loses: the face value where there is one, what was paid, or the settlement price, whichever is
    most; of the uses that are left.

    Rounded up, so that no part of a claim falls below the limit by rounding.
    """
    face = terms.face_value_fen if isinstance(terms, VoucherTerms | PartnerCouponTerms) else 0
    return -(-max(face, price_fen) * uses_left // max(uses_total, 1))


def is_voidable(state: ClaimState, expires_at: datetime | None, now: datetime) -> bool:
    """Whether there is anything to void: what was used is taken back or settled, what is over is over."""
    return stands(state, expires_at, now) in USABLE
