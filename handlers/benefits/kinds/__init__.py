"""The kinds of benefit that can be fulfilled, one module each. A kind that is not listed here cannot be saved."""

from typing import Any

from handlers.benefits.kinds.base import BenefitRow, DuePart, Fulfilled, Fulfiller, NewClaim
from handlers.benefits.kinds.code_coupon import CodeCoupon
from handlers.benefits.kinds.package import Package
from handlers.benefits.kinds.partner_coupon import PartnerCoupon
from handlers.benefits.kinds.points import PointsBenefit
from handlers.benefits.kinds.reading import plain, read
from handlers.benefits.kinds.top_up import TopUp
from handlers.benefits.kinds.voucher import Voucher
from handlers.errors import BenefitKindUnsupported
from handlers.rules.benefit_terms import TERMS_OF, BenefitTerms
from models.words import BenefitKind

__all__ = [
    "KINDS",
    "BenefitRow",
    "DuePart",
    "Fulfilled",
    "Fulfiller",
    "NewClaim",
    "fulfiller",
    "plain",
    "terms_of",
]

KINDS: dict[BenefitKind, Fulfiller] = {
    each.kind: each for each in (Voucher(), CodeCoupon(), TopUp(), PartnerCoupon(), Package(), PointsBenefit())
}


def fulfiller(kind: BenefitKind) -> Fulfiller:
    """Raises BenefitKindUnsupported for a kind that nothing here fulfils."""
    try:
        return KINDS[kind]
    except KeyError:
        raise BenefitKindUnsupported(kind=str(kind), missing="fulfiller") from None


def terms_of(kind: BenefitKind, data: Any) -> BenefitTerms:
    """The terms as somebody sent them, checked. Raises BenefitKindUnsupported, BenefitTermsInvalid."""
    chosen = fulfiller(kind)
    terms: BenefitTerms = read(TERMS_OF[kind], data)
    chosen.check_terms(terms)
    return terms
