"""Plans, terms of paid membership, and activation codes. $1 a member's or programme's id unless it says otherwise."""

from models.sql import Both, of_rows

_OF_THESE = "IN (SELECT value FROM json_each($1))"

# --- plans: the newest published version of each ($1 the programme)

_PUBLISHED = """
    SELECT p.id, p.code, p.state, p.version, CAST(v.terms AS TEXT) AS terms, p.programme_id
    FROM membership_plan p JOIN membership_plan_version v ON v.plan_id = p.id AND v.number = p.version
"""
PUBLISHED = _PUBLISHED + "WHERE p.programme_id = $1 AND p.state = 'published' ORDER BY p.id"
ONE_PUBLISHED = _PUBLISHED + "WHERE p.id = $1"
# Of the plan of an order, its state now, and the terms it was ordered under.
ORDERED = """
    SELECT n.order_id, n.plan_id, n.plan_version, n.way, n.level, n.day_count, n.expected_sequence, p.state,
        p.programme_id, CAST(v.terms AS TEXT) AS terms
    FROM plan_order n JOIN membership_plan p ON p.id = n.plan_id
    JOIN membership_plan_version v ON v.plan_id = n.plan_id AND v.number = n.plan_version
    WHERE n.order_id = $1
"""
# A draft is added or changed: of what is published too, whose buyers do not see it until it is published in its turn.
SAVE = """
    INSERT INTO membership_plan (id, created_at, programme_id, code, state, version, terms)
    VALUES ($1, $2, $3, $4, 'draft', 0, $5)
    ON CONFLICT (programme_id, code) DO UPDATE SET terms = excluded.terms RETURNING id
"""
_LOCK_PLAN = "SELECT id, version, state, CAST(terms AS TEXT) AS terms FROM membership_plan WHERE id = $1"
LOCK_PLAN = Both(postgres=_LOCK_PLAN + " FOR UPDATE", sqlite=_LOCK_PLAN)
PUBLISH = """
    UPDATE membership_plan SET version = version + 1, state = 'published' WHERE id = $1 AND version = $2 RETURNING id
"""
WITHDRAW = "UPDATE membership_plan SET state = 'withdrawn' WHERE id = $1 AND state = 'published' RETURNING id"

# --- what people have. $1 canonical ids, $2 the programme, $3 now: what was merged into them counts as theirs

_RUNNING = """
    SELECT COALESCE(m.canonical_id, m.id) AS owner_id, p.member_id, p.level, p.ends_at, p.sequence
    FROM paid_membership p JOIN member m ON m.id = p.member_id
    WHERE p.programme_id = $2 AND p.ends_at > $3 AND (m.id {these} OR m.canonical_id {these}) ORDER BY p.id
"""
RUNNING = Both(
    postgres=_RUNNING.format(these="= ANY($1::uuid[])"),
    sqlite=_RUNNING.format(these=_OF_THESE),
)
# Every term of these people ($1 ids of theirs), the oldest first.
_TERMS = """
    SELECT t.id, t.member_id, t.number, t.cause, t.plan_id, t.plan_version, t.level, t.from_level, t.order_id,
        t.paid_fen, t.starts_at, t.ends_at, t.cut_at, t.given_at, CAST(t.counted AS TEXT) AS counted,
        CAST(v.terms AS TEXT) AS terms
    FROM membership_term t JOIN membership_plan_version v ON v.plan_id = t.plan_id AND v.number = t.plan_version
    WHERE t.member_id {these} ORDER BY t.given_at, t.number, t.id
"""
TERMS = Both(postgres=_TERMS.format(these="= ANY($1::uuid[])"), sqlite=_TERMS.format(these=_OF_THESE))
OF_ORDER = """
    SELECT id, programme_id, member_id, number, cause, level, from_level, paid_fen, starts_at, ends_at, cut_at
    FROM membership_term WHERE order_id = $1
"""
OF_TERM = OF_ORDER.replace("WHERE order_id = $1", "WHERE id = $1")
_LOCK = "SELECT level, ends_at, sequence FROM paid_membership WHERE programme_id = $1 AND member_id = $2"
LOCK = Both(postgres=_LOCK + " FOR UPDATE", sqlite=_LOCK)

