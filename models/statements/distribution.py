"""Promoters, whom they brought, and their commissions: set-based, each edge by one guarded UPDATE."""

from models.sql import Both, of_rows

_OF_THESE = "IN (SELECT value FROM json_each($1))"

# --- touches: $1 the code

LINK = """
    SELECT l.id, l.promoter_id, l.code, l.target, p.state, p.member_id, COALESCE(m.canonical_id, m.id) AS canonical_id
    FROM promoter_link l JOIN promoter p ON p.id = l.promoter_id JOIN member m ON m.id = p.member_id WHERE l.code = $1
"""
WINDOW = "SELECT window_days FROM commission_rule ORDER BY number DESC LIMIT 1"
# The ids of one person ($1 today's).
_IDS = "SELECT t.id FROM member t WHERE t.id = $1 OR t.canonical_id = $1"
PROMOTER_OF = f"SELECT p.id FROM promoter p WHERE p.member_id IN ({_IDS}) LIMIT 1"  # noqa: S608 - no outside input
# One at a time among promoters, whoever they are: a ring may have any length.
RING_LOCK = Both(postgres="SELECT pg_advisory_xact_lock(481516)", sqlite="SELECT 1 AS locked")
# Whether $2 is among those who brought $1, or who brought them, and so on, now ($3).
_RING = """
    WITH RECURSIVE up(member_id) AS (
        SELECT {first} UNION
        SELECT COALESCE(m.canonical_id, m.id) FROM up
        JOIN member o ON o.id = up.member_id OR o.canonical_id = up.member_id
        JOIN promoter_binding b ON b.member_id = o.id AND b.ends_at > $3
        JOIN promoter p ON p.id = b.promoter_id JOIN member m ON m.id = p.member_id
    ) SELECT member_id FROM up WHERE member_id = $2
"""
RING = Both(postgres=_RING.format(first="CAST($1 AS uuid)"), sqlite=_RING.format(first="$1"))
# The first touch counts for as long as it lasts; what one of their other ids still has counts for the person.
_BIND = """
    INSERT INTO promoter_binding (id, created_at, member_id, promoter_id, link_id, account_id, touched_at, ends_at)
    SELECT {values}
    WHERE NOT EXISTS (SELECT 1 FROM promoter_binding b JOIN member t ON t.id = b.member_id
        WHERE t.canonical_id = {member} AND b.ends_at > {now})
    ON CONFLICT (member_id) DO UPDATE SET promoter_id = excluded.promoter_id, link_id = excluded.link_id,
        account_id = excluded.account_id, touched_at = excluded.touched_at, ends_at = excluded.ends_at
    WHERE promoter_binding.ends_at <= excluded.touched_at RETURNING id
"""
BIND = Both(
    postgres=_BIND.format(
        values="CAST($1 AS uuid), CAST($2 AS timestamptz), CAST($3 AS uuid), CAST($4 AS uuid), CAST($5 AS uuid), "
        "CAST($6 AS uuid), CAST($2 AS timestamptz), CAST($7 AS timestamptz)",
        member="CAST($3 AS uuid)",
        now="CAST($2 AS timestamptz)",
    ),
    sqlite=_BIND.format(values="$1, $2, $3, $4, $5, $6, $2, $7", member="$3", now="$2"),
)
# Who brought a person ($1) as of now ($2).
BROUGHT_BY = f"""
    SELECT b.id, b.promoter_id, p.state, p.grade, COALESCE(m.canonical_id, m.id) AS member_id
    FROM promoter_binding b JOIN promoter p ON p.id = b.promoter_id JOIN member m ON m.id = p.member_id
    WHERE b.member_id IN ({_IDS}) AND b.ends_at > $2 ORDER BY b.touched_at, b.id LIMIT 1
"""  # noqa: S608
# Which people of these ($1) somebody brought, as of now ($2).
_BROUGHT = """
    SELECT DISTINCT COALESCE(m.canonical_id, m.id) AS member_id FROM member m
    JOIN promoter_binding b ON b.member_id = m.id WHERE (m.id {these} OR m.canonical_id {these}) AND b.ends_at > $2
"""
BROUGHT = Both(
    postgres=_BROUGHT.format(these="= ANY($1::uuid[])"),
    sqlite=_BROUGHT.format(these="IN (SELECT value FROM json_each($1))"),
)
# A purchase ($4 when) through this promoter ($2) lengthens the window to $3 at least.
PROTECT = f"""
    UPDATE promoter_binding SET ends_at = $3
    WHERE member_id IN ({_IDS}) AND promoter_id = $2 AND ends_at < $3 AND ends_at > $4 RETURNING id
"""  # noqa: S608

