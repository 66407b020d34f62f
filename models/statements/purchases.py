"""Purchases by the batch. Sets of rows travel as one JSON text ($1)."""

from models.sql import Both, of_rows, recordset

_THESE = "= ANY($1::uuid[])"
_OF_THESE = "IN (SELECT value FROM json_each($1))"

# --- what is known: orders by their channels and numbers, locked, with whose they are today

_NUMBER = recordset({"channel_id": "uuid", "order_no": "text"})
_FOUND = """
    SELECT p.id, p.channel_id, p.order_no, p.fingerprint, p.amount_fen, p.refunded_fen, p.paid_at, p.credited_at,
        p.buyer_hash, COALESCE(m.canonical_id, m.id) AS member_id
    FROM {which} ORDER BY p.id
"""
_WHOSE = "LEFT JOIN member m ON m.id = p.member_id"
_OF_NUMBER = "JOIN purchase p ON p.channel_id = r.channel_id AND p.order_no = r.order_no"
_NUMBERED = _FOUND.format(which=f"{{rows}} {_OF_NUMBER} {_WHOSE}")
FOUND = Both(
    postgres=_NUMBERED.format(rows=_NUMBER[0]) + " FOR NO KEY UPDATE OF p", sqlite=_NUMBERED.format(rows=_NUMBER[1])
)
_BY_ID = _FOUND.format(which=f"purchase p {_WHOSE} WHERE p.id {{these}}")
LOCKED = Both(postgres=_BY_ID.format(these=_THESE) + " FOR NO KEY UPDATE OF p", sqlite=_BY_ID.format(these=_OF_THESE))
_WORTH = """
    SELECT e.id, e.purchase_id, e.unit, e.amount, e.taken_amount, e.owed_amount, e.transfer_id,
        COALESCE(m.canonical_id, m.id) AS member_id
    FROM purchase_earning e JOIN member m ON m.id = e.member_id WHERE e.purchase_id {these} ORDER BY e.id
"""
WORTH = Both(postgres=_WORTH.format(these=_THESE), sqlite=_WORTH.format(these=_OF_THESE))
_LINES = "SELECT purchase_id, category, amount_fen FROM purchase_line WHERE purchase_id {these} ORDER BY ordinal"
LINES = Both(postgres=_LINES.format(these=_THESE), sqlite=_LINES.format(these=_OF_THESE))
_REFUNDS = """
    SELECT f.id, f.channel_id, f.order_no, f.refund_no, f.fingerprint, f.amount_fen, f.state FROM {rows}
    JOIN purchase_refund f ON f.channel_id = r.channel_id AND f.order_no = r.order_no ORDER BY f.id
"""
REFUNDS = Both(postgres=_REFUNDS.format(rows=_NUMBER[0]), sqlite=_REFUNDS.format(rows=_NUMBER[1]))
_STORES = """
    SELECT s.code, s.id, s.merchant_id, m.organization_id FROM store s JOIN merchant m ON m.id = s.merchant_id
    WHERE s.code {these}
"""
STORES = Both(postgres=_STORES.format(these="= ANY($1::text[])"), sqlite=_STORES.format(these=_OF_THESE))

# --- who bought: members who joined, by what is known of them. A phone that was silent since $2 means nobody.

_BUYER = {"kind": "text", "value": "text", "member_id": "uuid"}
BUYERS = of_rows(
    """
    WITH asked AS (SELECT * FROM {rows})
    SELECT f.kind, f.value, c.id AS member_id FROM (
        SELECT r.kind, r.value, r.member_id FROM asked r WHERE r.kind = 'member'
        UNION ALL
        SELECT r.kind, r.value, d.member_id FROM asked r
            JOIN card d ON d.number_hash = r.value AND d.status = 'bound' WHERE r.kind = 'card'
        UNION ALL
        SELECT r.kind, r.value, i.member_id FROM asked r
            JOIN identifier i ON i.namespace = 'phone' AND i.scope = '86' AND i.value_hash = r.value
            AND i.status = 'active' AND i.last_seen_at >= $2 WHERE r.kind = 'phone'
    ) f JOIN member m ON m.id = f.member_id JOIN member c ON c.id = COALESCE(m.canonical_id, m.id)
    WHERE c.status = 'active' AND c.joined_at IS NOT NULL
    """,
    _BUYER,
)
_LOCK_BUYERS = "SELECT id FROM member WHERE id {these} AND status = 'active' AND joined_at IS NOT NULL ORDER BY id"
LOCK_BUYERS = Both(
    postgres=_LOCK_BUYERS.format(these=_THESE) + " FOR NO KEY UPDATE", sqlite=_LOCK_BUYERS.format(these=_OF_THESE)
)

