"""Claiming by the batch, the changes of claims, and their sweep. Sets of rows travel as one JSON text ($1)."""

from models.sql import Both, of_rows, recordset
from models.statements.theirs import is_theirs

_OF_THESE = "IN (SELECT value FROM json_each($1))"

# Who asks, by today's canonical row, locked in the order of ids: limits count over everything that is theirs.
_CLAIMANTS = """
    SELECT c.id, c.status, c.joined_at FROM member c WHERE c.id
"""
CLAIMANTS = Both(
    postgres=_CLAIMANTS + "= ANY($1::uuid[]) ORDER BY c.id FOR NO KEY UPDATE OF c",
    sqlite=_CLAIMANTS + _OF_THESE,
)

# What these people ($2, canonical ids) hold of the slots of offers ($1) within these periods ($3).
# From the people to their slots, never over the slots of an offer, of which there may be a million: so, on PostgreSQL,
# offer by offer and with the people as an array, which is looked up in the index whatever is known of the table.
_SLOTS = "SELECT s.offer_id, COALESCE(m.canonical_id, m.id) AS member_id, s.period, s.number FROM"
SLOTS = Both(
    postgres=f"""{_SLOTS} unnest($1::uuid[]) AS f(id) CROSS JOIN LATERAL (
            SELECT t.offer_id, t.member_id, t.period, t.number FROM claim_slot t
            WHERE t.offer_id = f.id AND t.member_id = ANY(ARRAY(SELECT unnest($2::uuid[]) UNION ALL
                SELECT o.id FROM member o WHERE o.canonical_id = ANY($2::uuid[])))
            AND t.period = ANY($3::text[]) OFFSET 0
        ) s JOIN member m ON m.id = s.member_id
    """,  # noqa: S608 - no outside input in any of these
    sqlite=f"""{_SLOTS} claim_slot s JOIN member m ON m.id = s.member_id
        WHERE s.offer_id IN (SELECT value FROM json_each($1))
        AND s.member_id IN (SELECT value FROM json_each($2) UNION ALL
            SELECT o.id FROM member o WHERE o.canonical_id IN (SELECT value FROM json_each($2)))
        AND s.period IN (SELECT value FROM json_each($3))
    """,  # noqa: S608
)

ADD_CLAIMS = of_rows(
    """
    INSERT INTO claim (id, created_at, member_id, offer_id, offer_version, benefit_id, package_id, source, state,
        uses_total, uses_left, claimed_at, valid_from, expires_at, code_version, code_hash, stock_buckets, price_fen,
        price_points, recharge_to_cipher, recharge_to_tail, is_returned)
    SELECT r.id, $2, r.member_id, r.offer_id, r.offer_version, r.benefit_id, r.package_id, r.source, r.state,
        r.uses, r.uses, $2, $2, r.expires_at, 0, r.code_hash, r.stock_buckets, r.price_fen, r.price_points,
        COALESCE(r.recharge_to_cipher, ''), COALESCE(r.recharge_to_tail, ''), false
    FROM {rows} WHERE true RETURNING id
    """,
    {
        "id": "uuid",
        "member_id": "uuid",
        "offer_id": "uuid",
        "offer_version": "int",
        "benefit_id": "uuid",
        "package_id": "uuid",
        "source": "text",
        "state": "text",
        "uses": "int",
        "expires_at": "timestamptz",
        "code_hash": "text",
        "stock_buckets": "text",
        "price_fen": "bigint",
        "price_points": "int",
        "recharge_to_cipher": "text",
        "recharge_to_tail": "text",
    },
)

ADD_SLOTS = of_rows(
    """
    INSERT INTO claim_slot (id, created_at, claim_id, offer_id, member_id, period, number)
    SELECT r.id, $2, r.claim_id, r.offer_id, r.member_id, r.period, r.number FROM {rows}
    WHERE true ORDER BY r.member_id, r.period, r.number
    ON CONFLICT (offer_id, member_id, period, number) DO NOTHING RETURNING id
    """,
    {
        "id": "uuid",
        "claim_id": "uuid",
        "offer_id": "uuid",
        "member_id": "uuid",
        "period": "text",
        "number": "int",
    },
)