# Whether two people ($1, $2) are one by what we know: a phone, a bound number, a payer ($3; empty: not known), a
# device that both were seen on since $4.
SAME = """
    SELECT 1 AS same FROM member a JOIN member b
        ON (a.id = $1 OR a.canonical_id = $1) AND (b.id = $2 OR b.canonical_id = $2)
    WHERE a.id = b.id
    OR EXISTS (
        SELECT 1 FROM (
            SELECT value_hash AS hash FROM identifier WHERE member_id = a.id AND namespace = 'phone'
            UNION ALL SELECT number_hash FROM bound_number WHERE member_id = a.id
        ) x JOIN (
            SELECT value_hash AS hash FROM identifier WHERE member_id = b.id AND namespace = 'phone'
            UNION ALL SELECT number_hash FROM bound_number WHERE member_id = b.id
        ) y ON x.hash = y.hash)
    OR EXISTS (SELECT 1 FROM sales_order o WHERE o.member_id = b.id AND o.payer_hash <> '' AND o.payer_hash = $3)
    OR EXISTS (
        SELECT 1 FROM seen_device x JOIN seen_device y ON x.device_hash = y.device_hash
        WHERE x.member_id = a.id AND y.member_id = b.id AND x.last_seen_at > $4 AND y.last_seen_at > $4)
    LIMIT 1
"""

# --- rules

LATEST = """
    SELECT id, number, terms, published_at FROM commission_rule WHERE programme_id = $1 ORDER BY number DESC LIMIT 1
"""
# The newest first: those below a number ($2) or null, $3 how many.
VERSIONS = """
    SELECT id, number, terms, published_at FROM commission_rule
    WHERE programme_id = $1 AND (CAST($2 AS integer) IS NULL OR number < $2) ORDER BY number DESC LIMIT $3
"""
DRAFT = "SELECT id, terms, edited_at FROM commission_draft WHERE programme_id = $1"
DRAFT_LOCKED = Both(postgres=DRAFT + " FOR UPDATE", sqlite=DRAFT)
SET_DRAFT = """
    INSERT INTO commission_draft (id, created_at, programme_id, terms, edited_at) VALUES ($1, $2, $3, $4, $2)
    ON CONFLICT (programme_id) DO UPDATE SET terms = excluded.terms, edited_at = excluded.edited_at RETURNING id
"""
SWITCHES = "SELECT level, is_off, changed_at FROM commission_switch WHERE programme_id = $1 ORDER BY level"
SET_SWITCH = """
    INSERT INTO commission_switch (id, created_at, programme_id, level, is_off, changed_at)
    VALUES ($1, $2, $3, $4, $5, $2)
    ON CONFLICT (programme_id, level) DO UPDATE SET is_off = excluded.is_off, changed_at = excluded.changed_at
    RETURNING id
"""
CATEGORY = "SELECT category FROM benefit WHERE id = $1"

# --- earning: the snapshot of an order ($1), as it stands now

# Which of these orders ($1) somebody brought about.
_WITH_PROMOTERS = "SELECT DISTINCT order_id FROM order_promoter WHERE order_id {these}"
WITH_PROMOTERS = Both(
    postgres=_WITH_PROMOTERS.format(these="= ANY($1::uuid[])"),
    sqlite=_WITH_PROMOTERS.format(these="IN (SELECT value FROM json_each($1))"),
)
# Promoters stay as they are read: whoever leaves at this moment does so before, and gets nothing, or sees it.
_SNAPSHOT = """
    SELECT s.level, s.promoter_id, s.rule_id, s.rate_bp, p.state, r.cap_bp, r.hold_days, r.protection_days,
        COALESCE(m.canonical_id, m.id) AS member_id, COALESCE(w.is_off, FALSE) AS is_off
    FROM order_promoter s JOIN promoter p ON p.id = s.promoter_id JOIN member m ON m.id = p.member_id
    JOIN commission_rule r ON r.id = s.rule_id
    LEFT JOIN commission_switch w ON w.programme_id = r.programme_id AND w.level = s.level
    WHERE s.order_id = $1 ORDER BY s.level
"""
SNAPSHOT = Both(postgres=_SNAPSHOT + "FOR SHARE OF p", sqlite=_SNAPSHOT)

