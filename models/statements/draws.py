"""Draws: what is published, their stock, seeds and promises, and the batch of spins. Sets of rows are one JSON ($1)."""

from models.sql import Both, of_rows
from models.statements.theirs import theirs

_OF_THESE = "IN (SELECT value FROM json_each($1))"

# --- the draw's own row, which every batch and every change of stock or rules holds until it commits

_DRAW = """
    SELECT id, organization_id, code, keyword, state, version, last_sequence, last_at, chain_hash, day,
        commitment_count, commitment_hash FROM draw WHERE id = $1
"""
LOCK = Both(postgres=_DRAW + " FOR NO KEY UPDATE", sqlite=_DRAW)
PUBLISHED = _DRAW + " AND version > 0"
_BY_CODES = _DRAW.replace("id = $1", "version > 0 AND code ")
BY_CODES = Both(postgres=_BY_CODES + "= ANY($1::text[])", sqlite=_BY_CODES + _OF_THESE)
# Only from where it was read, whatever became of the lock.
ADVANCE = """
    UPDATE draw SET last_sequence = $3, chain_hash = $4, last_at = $5
    WHERE id = $1 AND last_sequence = $2 RETURNING id
"""
COMMITTED = """
    UPDATE draw SET commitment_count = commitment_count + 1, commitment_hash = $3, day = $4
    WHERE id = $1 AND commitment_count = $2 AND day <= $4 RETURNING id
"""
TERMS = "SELECT CAST(terms AS TEXT) AS terms FROM draw_version WHERE draw_id = $1 AND number = $2"

KEEP = """
    INSERT INTO draw (id, created_at, organization_id, code, keyword, state, version, terms, last_sequence, chain_hash,
        day, commitment_count, commitment_hash)
    VALUES ($1, $2, $3, $4, $5, 'draft', 0, $6, 0, '', '', 0, '') ON CONFLICT (code) DO NOTHING RETURNING id
"""
PUBLISH = """
    UPDATE draw SET version = version + 1, state = CASE WHEN state = 'draft' THEN 'published' ELSE state END,
        opens_at = $3, closes_at = $4
    WHERE id = $1 AND version = $2 AND state <> 'ended' RETURNING version, state
"""
_MOVE = "UPDATE draw SET state = $2 WHERE id = $1 AND state {from_} RETURNING id"
PAUSE = _MOVE.format(from_="= 'published'")
RESUME = _MOVE.format(from_="= 'paused'")
END = _MOVE.format(from_="IN ('draft', 'published', 'paused')")

# What can be seen ($1 now); the state is that of this moment.
SHOWN = _DRAW.replace("id = $1", "state IN ('published', 'paused') AND version > 0 AND closes_at > $1 ORDER BY id DESC")
# Whose seeds have to be there: everything that can be spun up to $1.
LIVE = """
    SELECT id FROM draw WHERE state IN ('published', 'paused') AND opens_at < $1 AND closes_at > $2 ORDER BY id
"""

# --- stock

PRIZES = """
    SELECT code, added_count, left_count, returned_count, awarded_count, day, day_count FROM draw_prize
    WHERE draw_id = $1 ORDER BY code
"""
KEEP_PRIZES = of_rows(
    """
    INSERT INTO draw_prize (id, created_at, draw_id, code, added_count, left_count, returned_count, awarded_count, day,
        day_count)
    SELECT r.id, $2, r.draw_id, r.code, r.units, r.units, 0, 0, '', 0 FROM {rows} WHERE true RETURNING id
    """,
    {"id": "uuid", "draw_id": "uuid", "code": "text", "units": "int"},
)
ADD_CHANGES = of_rows(
    """
    INSERT INTO draw_stock_change (id, created_at, draw_id, code, delta, reason, operator_id)
    SELECT r.id, $2, r.draw_id, r.code, r.delta, r.reason, r.operator_id FROM {rows} WHERE true RETURNING id
    """,
    {"id": "uuid", "draw_id": "uuid", "code": "text", "delta": "int", "reason": "text", "operator_id": "uuid"},
)
# No row comes back where it would pass zero, or where the stock has no limit.
CHANGE_STOCK = """
    UPDATE draw_prize SET added_count = added_count + $3, left_count = left_count + $3
    WHERE draw_id = $1 AND code = $2 AND left_count + $3 >= 0 AND CAST(added_count AS BIGINT) + $3 <= 2147483647
    RETURNING added_count, left_count, awarded_count
"""
RETURN_UNIT = """
    UPDATE draw_prize SET left_count = left_count + 1, returned_count = returned_count + 1
    WHERE draw_id = $1 AND code = $2 AND left_count IS NOT NULL RETURNING left_count
"""
AWARD = of_rows(
    """
    UPDATE draw_prize SET left_count = draw_prize.left_count - r.units,
        awarded_count = draw_prize.awarded_count + r.units, day = r.day,
        day_count = CASE WHEN draw_prize.day = r.day THEN draw_prize.day_count ELSE 0 END + r.units
    FROM {rows} WHERE draw_prize.draw_id = r.draw_id AND draw_prize.code = r.code
    AND (draw_prize.left_count IS NULL OR draw_prize.left_count >= r.units) RETURNING draw_prize.id
    """,
    {"draw_id": "uuid", "code": "text", "units": "int", "day": "text"},
)

