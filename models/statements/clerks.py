"""Statements of clerks: who serves where, asked of the database at every request."""

from models.sql import Both

# An invitation is for whoever comes first: the one who gets the row back.
TAKE_INVITATION = """
    UPDATE clerk_invitation SET clerk_id = $2
    WHERE id = $1 AND clerk_id IS NULL AND revoked_at IS NULL AND expires_at > $3 RETURNING id
"""

KEEP_CLERK = """
    INSERT INTO clerk (id, created_at, member_id, merchant_id, store_id, role, name, pin_hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, '')
    ON CONFLICT (merchant_id, member_id) WHERE revoked_at IS NULL DO NOTHING RETURNING id
"""

REVOKE_CLERK = "UPDATE clerk SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id"
END_SESSIONS = "UPDATE clerk_session SET revoked_at = $2 WHERE clerk_id = $1 AND revoked_at IS NULL RETURNING id"
END_SESSION = "UPDATE clerk_session SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id"
REVOKE_INVITATION = """
    UPDATE clerk_invitation SET revoked_at = $2
    WHERE id = $1 AND clerk_id IS NULL AND revoked_at IS NULL RETURNING id
"""

_CLERK = """
    c.id, c.member_id, c.merchant_id, c.store_id, c.role, c.name
"""
# Whoever is frozen or has left does not serve, nor does anybody of a merchant that was switched off.
_SERVING = """
    JOIN merchant t ON t.id = c.merchant_id AND t.is_active
    JOIN member m ON m.id = c.member_id
    JOIN member o ON o.id = coalesce(m.canonical_id, m.id) AND o.status = 'active'
"""
# Of many tokens at once, because this read is gathered: $1 their hashes. Whether a session is over, its reader decides.
_WHO = f"""
    SELECT s.token_hash, s.expires_at, s.id AS session_id, {_CLERK}
    FROM clerk_session s JOIN clerk c ON c.id = s.clerk_id {_SERVING}
    WHERE s.revoked_at IS NULL AND c.revoked_at IS NULL AND s.token_hash {{these}}
"""  # noqa: S608 - no outside input in it
WHO = Both(
    postgres=_WHO.format(these="= ANY($1::text[])"), sqlite=_WHO.format(these="IN (SELECT value FROM json_each($1))")
)
# The clerkships of one person ($1: today's id), the newest first; of one merchant when $2 names it.
SERVING = f"""
    SELECT {_CLERK} FROM clerk c {_SERVING}
    WHERE o.id = $1 AND c.revoked_at IS NULL AND (CAST($2 AS text) IS NULL OR t.code = $2) ORDER BY c.id DESC
"""  # noqa: S608

# --- a shop's own phone: $1 merchant, $2 one store or null, $3 who has it now

KEEP_PIN = "UPDATE clerk SET pin_hash = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id"
COLLEAGUES = f"""
    SELECT {_CLERK}, c.pin_hash FROM clerk c {_SERVING}
    WHERE c.merchant_id = $1 AND c.id <> $3 AND c.revoked_at IS NULL
        AND (CAST($2 AS text) IS NULL OR c.store_id IS NULL OR CAST(c.store_id AS text) = $2)
    ORDER BY c.name, c.id
"""  # noqa: S608