# --- taking back: the commissions of an order ($1), locked

_OF_ORDER = """
    SELECT c.id, c.order_id, c.level, c.promoter_id, c.rule_id, c.base_fen, c.rate_bp, c.amount_fen, c.back_fen,
        c.state, COALESCE(m.canonical_id, m.id) AS member_id, o.number, o.refunded_fen
    FROM commission c JOIN promoter p ON p.id = c.promoter_id JOIN member m ON m.id = p.member_id
    JOIN sales_order o ON o.id = c.order_id WHERE c.order_id = $1 AND c.reverses_id IS NULL ORDER BY c.level
"""
OF_ORDER = Both(postgres=_OF_ORDER + "FOR UPDATE OF c", sqlite=_OF_ORDER)
# $2 how much more, $3 how much was back before; one that is all back before it was available is void.
TAKE_BACK = """
    UPDATE commission SET back_fen = back_fen + $2,
        state = CASE WHEN state <> 'available' AND back_fen + $2 = amount_fen THEN 'void' ELSE state END,
        due_at = CASE WHEN back_fen + $2 = amount_fen THEN NULL ELSE due_at END
    WHERE id = $1 AND back_fen = $3 AND back_fen + $2 <= amount_fen RETURNING state
"""

# --- becoming available

# Whether something of an order is neither used up nor back, but for third parties' codes, which nobody gives back. A
# subquery for one value is looked up for each order; of an EXISTS a plan for many makes a walk through all claims.
_OPEN = """
    CASE WHEN (SELECT 1 FROM order_claim k JOIN claim x ON x.id = k.claim_id
        WHERE k.order_id = c.order_id AND k.refund_id IS NULL AND x.state <> 'used'
        AND NOT EXISTS (SELECT 1 FROM pool_code g WHERE g.claim_id = x.id) LIMIT 1) IS NULL THEN 0 ELSE 1 END
"""
_USED = """
    (SELECT MAX(e.happened_at) FROM order_claim k JOIN claim_event e ON e.claim_id = k.claim_id
        WHERE k.order_id = c.order_id AND k.refund_id IS NULL AND e.to_state = 'used')
"""
# Whose day is to be found out, and whose has come: $1 now, $2 how many. The index alone says which come first: by more
# than its columns, all that are due would be sorted for each batch.
_DUE = """
    WITH c AS MATERIALIZED (
        SELECT id, order_id, promoter_id, rule_id, state, amount_fen, back_fen, earned_at FROM commission
        WHERE state = '{state}' AND due_at <= $1 ORDER BY due_at LIMIT $2 {lock})
"""
_PENDING = f"""
    SELECT c.id, c.state, c.amount_fen, c.back_fen, c.earned_at, r.hold_days, r.freeze_days, o.number,
        COALESCE(m.canonical_id, m.id) AS member_id, {_OPEN} AS is_open, {_USED} AS used_at
    FROM c JOIN commission_rule r ON r.id = c.rule_id JOIN promoter p ON p.id = c.promoter_id
    JOIN member m ON m.id = p.member_id JOIN sales_order o ON o.id = c.order_id
"""  # noqa: S608
# $3: what was earned after this can still be given back if it is open.
_FROZEN = f"""
    SELECT c.id, c.state, c.amount_fen - c.back_fen AS left_fen, COALESCE(m.canonical_id, m.id) AS member_id,
        CASE WHEN c.earned_at > $3 THEN {_OPEN} ELSE 0 END AS is_reopened
    FROM c JOIN promoter p ON p.id = c.promoter_id JOIN member m ON m.id = p.member_id
"""  # noqa: S608


def _due(state: str, read: str) -> Both:
    return Both(
        postgres=_DUE.format(state=state, lock="FOR UPDATE SKIP LOCKED") + read,
        sqlite=_DUE.format(state=state, lock="") + read,
    )


