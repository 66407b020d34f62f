"""Code coupons: a third party's code out of a pool that was imported, each given to one claim."""

from collections.abc import Sequence
from datetime import datetime

from handlers.benefits import code_pools
from handlers.benefits.kinds.base import BenefitRow, Fulfilled, NewClaim
from handlers.benefits.kinds.reading import a_code, showable
from handlers.errors import BenefitNotReady, ChoicesInvalid
from handlers.rules.benefit_terms import CodeCouponTerms
from models.benefits import CodePool
from models.words import BenefitKind, ClaimState

MOST_CHARACTERS = 500


class CodeCoupon:
    """Whoever claims gets a code at once; an empty pool is sold out, whatever the offer's stock says."""

    kind = BenefitKind.CODE_COUPON
    is_redeemed = False
    takes_number = False

    def check_terms(self, terms: CodeCouponTerms) -> None:
        """Raises BenefitTermsInvalid."""
        a_code("pool", terms.pool)
        showable("how_to_use", terms.how_to_use, MOST_CHARACTERS)

    def check_choices(self, _: CodeCouponTerms, choices: Sequence[str]) -> None:
        """Raises ChoicesInvalid: there is nothing to choose."""
        if choices:
            raise ChoicesInvalid(choose=0)

    def uses(self, _: CodeCouponTerms) -> int:
        return 1

    def first_state(self, _: CodeCouponTerms) -> ClaimState:
        return ClaimState.ISSUED

    async def ready(self, terms: CodeCouponTerms, benefit: BenefitRow) -> None:
        """The pool is this benefit's own: codes of two benefits are never mixed up. Raises BenefitNotReady."""
        if not await CodePool.filter(code=terms.pool, benefit_id=benefit.id).exists():
            raise BenefitNotReady(missing="code_pool", name=terms.pool)

    async def room(
        self, terms: CodeCouponTerms, asked: Sequence[tuple[str, ...]], *, now: datetime, promised: bool = False
    ) -> list[bool]:
        """The first ones, as many as there are free codes."""
        held = await code_pools.hold(terms.pool, len(asked), now=now, promised=promised)
        return [position < held for position in range(len(asked))]

    async def fulfil(self, terms: CodeCouponTerms, claims: Sequence[NewClaim], *, now: datetime) -> Fulfilled:
        """Each gets its code."""
        given = await code_pools.assign(terms.pool, [claim.id for claim in claims], now=now)
        return Fulfilled(lacking=frozenset(claim.id for claim in claims if claim.id not in given))
