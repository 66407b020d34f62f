"""Statements of redemption without a network: packs, uploads, the cut-off, conflicts.

Locks are taken in one order everywhere: the clerk, the device, the days, the claims by id.
"""

from models.sql import Both

# --- keys

SIGNING_KEYS = """
    SELECT id, number, key_id, public_key, private_key_cipher, made_at FROM signing_key ORDER BY number DESC LIMIT $1
"""
ADD_SIGNING_KEY = """
    INSERT INTO signing_key (id, created_at, number, key_id, public_key, private_key_cipher, made_at)
    VALUES ($1, $2, $3, $4, $5, $6, $2) ON CONFLICT DO NOTHING RETURNING id
"""

# --- packs

PACK_BENEFITS = """
    SELECT id, name, kind, terms, settlement_price_fen FROM benefit
    WHERE merchant_id = $1 AND is_offline_allowed AND NOT is_paused ORDER BY id
"""
# $1 benefit, $2 the claim after which, $3 the end of the day, $4 from when on it must be good, $5 how many. Rows of
# other members' claims than active ones', of offers that show no typed code, and of paused ones, are left out.
_PACK = """
    SELECT c.id, c.state, c.code_version, c.valid_from, c.expires_at
    FROM claim c
    JOIN offer f ON f.id = c.offer_id AND f.state <> 'paused'
    JOIN member m ON m.id = c.member_id
    JOIN member o ON o.id = coalesce(m.canonical_id, m.id) AND o.status = 'active'
    LEFT JOIN offer_version v ON v.offer_id = c.offer_id AND v.number = c.offer_version
    WHERE c.benefit_id = $1 AND c.id > $2 AND c.state IN ('issued', 'revoked') AND c.uses_total = 1
        AND c.valid_from < $3 AND (c.expires_at IS NULL OR c.expires_at > $4)
        AND coalesce({shows}, {yes}) <> {no}
    ORDER BY c.benefit_id, c.id LIMIT $5
"""
PACK_CLAIMS = Both(
    postgres=_PACK.format(shows="v.terms ->> 'shows_typed_code'", yes="'true'", no="'false'"),
    sqlite=_PACK.format(shows="v.terms ->> 'shows_typed_code'", yes="1", no="0"),
)
# What was redeemed since $2 at merchant $1, so that a device can say so instead of finding nothing; at most $3.
PACK_USED = """
    SELECT DISTINCT c.id, c.code_version FROM redemption r JOIN claim c ON c.id = r.claim_id
    JOIN benefit b ON b.id = c.benefit_id AND b.is_offline_allowed
    WHERE r.merchant_id = $1 AND r.redeemed_at >= $2 AND c.state = 'used' ORDER BY c.id LIMIT $3
"""

# --- uploads

