"""直充: charged to a phone number by a supplier, once it says so; until then the claim is pending."""

import re
from collections.abc import Sequence
from datetime import datetime

from handlers.benefits import top_ups
from handlers.benefits.kinds.base import BenefitRow, Fulfilled, NewClaim
from handlers.benefits.kinds.reading import MOST_FEN, a_code, within
from handlers.errors import BenefitNotReady, BenefitTermsInvalid, ChoicesInvalid
from handlers.rules.benefit_terms import TopUpTerms
from models.database import rows
from models.fulfillments import Supplier
from models.sql import as_uuid
from models.statements import organizations as statements
from models.words import BenefitKind, ClaimState

_PRODUCT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


class TopUp:
    """The order at the supplier is written with the claim, and placed after the commit."""

    kind = BenefitKind.TOP_UP
    is_redeemed = False
    takes_number = True

    def check_terms(self, terms: TopUpTerms) -> None:
        """Raises BenefitTermsInvalid. The second supplier is another one, and is told by its own name for it."""
        a_code("supplier", terms.supplier)
        _a_product("product", terms.product)
        within("face_value_fen", terms.face_value_fen, 1, MOST_FEN)
        if (terms.fallback_supplier is None) != (terms.fallback_product is None):
            missing = "fallback_supplier" if terms.fallback_supplier is None else "fallback_product"
            raise BenefitTermsInvalid(field=f"terms.{missing}", problem="missing")
        if terms.fallback_supplier is not None and terms.fallback_product is not None:
            a_code("fallback_supplier", terms.fallback_supplier)
            _a_product("fallback_product", terms.fallback_product)
            if terms.fallback_supplier == terms.supplier:
                raise BenefitTermsInvalid(field="terms.fallback_supplier", problem="repeated")

    def check_choices(self, _: TopUpTerms, choices: Sequence[str]) -> None:
        """Raises ChoicesInvalid: there is nothing to choose."""
        if choices:
            raise ChoicesInvalid(choose=0)

    def uses(self, _: TopUpTerms) -> int:
        return 1

    def first_state(self, _: TopUpTerms) -> ClaimState:
        return ClaimState.PENDING

    async def ready(self, terms: TopUpTerms, benefit: BenefitRow) -> None:
        """Its suppliers are of its organization, or of one above or below. Raises BenefitNotReady."""
        near = [as_uuid(each["id"]) for each in await rows(statements.LINEAGE, benefit.organization_id)]
        wanted = [terms.supplier, *([terms.fallback_supplier] if terms.fallback_supplier else [])]
        found = {each.code for each in await Supplier.filter(code__in=wanted, organization_id__in=near)}
        if missing := next((code for code in wanted if code not in found), None):
            raise BenefitNotReady(missing="supplier", name=missing)

    async def room(
        self, _: TopUpTerms, asked: Sequence[tuple[str, ...]], *, now: datetime, promised: bool = False
    ) -> list[bool]:
        """The offer's stock is the only limit; a paused supplier is asked for with the offer."""
        return [True] * len(asked)

    async def fulfil(self, terms: TopUpTerms, claims: Sequence[NewClaim], *, now: datetime) -> Fulfilled:
        """Each gets its order, with a number that never changes, and the job that places it."""
        begun = await top_ups.begin(terms, [claim.id for claim in claims], now=now)
        return Fulfilled(lacking=frozenset(claim.id for claim in claims if claim.id not in begun))


def _a_product(name: str, value: str) -> None:
    if not _PRODUCT.fullmatch(value):
        raise BenefitTermsInvalid(field=f"terms.{name}", problem="not_a_code")
