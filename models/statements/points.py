"""Points: the terms and caps under which they are earned, what members see of them. Sets of rows are one JSON ($1)."""

from models.sql import Both, of_rows, recordset

_TERMS = """
    SELECT p.id AS programme_id, p.organization_id, COALESCE(t.expiry, 'never') AS expiry,
        COALESCE(t.expiry_count, 0) AS expiry_count, COALESCE(t.grace_days, 0) AS grace_days, t.budget,
        COALESCE(t.budget_used, 0) AS budget_used {more}
    FROM programme p LEFT JOIN points_terms t ON t.programme_id = p.id {joined} WHERE p.code = $1 {order}
"""
TERMS = _TERMS.format(more="", joined="", order="")
_LOCK_TERMS = "SELECT budget, budget_used FROM points_terms WHERE programme_id = $1"
LOCK_BUDGET = Both(postgres=_LOCK_TERMS + " FOR UPDATE", sqlite=_LOCK_TERMS)
SET_TERMS = """
    INSERT INTO points_terms (id, created_at, programme_id, expiry, expiry_count, grace_days, budget, budget_used,
        updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $2)
    ON CONFLICT (programme_id) DO UPDATE SET expiry = excluded.expiry, expiry_count = excluded.expiry_count,
        grace_days = excluded.grace_days, budget = excluded.budget, updated_at = excluded.updated_at
    WHERE excluded.budget IS NULL OR excluded.budget >= points_terms.budget_used RETURNING budget_used
"""
USE_BUDGET = """
    UPDATE points_terms SET budget_used = budget_used + $2
    WHERE programme_id = $1 AND (budget IS NULL OR budget_used + $2 <= budget) RETURNING id
"""

_RULE = ", r.id, r.code, r.name, r.pending_days, r.cap_amount, r.cap_period, r.is_active"
TERMS_AND_RULES = _TERMS.format(
    more=_RULE, joined="LEFT JOIN earning_rule r ON r.programme_id = p.id", order="ORDER BY r.code"
)
RULES_PAGE = """
    SELECT id, code, name, pending_days, cap_amount, cap_period, is_active FROM earning_rule
    WHERE programme_id = $1 AND (CAST($2 AS text) IS NULL OR code > $2) ORDER BY code LIMIT $3
"""
SET_RULE = """
    INSERT INTO earning_rule (id, created_at, programme_id, code, name, pending_days, cap_amount, cap_period, is_active)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (programme_id, code) DO UPDATE SET name = excluded.name, pending_days = excluded.pending_days,
        cap_amount = excluded.cap_amount, cap_period = excluded.cap_period, is_active = excluded.is_active
    RETURNING id
"""

# --- caps: the rows of today's members, locked in the order of ids; those who were merged into them count too

