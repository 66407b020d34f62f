"""Statements of the counter: claims are locked in id order, uses move by guarded updates."""

from models.sql import Both

# Whoever serves no more gets no row. The lock makes one clerk's scans go one after the other, so that guesses in
# parallel are counted like guesses in a row.
_CLERK = "SELECT id, member_id FROM clerk WHERE id = $1 AND revoked_at IS NULL"
LOCK_CLERK = Both(postgres=_CLERK + " FOR NO KEY UPDATE", sqlite=_CLERK)

STORES = """
    SELECT id, code, name FROM store
    WHERE merchant_id = $1 AND is_active AND (CAST($2 AS text) IS NULL OR CAST(id AS text) = $2) LIMIT 2
"""
STORE_NAMES = "SELECT code, name FROM store WHERE merchant_id = $1 ORDER BY code"

# $1 ids, $2 hashes of typed codes.
_CLAIMS = """
    SELECT c.id, c.code_hash, c.state, c.uses_total, c.uses_left, c.valid_from, c.expires_at, c.member_id,
        o.id AS owner_id, o.status AS owner_status, o.number,
        b.id AS benefit_id, b.name, b.kind, b.terms, b.merchant_id, b.settlement_price_fen,
        b.operator_share_bp, v.terms AS offer_terms,
        b.is_paused OR f.state = 'paused' OR NOT COALESCE(t.is_active, true) AS is_paused
    FROM claim c
    JOIN benefit b ON b.id = c.benefit_id
    JOIN member m ON m.id = c.member_id
    JOIN member o ON o.id = coalesce(m.canonical_id, m.id)
    JOIN offer f ON f.id = c.offer_id
    LEFT JOIN merchant t ON t.id = b.merchant_id
    LEFT JOIN offer_version v ON v.offer_id = c.offer_id AND v.number = c.offer_version
    WHERE c.id {ids} OR c.code_hash {hashes} ORDER BY c.id
"""
_POSTGRES = _CLAIMS.format(ids="= ANY($1::uuid[])", hashes="= ANY($2::text[])")
_SQLITE = _CLAIMS.format(ids="IN (SELECT value FROM json_each($1))", hashes="IN (SELECT value FROM json_each($2))")
CLAIMS = Both(postgres=_POSTGRES, sqlite=_SQLITE)
LOCK_CLAIMS = Both(postgres=_POSTGRES + " FOR UPDATE OF c", sqlite=_SQLITE)

# $1 [{"id", "uses"}]: those that are not given back had fewer left, or a state in which nothing is taken.
_WANTED = Both(
    postgres="json_to_recordset($1::text::json) AS w(id uuid, uses int)",
    sqlite="(SELECT value ->> 'id' AS id, value ->> 'uses' AS uses FROM json_each($1)) AS w",
)
_TAKE = """
    UPDATE claim SET uses_left = claim.uses_left - w.uses FROM {wanted}
    WHERE claim.id = w.id AND claim.uses_left >= w.uses AND claim.state IN ('issued', 'partly_used')
    RETURNING claim.id, claim.uses_left
"""
TAKE_USES = Both(
    postgres=_TAKE.format(wanted=_WANTED.postgres),
    sqlite=_TAKE.replace("RETURNING claim.id, claim.uses_left", "RETURNING id, uses_left").format(
        wanted=_WANTED.sqlite
    ),
)
GIVE_USES = """
    UPDATE claim SET uses_left = uses_left + $2 WHERE id = $1 AND uses_left + $2 <= uses_total RETURNING uses_left
"""

_OF_THESE = Both(postgres="= ANY($1::uuid[])", sqlite="IN (SELECT value FROM json_each($1))")
_SETTLED = """
    SELECT claim_id, sum(CASE kind WHEN 'redeem' THEN settlement_fen ELSE -settlement_fen END) AS fen
    FROM redemption WHERE claim_id {these} GROUP BY claim_id
"""
SETTLED = Both(postgres=_SETTLED.format(these=_OF_THESE.postgres), sqlite=_SETTLED.format(these=_OF_THESE.sqlite))
# What was redeemed of these claims and stands, the latest first.
_STANDING = """
    SELECT r.claim_id, r.redeemed_at, r.device_id, r.receipt, s.name AS store, k.name AS clerk
    FROM redemption r JOIN store s ON s.id = r.store_id JOIN clerk k ON k.id = r.clerk_id
    WHERE r.claim_id {these} AND r.kind = 'redeem'
        AND NOT EXISTS (SELECT 1 FROM redemption x WHERE x.reverses_id = r.id)
    ORDER BY r.redeemed_at DESC, r.id DESC
"""
STANDING = Both(postgres=_STANDING.format(these=_OF_THESE.postgres), sqlite=_STANDING.format(these=_OF_THESE.sqlite))

