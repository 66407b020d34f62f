"""SQL of the pool: whoever comes second with a code gets no row back, and quota never passes what is left."""

KEEP = """
    INSERT INTO benefit (id, created_at, organization_id, merchant_id, code, name, description, category, kind, state,
        terms, settlement_price_fen, operator_share_bp, is_offline_allowed, is_paused, review_note)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'draft', $10, $11, $12, $13, false, '')
    ON CONFLICT (code) DO NOTHING RETURNING id
"""
# Whoever worked on it does not decide about it: the record knows them all. $1: the benefit, $2: the operator.
HAS_WORKED_ON = """
    SELECT 1 AS has FROM audit_entry WHERE subject_kind = 'benefit' AND subject_id = $1 AND actor_kind = 'operator'
        AND actor_id = $2 AND action IN ('benefit.added', 'benefit.changed', 'benefit.submitted') LIMIT 1
"""

# --- quota: allotted = left + used + given on, and left is between zero and allotted

TAKE = """
    UPDATE benefit_quota SET left_count = left_count - $3
    WHERE benefit_id = $1 AND organization_id = $2 AND CAST(left_count AS BIGINT) - $3 BETWEEN 0 AND allotted_count
    RETURNING left_count
"""
ALLOT = """
    INSERT INTO benefit_quota (id, created_at, benefit_id, organization_id, allotted_count, left_count)
    VALUES ($1, $2, $3, $4, $5, $5)
    ON CONFLICT (benefit_id, organization_id) DO UPDATE
    SET allotted_count = benefit_quota.allotted_count + excluded.allotted_count,
        left_count = benefit_quota.left_count + excluded.left_count
    WHERE benefit_quota.allotted_count <= $6 - excluded.allotted_count
    RETURNING allotted_count, left_count
"""
CALL_BACK = """
    UPDATE benefit_quota SET allotted_count = allotted_count - $3, left_count = left_count - $3
    WHERE benefit_id = $1 AND organization_id = $2 AND left_count >= $3
    RETURNING allotted_count, left_count
"""
LEFT = "SELECT left_count FROM benefit_quota WHERE benefit_id = $1 AND organization_id = $2"
