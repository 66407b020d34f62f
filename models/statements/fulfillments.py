"""Orders at suppliers: written with their claims, looked at by whoever moves their next look on, closed once."""

from models.sql import Both

# $1: [{"id", "claim_id", "order_no"}, ...], $2 now, $3 the supplier's code, $4 product, $5 amount, $6 ordinal.
_ADD = """
    INSERT INTO fulfillment (id, created_at, claim_id, supplier_id, ordinal, order_no, product, face_value_fen, state,
        look_count, look_at)
    SELECT r.id, $2, r.claim_id, s.id, $6, r.order_no, $4, $5, 'waiting', 0, $2
    FROM {rows} JOIN supplier s ON s.code = $3
    WHERE true RETURNING id
"""
ADD = Both(
    postgres=_ADD.format(rows="jsonb_to_recordset($1::jsonb) AS r(id uuid, claim_id uuid, order_no text)"),
    sqlite=_ADD.format(
        rows="(SELECT value ->> 'id' AS id, value ->> 'claim_id' AS claim_id, value ->> 'order_no' AS order_no"
        " FROM json_each($1)) AS r"
    ),
)

# Everything that is needed to speak about an order, and to close it.
_WHOLE = """
    SELECT f.id, f.claim_id, f.ordinal, f.order_no, f.product, f.face_value_fen, f.state, f.look_count, f.look_at,
        f.sent_at, s.organization_id, s.id AS supplier_id, s.code AS supplier, s.api_url, s.secret_cipher, s.is_paused,
        c.member_id, c.state AS claim_state, c.recharge_to_cipher, c.recharge_to_tail,
        b.name AS benefit_name, b.kind, CAST(b.terms AS TEXT) AS terms
    FROM fulfillment f JOIN supplier s ON s.id = f.supplier_id JOIN claim c ON c.id = f.claim_id
    JOIN benefit b ON b.id = c.benefit_id
"""
ONE = _WHOLE + "WHERE f.id = $1"
_BY_NUMBER = _WHOLE + "WHERE f.order_no = $1"
LOCKED = Both(postgres=_BY_NUMBER + " FOR UPDATE OF f", sqlite=_BY_NUMBER)

_OPEN = "state IN ('waiting', 'sent', 'accepted')"
# $1 now, $2 how many.
DUE = f"SELECT id FROM fulfillment WHERE {_OPEN} AND look_at <= $1 ORDER BY look_at, id LIMIT $2"  # noqa: S608
# Whoever gets the row back looks; $2 now, $3 when the next one may.
TAKE_LOOK = f"""
    UPDATE fulfillment SET look_at = $3, look_count = look_count + 1 WHERE id = $1 AND look_at <= $2 AND {_OPEN}
    RETURNING look_count
"""  # noqa: S608
# $2 from, $3 to, $4 now: one edge, for one of those who try it.
MOVE = """
    UPDATE fulfillment SET state = $3,
        sent_at = CASE WHEN $3 = 'sent' THEN CAST($4 AS {instant}) ELSE sent_at END,
        closed_at = CASE WHEN $3 IN ('done', 'failed', 'replaced', 'cancelled') THEN CAST($4 AS {instant}) END
    WHERE id = $1 AND state = $2 RETURNING id
"""
MOVE_ON = Both(
    postgres=MOVE.format(instant="timestamptz").replace("$3", "CAST($3 AS text)").replace("= $2", "= CAST($2 AS text)"),
    sqlite=MOVE.format(instant="TEXT"),
)
# What these people ($1, all their ids) have not sent yet is withdrawn ($2 now); what may be under way is told.
_CANCEL = """
    UPDATE fulfillment SET state = 'cancelled', closed_at = $2 WHERE state = 'waiting'
    AND claim_id IN (SELECT c.id FROM claim c WHERE c.member_id {these}) RETURNING id
"""
_UNDER_WAY = """
    SELECT f.id FROM fulfillment f JOIN claim c ON c.id = f.claim_id
    WHERE c.member_id {these} AND f.state IN ('sent', 'accepted') LIMIT 1
"""
_PG, _LITE = "= ANY($1::uuid[])", "IN (SELECT value FROM json_each($1))"
CANCEL_WAITING = Both(postgres=_CANCEL.format(these=_PG), sqlite=_CANCEL.format(these=_LITE))
UNDER_WAY = Both(postgres=_UNDER_WAY.format(these=_PG), sqlite=_UNDER_WAY.format(these=_LITE))

