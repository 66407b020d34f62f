"""积分: points that are credited in the transaction of the claim, and end as the programme's points do."""

from collections.abc import Sequence
from datetime import datetime

from handlers.benefits.kinds.base import BenefitRow, Fulfilled, NewClaim
from handlers.benefits.kinds.reading import within
from handlers.errors import ChoicesInvalid
from handlers.points.crediting import Credit, credit
from handlers.rules.benefit_terms import PointsBenefitTerms
from handlers.rules.points import MOST
from models.words import BenefitKind, ClaimState


class PointsBenefit:
    """There with the claim; what is still there of them goes when the claim is taken back."""

    kind = BenefitKind.POINTS
    is_redeemed = False
    takes_number = False

    def check_terms(self, terms: PointsBenefitTerms) -> None:
        """Raises BenefitTermsInvalid."""
        within("points", terms.points, 1, MOST)

    def check_choices(self, _: PointsBenefitTerms, choices: Sequence[str]) -> None:
        """Raises ChoicesInvalid: there is nothing to choose."""
        if choices:
            raise ChoicesInvalid(choose=0)

    def uses(self, _: PointsBenefitTerms) -> int:
        return 1

    def first_state(self, _: PointsBenefitTerms) -> ClaimState:
        return ClaimState.ISSUED

    async def ready(self, _terms: PointsBenefitTerms, _benefit: BenefitRow) -> None:
        """Nothing has to be there."""

    async def room(
        self, _: PointsBenefitTerms, asked: Sequence[tuple[str, ...]], *, now: datetime, promised: bool = False
    ) -> list[bool]:
        """The offer's stock is the only limit: the budget is that of rules."""
        return [True] * len(asked)

    async def fulfil(self, terms: PointsBenefitTerms, claims: Sequence[NewClaim], *, now: datetime) -> Fulfilled:
        """Each claim is the cause of its own transfer, so nobody is credited twice."""
        await credit([Credit(claim.id, claim.member_id, terms.points) for claim in claims], at=now)
        return Fulfilled()
