"""Holds of points at accounts outside: one row per wish, moved by guarded edges."""

from models.sql import Both

_OPEN = "state IN ('begun', 'held', 'posting', 'voiding')"

# $1 id, $2 now, $3 the account's code, $4 member, $5 offer, $6 number, $7 the wish, $8 points, $9 when it is looked at.
# No row where the account is unknown, or paused, or where the same wish is under way.
_BEGIN = """
    INSERT INTO outside_hold (id, created_at, supplier_id, member_id, offer_id, hold_no, open_key, points, state,
        look_count, look_at, last_reason)
    SELECT {id}, {now}, s.id, {member}, {offer}, {number}, {wish}, {points}, 'begun', 0, {look}, '' FROM supplier s
    WHERE s.code = $3 AND NOT s.is_paused ON CONFLICT (open_key) DO NOTHING RETURNING id
"""
BEGIN = Both(
    postgres=_BEGIN.format(
        id="CAST($1 AS uuid)",
        now="CAST($2 AS timestamptz)",
        member="CAST($4 AS uuid)",
        offer="CAST($5 AS uuid)",
        number="CAST($6 AS text)",
        wish="CAST($7 AS text)",
        points="CAST($8 AS int)",
        look="CAST($9 AS timestamptz)",
    ),
    sqlite=_BEGIN.format(id="$1", now="$2", member="$4", offer="$5", number="$6", wish="$7", points="$8", look="$9"),
)
ACCOUNT = "SELECT name, is_paused FROM supplier WHERE code = $1"
_ONE = """
    SELECT h.id, h.hold_no, h.points, h.state, h.look_count, h.look_at, h.last_reason, h.member_id,
        s.id AS supplier_id, s.code AS supplier, s.api_url, s.secret_cipher
    FROM outside_hold h JOIN supplier s ON s.id = h.supplier_id WHERE h.id = $1
"""
ONE = _ONE
LOCKED = Both(postgres=_ONE + " FOR UPDATE OF h", sqlite=_ONE)

# One edge ($2 to $3) for one of those who try it; $4 now, $5 when it is looked at next, $6 the account's word. Looks
# are counted anew from where it is to be settled.
_MOVE = """
    UPDATE outside_hold SET state = {to}, look_at = $5, last_reason = $6,
        look_count = CASE WHEN {to} IN ('posting', 'voiding') THEN 0 ELSE look_count END,
        open_key = CASE WHEN {to} IN ('begun', 'held') THEN open_key END,
        closed_at = CASE WHEN {to} IN ('posted', 'voided', 'refused', 'lost') THEN CAST($4 AS {instant}) END
    WHERE id = $1 AND state = {before} RETURNING id
"""
MOVE = Both(
    postgres=_MOVE.format(to="CAST($3 AS text)", before="CAST($2 AS text)", instant="timestamptz"),
    sqlite=_MOVE.format(to="$3", before="$2", instant="TEXT"),
)

# Those of these ($1) that are held, locked in the order of ids: nobody lets them go while they are paid with.
_HELD = "SELECT id, points FROM outside_hold WHERE state = 'held' AND id {these} ORDER BY id"
HELD = Both(
    postgres=_HELD.format(these="= ANY($1::uuid[])") + " FOR UPDATE",
    sqlite=_HELD.format(these="IN (SELECT value FROM json_each($1))"),
)
# $1: [{"id", "claim_id"}], $2 now.
_PAY = """
    UPDATE outside_hold SET state = 'posting', claim_id = r.claim_id, open_key = NULL, look_count = 0, look_at = $2
    FROM {rows} WHERE outside_hold.id = r.id AND outside_hold.state = 'held' RETURNING outside_hold.id
"""
PAY = Both(
    postgres=_PAY.format(rows="jsonb_to_recordset($1::jsonb) AS r(id uuid, claim_id uuid)"),
    sqlite=_PAY.format(rows="(SELECT value ->> 'id' AS id, value ->> 'claim_id' AS claim_id FROM json_each($1)) AS r"),
)

# $1 now, $2 how many.
DUE = f"SELECT id FROM outside_hold WHERE {_OPEN} AND look_at <= $1 ORDER BY look_at, id LIMIT $2"  # noqa: S608
# Whoever gets the row back looks; $2 now, $3 when the next one may.
TAKE_LOOK = f"""
    UPDATE outside_hold SET look_at = $3, look_count = look_count + 1 WHERE id = $1 AND look_at <= $2 AND {_OPEN}
    RETURNING state
"""  # noqa: S608

_OF_THEM = f"SELECT id FROM outside_hold WHERE {_OPEN} AND member_id {{these}} LIMIT 1"  # noqa: S608
OPEN_OF = Both(
    postgres=_OF_THEM.format(these="= ANY($1::uuid[])"),
    sqlite=_OF_THEM.format(these="IN (SELECT value FROM json_each($1))"),
)

# A supplier's ($1) holds, those of one state alone ($2; empty: all), after $3, $4 at most.
_OF_SUPPLIER = """
    SELECT id, created_at, hold_no, offer_id, claim_id, points, state, look_count, look_at, last_reason, closed_at,
        (SELECT COALESCE(SUM(r.points), 0) FROM outside_share r
            WHERE r.hold_id = outside_hold.id AND r.state = 'returned') AS returned,
        (SELECT COALESCE(SUM(r.points), 0) FROM outside_share r
            WHERE r.hold_id = outside_hold.id AND r.state IN ('returning', 'refused')) AS owed
    FROM outside_hold WHERE supplier_id = $1 AND ({state} = '' OR state = {state}) AND ({after} IS NULL OR id > {after})
    ORDER BY id LIMIT $4
"""
OF_SUPPLIER = Both(
    postgres=_OF_SUPPLIER.format(state="CAST($2 AS text)", after="CAST($3 AS uuid)"),
    sqlite=_OF_SUPPLIER.format(state="$2", after="$3"),
)
