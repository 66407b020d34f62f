"""Statements of voiding: a claim, with what came with it as a package, locked in id order; and who asked for it."""

from models.sql import Both

_CLAIMS = """
    SELECT c.id, c.package_id, c.state, c.uses_total, c.uses_left, c.expires_at, c.price_fen, o.id AS owner_id,
        b.id AS benefit_id, b.name, b.kind, b.terms, b.merchant_id, b.settlement_price_fen,
        b.organization_id AS benefit_organization_id,
        f.organization_id AS offer_organization_id
    FROM claim c
    JOIN benefit b ON b.id = c.benefit_id
    JOIN offer f ON f.id = c.offer_id
    JOIN member m ON m.id = c.member_id
    JOIN member o ON o.id = coalesce(m.canonical_id, m.id)
    WHERE c.id = $1 OR c.package_id = $1 ORDER BY c.id
"""
LOCK = Both(postgres=_CLAIMS + " FOR UPDATE OF c", sqlite=_CLAIMS)

# --- what managers ask for

# What nobody decided in time makes room. $1 claim, $2 now
LAPSE = """
    UPDATE void_request SET outcome = 'lapsed', decided_at = $2
    WHERE claim_id = $1 AND outcome = 'waiting' AND expires_at <= $2 RETURNING id
"""
# One waits per claim: who comes second gets no row. $3 until when, ... $9 why
ASK = """
    INSERT INTO void_request (id, created_at, claim_id, merchant_id, organization_id, clerk_id, worth_fen, reason,
        expires_at, outcome)
    VALUES ($1, $2, $4, $5, $6, $7, $8, $9, $3, 'waiting')
    ON CONFLICT (claim_id) WHERE outcome = 'waiting' DO NOTHING RETURNING id
"""
WAITING_FOR = "SELECT id, expires_at FROM void_request WHERE claim_id = $1 AND outcome = 'waiting'"
# One of those who decide at once does. $2 outcome, $3 operator, $4 now
DECIDE = """
    UPDATE void_request SET outcome = $2, decided_by_id = $3, decided_at = $4
    WHERE id = $1 AND outcome = 'waiting' AND expires_at > $4 RETURNING id
"""
_REQUEST = """
    SELECT v.id, v.claim_id, v.merchant_id, v.organization_id, v.clerk_id, v.worth_fen, v.reason, v.expires_at,
        v.outcome, v.decided_at, v.created_at, b.name AS benefit, m.code AS merchant, k.name AS clerk
    FROM void_request v JOIN claim c ON c.id = v.claim_id JOIN benefit b ON b.id = c.benefit_id
    JOIN merchant m ON m.id = v.merchant_id JOIN clerk k ON k.id = v.clerk_id
"""
REQUEST = f"{_REQUEST} WHERE v.id = $1"
# The newest first. $1 merchant, $2 before this one, $3 how many
REQUESTS_OF_MERCHANT = f"{_REQUEST} WHERE v.merchant_id = $1 AND v.id < $2 ORDER BY v.id DESC LIMIT $3"
# What is to be decided, the oldest first. $1 organizations, $2 now, $3 after this one, $4 how many
_IN_SIGHT = """
    {request} WHERE v.organization_id {these} AND v.outcome = 'waiting' AND v.expires_at > $2 AND v.id > $3
    ORDER BY v.id LIMIT $4
"""
REQUESTS_IN_SIGHT = Both(
    postgres=_IN_SIGHT.format(request=_REQUEST, these="= ANY($1::uuid[])"),
    sqlite=_IN_SIGHT.format(request=_REQUEST, these="IN (SELECT value FROM json_each($1))"),
)
