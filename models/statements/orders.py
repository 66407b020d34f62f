"""Orders and what goes back of them: moved by guarded statements, each edge by one of those who try it."""

from models.sql import Both, of_rows, recordset

_OF_THESE = "IN (SELECT value FROM json_each($1))"

# An order is of an offer, or of a plan of the programme.
_WHOSE = """
    LEFT JOIN offer f ON f.id = o.offer_id LEFT JOIN plan_order n ON n.order_id = o.id
    LEFT JOIN membership_plan l ON l.id = n.plan_id LEFT JOIN programme g ON g.id = l.programme_id
"""
# Everything that is needed to settle an order's money.
_WHOLE = f"""
    SELECT o.id, o.member_id, o.offer_id, o.offer_version, o.title, o.quantity, CAST(o.choices AS TEXT) AS choices,
        o.recharge_to_cipher, o.recharge_to_tail, o.price_fen, o.price_points, o.amount_fen, o.refunded_fen, o.state,
        o.method,
        o.number, o.app_id, o.mch_id, o.payer_hash, o.prepay_id, o.prepaid_at, o.transaction_id, o.stock_buckets,
        o.ordered_at, o.expires_at, o.paid_at, o.closed_at, o.look_count, o.look_at, n.plan_id,
        COALESCE(f.organization_id, g.organization_id) AS organization_id
    FROM sales_order o {_WHOSE}
"""  # noqa: S608 - no outside input in any of these
ONE = _WHOLE + "WHERE o.id = $1"
# Those of these numbers ($1), in the order in which everybody locks them.
_BY_NUMBERS = _WHOLE + "WHERE o.number "
LOCKED = Both(
    postgres=_BY_NUMBERS + "= ANY($1::text[]) ORDER BY o.id FOR UPDATE OF o",
    sqlite=_BY_NUMBERS + f"{_OF_THESE} ORDER BY o.id",
)
LOCKED_BY_ID = Both(postgres=ONE + " FOR UPDATE OF o", sqlite=ONE)

# --- whose: $1 a member's id of any time

_TODAY = "(SELECT COALESCE(q.canonical_id, q.id) FROM member q WHERE q.id = $1)"
_THEIRS = f"(SELECT t.id FROM member t WHERE t.id = {_TODAY} OR t.canonical_id = {_TODAY})"  # noqa: S608
_OF_THEM = Both(postgres=f"= ANY(ARRAY{_THEIRS})", sqlite=f"IN {_THEIRS}")
_OWN = _WHOLE + "WHERE o.id = $2 AND o.member_id {theirs}"
OWN = Both(postgres=_OWN.format(theirs=_OF_THEM.postgres), sqlite=_OWN.format(theirs=_OF_THEM.sqlite))
OWN_LOCKED = Both(postgres=OWN.postgres + " FOR UPDATE OF o", sqlite=OWN.sqlite)
# $2 the last id of the page before, $3 how many.
_MINE = _WHOLE + "WHERE o.member_id {theirs} AND ({after} IS NULL OR o.id < {after}) ORDER BY o.id DESC LIMIT $3"
MINE = Both(
    postgres=_MINE.format(theirs=_OF_THEM.postgres, after="CAST($2 AS uuid)"),
    sqlite=_MINE.format(theirs=_OF_THEM.sqlite, after="$2"),
)
# Of operators: $1 their organizations, $2 one state (empty: all), $3 the last id of the page before, $4 how many.
_SEEN = (
    _WHOLE
    + """
    WHERE COALESCE(f.organization_id, g.organization_id) {these}
    AND ({state} = '' OR o.state = {state}) AND ({after} IS NULL OR o.id < {after})
    ORDER BY o.id DESC LIMIT $4
"""
)
SEEN = Both(
    postgres=_SEEN.format(these="= ANY($1::uuid[])", state="CAST($2 AS text)", after="CAST($3 AS uuid)"),
    sqlite=_SEEN.format(these=_OF_THESE, state="$2", after="$3"),
)

# --- the claims of orders ($1), with all that decides whether they can go back