ADD_DEVICE = """
    INSERT INTO offline_device (id, created_at, merchant_id, device_id, complete_upto) VALUES ($1, $2, $3, $4, 0)
    ON CONFLICT (merchant_id, device_id) DO NOTHING RETURNING id
"""
DEVICE = "SELECT complete_upto FROM offline_device WHERE merchant_id = $1 AND device_id = $2"
LOCK_DEVICE = Both(postgres=DEVICE + " FOR UPDATE", sqlite=DEVICE)
# Up to where nothing is missing: the run of numbers that follows what was complete before.
COMPLETE = """
    UPDATE offline_device SET complete_upto = coalesce((
        SELECT max(run.seq) FROM (
            SELECT s.seq, row_number() OVER (ORDER BY s.seq) AS n FROM offline_scan s
            WHERE s.merchant_id = $1 AND s.device_id = $2 AND s.seq > (
                SELECT d.complete_upto FROM offline_device d WHERE d.merchant_id = $1 AND d.device_id = $2
            )
        ) AS run WHERE run.seq = offline_device.complete_upto + run.n
    ), complete_upto) WHERE merchant_id = $1 AND device_id = $2 RETURNING complete_upto
"""
# The numbers that are missing, as [first, last], after $3, at most $4 gaps.
GAPS = """
    SELECT g.before + 1 AS first, g.seq - 1 AS last FROM (
        SELECT s.seq, lag(s.seq, 1, CAST($3 AS int)) OVER (ORDER BY s.seq) AS before FROM offline_scan s
        WHERE s.merchant_id = $1 AND s.device_id = $2 AND s.seq > $3
    ) AS g WHERE g.seq > g.before + 1 ORDER BY g.seq LIMIT $4
"""
ADD_DAY = """
    INSERT INTO offline_day (id, created_at, business_on) VALUES ($1, $2, $3)
    ON CONFLICT (business_on) DO NOTHING RETURNING id
"""
# Shared: many uploads at once; whoever closes the day waits for them, and they for whoever closes it.
_DAY = "SELECT business_on, closed_at FROM offline_day WHERE business_on {these} ORDER BY business_on"
HOLD_DAYS = Both(
    postgres=_DAY.format(these="= ANY($1::text[])") + " FOR SHARE",
    sqlite=_DAY.format(these="IN (SELECT value FROM json_each($1))"),
)
_SYNCS = """
    SELECT y.id, y.store_id, y.clerk_id, y.business_on, y.offset_ms, y.measured_at, k.revoked_at, k.name AS clerk,
        s.code AS store_code, s.name AS store, coalesce(m.canonical_id, m.id) AS clerk_member_id
    FROM offline_sync y
    JOIN clerk k ON k.id = y.clerk_id
    JOIN member m ON m.id = k.member_id
    JOIN store s ON s.id = y.store_id
    WHERE y.merchant_id = $1 AND y.device_id = $2 AND y.id {these}
"""
SYNCS = Both(
    postgres=_SYNCS.format(these="= ANY($3::uuid[])"),
    sqlite=_SYNCS.format(these="IN (SELECT value FROM json_each($3))"),
)
_KNOWN = """
    SELECT s.id, s.seq, s.key, s.fingerprint, s.claim_id, s.outcome, s.reason, s.redemption_id, s.is_contending,
        v.outcome AS fixed_outcome, v.reason AS fixed_reason, v.redemption_id AS fixed_redemption_id
    FROM offline_scan s LEFT JOIN offline_verdict v ON v.scan_id = s.id
    WHERE s.merchant_id = $1 AND s.device_id = $2 AND (s.seq {seqs} OR s.key {keys})
"""
KNOWN = Both(
    postgres=_KNOWN.format(seqs="= ANY($3::int[])", keys="= ANY($4::text[])"),
    sqlite=_KNOWN.format(seqs="IN (SELECT value FROM json_each($3))", keys="IN (SELECT value FROM json_each($4))"),
)
DEVICE_DAY = """
    SELECT count(*) AS number, coalesce(sum(value_fen), 0) AS fen FROM offline_scan
    WHERE merchant_id = $1 AND device_id = $2 AND business_on = $3 AND is_contending
"""
_THESE = Both(postgres="= ANY($1::uuid[])", sqlite="IN (SELECT value FROM json_each($1))")
GIVE = Both(
    postgres="UPDATE claim SET uses_left = uses_left + 1 WHERE id = ANY($1::uuid[]) AND uses_left < uses_total"
    " RETURNING id",
    sqlite="UPDATE claim SET uses_left = uses_left + 1 WHERE id IN (SELECT value FROM json_each($1))"
    " AND uses_left < uses_total RETURNING id",
)
# The claims behind these ids or hashes of typed codes, locked in id order, with all that a decision needs.
_CLAIMS = """
    SELECT c.id, c.code_hash, c.state, c.uses_total, c.uses_left, c.valid_from, c.expires_at, c.offer_id,
        f.state AS offer_state, t.is_active AS is_merchant_active, o.id AS owner_id, o.status AS owner_status,
        b.id AS benefit_id, b.name, b.kind, b.terms, b.merchant_id, b.is_paused, b.is_offline_allowed,
        b.settlement_price_fen, b.operator_share_bp, v.terms AS offer_terms
    FROM claim c
    JOIN benefit b ON b.id = c.benefit_id
    JOIN offer f ON f.id = c.offer_id
    LEFT JOIN merchant t ON t.id = b.merchant_id
    JOIN member m ON m.id = c.member_id
    JOIN member o ON o.id = coalesce(m.canonical_id, m.id)
    LEFT JOIN offer_version v ON v.offer_id = c.offer_id AND v.number = c.offer_version
    WHERE c.id {ids} OR c.code_hash {hashes} ORDER BY c.id
"""
LOCK_CLAIMS = Both(
    postgres=_CLAIMS.format(ids="= ANY($1::uuid[])", hashes="= ANY($2::text[])") + " FOR UPDATE OF c",
    sqlite=_CLAIMS.format(ids="IN (SELECT value FROM json_each($1))", hashes="IN (SELECT value FROM json_each($2))"),
)
# Which of these are paid back unused, alone or with their package. Asked when they are locked already: of other tables
# than the locked one, whoever waited for a lock sees what was there before the wait.
_PAID_BACK = """
    SELECT c.id FROM claim c JOIN order_claim k ON k.claim_id = c.id WHERE c.id {these} AND c.uses_left > 0
        AND k.refund_id IS NOT NULL
    UNION ALL SELECT c.id FROM claim c JOIN order_claim k ON k.claim_id = c.package_id
    WHERE c.id {these} AND c.uses_left > 0 AND k.refund_id IS NOT NULL
"""
PAID_BACK = Both(postgres=_PAID_BACK.format(these=_THESE.postgres), sqlite=_PAID_BACK.format(these=_THESE.sqlite))
# One use of each of these, whether or not the sweep has come past since it was scanned.
_TAKE = """
    UPDATE claim SET uses_left = uses_left - 1
    WHERE id {these} AND uses_left >= 1 AND state IN ('issued', 'expired') RETURNING id
"""
TAKE = Both(postgres=_TAKE.format(these=_THESE.postgres), sqlite=_TAKE.format(these=_THESE.sqlite))
# What was redeemed of these claims and stands, with what it takes to write its contra.
_STANDING = """
    SELECT r.id, r.claim_id, r.benefit_id, r.mode, r.redeemed_at, r.scanned_at, r.device_id, r.receipt, r.uses,
        r.bill_amount_fen, r.settlement_fen, r.operator_share_fen, r.merchant_share_fen, r.merchant_id, r.store_id,
        r.clerk_id, s.name AS store, k.name AS clerk
    FROM redemption r JOIN store s ON s.id = r.store_id JOIN clerk k ON k.id = r.clerk_id
    WHERE r.{column} {these} AND r.kind = 'redeem' {alive} ORDER BY r.claim_id, r.redeemed_at, r.id
"""
_ALIVE = "AND NOT EXISTS (SELECT 1 FROM redemption x WHERE x.reverses_id = r.id)"
STANDING = Both(
    postgres=_STANDING.format(column="claim_id", these=_THESE.postgres, alive=_ALIVE),
    sqlite=_STANDING.format(column="claim_id", these=_THESE.sqlite, alive=_ALIVE),
)
BY_ID = Both(
    postgres=_STANDING.format(column="id", these=_THESE.postgres, alive=""),
    sqlite=_STANDING.format(column="id", these=_THESE.sqlite, alive=""),
)

