"""Set-based SQL of brands, merchants and stores: whoever comes second with a code gets no row back."""

KEEP_BRAND = """
    INSERT INTO brand (id, created_at, organization_id, code, name) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (code) DO NOTHING RETURNING id
"""
KEEP_MERCHANT = """
    INSERT INTO merchant (id, created_at, organization_id, code, name, tier, access, category, operator_share_bp,
        is_active) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (code) DO NOTHING RETURNING id
"""
KEEP_STORE = """
    INSERT INTO store (id, created_at, merchant_id, code, name, address, latitude_e6, longitude_e6, zone, hours,
        is_active) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (code) DO NOTHING RETURNING id
"""
