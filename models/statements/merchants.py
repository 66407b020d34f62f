"""Set-based SQL of brands, merchants and stores: whoever comes second with a code gets no row back."""

from models.sql import Both

KEEP_BRAND = """
    INSERT INTO brand (id, created_at, organization_id, code, name) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (code) DO NOTHING RETURNING id
"""
KEEP_MERCHANT = """
    INSERT INTO merchant (id, created_at, organization_id, code, name, tier, access, category, operator_share_bp,
        is_active, clerk_daily_redemptions, clerk_daily_reversals)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (code) DO NOTHING RETURNING id
"""
KEEP_STORE = """
    INSERT INTO store (id, created_at, merchant_id, code, name, address, latitude_e6, longitude_e6, zone, hours,
        is_active) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (code) DO NOTHING RETURNING id
"""

# Active stores within a box, which an index finds by latitude: $1 south, $2 north, $3 west, $4 east.
WITHIN = """
    SELECT s.id, s.latitude_e6, s.longitude_e6 FROM store s JOIN merchant m ON m.id = s.merchant_id
    WHERE s.latitude_e6 BETWEEN $1 AND $2 AND s.longitude_e6 BETWEEN $3 AND $4 AND s.is_active AND m.is_active
"""
# The same, of these merchants ($5) and of these codes ($6).
_OF_THESE = "IN (SELECT value FROM json_each({}))"
WITHIN_OF = Both(
    postgres=WITHIN + " AND (s.merchant_id = ANY($5::uuid[]) OR s.code = ANY($6::text[]))",
    sqlite=WITHIN + f" AND (s.merchant_id {_OF_THESE.format('$5')} OR s.code {_OF_THESE.format('$6')})",
)