# --- writing

ADD = of_rows(
    """
    INSERT INTO purchase (id, created_at, channel_id, order_no, fingerprint, store_id, amount_fen, refunded_fen,
        paid_at, member_id, buyer_kind, buyer_hash, waits_until, credited_at)
    SELECT r.id, $2, r.channel_id, r.order_no, r.fingerprint, r.store_id, r.amount_fen, r.refunded_fen, r.paid_at,
        r.member_id, r.buyer_kind, r.buyer_hash, r.waits_until, r.credited_at
    FROM {rows} WHERE true ON CONFLICT (channel_id, order_no) DO NOTHING RETURNING id
    """,
    {
        "id": "uuid",
        "channel_id": "uuid",
        "order_no": "text",
        "fingerprint": "text",
        "store_id": "uuid",
        "amount_fen": "bigint",
        "refunded_fen": "bigint",
        "paid_at": "timestamptz",
        "member_id": "uuid",
        "buyer_kind": "text",
        "buyer_hash": "text",
        "waits_until": "timestamptz",
        "credited_at": "timestamptz",
    },
)
ADD_LINES = of_rows(
    """
    INSERT INTO purchase_line (id, created_at, purchase_id, ordinal, category, amount_fen)
    SELECT r.id, $2, r.purchase_id, r.ordinal, r.category, r.amount_fen FROM {rows} WHERE true RETURNING id
    """,
    {"id": "uuid", "purchase_id": "uuid", "ordinal": "int", "category": "text", "amount_fen": "bigint"},
)
ADD_REFUNDS = of_rows(
    """
    INSERT INTO purchase_refund (id, created_at, channel_id, order_no, refund_no, fingerprint, amount_fen,
        refunded_at, state)
    SELECT r.id, $2, r.channel_id, r.order_no, r.refund_no, r.fingerprint, r.amount_fen, r.refunded_at, r.state
    FROM {rows} WHERE true ON CONFLICT (channel_id, order_no, refund_no) DO NOTHING RETURNING id
    """,
    {
        "id": "uuid",
        "channel_id": "uuid",
        "order_no": "text",
        "refund_no": "text",
        "fingerprint": "text",
        "amount_fen": "bigint",
        "refunded_at": "timestamptz",
        "state": "text",
    },
)
SETTLE_REFUNDS = of_rows(
    """
    UPDATE purchase_refund SET state = r.state FROM {rows}
    WHERE purchase_refund.id = r.id AND purchase_refund.state = 'waiting' RETURNING purchase_refund.id
    """,
    {"id": "uuid", "state": "text"},
)
# Never more than was paid, whatever was read before.
REFUND = of_rows(
    """
    UPDATE purchase SET refunded_fen = refunded_fen + r.added FROM {rows}
    WHERE purchase.id = r.id AND refunded_fen + r.added <= purchase.amount_fen RETURNING purchase.id
    """,
    {"id": "uuid", "added": "bigint"},
)
CREDIT = of_rows(
    """
    UPDATE purchase SET member_id = r.member_id, credited_at = $2, buyer_hash = '' FROM {rows}
    WHERE purchase.id = r.id AND purchase.credited_at IS NULL RETURNING purchase.id
    """,
    {"id": "uuid", "member_id": "uuid"},
)
ADD_EARNINGS = of_rows(
    """
    INSERT INTO purchase_earning (id, created_at, purchase_id, member_id, unit, amount, transfer_id, owed_amount,
        taken_amount)
    SELECT r.id, $2, r.purchase_id, r.member_id, r.unit, r.amount, r.transfer_id, 0, 0 FROM {rows} WHERE true
    ON CONFLICT (purchase_id, unit) DO NOTHING RETURNING id
    """,
    {
        "id": "uuid",
        "purchase_id": "uuid",
        "member_id": "uuid",
        "unit": "text",
        "amount": "bigint",
        "transfer_id": "uuid",
    },
)
# What went ($2) and what is owed ($3) of an earning ($1), as long as nobody changed it ($4, $5: what was read).
TAKE = """
    UPDATE purchase_earning SET taken_amount = taken_amount + $2, owed_amount = owed_amount + $3
    WHERE id = $1 AND taken_amount = $4 AND owed_amount = $5 RETURNING id
"""

# --- rules