_CLAIMS = """
    SELECT k.id, k.order_id, k.claim_id, k.amount_fen, k.refund_id, c.state, c.uses_total, c.uses_left, c.expires_at,
        c.price_points, b.name,
        CASE WHEN EXISTS (SELECT 1 FROM pool_code g WHERE g.claim_id = c.id)
            OR EXISTS (SELECT 1 FROM claim p JOIN pool_code g ON g.claim_id = p.id WHERE p.package_id = c.id)
            THEN 1 ELSE 0 END AS has_code,
        CASE WHEN EXISTS (SELECT 1 FROM claim p WHERE p.package_id = c.id AND p.uses_left < p.uses_total)
            THEN 1 ELSE 0 END AS has_used_part,
        CASE WHEN EXISTS (SELECT 1 FROM regrant g WHERE g.old_claim_id = c.id) THEN 1 ELSE 0 END AS is_regranted,
        CASE WHEN EXISTS (SELECT 1 FROM claim p JOIN regrant g ON g.old_claim_id = p.id WHERE p.package_id = c.id)
            THEN 1 ELSE 0 END AS has_regranted_part,
        (SELECT SUM(p.uses_left) FROM claim p WHERE p.package_id = c.id) AS parts_left,
        (SELECT SUM(p.uses_total) FROM claim p WHERE p.package_id = c.id) AS parts_total
    FROM order_claim k JOIN claim c ON c.id = k.claim_id JOIN benefit b ON b.id = c.benefit_id
    WHERE k.order_id
"""
CLAIMS = Both(postgres=_CLAIMS + "= ANY($1::uuid[]) ORDER BY k.id", sqlite=_CLAIMS + f"{_OF_THESE} ORDER BY k.id")
# Which of these claims ($1) money was paid for that is still here.
_BOUGHT = "SELECT claim_id, order_id FROM order_claim WHERE refund_id IS NULL AND amount_fen > 0 AND claim_id {these}"
BOUGHT = Both(postgres=_BOUGHT.format(these="= ANY($1::uuid[])"), sqlite=_BOUGHT.format(these=_OF_THESE))
# What could not be fulfilled after all, and whose money is still here: $1 how many orders.
UNFULFILLED = """
    SELECT DISTINCT k.order_id FROM order_claim k JOIN claim c ON c.id = k.claim_id
    JOIN fulfillment f ON f.claim_id = c.id AND f.state IN ('failed', 'cancelled')
    JOIN sales_order o ON o.id = k.order_id
    WHERE k.refund_id IS NULL AND k.amount_fen > 0 AND c.state = 'revoked' AND o.state = 'paid'
        AND o.refunded_fen < o.amount_fen LIMIT $1
"""
ADD_CLAIMS = of_rows(
    """
    INSERT INTO order_claim (id, created_at, order_id, claim_id, amount_fen)
    SELECT r.id, $2, r.order_id, r.claim_id, r.amount_fen FROM {rows} WHERE true RETURNING id
    """,
    {"id": "uuid", "order_id": "uuid", "claim_id": "uuid", "amount_fen": "bigint"},
)
MARK_REFUNDED = Both(
    postgres="UPDATE order_claim SET refund_id = $2 WHERE id = ANY($1::uuid[]) AND refund_id IS NULL RETURNING id",
    sqlite=f"UPDATE order_claim SET refund_id = $2 WHERE id {_OF_THESE} AND refund_id IS NULL RETURNING id",  # noqa: S608
)

# --- making: rows of orders and of their first edges; $2 now, $3 until when they are locked, $4 the first look

ADD = of_rows(
    """
    INSERT INTO sales_order (id, created_at, member_id, offer_id, offer_version, title, quantity, choices,
        recharge_to_cipher, recharge_to_tail, price_fen, price_points, amount_fen, refunded_fen, state, method, number,
        app_id, mch_id, payer_hash, prepay_id, stock_buckets, ordered_at, expires_at, look_count, look_at)
    SELECT r.id, $2, r.member_id, r.offer_id, r.offer_version, r.title, r.quantity, r.choices,
        r.recharge_to_cipher, r.recharge_to_tail, r.price_fen, r.price_points, r.amount_fen, 0, r.state, r.method,
        r.number, r.app_id, r.mch_id, r.payer_hash, '', r.stock_buckets, $2, $3, 0, $4
    FROM {rows} WHERE true RETURNING id
    """,
    {
        "id": "uuid",
        "member_id": "uuid",
        "offer_id": "uuid",
        "offer_version": "int",
        "title": "text",
        "quantity": "int",
        "choices": "jsonb",
        "recharge_to_cipher": "text",
        "recharge_to_tail": "text",
        "price_fen": "bigint",
        "price_points": "int",
        "amount_fen": "bigint",
        "state": "text",
        "method": "text",
        "number": "text",
        "app_id": "text",
        "mch_id": "text",
        "payer_hash": "text",
        "stock_buckets": "text",
    },
)
ADD_EVENTS = of_rows(
    """
    INSERT INTO order_event (id, created_at, order_id, from_state, to_state, reason, actor_kind, actor_id, happened_at)
    SELECT r.id, $2, r.order_id, r.from_state, r.to_state, r.reason, r.actor_kind, r.actor_id, $2
    FROM {rows} WHERE true RETURNING id
    """,
    {
        "id": "uuid",
        "order_id": "uuid",
        "from_state": "text",
        "to_state": "text",
        "reason": "text",
        "actor_kind": "text",
        "actor_id": "text",
    },
)

