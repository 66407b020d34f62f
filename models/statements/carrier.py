"""Charges on phone bills: each edge and each counter by a guarded statement. Sets of ids are one parameter."""

from models.sql import Both

# --- the month of a number: $1 its mark, $2 the month

ADD_MONTH = """
    INSERT INTO carrier_month (id, created_at, number_hash, month, counted_fen) VALUES ($3, $4, $1, $2, 0)
    ON CONFLICT (number_hash, month) DO NOTHING RETURNING id
"""
# $3 how much more, $4 the most of all.
COUNT = """
    UPDATE carrier_month SET counted_fen = counted_fen + $3
    WHERE number_hash = $1 AND month = $2 AND counted_fen + $3 <= $4 RETURNING id
"""
MONTH = "SELECT id, counted_fen FROM carrier_month WHERE number_hash = $1 AND month = $2"
# Money that was charged is counted whatever the most is; $1 the month's row, $2 how much.
COUNT_CHARGED = "UPDATE carrier_month SET counted_fen = counted_fen + $2 WHERE id = $1 RETURNING id"
UNCOUNT = "UPDATE carrier_month SET counted_fen = counted_fen - $2 WHERE id = $1 AND counted_fen >= $2 RETURNING id"

# --- a charge, by the id of its order ($1)

CHARGE = """
    SELECT k.id, k.order_id, k.bound_number_id, k.month_id, k.counted_fen, k.state, k.code_count, k.code_asked_at,
        k.code_sent_at, k.attempt_count, k.sent_at, k.said, k.billing_month, b.tail, b.status AS number_status
    FROM carrier_charge k LEFT JOIN bound_number b ON b.id = k.bound_number_id WHERE k.order_id = $1
"""
# $2 how much of what it counted counts no more.
COUNTS_LESS = """
    UPDATE carrier_charge SET counted_fen = counted_fen - $2
    WHERE order_id = $1 AND counted_fen >= $2 RETURNING month_id
"""
COUNTS_AGAIN = "UPDATE carrier_charge SET counted_fen = $2 WHERE order_id = $1 AND counted_fen = 0 RETURNING month_id"
# Codes of one number are asked for one after the other, so that they can be counted over all its orders of the month.
_MONTH_OF = """
    SELECT m.id FROM carrier_month m JOIN carrier_charge k ON k.month_id = m.id WHERE k.order_id = $1
"""
LOCK_MONTH = Both(postgres=_MONTH_OF + " FOR UPDATE OF m", sqlite=_MONTH_OF)
# Another code: $2 now, $3 the latest time of the one before it, $4 how many there may be, $5 how many within the month.
TAKE_CODE = """
    UPDATE carrier_charge SET code_count = code_count + 1, code_asked_at = $2, code_sent_at = NULL
    WHERE order_id = $1 AND state = 'waiting' AND code_count < $4
    AND (code_sent_at IS NULL OR code_asked_at <= $3)
    AND (SELECT SUM(t.code_count) FROM carrier_charge t WHERE t.month_id = carrier_charge.month_id) < $5 RETURNING id
"""
CODE_SENT = "UPDATE carrier_charge SET code_sent_at = $2 WHERE order_id = $1 RETURNING id"
# One try with a code: whoever gets the row back sends it. $2 now, $3 since when the code must have been asked for,
# $4 how many tries there are.
TAKE_ATTEMPT = """
    UPDATE carrier_charge SET state = 'sent', sent_at = $2, attempt_count = attempt_count + 1, said = ''
    WHERE order_id = $1 AND state = 'waiting' AND attempt_count < $4 AND code_asked_at > $3 RETURNING id
"""
# What the carrier said to it: it waits again, $2 its word.
WAITS_AGAIN = """
    UPDATE carrier_charge SET state = 'waiting', said = $2 WHERE order_id = $1 AND state = 'sent' RETURNING id
"""
# The carrier has not charged it; $2 when a try that is perhaps still on its way was sent at the latest.
NOT_CHARGED = """
    UPDATE carrier_charge SET state = 'waiting', said = '' WHERE order_id = $1 AND state = 'sent' AND sent_at <= $2
    RETURNING id
"""
REFUSED = """
    UPDATE carrier_charge SET state = 'refused', said = $2
    WHERE order_id = $1 AND state IN ('waiting', 'sent') RETURNING id
"""
CHARGED = """
    UPDATE carrier_charge SET state = 'charged', billing_month = $2, said = ''
    WHERE order_id = $1 AND state <> 'charged' RETURNING id
"""

# --- months that are over: $1 the earliest that is kept

_FORGET_MONTHS = """
    UPDATE carrier_month SET number_hash = {mark} WHERE month < $1 AND number_hash NOT LIKE 'over:%' RETURNING id
"""
FORGET_MONTHS = Both(
    postgres=_FORGET_MONTHS.format(mark="'over:' || CAST(id AS text)"),
    sqlite=_FORGET_MONTHS.format(mark="'over:' || id"),
)