# --- who plays

# Everybody of today ($2) with all rows that are theirs, those of the members they once were among them.
_PLAYERS = """
    SELECT COALESCE(m.canonical_id, m.id) AS who, m.id AS member_id, p.spins, p.since, CAST(p.wins AS TEXT) AS wins,
        p.day, p.free_used, CAST(p.wins_today AS TEXT) AS wins_today,
        CASE WHEN b.id IS NULL THEN 0 ELSE 1 END AS is_blocked
    FROM member m LEFT JOIN draw_player p ON p.member_id = m.id AND p.draw_id = $1
    LEFT JOIN draw_block b ON b.member_id = m.id WHERE m.id {theirs}
"""
PLAYERS = Both(
    postgres=_PLAYERS.format(
        theirs="= ANY(ARRAY(SELECT unnest($2::uuid[]) UNION ALL"
        " SELECT o.id FROM member o WHERE o.canonical_id = ANY($2::uuid[])))"
    ),
    sqlite=_PLAYERS.format(
        theirs="IN (SELECT value FROM json_each($2) UNION ALL"
        " SELECT o.id FROM member o WHERE o.canonical_id IN (SELECT value FROM json_each($2)))"
    ),
)
_JSON = {"wins": "text", "wins_today": "text"}
_PLAYED = """
    INSERT INTO draw_player (id, created_at, draw_id, member_id, spins, since, wins, day, free_used, wins_today)
    SELECT r.id, $2, r.draw_id, r.member_id, r.spins, r.since, {wins}, r.day, r.free_used, {today} FROM {{rows}}
    WHERE true
    ON CONFLICT (draw_id, member_id) DO UPDATE SET spins = excluded.spins, since = excluded.since,
        wins = excluded.wins, day = excluded.day, free_used = excluded.free_used, wins_today = excluded.wins_today
    WHERE draw_player.spins < excluded.spins RETURNING id
"""
_PLAYER = {
    "id": "uuid",
    "draw_id": "uuid",
    "member_id": "uuid",
    "spins": "int",
    "since": "int",
    "wins": "text",
    "day": "text",
    "free_used": "int",
    "wins_today": "text",
}
PLAYED = Both(
    postgres=of_rows(
        _PLAYED.format(wins="CAST(r.wins AS jsonb)", today="CAST(r.wins_today AS jsonb)"), _PLAYER
    ).postgres,
    sqlite=of_rows(_PLAYED.format(wins="r.wins", today="r.wins_today"), _PLAYER).sqlite,
)

# --- spins

ADD_SPINS = of_rows(
    """
    INSERT INTO spin (id, created_at, draw_id, sequence, member_id, act_id, day, commitment, rolled, awarded, paid_by,
        points, row, chain_hash, claim_id, happened_at)
    SELECT r.id, $2, r.draw_id, r.sequence, r.member_id, r.act_id, r.day, r.commitment, r.rolled, r.awarded, r.paid_by,
        r.points, r.row, r.chain_hash, r.claim_id, $2
    FROM {rows} WHERE true RETURNING id
    """,
    {
        "id": "uuid",
        "draw_id": "uuid",
        "sequence": "int",
        "member_id": "uuid",
        "act_id": "uuid",
        "day": "text",
        "commitment": "int",
        "rolled": "text",
        "awarded": "text",
        "paid_by": "text",
        "points": "bigint",
        "row": "text",
        "chain_hash": "text",
        "claim_id": "uuid",
    },
)
ADD_PARCELS = of_rows(
    """
    INSERT INTO parcel (id, created_at, spin_id, draw_id, member_id, code, name, state, address_cipher, deadline_at,
        waybill)
    SELECT r.id, $2, r.spin_id, r.draw_id, r.member_id, r.code, r.name, 'waiting', '', r.deadline_at, ''
    FROM {rows} WHERE true RETURNING id
    """,
    {
        "id": "uuid",
        "spin_id": "uuid",
        "draw_id": "uuid",
        "member_id": "uuid",
        "code": "text",
        "name": "text",
        "deadline_at": "timestamptz",
    },
)

