"""What one operator proposes and another decides."""

# Picks who decides, and that it is not who proposed. $2 operator, $3 outcome, $4 now
DECIDE = """
    UPDATE approval SET outcome = $3, decided_by_id = $2, decided_at = $4
    WHERE id = $1 AND outcome = '' AND proposed_by_id <> $2 RETURNING id
"""