PENDING_DUE, FROZEN_DUE = _due("pending", _PENDING), _due("frozen", _FROZEN)
# Each from the state that it was read in to another one.
MOVE = of_rows(
    """
    UPDATE commission SET state = r.after, frozen_until = r.frozen_until, due_at = r.due_at
    FROM {rows} WHERE commission.id = r.id AND commission.state = r.before RETURNING commission.id
    """,
    {"id": "uuid", "before": "text", "after": "text", "frozen_until": "timestamptz", "due_at": "timestamptz"},
)
# Frozen ones ($1): those that are available from now on ($2), and those that are looked at again then ($2).
_RELEASE = """
    UPDATE commission SET state = 'available', released_at = $2, due_at = NULL
    WHERE state = 'frozen' AND id {these} RETURNING id
"""
RELEASE = Both(postgres=_RELEASE.format(these="= ANY($1::uuid[])"), sqlite=_RELEASE.format(these=_OF_THESE))
_POSTPONE = "UPDATE commission SET due_at = $2 WHERE state = 'frozen' AND id {these} RETURNING id"
POSTPONE = Both(postgres=_POSTPONE.format(these="= ANY($1::uuid[])"), sqlite=_POSTPONE.format(these=_OF_THESE))
# What stands on the money accounts of these members ($1): what they have, and what they owe.
_MONEY = """
    SELECT a.id, COALESCE(m.canonical_id, m.id) AS member_id, a.member_id AS owner_id, a.kind, a.posted, a.held
    FROM ledger_account a JOIN member m ON m.id = a.member_id
    WHERE a.unit = 'fen' AND (m.id {these} OR m.canonical_id {these}) ORDER BY a.id
"""
MONEY = Both(postgres=_MONEY.format(these="= ANY($1::uuid[])"), sqlite=_MONEY.format(these=_OF_THESE))
# On which accounts these members ($1) owe something.
_OWED = """
    SELECT COALESCE(m.canonical_id, m.id) AS member_id, a.member_id AS owner_id
    FROM ledger_account a JOIN member m ON m.id = a.member_id
    WHERE a.unit = 'fen' AND a.kind = 'receivable' AND a.posted < 0 AND (m.id {these} OR m.canonical_id {these})
"""
OWED = Both(postgres=_OWED.format(these="= ANY($1::uuid[])"), sqlite=_OWED.format(these=_OF_THESE))
# Who owes and has something: $1 how many.
OWING = """
    SELECT DISTINCT COALESCE(m.canonical_id, m.id) AS member_id FROM ledger_account d
    JOIN member m ON m.id = d.member_id
    JOIN ledger_account a ON a.member_id = COALESCE(m.canonical_id, m.id) AND a.unit = 'fen' AND a.kind = 'member'
    WHERE d.kind = 'receivable' AND d.posted < 0 AND a.posted - a.held > 0 LIMIT $1
"""

# --- what promoters see: $1 a member's id today

MINE = f"""
    SELECT p.id, p.state, p.grade, p.applied_at, p.decided_at, p.reason,
        (SELECT COUNT(*) FROM promoter_binding b WHERE b.promoter_id = p.id) AS came_count,
        (SELECT COUNT(*) FROM commission c WHERE c.promoter_id = p.id AND c.reverses_id IS NULL) AS sale_count
    FROM promoter p WHERE p.member_id IN ({_IDS}) ORDER BY p.applied_at, p.id LIMIT 1
"""  # noqa: S608
STANDS = f"""
    SELECT c.state, SUM(c.amount_fen - c.back_fen) AS amount FROM commission c JOIN promoter p ON p.id = c.promoter_id
    WHERE p.member_id IN ({_IDS}) AND c.state IN ('pending', 'frozen') GROUP BY c.state
"""  # noqa: S608
_ENTRIES = f"""
    SELECT c.id, c.level, c.amount_fen, c.state, c.earned_at, c.frozen_until, c.reverses_id, c.back_fen, o.number
    FROM commission c JOIN promoter p ON p.id = c.promoter_id JOIN sales_order o ON o.id = c.order_id
    WHERE p.member_id IN ({_IDS}) AND ({{after}} IS NULL OR c.id < {{after}}) ORDER BY c.id DESC LIMIT $3
"""  # noqa: S608
ENTRIES = Both(postgres=_ENTRIES.format(after="CAST($2 AS uuid)"), sqlite=_ENTRIES.format(after="$2"))

# --- applying and deciding