_COUNT = {"id": "uuid", "rule_id": "uuid", "member_id": "uuid", "period": "text", "amount": "bigint"}
KEEP_COUNTS = of_rows(
    """
    INSERT INTO earning_count (id, created_at, rule_id, member_id, period, amount)
    SELECT r.id, $2, r.rule_id, r.member_id, r.period, 0 FROM {rows}
    WHERE true ORDER BY r.rule_id, r.member_id, r.period
    ON CONFLICT (rule_id, member_id, period) DO NOTHING RETURNING id
    """,
    _COUNT,
)
# The sum comes from the locked row as it is once it could be locked; of who was merged nothing moves any more.
_LOCKED_COUNTS = """
    WITH locked AS (
        SELECT c.rule_id, c.member_id, c.period, c.amount FROM earning_count c
        JOIN {rows} ON c.rule_id = r.rule_id AND c.member_id = r.member_id AND c.period = r.period ORDER BY c.id {lock}
    )
    SELECT k.rule_id, k.member_id, k.period, k.amount + COALESCE((
        SELECT SUM(c.amount) FROM member m JOIN earning_count c ON c.member_id = m.id
        WHERE m.canonical_id = k.member_id AND c.rule_id = k.rule_id AND c.period = k.period
    ), 0) AS amount FROM locked k
"""
LOCKED_COUNTS = Both(
    postgres=_LOCKED_COUNTS.format(rows=recordset(_COUNT)[0], lock="FOR UPDATE OF c"),
    sqlite=_LOCKED_COUNTS.format(rows=recordset(_COUNT)[1], lock=""),
)
COUNT = of_rows(
    """
    UPDATE earning_count SET amount = earning_count.amount + r.amount FROM {rows}, earning_rule u
    WHERE earning_count.rule_id = r.rule_id AND earning_count.member_id = r.member_id
    AND earning_count.period = r.period AND u.id = r.rule_id
    AND (u.cap_amount IS NULL OR earning_count.amount + r.amount <= u.cap_amount) RETURNING earning_count.id
    """,
    _COUNT,
)
# Where nothing is capped nobody has to look first: it is counted for the day on which a cap is set.
COUNT_UNCAPPED = of_rows(
    """
    INSERT INTO earning_count (id, created_at, rule_id, member_id, period, amount)
    SELECT r.id, $2, r.rule_id, r.member_id, r.period, r.amount FROM {rows}
    JOIN earning_rule u ON u.id = r.rule_id AND u.cap_amount IS NULL
    WHERE true ORDER BY r.rule_id, r.member_id, r.period
    ON CONFLICT (rule_id, member_id, period) DO UPDATE SET amount = earning_count.amount + EXCLUDED.amount RETURNING id
    """,
    _COUNT,
)

# --- what a member ($1, of any time) sees

_TODAY = "(SELECT COALESCE(q.canonical_id, q.id) FROM member q WHERE q.id = $1)"
_IDS = f"SELECT t.id FROM member t WHERE t.id = {_TODAY} OR t.canonical_id = {_TODAY}"  # noqa: S608 - no outside input in any of these
_ACCOUNTS = f"""
    SELECT a.id FROM ledger_account a
    WHERE a.member_id IN ({_IDS}) AND a.unit = 'points' AND a.kind IN ('member', 'pending')
"""  # noqa: S608
# What can be spent now is decided by the clock ($2), whether or not a job has been there.
LOTS_OF = f"""
    SELECT l.left_amount, l.expires_at, l.available_at, a.kind FROM ledger_lot l
    JOIN ledger_account a ON a.id = l.account_id
    WHERE l.account_id IN ({_ACCOUNTS}) AND l.left_amount > 0 AND (l.expires_at IS NULL OR l.expires_at > $2)
    ORDER BY l.expires_at NULLS LAST, l.id
"""  # noqa: S608
HELD_OF = f"SELECT COALESCE(SUM(held), 0) AS held FROM ledger_account WHERE id IN ({_ACCOUNTS})"  # noqa: S608

# The newest first, before an id ($2, null: from the newest). What moved between accounts of one person is no entry.
_ENTRIES = f"""
    SELECT e.id, e.amount, e.cause_kind, e.happened_at, e.reverses_id, COALESCE(u.name, b.name) AS rule_name, d.reason,
        (SELECT MAX(l.available_at) FROM ledger_lot l WHERE l.origin_id = e.id) AS available_at,
        (SELECT MIN(l.expires_at) FROM ledger_lot l WHERE l.origin_id = e.id) AS expires_at
    FROM (
        SELECT * FROM (
            SELECT t.id, t.amount, t.cause_kind, t.cause_id, t.happened_at, t.reverses_id FROM transfer t
            WHERE t.credit_id IN ({_ACCOUNTS}) AND t.debit_id NOT IN ({_ACCOUNTS})
            AND ({{before}} IS NULL OR t.id < {{before}}) ORDER BY t.id DESC LIMIT $3
        ) came
        UNION ALL SELECT * FROM (
            SELECT t.id, -t.amount, t.cause_kind, t.cause_id, t.happened_at, t.reverses_id FROM transfer t
            WHERE t.debit_id IN ({_ACCOUNTS}) AND t.credit_id NOT IN ({_ACCOUNTS})
            AND ({{before}} IS NULL OR t.id < {{before}}) ORDER BY t.id DESC LIMIT $3
        ) went
    ) e
    LEFT JOIN earning_rule u ON e.cause_kind = 'earned' AND u.code = {{code}}
    LEFT JOIN points_adjustment d ON d.id = {{adjustment}}
    LEFT JOIN claim g ON g.id = {{claim}} LEFT JOIN benefit b ON b.id = g.benefit_id
    ORDER BY e.id DESC LIMIT $3
"""  # noqa: S608
ENTRIES = Both(
    postgres=_ENTRIES.format(
        before="CAST($2 AS uuid)",
        code="split_part(e.cause_id, ':', 1)",
        adjustment="CASE WHEN e.cause_kind = 'points_adjusted' THEN CAST(e.cause_id AS uuid) END",
        claim="CASE WHEN e.cause_kind IN ('benefit_points', 'benefit_points_back') THEN CAST(e.cause_id AS uuid) END",
    ),
    sqlite=_ENTRIES.format(
        before="$2",
        code="substr(e.cause_id, 1, instr(e.cause_id, ':') - 1)",
        adjustment="CASE WHEN e.cause_kind = 'points_adjusted' THEN e.cause_id END",
        claim="CASE WHEN e.cause_kind IN ('benefit_points', 'benefit_points_back') THEN e.cause_id END",
    ),
)

