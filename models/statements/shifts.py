"""Statements of shifts: one open per till, entries written with the redemptions, totals made of the entries."""

from models.sql import Both

OPEN = """
    INSERT INTO shift (id, created_at, merchant_id, store_id, device_id, opened_by_id, opened_at,
        redeemed_count, redeemed_fen, reversed_count, reversed_fen, by_benefit)
    VALUES ($1, $2, $3, $4, $5, $6, $2, 0, 0, 0, 0, '[]')
    ON CONFLICT (store_id, device_id) WHERE closed_at IS NULL DO NOTHING RETURNING id
"""

_OPEN_ONE = """
    SELECT s.id, s.opened_at, k.name AS opened_by, p.name AS store
    FROM shift s JOIN clerk k ON k.id = s.opened_by_id JOIN store p ON p.id = s.store_id
    WHERE s.store_id = $1 AND s.device_id = $2 AND s.closed_at IS NULL
"""
OPEN_ONE = _OPEN_ONE
# Against the share lock of ENTER: whoever closes waits for what is being redeemed, and what comes later sees it closed.
LOCK_OPEN = Both(postgres=_OPEN_ONE + " FOR NO KEY UPDATE OF s", sqlite=_OPEN_ONE)

# $1 store, $2 device, $3 [{"id", "redemption_id"}], $4 now. No open shift: no entries.
_ENTER = """
    INSERT INTO shift_entry (id, created_at, shift_id, redemption_id)
    SELECT w.id, $4, s.id, w.redemption_id
    FROM (SELECT id FROM shift WHERE store_id = $1 AND device_id = $2 AND closed_at IS NULL {lock}) AS s
    CROSS JOIN {wanted} RETURNING id
"""
ENTER = Both(
    postgres=_ENTER.format(
        lock="FOR SHARE", wanted="json_to_recordset($3::text::json) AS w(id uuid, redemption_id uuid)"
    ),
    sqlite=_ENTER.format(
        lock="",
        wanted="(SELECT value ->> 'id' AS id, value ->> 'redemption_id' AS redemption_id FROM json_each($3)) AS w",
    ),
)

TOTALS = """
    SELECT r.benefit_id, b.name AS benefit, r.kind, count(*) AS number, sum(r.settlement_fen) AS fen
    FROM shift_entry e JOIN redemption r ON r.id = e.redemption_id JOIN benefit b ON b.id = r.benefit_id
    WHERE e.shift_id = $1 GROUP BY r.benefit_id, b.name, r.kind ORDER BY b.name, r.benefit_id, r.kind
"""