# From the later of now ($5) and the end: so many days ($7) more of a level ($6). One statement, so that two at once
# extend twice. What was merged into them and runs is gone on from, too; a membership of another level is not touched.
_BEGAN = """
    COALESCE((SELECT MAX(q.ends_at) FROM paid_membership q JOIN member m ON m.id = q.member_id
        WHERE q.programme_id = $3 AND m.canonical_id = $4 AND q.level = $6 AND q.ends_at > $5), $5)
"""
_EXTEND = """
    INSERT INTO paid_membership (id, created_at, programme_id, member_id, level, ends_at, sequence)
    VALUES ($1, $2, $3, $4, $6, {first}, 1)
    ON CONFLICT (programme_id, member_id) DO UPDATE SET level = excluded.level, ends_at = {more},
        sequence = paid_membership.sequence + 1
    WHERE paid_membership.ends_at <= $5 OR paid_membership.level = excluded.level
    RETURNING ends_at, sequence
"""
_SQLITE_BEGAN = _BEGAN
_POSTGRES_BEGAN = _BEGAN.replace("$5", "CAST($5 AS timestamptz)").replace("$6", "CAST($6 AS text)")
EXTEND = Both(
    postgres=_EXTEND.format(
        first=f"{_POSTGRES_BEGAN} + CAST($7 AS integer) * INTERVAL '24 hours'",
        more=f"GREATEST(paid_membership.ends_at, {_POSTGRES_BEGAN}) + CAST($7 AS integer) * INTERVAL '24 hours'",
    )
    .replace("VALUES ($1, $2, $3, $4, $6,", "VALUES ($1, $2, $3, $4, CAST($6 AS text),")
    .replace("ends_at <= $5", "ends_at <= CAST($5 AS timestamptz)"),
    sqlite=_EXTEND.format(
        first=f"strftime('%Y-%m-%d %H:%M:%S', {_SQLITE_BEGAN}, '+' || $7 || ' days') || '.000000+00:00'",
        more="strftime('%Y-%m-%d %H:%M:%S', "
        f"max(paid_membership.ends_at, {_SQLITE_BEGAN}), '+' || $7 || ' days') || '.000000+00:00'",
    ),
)
# $3 the higher level, $4 how the membership stood when the difference was told, $5 now.
UPGRADE = """
    UPDATE paid_membership SET level = $3, sequence = sequence + 1
    WHERE programme_id = $1 AND member_id = $2 AND sequence = $4 AND ends_at > $5 RETURNING ends_at, sequence
"""
# Back to the level before ($3), from where it was read ($4) or not at all.
LOWER = """
    UPDATE paid_membership SET level = $3, sequence = sequence + 1
    WHERE programme_id = $1 AND member_id = $2 AND sequence = $4 RETURNING sequence
"""
# So many seconds ($3) fewer, from where it was read ($4) or not at all; what comes after the term ($5) comes earlier.
SHORTEN = Both(
    postgres="""
    UPDATE paid_membership SET ends_at = ends_at - CAST($3 AS integer) * INTERVAL '1 second', sequence = sequence + 1
    WHERE programme_id = $1 AND member_id = $2 AND sequence = $4 RETURNING ends_at
    """,
    sqlite="""
    UPDATE paid_membership SET sequence = sequence + 1,
        ends_at = strftime('%Y-%m-%d %H:%M:%S', ends_at, '-' || $3 || ' seconds') || '.000000+00:00'
    WHERE programme_id = $1 AND member_id = $2 AND sequence = $4 RETURNING ends_at
    """,
)
_BEHIND = (
    "WHERE programme_id = $1 AND member_id = $2 AND number > $4 AND cut_at IS NULL AND cause <> 'upgraded' RETURNING id"
)
MOVE_UP = Both(
    postgres=f"""
    UPDATE membership_term SET starts_at = starts_at - CAST($3 AS integer) * INTERVAL '1 second',
        ends_at = ends_at - CAST($3 AS integer) * INTERVAL '1 second' {_BEHIND}
    """,  # noqa: S608 - no outside input in any of these
    sqlite=f"""
    UPDATE membership_term SET
        starts_at = strftime('%Y-%m-%d %H:%M:%S', starts_at, '-' || $3 || ' seconds') || '.000000+00:00',
        ends_at = strftime('%Y-%m-%d %H:%M:%S', ends_at, '-' || $3 || ' seconds') || '.000000+00:00' {_BEHIND}
    """,  # noqa: S608
)
CUT = "UPDATE membership_term SET cut_at = $2, counted = $3 WHERE id = $1 AND cut_at IS NULL RETURNING id"

# --- rights that came with a level ($2) to these people ($1) from $3 on and before $4, and what became of them

