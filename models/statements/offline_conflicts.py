"""Statements about what was handed over a second time without a network."""

from models.sql import Both

_CONFLICT = """
    f.id, f.merchant_id, f.store_id, t.code AS merchant, f.claim_id, f.device_id, f.given_at, f.found_at,
    f.decision, f.decided_at, f.note, f.settlement_fen, f.scan_id, f.displaced_id,
    s.name AS store, k.name AS clerk, b.name AS benefit,
    r.id AS first_id, r.redeemed_at AS first_redeemed_at, r.scanned_at AS first_scanned_at, r.mode AS first_mode,
    r.device_id AS first_device_id, r.receipt AS first_receipt, rs.name AS first_store, rk.name AS first_clerk,
    r.settlement_fen AS first_fen, r.operator_share_fen AS first_operator_fen,
    r.merchant_share_fen AS first_merchant_fen, t.organization_id
    FROM offline_conflict f
    JOIN merchant t ON t.id = f.merchant_id
    JOIN store s ON s.id = f.store_id
    JOIN clerk k ON k.id = f.clerk_id
    JOIN claim c ON c.id = f.claim_id
    JOIN benefit b ON b.id = c.benefit_id
    JOIN redemption r ON r.id = f.counted_id
    JOIN store rs ON rs.id = r.store_id
    JOIN clerk rk ON rk.id = r.clerk_id
"""
# Newest first. $1 merchant, $2 one store or null, $3 the case before which, $4 one decision or null, $5 how many.
CONFLICTS_OF_MERCHANT = f"""
    SELECT {_CONFLICT} WHERE f.merchant_id = $1 AND (CAST($2 AS text) IS NULL OR CAST(f.store_id AS text) = $2)
        AND f.id < $3 AND (CAST($4 AS text) IS NULL OR f.decision = $4) ORDER BY f.id DESC LIMIT $5
"""
_IN_SIGHT = """
    SELECT {conflict} WHERE t.organization_id {these} AND (CAST($2 AS text) IS NULL OR t.code = $2)
        AND f.id < $3 AND (CAST($4 AS text) IS NULL OR f.decision = $4) ORDER BY f.id DESC LIMIT $5
"""
CONFLICTS_IN_SIGHT = Both(
    postgres=_IN_SIGHT.format(conflict=_CONFLICT, these="= ANY($1::uuid[])"),
    sqlite=_IN_SIGHT.format(conflict=_CONFLICT, these="IN (SELECT value FROM json_each($1))"),
)
CONFLICT = f"SELECT {_CONFLICT} WHERE f.id = $1"
DECIDE = """
    UPDATE offline_conflict SET decision = $2, decided_at = $3, decided_by_clerk_id = $4, decided_by_operator_id = $5,
        note = $6, settlement_fen = $7, operator_share_fen = $8, merchant_share_fen = $9
    WHERE id = $1 AND decision = 'open' RETURNING id
"""
