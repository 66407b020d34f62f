"""Operators' sign-ins: tries are charged before a password is looked at, and a code moves its step only forward."""

from models.sql import Both

# Whoever gets no row back is unknown, switched off, or rests.
CHARGE = """
    UPDATE "operator" SET failed_count = failed_count + 1
    WHERE login = $1 AND is_active AND (locked_until IS NULL OR locked_until <= $2)
    RETURNING id, organization_id, role, login, failed_count, password_hash, totp_cipher
"""

REST = 'UPDATE "operator" SET locked_until = $2 WHERE id = $1 RETURNING id'

# Logins that nobody has are counted too, so that counting takes as long for them.
CHARGE_NOBODY = """
    INSERT INTO proof_attempts (id, created_at, subject, "window", tried_count) VALUES ($1, $2, $3, $4, 1)
    ON CONFLICT (subject, "window") DO UPDATE SET tried_count = proof_attempts.tried_count + 1 RETURNING id
"""

# One code, one sign-in: of two requests with the same code the second finds the step taken. What was verified outside
# of the transaction must still be what is stored.
ADMIT = """
    UPDATE "operator" SET last_totp_step = $2, failed_count = 0, locked_until = NULL
    WHERE id = $1 AND is_active AND last_totp_step < $2 AND password_hash = $3 AND totp_cipher = $4
    RETURNING organization_id, role, login
"""

WHO = """
    SELECT s.id AS session_id, s.last_used_at, o.id AS operator_id, o.organization_id, o.role, o.login
    FROM operator_session s JOIN "operator" o ON o.id = s.operator_id
    WHERE s.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND s.last_used_at > $3 AND o.is_active
"""

TOUCH = "UPDATE operator_session SET last_used_at = $2 WHERE id = $1 AND last_used_at < $3 RETURNING id"

# Changes to who runs this go one after the other.
LOCK_ROOT = Both(postgres="SELECT id FROM organization WHERE parent_id IS NULL FOR UPDATE", sqlite="")

ROOT_ADMINS = """
    SELECT count(*) AS admins FROM "operator" o JOIN organization g ON g.id = o.organization_id
    WHERE g.parent_id IS NULL AND o.is_active AND o.role = 'admin'
"""