# --- the cut-off

OPEN_DAYS = "SELECT business_on FROM offline_day WHERE fixed_at IS NULL AND business_on <= $1 ORDER BY business_on"
CLOSE_DAY = "UPDATE offline_day SET closed_at = $2 WHERE business_on = $1 AND closed_at IS NULL RETURNING id"
FIXED_DAY = "UPDATE offline_day SET fixed_at = $2 WHERE business_on = $1 AND fixed_at IS NULL RETURNING id"
UNFIXED_CLAIMS = """
    SELECT DISTINCT s.claim_id FROM offline_scan s LEFT JOIN offline_verdict v ON v.scan_id = s.id
    WHERE s.business_on = $1 AND s.is_contending AND s.claim_id > $2 AND v.id IS NULL ORDER BY s.claim_id LIMIT $3
"""
# `is_withdrawn`: a person took back what it had made.
_UNFIXED = """
    SELECT s.id, s.claim_id, s.device_id, s.seq, s.scanned_at, s.value_fen, s.redemption_id, s.bill_amount_fen,
        s.merchant_id, y.store_id, y.clerk_id, t.code AS store_code, t.name AS store,
        coalesce(m.canonical_id, m.id) AS clerk_member_id, EXISTS (
            SELECT 1 FROM redemption x WHERE x.reverses_id = s.redemption_id AND x.reason <> $3
        ) AS is_withdrawn
    FROM offline_scan s
    JOIN offline_sync y ON y.id = s.sync_id
    JOIN store t ON t.id = y.store_id
    JOIN clerk k ON k.id = y.clerk_id
    JOIN member m ON m.id = k.member_id
    LEFT JOIN offline_verdict v ON v.scan_id = s.id
    WHERE s.business_on = $2 AND s.is_contending AND v.id IS NULL AND s.claim_id {these} ORDER BY s.id
"""
UNFIXED_SCANS = Both(postgres=_UNFIXED.format(these=_THESE.postgres), sqlite=_UNFIXED.format(these=_THESE.sqlite))
DAY_OF_DEVICE = """
    SELECT id, claim_id, device_id, seq, scanned_at, value_fen FROM offline_scan
    WHERE business_on = $1 AND merchant_id = $2 AND device_id = $3 AND is_contending
"""