RULES = """
    SELECT id, code, name, unit, kind, level, category, factor_bp, starts_at, ends_at, is_active FROM purchase_rule
    WHERE programme_id = $1 ORDER BY code
"""
RULES_PAGE = """
    SELECT id, code, name, unit, kind, level, category, factor_bp, starts_at, ends_at, is_active FROM purchase_rule
    WHERE programme_id = $1 AND (CAST($2 AS text) IS NULL OR code > $2) ORDER BY code LIMIT $3
"""
SET_RULE = """
    INSERT INTO purchase_rule (id, created_at, programme_id, code, name, unit, kind, level, category, factor_bp,
        starts_at, ends_at, is_active)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT (programme_id, code) DO UPDATE SET name = excluded.name, unit = excluded.unit, kind = excluded.kind,
        level = excluded.level, category = excluded.category, factor_bp = excluded.factor_bp,
        starts_at = excluded.starts_at, ends_at = excluded.ends_at, is_active = excluded.is_active
    RETURNING id
"""

# --- people who become known: purchases that wait ($1 now) and are somebody's by now, $3 at most

_WAITING = """
    SELECT p.id FROM purchase p {joined} JOIN member m ON m.id = {member}
    JOIN member c ON c.id = COALESCE(m.canonical_id, m.id) AND c.status = 'active' AND c.joined_at IS NOT NULL
    WHERE p.buyer_hash <> '' AND p.buyer_kind = '{kind}' AND p.waits_until > $1
"""
_CARDS = _WAITING.format(
    joined="JOIN card d ON d.number_hash = p.buyer_hash AND d.status = 'bound'", member="d.member_id", kind="card"
)
_PHONES = _WAITING.format(
    joined="""JOIN identifier i ON i.namespace = 'phone' AND i.scope = '86' AND i.value_hash = p.buyer_hash
        AND i.status = 'active' AND i.last_seen_at >= $2""",
    member="i.member_id",
    kind="phone",
)
_KNOWN = f"""
    SELECT id FROM (
        {_CARDS} UNION {_PHONES} UNION {_WAITING.format(joined="", member="{of_text}", kind="member")}
    ) w ORDER BY id LIMIT $3
"""  # noqa: S608 - no outside input in any of these
KNOWN_BY_NOW = Both(
    postgres=_KNOWN.format(of_text="CAST(CASE WHEN p.buyer_kind = 'member' THEN p.buyer_hash END AS uuid)"),
    sqlite=_KNOWN.format(of_text="p.buyer_hash"),
)
# Nobody came within the window: by whom it was is forgotten.
LAPSE = "UPDATE purchase SET buyer_hash = '' WHERE buyer_hash <> '' AND waits_until <= $1 RETURNING id"
_BOUGHT_BY = "SELECT id, buyer_kind, buyer_hash FROM purchase WHERE buyer_hash <> '' AND id {these}"
BOUGHT_BY = Both(postgres=_BOUGHT_BY.format(these=_THESE), sqlite=_BOUGHT_BY.format(these=_OF_THESE))

# --- what is owed: of members ($1), the oldest first; and members ($1 the last of the page before) who owe something

_OWED = """
    SELECT e.id, e.purchase_id, e.unit, e.amount, e.taken_amount, e.owed_amount, e.transfer_id, c.id AS member_id
    FROM purchase_earning e {by} JOIN member m ON m.id = e.member_id
    JOIN member c ON c.id = COALESCE(m.canonical_id, m.id)
    WHERE e.owed_amount > 0 AND e.unit = 'points' AND c.id {these} ORDER BY e.id
"""
OWED = Both(
    postgres=_OWED.format(by="", these=_THESE),
    # By itself it reads every earning there ever was, because they come in the right order.
    sqlite=_OWED.format(by="INDEXED BY purchase_earning_owed", these=_OF_THESE),
)
_OWING = """
    SELECT DISTINCT c.id FROM purchase_earning e JOIN member m ON m.id = e.member_id
    JOIN member c ON c.id = COALESCE(m.canonical_id, m.id)
    JOIN ledger_account a ON a.member_id = c.id AND a.unit = 'points' AND a.kind IN ('member', 'pending')
    WHERE e.owed_amount > 0 AND e.unit = 'points' AND c.status = 'active' AND a.posted - a.held > 0
    AND ({after} IS NULL OR c.id > {after}) ORDER BY c.id LIMIT $2
"""
OWING = Both(postgres=_OWING.format(after="CAST($1 AS uuid)"), sqlite=_OWING.format(after="$1"))