# $2 is when, $3 why, $4 and $5 by whom; an empty actor in a row means that of the call.
ADD_EVENTS = of_rows(
    """
    INSERT INTO claim_event (id, created_at, claim_id, from_state, to_state, reason, actor_kind, actor_id, happened_at)
    SELECT r.id, $2, r.claim_id, r.from_state, r.to_state, r.reason, r.actor_kind, r.actor_id, $2
    FROM {rows} WHERE true RETURNING id
    """,
    {
        "id": "uuid",
        "claim_id": "uuid",
        "from_state": "text",
        "to_state": "text",
        "reason": "text",
        "actor_kind": "text",
        "actor_id": "text",
    },
)

# One edge for each row that stands where its caller saw it.
MOVE = of_rows(
    """
    UPDATE claim SET state = r.after FROM {rows}
    WHERE claim.id = r.id AND claim.state = r.before RETURNING claim.id
    """,
    {"id": "uuid", "before": "text", "after": "text"},
)

# --- stock: counters by offer and bucket

_UNITS = {"offer_id": "uuid", "bucket": "text", "number": "int"}
_COUNTERS = """
    SELECT s.offer_id, s.bucket, s.left_count FROM {rows}
    JOIN offer_stock s ON s.offer_id = r.offer_id AND s.bucket = r.bucket ORDER BY s.id
"""
LOCK_COUNTERS = Both(
    postgres=_COUNTERS.format(rows=recordset(_UNITS)[0]) + " FOR UPDATE OF s",
    sqlite=_COUNTERS.format(rows=recordset(_UNITS)[1]),
)
# One UPDATE for all units of the batch; a counter that would pass zero does not come back.
TAKE_STOCK = of_rows(
    """
    UPDATE offer_stock SET left_count = left_count - r.number, taken_count = taken_count + r.number FROM {rows}
    WHERE offer_stock.offer_id = r.offer_id AND offer_stock.bucket = r.bucket AND left_count >= r.number
    RETURNING offer_stock.id
    """,
    _UNITS,
)
RETURN_STOCK = of_rows(
    """
    UPDATE offer_stock SET left_count = left_count + r.number, taken_count = taken_count - r.number
    FROM {rows} WHERE offer_stock.offer_id = r.offer_id AND offer_stock.bucket = r.bucket RETURNING offer_stock.id
    """,
    _UNITS,
)

# --- expiry

# $1: until when, $2: at most how many, $3: since when a scan without a network may still come in.
_DUE = """
    SELECT id, state, offer_id, offer_version, package_id, uses_total, uses_left, stock_buckets, is_returned
    FROM claim WHERE state IN ('issued', 'partly_used') AND expires_at <= $1
    AND NOT (
        expires_at > $3 AND EXISTS (SELECT 1 FROM benefit b WHERE b.id = claim.benefit_id AND b.is_offline_allowed))
    ORDER BY expires_at, id LIMIT $2
"""
DUE = Both(postgres=_DUE + " FOR UPDATE SKIP LOCKED", sqlite=_DUE)

# Units go back once: whoever turns the flag gives it back. A package whose parts were used in part stays given.
_RETURNED = """
    UPDATE claim SET is_returned = true
    WHERE id {these} AND NOT is_returned AND stock_buckets <> '' AND uses_left = uses_total
    AND NOT EXISTS (SELECT 1 FROM claim p WHERE p.package_id = claim.id AND p.uses_left < p.uses_total)
    AND NOT EXISTS (SELECT 1 FROM pool_code k WHERE k.claim_id = claim.id)
    RETURNING id, offer_id, stock_buckets
"""
MARK_RETURNED = Both(postgres=_RETURNED.format(these="= ANY($1::uuid[])"), sqlite=_RETURNED.format(these=_OF_THESE))

# --- packages

_PARTS = """
    SELECT b.id, b.code, b.name, b.kind, CAST(b.terms AS TEXT) AS terms,
        CASE WHEN b.is_paused OR NOT COALESCE(m.is_active, true) THEN 1 ELSE 0 END AS is_paused
    FROM benefit b LEFT JOIN merchant m ON m.id = b.merchant_id WHERE b.code
"""
PARTS = Both(postgres=_PARTS + "= ANY($1::text[])", sqlite=_PARTS + _OF_THESE)

# --- reminders: members ($5 the last of the page before, $6 how many) whose claims expire within ($1, $2] or ($3, $4]

