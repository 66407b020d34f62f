"""Statements of voiding: a claim, and what came with it when it is a package, locked in id order."""

from models.sql import Both

_CLAIMS = """
    SELECT c.id, c.package_id, c.state, c.uses_total, c.uses_left, c.expires_at, o.id AS owner_id,
        b.name, b.kind, b.terms, b.merchant_id, b.settlement_price_fen, b.organization_id AS benefit_organization_id,
        f.organization_id AS offer_organization_id
    FROM claim c
    JOIN benefit b ON b.id = c.benefit_id
    JOIN offer f ON f.id = c.offer_id
    JOIN member m ON m.id = c.member_id
    JOIN member o ON o.id = coalesce(m.canonical_id, m.id)
    WHERE c.id = $1 OR c.package_id = $1 ORDER BY c.id
"""
LOCK = Both(postgres=_CLAIMS + " FOR UPDATE OF c", sqlite=_CLAIMS)
