"""Statements of the counter: claims are locked in id order, uses move by guarded updates."""

from models.sql import Both, of_rows

# Whoever serves no more gets no row. The lock makes one clerk's scans go one after the other, so that guesses in
# parallel are counted like guesses in a row.
_CLERK = "SELECT id, member_id FROM clerk WHERE id = $1 AND revoked_at IS NULL"
LOCK_CLERK = Both(postgres=_CLERK + " FOR NO KEY UPDATE", sqlite=_CLERK)

# The same of many clerks ($1), each with whom they are today, so that nobody redeems an own claim, and with the caps of
# their merchant, which managers do not have.
_CLERKS = """
    SELECT k.id, o.id AS me,
        CASE WHEN k.role = 'clerk' THEN t.clerk_daily_redemptions END AS daily_redemptions,
        CASE WHEN k.role = 'clerk' THEN t.clerk_daily_reversals END AS daily_reversals
    FROM clerk k
    JOIN merchant t ON t.id = k.merchant_id
    JOIN member m ON m.id = k.member_id JOIN member o ON o.id = coalesce(m.canonical_id, m.id)
    WHERE k.id {these} AND k.revoked_at IS NULL AND o.status <> 'erased' ORDER BY k.id
"""
LOCK_CLERKS = Both(
    postgres=_CLERKS.format(these="= ANY($1::uuid[])") + " FOR NO KEY UPDATE OF k",
    sqlite=_CLERKS.format(these="IN (SELECT value FROM json_each($1))"),
)

# These stores ($1), and up to two of each of these merchants ($2): enough to see whether there is but one.
_STORES_OF = """
    SELECT s.id, s.merchant_id, s.code, s.name, s.hours, s.zone FROM store s
    WHERE s.is_active AND (s.id {named} OR (s.merchant_id {open} AND 2 > (
        SELECT count(*) FROM store o WHERE o.merchant_id = s.merchant_id AND o.is_active AND o.id < s.id)))
"""
STORES_OF = Both(
    postgres=_STORES_OF.format(named="= ANY($1::uuid[])", open="= ANY($2::uuid[])"),
    sqlite=_STORES_OF.format(named="IN (SELECT value FROM json_each($1))", open="IN (SELECT value FROM json_each($2))"),
)

STORES = """
    SELECT id, code, name, hours, zone FROM store
    WHERE merchant_id = $1 AND is_active AND (CAST($2 AS text) IS NULL OR CAST(id AS text) = $2) LIMIT 2
"""
STORE_NAMES = "SELECT code, name FROM store WHERE merchant_id = $1 ORDER BY code"

# Of a benefit b, its offer f and its merchant t: what no counter takes, and what nobody is shown a pass for.
_IS_PAUSED = "b.is_paused OR f.state = 'paused' OR NOT COALESCE(t.is_active, true)"
PAUSED = f"""
    SELECT c.id FROM claim c JOIN benefit b ON b.id = c.benefit_id JOIN offer f ON f.id = c.offer_id
    LEFT JOIN merchant t ON t.id = b.merchant_id WHERE c.id = $1 AND ({_IS_PAUSED})
"""  # noqa: S608 - no outside input in it
# $1 ids, $2 hashes of typed codes.
_CLAIMS = """
    SELECT c.id, c.code_hash, c.state, c.uses_total, c.uses_left, c.valid_from, c.expires_at, c.member_id,
        o.id AS owner_id, o.status AS owner_status, o.number,
        b.id AS benefit_id, b.name, b.kind, b.terms, b.merchant_id, b.settlement_price_fen,
        b.operator_share_bp, v.terms AS offer_terms,
        {is_paused} AS is_paused
    FROM claim c
    JOIN benefit b ON b.id = c.benefit_id
    JOIN member m ON m.id = c.member_id
    JOIN member o ON o.id = coalesce(m.canonical_id, m.id)
    JOIN offer f ON f.id = c.offer_id
    LEFT JOIN merchant t ON t.id = b.merchant_id
    LEFT JOIN offer_version v ON v.offer_id = c.offer_id AND v.number = c.offer_version
    WHERE c.id {ids} OR c.code_hash {hashes} ORDER BY c.id
"""
_POSTGRES = _CLAIMS.format(ids="= ANY($1::uuid[])", hashes="= ANY($2::text[])", is_paused=_IS_PAUSED)
_SQLITE = _CLAIMS.format(
    ids="IN (SELECT value FROM json_each($1))", hashes="IN (SELECT value FROM json_each($2))", is_paused=_IS_PAUSED
)
CLAIMS = Both(postgres=_POSTGRES, sqlite=_SQLITE)
LOCK_CLAIMS = Both(postgres=_POSTGRES + " FOR UPDATE OF c", sqlite=_SQLITE)

