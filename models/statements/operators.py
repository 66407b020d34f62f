"""Operators' sign-ins: tries are charged before a password is looked at, and a code moves its step only forward."""

from models.sql import Both

# $1 login, $2 hash of the address, $3 since when a sign-in from there makes it known.
WHOM = """
    SELECT o.id, o.organization_id, o.role, o.login, o.password_hash, o.totp_cipher, EXISTS (
        SELECT 1 FROM operator_address a WHERE a.operator_id = o.id AND a.address_hash = $2 AND a.last_used_at > $3
    ) AS known
    FROM "operator" o WHERE o.login = $1 AND o.is_active
"""
KNOWN_FROM = """
    INSERT INTO operator_address (id, created_at, operator_id, address_hash, last_used_at) VALUES ($1, $2, $3, $4, $2)
    ON CONFLICT (operator_id, address_hash) DO UPDATE SET last_used_at = $2 RETURNING id
"""

# Whoever gets no row back has had $5 tries in this window.
COUNT_WITHIN = """
    INSERT INTO proof_attempts (id, created_at, subject, "window", tried_count) VALUES ($1, $2, $3, $4, 1)
    ON CONFLICT (subject, "window") DO UPDATE SET tried_count = proof_attempts.tried_count + 1
    WHERE proof_attempts.tried_count < $5 RETURNING tried_count
"""
GIVE_BACK_WITHIN = """
    UPDATE proof_attempts SET tried_count = tried_count - 1 WHERE subject = $1 AND "window" = $2 AND tried_count > 0
    RETURNING id
"""
FORGET_TRIES = "DELETE FROM proof_attempts WHERE subject = $1 RETURNING id"

REST = 'UPDATE "operator" SET locked_until = $2 WHERE id = $1 RETURNING id'
STRANGERS_MAY = 'UPDATE "operator" SET locked_until = NULL WHERE id = $1 RETURNING id'

# One code, one sign-in: of two requests with the same code the second finds the step taken. What was verified outside
# of the transaction must still be what is stored.
ADMIT = """
    UPDATE "operator" SET last_totp_step = $2
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