# Whether they meet the conditions: when they joined, and whether a phone of theirs is proven.
APPLICANT = """
    SELECT m.joined_at, CASE WHEN EXISTS (SELECT 1 FROM identifier i WHERE i.member_id = m.id
        AND i.namespace = 'phone' AND i.status = 'active') THEN 1 ELSE 0 END AS has_phone
    FROM member m WHERE m.id = $1
"""
PROMOTER_ROW = f"SELECT p.member_id FROM promoter p WHERE p.member_id IN ({_IDS}) ORDER BY p.applied_at, p.id LIMIT 1"  # noqa: S608
# Whoever was refused may ask again; anybody else's row stays as it is. $4 the state, $5 when it was decided.
APPLY = """
    INSERT INTO promoter (id, created_at, member_id, state, grade, applied_at, decided_at, reason)
    VALUES ($1, $2, $3, $4, '', $2, $5, '')
    ON CONFLICT (member_id) DO UPDATE SET state = excluded.state, applied_at = excluded.applied_at,
        decided_at = excluded.decided_at, reason = '' WHERE promoter.state = 'refused' RETURNING id
"""
_SEEN = """
    SELECT p.id, p.state, p.grade, p.applied_at, p.decided_at, p.reason, m.number, m.organization_id,
        COALESCE(m.canonical_id, m.id) AS member_id,
        (SELECT COUNT(*) FROM promoter_binding b WHERE b.promoter_id = p.id) AS came_count
    FROM promoter p JOIN member m ON m.id = p.member_id
"""
ONE = _SEEN + "WHERE p.id = $1"
ONE_LOCKED = Both(postgres=ONE + " FOR UPDATE OF p", sqlite=ONE)
# $1 organizations, $2 whether members without a city are theirs, $3 one state (empty: all), $4 behind, $5 how many.
_PAGE = (
    _SEEN
    + """
    WHERE (m.organization_id {these} OR (m.organization_id IS NULL AND {root} = 1))
    AND ({state} = '' OR p.state = {state}) AND ({after} IS NULL OR p.id > {after}) ORDER BY p.id LIMIT $5
"""
)
PAGE = Both(
    postgres=_PAGE.format(
        these="= ANY($1::uuid[])", root="CAST($2 AS int)", state="CAST($3 AS text)", after="CAST($4 AS uuid)"
    ),
    sqlite=_PAGE.format(these=_OF_THESE, root="$2", state="$3", after="$4"),
)
# $2 from, $3 to, $4 the grade, $5 why, $6 when.
DECIDE = """
    UPDATE promoter SET state = $3, grade = $4, reason = $5, decided_at = $6 WHERE id = $1 AND state = $2 RETURNING id
"""

# --- links

OFFER_ON_SALE = "SELECT id FROM offer WHERE id = $1 AND state = 'published'"

KEEP_LINK = """
    INSERT INTO promoter_link (id, created_at, promoter_id, target, code, picture, qr_url, qr_image_url, url)
    VALUES ($1, $2, $3, $4, $5, '', '', '', '') ON CONFLICT (promoter_id, target) DO NOTHING RETURNING id
"""
LINK_OF = """
    SELECT id, target, code, picture, qr_url, qr_image_url, qr_ends_at, url, url_ends_at FROM promoter_link
    WHERE promoter_id = $1 AND target = $2
"""
KEEP_PICTURE = "UPDATE promoter_link SET picture = $2 WHERE id = $1 RETURNING id"
KEEP_QR = "UPDATE promoter_link SET qr_url = $2, qr_image_url = $3, qr_ends_at = $4 WHERE id = $1 RETURNING id"
KEEP_URL = "UPDATE promoter_link SET url = $2, url_ends_at = $3 WHERE id = $1 RETURNING id"

# --- leaving: $1 all ids of somebody who leaves

_WAITS = """
    SELECT a.id FROM ledger_account a WHERE a.unit = 'fen' AND a.kind = 'pending' AND a.posted > 0
    AND a.member_id {these} LIMIT 1
"""
WAITS = Both(postgres=_WAITS.format(these="= ANY($1::uuid[])"), sqlite=_WAITS.format(these=_OF_THESE))
# Their codes are nobody's from then on; the rows stay for whom they brought.
_LEAVE = "UPDATE promoter SET state = 'stopped', reason = '', grade = '' WHERE member_id {these} RETURNING id"
LEAVE = Both(postgres=_LEAVE.format(these="= ANY($1::uuid[])"), sqlite=_LEAVE.format(these=_OF_THESE))
_DROP_CODES = """
    UPDATE promoter_link SET code = 'gone:' || substr(replace(CAST(id AS TEXT), '-', ''), 6), picture = '', qr_url = '',
        qr_image_url = '', url = ''
    WHERE promoter_id IN (SELECT p.id FROM promoter p WHERE p.member_id {these}) RETURNING id
"""
DROP_CODES = Both(postgres=_DROP_CODES.format(these="= ANY($1::uuid[])"), sqlite=_DROP_CODES.format(these=_OF_THESE))
