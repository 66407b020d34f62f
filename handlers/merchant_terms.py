"""结算条款 as they are read: the versions of a merchant, which the pure rules choose among."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from handlers.rules.settlement_terms import TermsVersion
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import settlement as statements
from models.words import SettlementPeriod


def version(found: Mapping[str, Any]) -> TermsVersion:
    """From a row of `TERMS_OF` or `TERMS_OF_MERCHANT`."""
    return TermsVersion(
        number=found["number"],
        starts_at=as_instant(found["starts_at"]),
        benefit_id=as_uuid(found["benefit_id"]) if found["benefit_id"] else None,
        price_fen=found["settlement_price_fen"],
        operator_share_bp=found["operator_share_bp"],
        void_limit_fen=found["void_limit_fen"],
        sale_share_bp=found["sale_share_bp"],
        fee_bp=found["fee_bp"],
        fee_flat_fen=found["fee_flat_fen"],
        period=SettlementPeriod(found["period"]) if found["period"] else None,
    )


async def terms_of(benefits: Mapping[UUID, Collection[UUID]]) -> dict[UUID, tuple[TermsVersion, ...]]:
    """By merchant, every version of the terms that is about these benefits, by one statement; which is in force is the
    rule's question."""
    of: dict[UUID, list[TermsVersion]] = {merchant_id: [] for merchant_id in sorted(benefits)}
    ids = sorted(set().union(*benefits.values()))
    for found in await rows(statements.TERMS_OF, list(of), ids) if of else ():
        of[as_uuid(found["merchant_id"])].append(version(found))
    return {merchant_id: tuple(versions) for merchant_id, versions in of.items()}


async def terms_of_merchant(merchant_id: UUID) -> tuple[TermsVersion, ...]:
    """Every version of a merchant's terms, whatever it is about."""
    return tuple(version(each) for each in await rows(statements.TERMS_OF_MERCHANT, merchant_id))