_RIGHTS = """
    SELECT g.claim_id, CAST(r.levels AS TEXT) AS levels, c.offer_id, c.offer_version, c.state, c.uses_total,
        c.uses_left, c.expires_at, b.name, b.settlement_price_fen,
        CASE WHEN EXISTS (SELECT 1 FROM pool_code k WHERE k.claim_id = c.id)
            OR EXISTS (SELECT 1 FROM claim p JOIN pool_code k ON k.claim_id = p.id WHERE p.package_id = c.id)
            OR EXISTS (SELECT 1 FROM claim p WHERE p.package_id = c.id AND p.uses_left < p.uses_total)
            THEN 1 ELSE 0 END AS is_had
    FROM level_right_given g JOIN level_right r ON r.id = g.right_id JOIN claim c ON c.id = g.claim_id
    JOIN benefit b ON b.id = c.benefit_id
    WHERE g.member_id {these} AND g.level = $2 AND g.given_at >= $3 AND g.given_at < $4 ORDER BY g.id
"""
RIGHTS = Both(postgres=_RIGHTS.format(these="= ANY($1::uuid[])"), sqlite=_RIGHTS.format(these=_OF_THESE))

# --- trials: marks ($1, a JSON text of rows) that nobody had before

ADD_MARKS = of_rows(
    """
    INSERT INTO plan_trial (id, created_at, mark, taken_at)
    SELECT r.id, $2, r.mark, $2 FROM {rows} WHERE true ORDER BY r.mark ON CONFLICT (mark) DO NOTHING RETURNING id
    """,
    {"id": "uuid", "mark": "text"},
)
_MARKED = "SELECT mark FROM plan_trial WHERE mark {these} LIMIT 1"
MARKED = Both(postgres=_MARKED.format(these="= ANY($1::text[])"), sqlite=_MARKED.format(these=_OF_THESE))

# --- activation codes

ADD_CODES = of_rows(
    """
    INSERT INTO plan_code (id, created_at, batch_id, number, code_hash)
    SELECT r.id, $2, $3, r.number, r.code_hash FROM {rows} WHERE true ORDER BY r.number
    ON CONFLICT (code_hash) DO NOTHING RETURNING id
    """,
    {"id": "uuid", "number": "int", "code_hash": "text"},
)
CODE = """
    SELECT c.id, c.used_at, b.expires_at, b.plan_id, b.plan_version, p.programme_id, CAST(v.terms AS TEXT) AS terms
    FROM plan_code c JOIN plan_code_batch b ON b.id = c.batch_id JOIN membership_plan p ON p.id = b.plan_id
    JOIN membership_plan_version v ON v.plan_id = b.plan_id AND v.number = b.plan_version WHERE c.code_hash = $1
"""
USE_CODE = "UPDATE plan_code SET used_at = $2 WHERE id = $1 AND used_at IS NULL RETURNING id"
_BATCHES = """
    SELECT b.id, b.plan_id, b.plan_version, b.code_count, b.note, b.expires_at, b.made_at, b.made_by_id,
        (SELECT COUNT(*) FROM plan_code c WHERE c.batch_id = b.id AND c.used_at IS NOT NULL) AS used_count
    FROM plan_code_batch b WHERE b.plan_id = $1 AND ({after} IS NULL OR b.id < {after}) ORDER BY b.id DESC LIMIT $3
"""
BATCHES = Both(postgres=_BATCHES.format(after="CAST($2 AS uuid)"), sqlite=_BATCHES.format(after="$2"))

# Reminders: members ($5 the last of the page before, $6 how many) whose membership ends within ($1, $2] or ($3, $4].
_ENDING = """
    SELECT m.id AS member_id, MIN(a.key) AS account FROM paid_membership p JOIN member o ON o.id = p.member_id
    JOIN member m ON m.id = COALESCE(o.canonical_id, o.id) AND m.status = 'active'
    JOIN follower f ON f.member_id = m.id AND f.unfollowed_at IS NULL
    JOIN account a ON a.id = f.account_id AND a.kind = 'official_account'
    WHERE ((p.ends_at > $1 AND p.ends_at <= $2) OR (p.ends_at > $3 AND p.ends_at <= $4))
    AND ({after} IS NULL OR m.id > {after})
    GROUP BY m.id ORDER BY m.id LIMIT $6
"""
ENDING = Both(postgres=_ENDING.format(after="CAST($5 AS uuid)"), sqlite=_ENDING.format(after="$5"))
