"""What of an order's money is the merchant's whose benefit it sold: written down with the payment and with the refund.

Inside the caller's open transaction. The terms of the moment of the payment decide; what was written down waits for the
merchant's next statement.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from handlers.merchant_terms import terms_of
from handlers.rules.settlement_terms import part_of_sale, sale_share_bp
from models.database import put, require_atomic, rows
from models.ids import new_id
from models.sql import as_uuid, dump_rows
from models.statements import sales as statements


async def sold(sales: Mapping[UUID, Mapping[UUID, int]], *, at: datetime) -> None:
    """`sales`: by offer, the orders' claims (`order_claim` rows) and what was paid for each, in fen."""
    require_atomic()
    parts = []
    offers = await rows(statements.SOLD, sorted(sales)) if sales else []
    benefits: dict[UUID, set[UUID]] = {}
    for found in offers:
        benefits.setdefault(as_uuid(found["merchant_id"]), set()).add(as_uuid(found["benefit_id"]))
    terms = await terms_of(benefits)
    for found in offers:
        merchant_id, benefit_id = as_uuid(found["merchant_id"]), as_uuid(found["benefit_id"])
        share = sale_share_bp(terms[merchant_id], benefit_id, at)
        parts += [
            {
                "id": claim_id,
                "merchant_id": merchant_id,
                "benefit_id": benefit_id,
                "amount_fen": amount,
                "settlement_fen": part,
            }
            for claim_id, amount in sales[as_uuid(found["offer_id"])].items()
            if (part := part_of_sale(amount, share))
        ]
    if parts:
        await put(statements.OPEN_SALES, dump_rows(parts), at)


async def unsold(claims: Iterable[UUID], *, at: datetime) -> None:
    """The money for these claims goes back whole, and the merchants' parts with it."""
    require_atomic()
    backs = [{"id": new_id(), "order_claim_id": each} for each in sorted(claims)]
    if backs:
        await put(statements.REVERSE_SALES, dump_rows(backs), at)
