"""生态券: a small spending voucher of a merchant, so much off a bill of at least so much, its cost shared."""

from collections.abc import Sequence
from datetime import datetime

from handlers.benefits.kinds.base import BenefitRow, Fulfilled, NewClaim
from handlers.benefits.kinds.places import require_stores
from handlers.benefits.kinds.reading import MOST_FEN, store_codes, within
from handlers.errors import BenefitTermsInvalid, ChoicesInvalid
from handlers.rules.benefit_terms import PartnerCouponTerms
from models.words import BenefitKind, ClaimState


class PartnerCoupon:
    """Whole and once; what was deducted from the bill is settled when it is redeemed."""

    kind = BenefitKind.PARTNER_COUPON
    is_redeemed = True
    takes_number = False

    def check_terms(self, terms: PartnerCouponTerms) -> None:
        """Raises BenefitTermsInvalid. A threshold below the face value would promise more than the bill."""
        within("face_value_fen", terms.face_value_fen, 1, MOST_FEN)
        within("threshold_fen", terms.threshold_fen, 0, MOST_FEN)
        store_codes(terms.stores)
        if 0 < terms.threshold_fen < terms.face_value_fen:
            raise BenefitTermsInvalid(field="terms.threshold_fen", problem="too_small", least=terms.face_value_fen)

    def check_choices(self, _: PartnerCouponTerms, choices: Sequence[str]) -> None:
        """Raises ChoicesInvalid: there is nothing to choose."""
        if choices:
            raise ChoicesInvalid(choose=0)

    def uses(self, _: PartnerCouponTerms) -> int:
        return 1

    def first_state(self, _: PartnerCouponTerms) -> ClaimState:
        return ClaimState.ISSUED

    async def ready(self, terms: PartnerCouponTerms, benefit: BenefitRow) -> None:
        """Raises BenefitNotReady."""
        await require_stores(terms.stores, benefit)

    async def room(
        self, _: PartnerCouponTerms, asked: Sequence[tuple[str, ...]], *, now: datetime, promised: bool = False
    ) -> list[bool]:
        """The offer's stock is the only limit."""
        return [True] * len(asked)

    async def fulfil(self, _terms: PartnerCouponTerms, _claims: Sequence[NewClaim], *, now: datetime) -> Fulfilled:
        """Held as soon as it is written."""
        return Fulfilled()