# --- seeds and promises

KEEP_DAY = """
    INSERT INTO draw_day (id, created_at, draw_id, day, seed_cipher, seed_hash, committed_at, seed)
    VALUES ($1, $2, $3, $4, $5, $6, $2, '') ON CONFLICT (draw_id, day) DO NOTHING RETURNING id
"""
DAY = """
    SELECT id, day, seed_cipher, seed_hash, committed_at, revealed_at, seed FROM draw_day
    WHERE draw_id = $1 AND day = $2
"""
DAYS = """
    SELECT day, seed_hash, committed_at, revealed_at, seed FROM draw_day WHERE draw_id = $1 ORDER BY day DESC LIMIT $2
"""
REVEAL = "UPDATE draw_day SET seed = $3, revealed_at = $4 WHERE draw_id = $1 AND day = $2 AND seed = '' RETURNING id"
UNREVEALED = "SELECT draw_id, day FROM draw_day WHERE seed = '' AND day < $1 ORDER BY day, draw_id LIMIT 200"
REVEALED = "SELECT day FROM draw_day WHERE draw_id = $1 AND seed <> '' ORDER BY day DESC LIMIT 1"
ADD_COMMITMENT = """
    INSERT INTO draw_commitment (id, created_at, draw_id, number, day, sequence, kind, document, hash, committed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $2) RETURNING id
"""
COMMITMENTS = """
    SELECT number, day, sequence, kind, document, hash, committed_at FROM draw_commitment
    WHERE draw_id = $1 AND day = $2 ORDER BY number
"""
LOG = """
    SELECT sequence, row, chain_hash FROM spin WHERE draw_id = $1 AND day = $2 AND sequence > $3
    ORDER BY sequence LIMIT $4
"""
ENDS_OF_DAY = "SELECT MIN(sequence) AS first, MAX(sequence) AS last FROM spin WHERE draw_id = $1 AND day = $2"
CHAIN_AT = "SELECT chain_hash FROM spin WHERE draw_id = $1 AND sequence = $2"

# --- what is seen

