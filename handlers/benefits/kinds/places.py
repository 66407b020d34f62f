"""Where something is redeemed, for the kinds that are redeemed at a counter."""

from handlers.benefits.kinds.base import BenefitRow
from handlers.errors import BenefitNotReady
from models.programmes import Store


async def require_stores(codes: tuple[str, ...], benefit: BenefitRow) -> None:
    """Every store that the terms name is one of the benefit's merchant. Raises BenefitNotReady."""
    if codes:
        theirs = Store.filter(code__in=list(codes), merchant_id=benefit.merchant_id)
        found = {store.code for store in await theirs}
        if missing := next((code for code in codes if code not in found), None):
            raise BenefitNotReady(missing="store", name=missing)
