"""What claims cost of holds at accounts outside, and what goes back: one row per claim, moved by guarded edges."""

from models.sql import Both, of_rows

KEEP = of_rows(
    """
    INSERT INTO outside_share (id, created_at, hold_id, claim_id, return_no, points, state, look_count, last_reason)
    SELECT r.id, $2, r.hold_id, r.claim_id, r.return_no, r.points, 'kept', 0, '' FROM {rows} WHERE true RETURNING id
    """,
    {"id": "uuid", "hold_id": "uuid", "claim_id": "uuid", "return_no": "text", "points": "int"},
)

# Of claims ($1) that were taken back with nothing used, and did not give theirs back before; $2 now. What the account
# let go was never paid.
_SEND_BACK = """
    UPDATE outside_share SET state = 'returning', look_at = $2 FROM claim c, outside_hold h
    WHERE c.id = outside_share.claim_id AND h.id = outside_share.hold_id AND h.state IN ('posting', 'posted')
    AND outside_share.state = 'kept' AND c.uses_left = c.uses_total
    AND NOT EXISTS (SELECT 1 FROM claim p WHERE p.package_id = c.id AND p.uses_left < p.uses_total)
    AND outside_share.claim_id {these} RETURNING outside_share.id
"""
SEND_BACK = Both(
    postgres=_SEND_BACK.format(these="= ANY($1::uuid[])"),
    sqlite=_SEND_BACK.format(these="IN (SELECT value FROM json_each($1))"),
)

_ONE = """
    SELECT r.id, r.return_no, r.points, r.state, r.look_count, r.look_at, h.hold_no, h.state AS hold_state,
        s.id AS supplier_id, s.code AS supplier, s.api_url, s.secret_cipher
    FROM outside_share r JOIN outside_hold h ON h.id = r.hold_id JOIN supplier s ON s.id = h.supplier_id
    WHERE r.id = $1
"""
LOCKED = Both(postgres=_ONE + " FOR UPDATE OF r", sqlite=_ONE)
# Whoever gets the row back looks; $2 now, $3 when the next one may.
TAKE_LOOK = """
    UPDATE outside_share SET look_at = $3, look_count = look_count + {asked} WHERE id = $1 AND look_at <= $2
    AND state = 'returning' RETURNING id
"""
WAIT = TAKE_LOOK.format(asked=0)
LOOK = TAKE_LOOK.format(asked=1)
# $2 where to, $3 now, $4 the account's word.
CLOSE = """
    UPDATE outside_share SET state = $2, closed_at = $3, look_at = NULL, last_reason = $4
    WHERE id = $1 AND state = 'returning' RETURNING id
"""
DUE = """
    SELECT id FROM outside_share WHERE state = 'returning' AND look_at <= $1 ORDER BY look_at, id LIMIT $2
"""
_OF_THEM = """
    SELECT r.id FROM outside_share r JOIN outside_hold h ON h.id = r.hold_id
    WHERE r.state = 'returning' AND h.member_id {these} LIMIT 1
"""
OPEN_OF = Both(
    postgres=_OF_THEM.format(these="= ANY($1::uuid[])"),
    sqlite=_OF_THEM.format(these="IN (SELECT value FROM json_each($1))"),
)