THEIRS = theirs("$2")
_OWN_SPINS = """
    SELECT s.id, s.sequence, s.act_id, s.day, s.rolled, s.awarded, s.paid_by, s.points, s.row, s.chain_hash,
        COALESCE(s.claim_id, CASE WHEN d.state = 'taken' THEN d.claim_id END) AS claim_id, s.happened_at,
        p.id AS parcel_id, p.state AS parcel_state, d.id AS prize_id, d.state AS prize_state,
        COALESCE(p.deadline_at, d.deadline_at) AS deadline_at
    FROM spin s LEFT JOIN parcel p ON p.spin_id = s.id LEFT JOIN due_prize d ON d.spin_id = s.id
    WHERE s.draw_id = $1 AND s.member_id {theirs} AND s.sequence < $3 ORDER BY s.sequence DESC LIMIT $4
"""
OWN_SPINS = Both(
    postgres=_OWN_SPINS.format(theirs=f"= ANY(ARRAY{THEIRS})"), sqlite=_OWN_SPINS.format(theirs=f"IN {THEIRS}")
)
WINNERS = """
    SELECT s.sequence, s.awarded, s.happened_at, c.number, c.phone_tail FROM spin s
    JOIN member m ON m.id = s.member_id JOIN member c ON c.id = COALESCE(m.canonical_id, m.id)
    WHERE s.draw_id = $1 AND s.awarded <> $2 AND s.sequence < $3 ORDER BY s.sequence DESC LIMIT $4
"""
# Every prize of a draw ($1) that went out after a spin ($2), $3 at most; $4 the codes of what is none.
_WON = """
    SELECT s.sequence, s.happened_at, s.day, s.awarded, s.paid_by, s.points, c.number,
        CASE WHEN d.state <> 'taken' THEN d.state ELSE COALESCE(k.state, p.state) END AS state, p.waybill
    FROM spin s JOIN member m ON m.id = s.member_id JOIN member c ON c.id = COALESCE(m.canonical_id, m.id)
    LEFT JOIN parcel p ON p.spin_id = s.id LEFT JOIN due_prize d ON d.spin_id = s.id
    LEFT JOIN claim k ON k.id = COALESCE(s.claim_id, d.claim_id)
    WHERE s.draw_id = $1 AND s.sequence > $2 AND NOT s.awarded {codes} ORDER BY s.sequence LIMIT $3
"""
WON = Both(
    postgres=_WON.format(codes="= ANY($4::text[])"),
    sqlite=_WON.format(codes="IN (SELECT value FROM json_each($4))"),
)
OBSERVED = """
    SELECT rolled, awarded, COUNT(*) AS number FROM spin WHERE draw_id = $1 GROUP BY rolled, awarded
"""
# What of the chances of some draws ($1 their units) a member ($2, of any time) has at $3.
_CHANCES = """
    SELECT a.unit, SUM(l.left_amount) AS chances FROM ledger_lot l JOIN ledger_account a ON a.id = l.account_id
    WHERE a.unit {units} AND a.kind = 'member' AND a.member_id {theirs}
    AND l.left_amount > 0 AND (l.expires_at IS NULL OR l.expires_at > $3) GROUP BY a.unit
"""
CHANCE_COUNTS = Both(
    postgres=_CHANCES.format(units="= ANY($1::text[])", theirs=f"= ANY(ARRAY{THEIRS})"),
    sqlite=_CHANCES.format(units=_OF_THESE, theirs=f"IN {THEIRS}"),
)
# What a member ($2, of any time) has done in some draws ($1).
_PLAYED_BY = """
    SELECT draw_id, member_id, spins, since, day, free_used FROM draw_player
    WHERE draw_id {draws} AND member_id {theirs}
"""
PLAYED_BY = Both(
    postgres=_PLAYED_BY.format(draws="= ANY($1::uuid[])", theirs=f"= ANY(ARRAY{THEIRS})"),
    sqlite=_PLAYED_BY.format(draws=_OF_THESE, theirs=f"IN {THEIRS}"),
)
# The same gift by gift, whoever of them it came to and wherever it lies now: $4 the last one of the page before.
_GIFTS = """
    SELECT t.id, t.amount, t.cause_kind, t.cause_id, t.happened_at, MAX(l.expires_at) AS expires_at,
        SUM(CASE WHEN l.expires_at IS NULL OR l.expires_at > $3 THEN l.left_amount ELSE 0 END) AS left_amount
    FROM ledger_lot l JOIN ledger_account a ON a.id = l.account_id JOIN transfer t ON t.id = l.origin_id
    WHERE a.unit = $1 AND a.kind = 'member' AND a.member_id {theirs} AND ({before} IS NULL OR t.id < {before})
    GROUP BY t.id, t.amount, t.cause_kind, t.cause_id, t.happened_at ORDER BY t.id DESC LIMIT $5
"""
CHANCE_GIFTS = Both(
    postgres=_GIFTS.format(theirs=f"= ANY(ARRAY{THEIRS})", before="CAST($4 AS uuid)"),
    sqlite=_GIFTS.format(theirs=f"IN {THEIRS}", before="$4"),
)

# --- parcels

PARCEL = """
    SELECT id, draw_id, member_id, code, name, state, address_cipher, deadline_at, waybill, sent_at FROM parcel
    WHERE id = $1
"""
ADDRESS = """
    UPDATE parcel SET state = 'addressed', address_cipher = $2
    WHERE id = $1 AND state IN ('waiting', 'addressed') AND (deadline_at > $3 OR state = 'addressed') RETURNING id
"""
SENT = """
    UPDATE parcel SET state = 'sent', waybill = $2, sent_at = $3 WHERE id = $1 AND state = 'addressed' RETURNING id
"""
LAPSING = (
    "SELECT id, draw_id FROM parcel WHERE state = 'waiting' AND deadline_at <= $1 ORDER BY deadline_at, id LIMIT 200"
)
LAPSE = """
    UPDATE parcel SET state = 'lapsed' WHERE id = $1 AND state = 'waiting' AND deadline_at <= $2 RETURNING draw_id, code
"""
PARCELS_OF_DRAW = """
    SELECT id, member_id, code, name, state, address_cipher, deadline_at, waybill, sent_at FROM parcel
    WHERE draw_id = $1 AND state = $2 AND id > $3 ORDER BY id LIMIT $4
"""
# Everything that a draw bound itself to, in order.
RULED = "SELECT number, sequence, document, hash FROM draw_commitment WHERE draw_id = $1 ORDER BY number"
EVERY_DRAW = """
    SELECT id, code, last_sequence, chain_hash, day, commitment_count, commitment_hash FROM draw
    WHERE version > 0 ORDER BY id
"""
PROVEN = """
    SELECT sequence, member_id, day, commitment, rolled, awarded, row, chain_hash FROM spin
    WHERE draw_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3
"""
ROWS = "SELECT sequence, row FROM spin WHERE draw_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"