# $1 [{"id", "uses", "before", "after"}], $2 the ids: those that are not given back had fewer left, stood in another
# state, or in one in which nothing is taken (IS TRUE: no partial index of open claims is to be read for it). One UPDATE
# for uses and state: every version of a claim's row costs an entry in each of its indexes.
_WANTED = Both(
    postgres='json_to_recordset($1::text::json) AS w(id uuid, uses int, before text, "after" text)',
    sqlite="""(SELECT value ->> 'id' AS id, value ->> 'uses' AS uses, value ->> 'before' AS before,
        value ->> 'after' AS "after" FROM json_each($1)) AS w""",
)
_AND_THESE = Both(postgres="= ANY($2::uuid[])", sqlite="IN (SELECT value FROM json_each($2))")
_TAKE = """
    UPDATE claim SET state = w."after", uses_left = claim.uses_left - w.uses FROM {wanted}
    WHERE claim.id {these} AND claim.id = w.id AND claim.uses_left >= w.uses
        AND (claim.state IN ('issued', 'partly_used')) IS TRUE AND claim.state = w.before
    RETURNING {given}
"""
TAKE_USES = Both(
    postgres=_TAKE.format(wanted=_WANTED.postgres, these=_AND_THESE.postgres, given="claim.id, claim.uses_left"),
    sqlite=_TAKE.format(wanted=_WANTED.sqlite, these=_AND_THESE.sqlite, given="id, uses_left"),
)
GIVE_USES = """
    UPDATE claim SET uses_left = uses_left + $2 WHERE id = $1 AND uses_left + $2 <= uses_total RETURNING uses_left
"""

_OF_THESE = Both(postgres="= ANY($1::uuid[])", sqlite="IN (SELECT value FROM json_each($1))")
# $1 [{"id", "since"}], $2 the ids: of what was redeemed of these claims and stands, the money since then and the uses
# before. A count instead of NOT EXISTS, or all redemptions might be read to see which were taken back.
_SINCE = Both(
    postgres="json_to_recordset($1::text::json) AS w(id uuid, since timestamptz)",
    sqlite="(SELECT value ->> 'id' AS id, value ->> 'since' AS since FROM json_each($1)) AS w",
)
_SETTLED = """
    SELECT r.claim_id,
        sum(CASE WHEN w.since IS NULL OR r.redeemed_at >= w.since THEN r.settlement_fen ELSE 0 END) AS fen,
        sum(CASE WHEN w.since IS NULL OR r.redeemed_at >= w.since THEN 0 ELSE r.uses END) AS uses_before
    FROM {wanted} JOIN redemption r ON r.claim_id = w.id
    WHERE r.claim_id {these} AND r.kind = 'redeem'
        AND (SELECT count(*) FROM redemption x WHERE x.reverses_id = r.id) = 0
    GROUP BY r.claim_id
"""
SETTLED = Both(
    postgres=_SETTLED.format(wanted=_SINCE.postgres, these=_AND_THESE.postgres),
    sqlite=_SETTLED.format(wanted=_SINCE.sqlite, these=_AND_THESE.sqlite),
)
# What was redeemed of these claims and stands, the latest first.
_STANDING = """
    SELECT r.claim_id, r.redeemed_at, r.scanned_at, r.device_id, r.receipt, r.store_id, s.name AS store, k.name AS clerk
    FROM redemption r JOIN store s ON s.id = r.store_id JOIN clerk k ON k.id = r.clerk_id
    WHERE r.claim_id {these} AND r.kind = 'redeem'
        AND NOT EXISTS (SELECT 1 FROM redemption x WHERE x.reverses_id = r.id)
    ORDER BY r.redeemed_at DESC, r.id DESC
"""
STANDING = Both(postgres=_STANDING.format(these=_OF_THESE.postgres), sqlite=_STANDING.format(these=_OF_THESE.sqlite))

