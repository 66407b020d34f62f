"""Own vouchers: redeemed in a store once, in n uses, or unit by unit."""

from collections.abc import Sequence
from datetime import datetime

from handlers.benefits.kinds.base import BenefitRow, Fulfilled, NewClaim
from handlers.benefits.kinds.places import require_stores
from handlers.benefits.kinds.reading import MOST_FEN, showable, store_codes, within
from handlers.errors import ChoicesInvalid
from handlers.rules.benefit_terms import VoucherTerms
from models.words import BenefitKind, ClaimState

MOST_USES = 10_000


class Voucher:
    """What is held is all there is: the claim itself."""

    kind = BenefitKind.VOUCHER
    is_redeemed = True
    takes_number = False

    def check_terms(self, terms: VoucherTerms) -> None:
        """Raises BenefitTermsInvalid."""
        within("uses", terms.uses, 1, MOST_USES)
        showable("unit_name", terms.unit_name, 8, least=1)
        within("face_value_fen", terms.face_value_fen, 0, MOST_FEN)
        store_codes(terms.stores)

    def check_choices(self, _: VoucherTerms, choices: Sequence[str]) -> None:
        """Raises ChoicesInvalid: there is nothing to choose."""
        if choices:
            raise ChoicesInvalid(choose=0)

    def uses(self, terms: VoucherTerms) -> int:
        return terms.uses

    def first_state(self, _: VoucherTerms) -> ClaimState:
        return ClaimState.ISSUED

    async def ready(self, terms: VoucherTerms, benefit: BenefitRow) -> None:
        """Raises BenefitNotReady."""
        await require_stores(terms.stores, benefit)

    async def room(
        self, _: VoucherTerms, asked: Sequence[tuple[str, ...]], *, now: datetime, promised: bool = False
    ) -> list[bool]:
        """The offer's stock is the only limit."""
        return [True] * len(asked)

    async def fulfil(self, _terms: VoucherTerms, _claims: Sequence[NewClaim], *, now: datetime) -> Fulfilled:
        """Held as soon as it is written."""
        return Fulfilled()