# --- what may have been scanned and is not known yet

# Of these claims ($1) and their parts what stands in a pack of a day after $2 and is good before $3, by store.
_HELD = """
    SELECT c.id, c.package_id, c.claimed_at, b.kind, b.terms, s.code AS store_code,
        max(y.measured_at) AS measured_at
    FROM claim c JOIN benefit b ON b.id = c.benefit_id AND b.is_offline_allowed
    JOIN offline_sync y ON y.merchant_id = b.merchant_id AND y.business_on > $2
        AND (c.expires_at IS NULL OR c.expires_at > y.measured_at)
    JOIN store s ON s.id = y.store_id
    WHERE (c.id {these} OR c.package_id {these}) AND c.uses_total = 1 AND c.uses_left = 1
        AND c.state IN ('issued', 'expired') AND c.valid_from < $3
    GROUP BY c.id, b.id, s.id
"""
HELD = Both(postgres=_HELD.format(these=_THESE.postgres), sqlite=_HELD.format(these=_THESE.sqlite))
# Those of which a scan came in that no cut-off has looked at yet.
_UNDECIDED = """
    SELECT DISTINCT c.id, c.package_id FROM claim c JOIN offline_scan s ON s.claim_id = c.id AND s.is_contending
    LEFT JOIN offline_verdict v ON v.scan_id = s.id
    WHERE (c.id {these} OR c.package_id {these}) AND v.id IS NULL
"""
UNDECIDED = Both(postgres=_UNDECIDED.format(these=_THESE.postgres), sqlite=_UNDECIDED.format(these=_THESE.sqlite))

# --- looking at what waits

MERCHANT_OF = "SELECT merchant_id FROM store WHERE id = $1"
WAITING = """
    SELECT count(*) AS number FROM offline_scan s LEFT JOIN offline_verdict v ON v.scan_id = s.id
    LEFT JOIN offline_sync y ON y.id = s.sync_id
    WHERE s.merchant_id = $1 AND v.id IS NULL AND (CAST($2 AS text) IS NULL OR s.device_id = $2)
        AND (CAST($3 AS text) IS NULL OR CAST(y.clerk_id AS text) = $3)
"""
DEVICES_OF = """
    SELECT d.device_id, d.complete_upto FROM offline_device d
    WHERE d.merchant_id = $1 AND (CAST($2 AS text) IS NULL OR d.device_id = $2)
        AND (CAST($3 AS text) IS NULL OR EXISTS (
            SELECT 1 FROM offline_sync y WHERE y.merchant_id = d.merchant_id AND y.device_id = d.device_id
                AND CAST(y.clerk_id AS text) = $3))
    ORDER BY d.device_id
"""