# What these clerks ($1) have made since ($2) of a kind ($3), but for what the cut-off took back in their name ($4).
# Scanned offline before, it is of the day before, whenever it was uploaded; what a device online says of its own time
# counts for nothing. One count for each clerk, so that the index of clerks and instants is read and no other.
_MADE = """
    SELECT k.id, (
        SELECT count(*) FROM redemption r
        WHERE r.clerk_id = k.id AND r.redeemed_at >= $2 AND r.kind = $3 AND r.reason <> $4
            AND (r.mode = 'online' OR r.scanned_at IS NULL OR r.scanned_at >= $2)
    ) AS made FROM clerk k WHERE k.id {these}
"""
MADE = Both(postgres=_MADE.format(these=_OF_THESE.postgres), sqlite=_MADE.format(these=_OF_THESE.sqlite))

# --- rows of many calls: $1 their JSON

_ATTEMPTS = """
    INSERT INTO redemption_attempt (id, created_at, clerk_id, store_id, claim_id, device_id, request_key, code_hash,
        outcome, tried_at)
    SELECT r.id, r.tried_at, r.clerk_id, r.store_id, r.claim_id, r.device_id, r.request_key, r.code_hash, r.outcome,
        r.tried_at
    FROM {rows} WHERE true RETURNING id
"""
ADD_ATTEMPTS = of_rows(
    _ATTEMPTS,
    {
        "id": "uuid",
        "clerk_id": "uuid",
        "store_id": "uuid",
        "claim_id": "uuid",
        "device_id": "text",
        "request_key": "text",
        "code_hash": "text",
        "outcome": "text",
        "tried_at": "timestamptz",
    },
)
# $2 is when.
_REDEMPTIONS = """
    INSERT INTO redemption (id, created_at, kind, claim_id, benefit_id, merchant_id, store_id, clerk_id, device_id,
        receipt, mode, uses, redeemed_at, scanned_at, bill_amount_fen, settlement_fen, operator_share_fen,
        merchant_share_fen, reason)
    SELECT r.id, $2, 'redeem', r.claim_id, r.benefit_id, r.merchant_id, r.store_id, r.clerk_id, r.device_id,
        r.receipt, 'online', r.uses, $2, r.scanned_at, r.bill_amount_fen, r.settlement_fen, r.operator_share_fen,
        r.merchant_share_fen, ''
    FROM {rows} WHERE true RETURNING id
"""
ADD_REDEMPTIONS = of_rows(
    _REDEMPTIONS,
    {
        "id": "uuid",
        "claim_id": "uuid",
        "benefit_id": "uuid",
        "merchant_id": "uuid",
        "store_id": "uuid",
        "clerk_id": "uuid",
        "device_id": "text",
        "receipt": "text",
        "uses": "int",
        "scanned_at": "timestamptz",
        "bill_amount_fen": "int",
        "settlement_fen": "int",
        "operator_share_fen": "int",
        "merchant_share_fen": "int",
    },
)

# --- wrong codes: $1 [{"id", "subject", "window", "number"}], $2 now

_COUNTED = Both(
    postgres='json_to_recordset($1::text::json) AS w(id uuid, subject text, "window" text, number int)',
    sqlite="""(SELECT value ->> 'id' AS id, value ->> 'subject' AS subject, value ->> 'window' AS "window",
        value ->> 'number' AS number FROM json_each($1)) AS w""",
)
_LOCKS = """
    SELECT w.subject, w."window", r.first_at, p.tried_count FROM {wanted}
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
    SELECT w.id, $2, w.subject, w."window", w.number FROM {wanted} WHERE true ORDER BY w.subject
    ON CONFLICT (subject, "window") DO UPDATE SET tried_count = proof_attempts.tried_count + excluded.tried_count
    RETURNING id
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
    SELECT r.id, b.name AS benefit FROM redemption r JOIN benefit b ON b.id = r.benefit_id
    WHERE r.merchant_id = $1 AND r.clerk_id = $2 AND r.device_id = $3
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