# --- reminders: members ($5 the last of the page before, $6 how many) whose points expire within ($1, $2] or ($3, $4]

_REMINDED = """
    SELECT w.id AS member_id, MIN(a.key) AS account
    FROM ledger_lot l JOIN ledger_account c ON c.id = l.account_id AND c.unit = 'points'
    JOIN member m ON m.id = c.member_id JOIN member w ON w.id = COALESCE(m.canonical_id, m.id)
    JOIN follower f ON f.member_id = w.id AND f.unfollowed_at IS NULL
    JOIN account a ON a.id = f.account_id AND a.kind = 'official_account'
    WHERE l.left_amount > 0 AND w.status = 'active'
    AND ((l.expires_at > $1 AND l.expires_at <= $2) OR (l.expires_at > $3 AND l.expires_at <= $4))
    AND ({after} IS NULL OR w.id > {after})
    GROUP BY w.id ORDER BY w.id LIMIT $6
"""
REMINDED = Both(postgres=_REMINDED.format(after="CAST($5 AS uuid)"), sqlite=_REMINDED.format(after="$5"))

# Points that came with these claims ($1), which were revoked: by what, and to whom today.
_CREDITED = """
    SELECT c.id, t.id AS transfer_id, t.amount, COALESCE(m.canonical_id, m.id) AS owner_id
    FROM claim c JOIN benefit b ON b.id = c.benefit_id AND b.kind = 'points' JOIN member m ON m.id = c.member_id
    JOIN transfer t ON t.cause_kind = 'benefit_points' AND t.cause_id = CAST(c.id AS TEXT) AND t.leg = 0
    WHERE c.state = 'revoked' AND NOT EXISTS (
        SELECT 1 FROM transfer r WHERE r.cause_kind = 'benefit_points_back' AND r.cause_id = CAST(c.id AS TEXT))
    AND (c.id {these} OR c.package_id {these}) ORDER BY c.id
"""
CREDITED = Both(
    postgres=_CREDITED.format(these="= ANY($1::uuid[])"),
    sqlite=_CREDITED.format(these="IN (SELECT value FROM json_each($1))"),
)

# What an act ($1 its kind, $2 its id) took back: how many legs there are, and how much was pending then.
TAKEN_BACK = """
    SELECT COUNT(*) AS legs, COALESCE(SUM(CASE WHEN leg = 0 THEN amount ELSE 0 END), 0) AS waiting FROM transfer
    WHERE cause_kind = $1 AND cause_id = $2
"""
# What is left of an earning ($1) on the pending account of a member ($2).
PENDING_OF = """
    SELECT COALESCE(SUM(l.left_amount), 0) AS left_amount FROM ledger_lot l JOIN ledger_account a ON a.id = l.account_id
    WHERE l.origin_id = $1 AND a.member_id = $2 AND a.kind = 'pending'
"""