_REMINDED = """
    SELECT {member} AS member_id, MIN(a.key) AS account
    FROM claim c JOIN member m ON m.id = c.member_id JOIN member w ON w.id = COALESCE(m.canonical_id, m.id)
    JOIN benefit b ON b.id = c.benefit_id
    JOIN follower f ON f.member_id = w.id AND f.unfollowed_at IS NULL
    JOIN account a ON a.id = f.account_id AND a.kind = 'official_account'
    WHERE c.state IN ('issued', 'partly_used') AND b.kind <> 'package' AND w.status = 'active'
    AND ((c.expires_at > $1 AND c.expires_at <= $2) OR (c.expires_at > $3 AND c.expires_at <= $4))
    AND ({after} IS NULL OR w.id > {after})
    GROUP BY w.id ORDER BY w.id LIMIT $6
"""
REMINDED = Both(
    postgres=_REMINDED.format(member="w.id", after="CAST($5 AS uuid)"),
    sqlite=_REMINDED.format(member="w.id", after="$5"),
)

# What of a member's ($1, of any time) expires within ($2, $3], soonest first.
_TODAY = "(SELECT COALESCE(q.canonical_id, q.id) FROM member q WHERE q.id = $1)"
_OWN_ROW = f"SELECT t.id FROM member t WHERE t.id = {_TODAY}"  # noqa: S608
_OF_THEM = is_theirs("$1")
_EXPIRING = """
    SELECT b.name, c.expires_at FROM claim c JOIN benefit b ON b.id = c.benefit_id
    WHERE c.member_id {theirs} AND c.state IN ('issued', 'partly_used') AND b.kind <> 'package'
    AND c.expires_at > $2 AND c.expires_at <= $3 ORDER BY c.expires_at, c.id LIMIT 100
"""
EXPIRING = Both(postgres=_EXPIRING.format(theirs=_OF_THEM.postgres), sqlite=_EXPIRING.format(theirs=_OF_THEM.sqlite))

# --- the wallet, in one statement. $1 whose, $2 now, $3 what "soon" means, $4 how many of each section, $5 one section
# only (1 held, 2 used, 3 expired; 0: all), $6 and $7 where its page before ended, $8 an instant after every other.

_WALLET = """
    SELECT w.id, w.state, w.uses_total, w.uses_left, w.claimed_at, w.expires_at, w.package_id, w.offer_id,
        w.recharge_to_tail, w.section, w.ends, w.number, w.expiring,
        b.name, b.kind, b.category, m.name AS merchant_name,
        CASE WHEN b.is_paused OR NOT COALESCE(m.is_active, true) OR o.state = 'paused' THEN 1 ELSE 0 END AS is_paused
    FROM (
        SELECT s.*, ROW_NUMBER() OVER mine AS place, COUNT(*) OVER mine AS number,
            COUNT(*) FILTER (WHERE s.expires_at <= $3) OVER mine AS expiring
        FROM (
            SELECT c.id, c.state, c.uses_total, c.uses_left, c.claimed_at, c.expires_at, c.package_id, c.offer_id,
                c.benefit_id, c.recharge_to_tail, COALESCE(c.expires_at, {far}) AS ends,
                CASE WHEN c.state = 'used' THEN 2
                    WHEN c.state IN ('expired', 'revoked', 'transferred') OR c.expires_at <= $2 THEN 3
                    ELSE 1 END AS section
            FROM claim c WHERE c.member_id {theirs}
        ) s
        WHERE {only} = 0 OR (s.section = {only} AND ({after_id} IS NULL
            OR (s.section = 1 AND (s.ends > {after} OR (s.ends = {after} AND s.id > {after_id})))
            OR (s.section > 1 AND s.id < {after_id})))
        WINDOW mine AS (PARTITION BY s.section ORDER BY
            CASE WHEN s.section = 1 THEN s.ends END, CASE WHEN s.section = 1 THEN s.id END, s.id DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    ) w
    JOIN benefit b ON b.id = w.benefit_id LEFT JOIN merchant m ON m.id = b.merchant_id JOIN offer o ON o.id = w.offer_id
    WHERE w.place <= $4 ORDER BY w.section, w.place
"""
WALLET = Both(
    postgres=_WALLET.format(
        theirs=_OF_THEM.postgres,
        only="CAST($5 AS int)",
        after="CAST($6 AS timestamptz)",
        after_id="CAST($7 AS uuid)",
        far="CAST($8 AS timestamptz)",
    ),
    sqlite=_WALLET.format(theirs=_OF_THEM.sqlite, only="$5", after="$6", after_id="$7", far="$8"),
)

