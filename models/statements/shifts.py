"""Statements of shifts: one open per till, entries written with the redemptions, totals made of the entries."""

from models.sql import Both, recordset

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

# $1 [{"id", "redemption_id", "store_id", "device_id"}], $2 now. Where no shift is open: no entry.
_ENTER = """
    INSERT INTO shift_entry (id, created_at, shift_id, redemption_id)
    SELECT r.id, $2, s.id, r.redemption_id FROM {rows} JOIN (
        SELECT o.id, o.store_id, o.device_id FROM shift o
        WHERE o.closed_at IS NULL AND o.store_id IN (SELECT r.store_id FROM {rows}) ORDER BY o.id {lock}
    ) s ON s.store_id = r.store_id AND s.device_id = r.device_id
    WHERE true RETURNING id
"""
_ENTRY = recordset({"id": "uuid", "redemption_id": "uuid", "store_id": "uuid", "device_id": "text"})
ENTER = Both(postgres=_ENTER.format(rows=_ENTRY[0], lock="FOR SHARE"), sqlite=_ENTER.format(rows=_ENTRY[1], lock=""))

TOTALS = """
    SELECT r.benefit_id, b.name AS benefit, r.kind, count(*) AS number, sum(r.settlement_fen) AS fen
    FROM shift_entry e JOIN redemption r ON r.id = e.redemption_id JOIN benefit b ON b.id = r.benefit_id
    WHERE e.shift_id = $1 GROUP BY r.benefit_id, b.name, r.kind ORDER BY b.name, r.benefit_id, r.kind
"""