# The same for claims ($1) that are to end: what was not sent is withdrawn, what may be under way keeps its claim.
_WITHDRAW = """
    UPDATE fulfillment SET state = 'cancelled', closed_at = $2 WHERE state = 'waiting' AND claim_id {these} RETURNING id
"""
_KEPT = "SELECT claim_id FROM fulfillment WHERE claim_id {these} AND state IN ('sent', 'accepted')"
WITHDRAW = Both(postgres=_WITHDRAW.format(these=_PG), sqlite=_WITHDRAW.format(these=_LITE))
KEPT = Both(postgres=_KEPT.format(these=_PG), sqlite=_KEPT.format(these=_LITE))

# A claim's slots, given back with its unit: the member may claim again.
FREE_SLOTS = "DELETE FROM claim_slot WHERE claim_id = $1 RETURNING id"

# The last order of a claim: what its member is told of how far it has come.
PROGRESS = """
    SELECT f.state, f.face_value_fen, f.sent_at, f.closed_at, c.recharge_to_tail
    FROM fulfillment f JOIN claim c ON c.id = f.claim_id WHERE f.claim_id = $1 ORDER BY f.ordinal DESC LIMIT 1
"""
# When an order last came to stand elsewhere, and when it was last sent; null: never.
NEWS = """
    SELECT max(CASE WHEN has_moved THEN happened_at END) AS moved_at,
        max(CASE WHEN act = 'order' AND result = 'begun' THEN happened_at END) AS sent_at
    FROM fulfillment_attempt WHERE fulfillment_id = $1
"""
BY_HAND = "SELECT 1 AS one FROM fulfillment_attempt WHERE fulfillment_id = $1 AND act = 'hand' AND has_moved LIMIT 1"
ALREADY_NOTED = "SELECT 1 AS one FROM fulfillment_attempt WHERE fulfillment_id = $1 AND result = $2 LIMIT 1"

# --- suppliers

KEEP_SUPPLIER = """
    INSERT INTO supplier (id, created_at, organization_id, code, name, api_url, secret_cipher, is_paused)
    VALUES ($1, $2, $3, $4, $5, $6, $7, false) ON CONFLICT (code) DO NOTHING RETURNING id
"""
# $2 one state alone (empty: all), $3 the last id of the page before, $4 how many.
_OF_SUPPLIER = """
    SELECT f.id, f.created_at, f.order_no, f.claim_id, f.product, f.face_value_fen, f.state, f.look_count, f.look_at,
        f.sent_at, f.closed_at, c.recharge_to_tail,
        (SELECT a.reason FROM fulfillment_attempt a WHERE a.fulfillment_id = f.id AND a.result <> 'begun'
         ORDER BY a.happened_at DESC, a.id DESC LIMIT 1) AS last_reason,
        CASE WHEN EXISTS (SELECT 1 FROM fulfillment_attempt h WHERE h.fulfillment_id = f.id AND h.act = 'hand'
            AND h.has_moved) THEN 1 ELSE 0 END AS is_by_hand,
        (SELECT CASE a.result WHEN 'contradicted' THEN a.reason ELSE a.result END
         FROM fulfillment_attempt h JOIN fulfillment_attempt a ON a.fulfillment_id = h.fulfillment_id AND a.id > h.id
         WHERE h.fulfillment_id = f.id AND h.act = 'hand' AND h.has_moved AND a.act <> 'hand'
         ORDER BY a.id DESC LIMIT 1) AS heard_since
    FROM fulfillment f JOIN claim c ON c.id = f.claim_id
    WHERE f.supplier_id = $1 AND ({state} = '' OR f.state = {state}) AND ({after} IS NULL OR f.id > {after})
    ORDER BY f.id LIMIT $4
"""
OF_SUPPLIER = Both(
    postgres=_OF_SUPPLIER.format(state="CAST($2 AS text)", after="CAST($3 AS uuid)"),
    sqlite=_OF_SUPPLIER.format(state="$2", after="$3"),
)
# What waited for a supplier that is resumed is due at once.
WAKE = "UPDATE fulfillment SET look_at = $2 WHERE supplier_id = $1 AND state = 'waiting' RETURNING id"