# What a member ($1) holds of what a channel sees: of offers of its organizations ($7), or of its merchant ($8) where it
# has one. $2 now, $3 how many, $4 and $5 where the page before ended, $6 an instant after every other.
_HELD_IN_SIGHT = """
    SELECT s.*, COUNT(*) OVER () AS number FROM (
        SELECT c.id, c.state, c.uses_total, c.uses_left, c.claimed_at, c.expires_at, c.package_id, c.offer_id,
            c.recharge_to_tail, COALESCE(c.expires_at, {far}) AS ends, b.name, b.kind, b.category,
            m.name AS merchant_name,
            CASE WHEN b.is_paused OR NOT COALESCE(m.is_active, true) OR o.state = 'paused' THEN 1 ELSE 0 END
                AS is_paused
        FROM claim c JOIN benefit b ON b.id = c.benefit_id LEFT JOIN merchant m ON m.id = b.merchant_id
        JOIN offer o ON o.id = c.offer_id
        WHERE c.member_id {theirs} AND c.state NOT IN ('used', 'expired', 'revoked', 'transferred')
        AND (c.expires_at IS NULL OR c.expires_at > $2)
        AND CASE WHEN {merchant} IS NULL THEN o.organization_id {places} ELSE b.merchant_id = {merchant} END
    ) s
    WHERE {after_id} IS NULL OR s.ends > {after} OR (s.ends = {after} AND s.id > {after_id})
    ORDER BY s.ends, s.id LIMIT $3
"""
HELD_IN_SIGHT = Both(
    postgres=_HELD_IN_SIGHT.format(
        theirs=_OF_THEM.postgres,
        far="CAST($6 AS timestamptz)",
        after="CAST($4 AS timestamptz)",
        after_id="CAST($5 AS uuid)",
        places="= ANY($7::uuid[])",
        merchant="CAST($8 AS uuid)",
    ),
    sqlite=_HELD_IN_SIGHT.format(
        theirs=_OF_THEM.sqlite,
        far="$6",
        after="$4",
        after_id="$5",
        places="IN (SELECT value FROM json_each($7))",
        merchant="$8",
    ),
)

# Those of these ids ($1) who joined and may act: whom each means today, and their city.
_SERVED = """
    SELECT a.id AS asked, c.id, c.organization_id FROM member a JOIN member c ON c.id = COALESCE(a.canonical_id, a.id)
    WHERE c.status = 'active' AND c.joined_at IS NOT NULL AND a.id
"""
SERVED = Both(postgres=_SERVED + "= ANY($1::uuid[])", sqlite=_SERVED + _OF_THESE)

# One claim ($2) of a member's ($1), and its parts.
_CLAIM = """
    SELECT c.id, c.member_id, c.state, c.uses_total, c.uses_left, c.claimed_at, c.expires_at, c.package_id, c.offer_id,
        c.offer_version, c.code_version, c.source, c.recharge_to_tail, b.id AS benefit_id, b.name, b.kind, b.category,
        b.description, CAST(b.terms AS TEXT) AS terms, m.name AS merchant_name,
        CASE WHEN b.is_paused OR NOT COALESCE(m.is_active, true) OR o.state = 'paused' THEN 1 ELSE 0 END AS is_paused,
        b.code
    FROM claim c JOIN benefit b ON b.id = c.benefit_id LEFT JOIN merchant m ON m.id = b.merchant_id
    JOIN offer o ON o.id = c.offer_id
    WHERE (c.id = $2 OR c.package_id = $2) AND c.member_id {theirs} ORDER BY c.id
"""
CLAIM = Both(postgres=_CLAIM.format(theirs=_OF_THEM.postgres), sqlite=_CLAIM.format(theirs=_OF_THEM.sqlite))

# Which of these slots ($2 periods) a package's member ($3) has had under its offer ($1).
_HAD = "SELECT period, number FROM claim_slot WHERE offer_id = $1 AND member_id = $3 AND period "
HAD = Both(postgres=_HAD + "= ANY($2::text[])", sqlite=_HAD + "IN (SELECT value FROM json_each($2))")  # noqa: S608