# --- wrong codes: $1 [{"id", "subject", "window"}], $2 now

_COUNTED = Both(
    postgres='json_to_recordset($1::text::json) AS w(id uuid, subject text, "window" text)',
    sqlite="""(SELECT value ->> 'id' AS id, value ->> 'subject' AS subject, value ->> 'window' AS "window"
        FROM json_each($1)) AS w""",
)
_LOCKS = """
    SELECT w.subject, r.first_at, p.tried_count FROM {wanted}
    JOIN recent_tries r ON r.subject = w.subject
    JOIN proof_attempts p ON p.subject = w.subject AND p."window" = w."window"
"""
LOCKS = Both(postgres=_LOCKS.format(wanted=_COUNTED.postgres), sqlite=_LOCKS.format(wanted=_COUNTED.sqlite))
_LATEST = """
    INSERT INTO recent_tries (id, created_at, subject, tried_at, first_at)
    SELECT w.id, $2, w.subject, $2, $2 FROM {wanted} WHERE true ORDER BY w.subject
    ON CONFLICT (subject) DO UPDATE SET tried_at = $2, first_at = $2 RETURNING id
"""
LATEST_WRONG = Both(postgres=_LATEST.format(wanted=_COUNTED.postgres), sqlite=_LATEST.format(wanted=_COUNTED.sqlite))
_COUNT = """
    INSERT INTO proof_attempts (id, created_at, subject, "window", tried_count)
    SELECT w.id, $2, w.subject, w."window", 1 FROM {wanted} WHERE true ORDER BY w.subject
    ON CONFLICT (subject, "window") DO UPDATE SET tried_count = proof_attempts.tried_count + 1 RETURNING id
"""
COUNT_WRONG = Both(postgres=_COUNT.format(wanted=_COUNTED.postgres), sqlite=_COUNT.format(wanted=_COUNTED.sqlite))
_FORGIVE = """
    DELETE FROM proof_attempts WHERE EXISTS (
        SELECT 1 FROM {wanted} WHERE w.subject = proof_attempts.subject AND w."window" = proof_attempts."window"
    ) RETURNING id
"""
FORGIVE = Both(postgres=_FORGIVE.format(wanted=_COUNTED.postgres), sqlite=_FORGIVE.format(wanted=_COUNTED.sqlite))

# --- looking back, and taking back

_REDEMPTION = """
    r.id, r.kind, r.claim_id, r.reverses_id, r.merchant_id, r.store_id, r.clerk_id, r.device_id, r.receipt, r.uses,
    r.redeemed_at, r.bill_amount_fen, r.settlement_fen, r.operator_share_fen, r.merchant_share_fen, r.benefit_id,
    b.name AS benefit, s.name AS store, k.name AS clerk, o.number, o.id AS owner_id,
    EXISTS (SELECT 1 FROM redemption x WHERE x.reverses_id = r.id) AS is_reversed
    FROM redemption r
    JOIN benefit b ON b.id = r.benefit_id
    JOIN store s ON s.id = r.store_id
    JOIN clerk k ON k.id = r.clerk_id
    JOIN claim c ON c.id = r.claim_id
    JOIN member m ON m.id = c.member_id
    JOIN member o ON o.id = coalesce(m.canonical_id, m.id)
"""
REDEMPTION = f"SELECT {_REDEMPTION} WHERE r.id = $1 AND r.merchant_id = $2"
# Newest first. $1 merchant, $2 one store or null, $3 one clerk or null, $4 the row before which, $5 how many.
HISTORY = f"""
    SELECT {_REDEMPTION} WHERE r.merchant_id = $1
        AND (CAST($2 AS text) IS NULL OR CAST(r.store_id AS text) = $2)
        AND (CAST($3 AS text) IS NULL OR CAST(r.clerk_id AS text) = $3)
        AND r.id < $4
    ORDER BY r.id DESC LIMIT $5
"""
LAST_OF_DEVICE = """
    SELECT r.id FROM redemption r WHERE r.merchant_id = $1 AND r.clerk_id = $2 AND r.device_id = $3
        AND r.kind = 'redeem' AND r.redeemed_at >= $4
        AND NOT EXISTS (SELECT 1 FROM redemption x WHERE x.reverses_id = r.id)
    ORDER BY r.id DESC LIMIT 1
"""
_LOCK_CLAIM = """
    SELECT c.id, c.state, c.uses_total, c.uses_left, c.expires_at,
        (SELECT count(*) FROM redemption r WHERE r.claim_id = c.id AND r.kind = 'reversal') AS reversals
    FROM claim c WHERE c.id = $1
"""
LOCK_CLAIM = Both(postgres=_LOCK_CLAIM + " FOR UPDATE", sqlite=_LOCK_CLAIM)