# --- moving

# $2 when. A number of the payment service that another order has settles none.
PAY = of_rows(
    """
    UPDATE sales_order SET state = r.after, transaction_id = r.transaction_id, paid_at = $2, look_at = NULL FROM {rows}
    WHERE sales_order.id = r.id AND sales_order.state = r.before AND sales_order.transaction_id IS NULL
    AND NOT EXISTS (SELECT 1 FROM sales_order t WHERE t.transaction_id = r.transaction_id) RETURNING sales_order.id
    """,
    {"id": "uuid", "before": "text", "after": "text", "transaction_id": "text"},
)
CLOSE = "UPDATE sales_order SET state = $3, closed_at = $4 WHERE id = $1 AND state = $2 RETURNING id"
# The same for many whose time is over, of an offer ($1) or of all; $2 now, $3 how many.
_OVERDUE = """
    SELECT o.id, o.offer_id, o.quantity, o.price_points, o.stock_buckets FROM sales_order o
    WHERE {offer}o.state = 'waiting' AND o.expires_at <= $2 ORDER BY o.expires_at, o.id LIMIT $3
"""
OVERDUE_OF_OFFER = Both(
    postgres=_OVERDUE.format(offer="o.offer_id = $1 AND ") + " FOR UPDATE SKIP LOCKED",
    sqlite=_OVERDUE.format(offer="o.offer_id = $1 AND "),
)
_LOCK = "SELECT id, offer_id, quantity, price_points, stock_buckets FROM sales_order WHERE id = $1 AND state = $2"
LOCK_ORDER = Both(postgres=_LOCK + " FOR UPDATE", sqlite=_LOCK)
# What was locked once more, after the time was over.
LOCKED_FROM = "UPDATE sales_order SET stock_buckets = $2 WHERE id = $1 RETURNING id"
# What orders are called where they are paid, once; then what each ($1) is called, whoever said so first. $2 now, $3 the
# ids once more: few orders have no name, and going over all of them to find those would look cheaper.
_KEEP_PREPAID = """
    UPDATE sales_order SET prepay_id = r.prepay_id, prepaid_at = $2 FROM {rows}
    WHERE sales_order.id {these} AND sales_order.id = r.id AND sales_order.prepay_id = '' RETURNING sales_order.id
"""
_NAMED = recordset({"id": "uuid", "prepay_id": "text"})
KEEP_PREPAID = Both(
    postgres=_KEEP_PREPAID.format(rows=_NAMED[0], these="= ANY($3::uuid[])"),
    sqlite=_KEEP_PREPAID.format(rows=_NAMED[1], these="IN (SELECT value FROM json_each($3))"),
)
_PREPAID = "SELECT id, app_id, number, prepay_id, prepaid_at FROM sales_order WHERE id "
PREPAID = Both(postgres=_PREPAID + "= ANY($1::uuid[])", sqlite=_PREPAID + _OF_THESE)

# --- looking: whoever gets the row back looks; $2 now, $3 when the next look may be

DUE = "SELECT id FROM sales_order WHERE look_at <= $1 ORDER BY look_at, id LIMIT $2"
TAKE_LOOK = """
    UPDATE sales_order SET look_at = $3, look_count = look_count + 1 WHERE id = $1 AND look_at <= $2 RETURNING id
"""
NOTHING_MORE = "UPDATE sales_order SET look_at = NULL WHERE id = $1 RETURNING id"
LOOK_NOW = "UPDATE sales_order SET look_at = $2 WHERE id = $1 AND look_at IS NOT NULL RETURNING id"

# --- slots

_SLOT = {
    "id": "uuid",
    "order_id": "uuid",
    "offer_id": "uuid",
    "member_id": "uuid",
    "period": "text",
    "number": "int",
}
ADD_SLOTS = of_rows(
    """
    INSERT INTO claim_slot (id, created_at, claim_id, order_id, offer_id, member_id, period, number)
    SELECT r.id, $2, NULL, r.order_id, r.offer_id, r.member_id, r.period, r.number FROM {rows} WHERE true
    ON CONFLICT (offer_id, member_id, period, number) DO NOTHING RETURNING id
    """,
    _SLOT,
)
_SLOTS = """
    SELECT id, order_id, member_id, period, number FROM claim_slot WHERE order_id {these} AND claim_id IS NULL
    ORDER BY order_id, period, number
"""
SLOTS = Both(postgres=_SLOTS.format(these="= ANY($1::uuid[])"), sqlite=_SLOTS.format(these=_OF_THESE))
TAKE_OVER = of_rows(
    "UPDATE claim_slot SET claim_id = r.claim_id FROM {rows} WHERE claim_slot.id = r.id"
    " AND claim_slot.claim_id IS NULL RETURNING claim_slot.id",
    {"id": "uuid", "claim_id": "uuid"},
)
FREE_OF_ORDER = "DELETE FROM claim_slot WHERE order_id = $1 AND claim_id IS NULL RETURNING id"
FREE_OF_CLAIMS = Both(
    postgres="DELETE FROM claim_slot WHERE claim_id = ANY($1::uuid[]) RETURNING id",
    sqlite=f"DELETE FROM claim_slot WHERE claim_id {_OF_THESE} RETURNING id",  # noqa: S608
)

# --- refunds

# What is paid and not yet on its way back, at most that: $2 how much.
RESERVE = """
    UPDATE sales_order SET refunded_fen = refunded_fen + $2
    WHERE id = $1 AND state IN ('paid', 'returning') AND refunded_fen + $2 <= amount_fen RETURNING refunded_fen
"""
_REFUND = f"""
    SELECT r.id, r.order_id, r.number, r.amount_fen, r.state, r.cause, r.reason, r.refund_id, r.said, r.asked_at,
        r.sent_at, r.closed_at, r.look_count, r.look_at, o.number AS order_number, o.amount_fen AS total_fen,
        o.refunded_fen, o.state AS order_state, o.member_id, o.title, o.method, o.mch_id,
        COALESCE(f.organization_id, g.organization_id) AS organization_id
    FROM order_refund r JOIN sales_order o ON o.id = r.order_id {_WHOSE}
"""  # noqa: S608
REFUND = _REFUND + "WHERE r.id = $1"
_REFUND_BY_NUMBER = _REFUND + "WHERE r.number = $1"
REFUND_LOCKED_BY_ID = Both(postgres=REFUND + " FOR UPDATE OF o, r", sqlite=REFUND)
REFUND_LOCKED = Both(postgres=_REFUND_BY_NUMBER + " FOR UPDATE OF o, r", sqlite=_REFUND_BY_NUMBER)
_REFUNDS = _REFUND + "WHERE r.order_id "
REFUNDS = Both(postgres=_REFUNDS + "= ANY($1::uuid[]) ORDER BY r.id", sqlite=_REFUNDS + f"{_OF_THESE} ORDER BY r.id")
REFUNDS_DUE = "SELECT id FROM order_refund WHERE look_at <= $1 ORDER BY look_at, id LIMIT $2"
TAKE_REFUND_LOOK = """
    UPDATE order_refund SET look_at = $3, look_count = look_count + 1 WHERE id = $1 AND look_at <= $2 RETURNING id
"""
SEND_REFUND = "UPDATE order_refund SET state = 'sent', sent_at = $2 WHERE id = $1 AND state = 'waiting' RETURNING id"
REFUND_SAID = "UPDATE order_refund SET said = $2 WHERE id = $1 RETURNING id"
# $2 from, $3 to, $4 the payment service's number, $5 its word.
MOVE_REFUND = """
    UPDATE order_refund SET state = $3, refund_id = $4, said = $5 WHERE id = $1 AND state = $2 RETURNING id
"""
CLOSE_REFUND = "UPDATE order_refund SET closed_at = $2, look_at = NULL WHERE id = $1 RETURNING id"
# When the last refund of an order went out, or will: the next one waits after it.
LAST_SENT = "SELECT max(COALESCE(sent_at, look_at)) AS sent_at FROM order_refund WHERE order_id = $1"
NOT_BACK = "SELECT id FROM order_refund WHERE order_id = $1 AND state NOT IN ('done', 'replaced') LIMIT 1"
# One that failed makes room for another, which takes over what it was for; $1 it, $2 the other one.
REPLACE = "UPDATE order_refund SET state = 'replaced' WHERE id = $1 AND state = 'failed' RETURNING id"
TAKE_OVER_CLAIMS = "UPDATE order_claim SET refund_id = $2 WHERE refund_id = $1 RETURNING id"

# --- leaving: whether something of these people's ($1) is open

_OPEN = """
    SELECT o.id FROM sales_order o WHERE o.member_id {these} AND (o.state IN ('waiting', 'returning')
        OR EXISTS (SELECT 1 FROM order_refund r WHERE r.order_id = o.id AND r.state IN ('waiting', 'sent', 'stuck')))
    LIMIT 1
"""
OPEN = Both(postgres=_OPEN.format(these="= ANY($1::uuid[])"), sqlite=_OPEN.format(these=_OF_THESE))

# What operators gave back of an order ($1) by hand, whatever became of it.
GIVEN_BY_HAND = """
    SELECT COALESCE(SUM(amount_fen), 0) AS amount FROM order_refund
    WHERE order_id = $1 AND cause = 'operator' AND state <> 'replaced'
"""
