"""The ledger by the batch. Sets of rows travel as one JSON text ($1); accounts are locked in the order of ids."""

from models.sql import Both, of_rows, recordset

_OF_THESE = "IN (SELECT value FROM json_each($1))"

# --- accounts

# Everything that these members have, of whatever unit. Not FOR UPDATE, which would hold up every row that refers to it.
_OWNED = """
    SELECT id, programme_id, unit, kind, member_id, has_lots, posted, held, floor FROM ledger_account WHERE member_id
"""
LOCK_OWNED = Both(postgres=_OWNED + "= ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", sqlite=_OWNED + _OF_THESE)
OWNED = Both(postgres=_OWNED + "= ANY($1::uuid[]) ORDER BY id", sqlite=_OWNED + _OF_THESE + " ORDER BY id")

_OWN = "SELECT id, programme_id, unit, kind FROM ledger_account WHERE member_id IS NULL AND programme_id "
OWN = Both(postgres=_OWN + "= ANY($1::uuid[])", sqlite=_OWN + _OF_THESE)

KEEP_ACCOUNTS = of_rows(
    """
    INSERT INTO ledger_account (id, created_at, programme_id, unit, kind, member_id, has_lots, posted, held, floor)
    SELECT r.id, $2, r.programme_id, r.unit, r.kind, r.member_id, r.has_lots, r.opening, r.opening, r.floor
    FROM {rows} WHERE true ORDER BY r.id ON CONFLICT DO NOTHING RETURNING id
    """,
    {
        "id": "uuid",
        "programme_id": "uuid",
        "unit": "text",
        "kind": "text",
        "member_id": "uuid",
        "has_lots": "boolean",
        "opening": "bigint",
        "floor": "bigint",
    },
)

# A balance never passes its floor, whatever was read before.
MOVE = of_rows(
    """
    UPDATE ledger_account
    SET posted = ledger_account.posted + r.posted, held = ledger_account.held + r.held FROM {rows}
    WHERE ledger_account.id = r.id AND ledger_account.held + r.held >= 0
    AND ledger_account.posted + r.posted - ledger_account.held - r.held >= ledger_account.floor
    RETURNING ledger_account.id
    """,
    {"id": "uuid", "posted": "bigint", "held": "bigint"},
)

# --- transfers

_KNOWN = {"cause_kind": "text", "cause_id": "text"}
KNOWN = of_rows(
    """
    SELECT t.id, t.cause_kind, t.cause_id, t.leg, t.amount, t.unit FROM transfer t
    JOIN {rows} ON t.cause_kind = r.cause_kind AND t.cause_id = r.cause_id ORDER BY t.leg
    """,
    _KNOWN,
)

# The unit is that of both accounts, or no row comes back. Nothing is written before a checkpoint that was taken: a
# clock that was set back would change a sum that stands. IS TRUE, so that no plan joins all the accounts of a programme
# with each other, as one did while the database did not know yet how many they are: fifty times slower.
_ADD = """
    INSERT INTO transfer (id, created_at, programme_id, unit, debit_id, credit_id, amount, cause_kind, cause_id, leg,
        reverses_id, happened_at)
    SELECT r.id, $2, d.programme_id, d.unit, d.id, c.id, r.amount, r.cause_kind, r.cause_id, r.leg, r.reverses_id,
        {later}((SELECT COALESCE(MAX(k.until), $2) FROM ledger_checkpoint k), $2)
    FROM {rows} JOIN ledger_account d ON d.id = r.debit_id JOIN ledger_account c ON c.id = r.credit_id
    WHERE (c.unit = d.unit AND c.programme_id = d.programme_id) IS TRUE
    ON CONFLICT (cause_kind, cause_id, leg) DO NOTHING RETURNING id
"""
_TRANSFER = {
    "id": "uuid",
    "debit_id": "uuid",
    "credit_id": "uuid",
    "amount": "bigint",
    "cause_kind": "text",
    "cause_id": "text",
    "leg": "int",
    "reverses_id": "uuid",
}
ADD_TRANSFERS = Both(
    postgres=_ADD.format(rows=recordset(_TRANSFER)[0], later="GREATEST").replace("$2", "CAST($2 AS timestamptz)"),
    sqlite=_ADD.format(rows=recordset(_TRANSFER)[1], later="MAX"),
)

# --- passing on: from one account of each owner ($3 programme, $4 unit, $5 kind) to another one of theirs ($6 kind)

# Everything that these members have is locked; how many of them have the account that is credited.
_LOCK_AND_COUNT = """
    SELECT COUNT(*) FILTER (WHERE s.programme_id = $2 AND s.unit = $3 AND s.kind = $4) AS number
    FROM (SELECT programme_id, unit, kind FROM ledger_account WHERE member_id {these} ORDER BY id {lock}) s
"""
LOCK_AND_COUNT = Both(
    postgres=_LOCK_AND_COUNT.format(these="= ANY($1::uuid[])", lock="FOR NO KEY UPDATE"),
    sqlite=_LOCK_AND_COUNT.format(these=_OF_THESE, lock=""),
)

# One transfer for each act; none for an act that was done before, or whose owner has one account only.
_ADD_BETWEEN = """
    INSERT INTO transfer (id, created_at, programme_id, unit, debit_id, credit_id, amount, cause_kind, cause_id, leg,
        reverses_id, happened_at)
    SELECT r.id, $2, d.programme_id, d.unit, d.id, c.id, r.amount, $7, r.act, 0, NULL,
        {later}((SELECT COALESCE(MAX(k.until), $2) FROM ledger_checkpoint k), $2)
    FROM {rows} JOIN ledger_account d
        ON d.member_id = r.member_id AND d.programme_id = $3 AND d.unit = $4 AND d.kind = $5
    JOIN ledger_account c ON c.member_id = d.member_id AND c.programme_id = $3 AND c.unit = $4 AND c.kind = $6
    WHERE true ON CONFLICT (cause_kind, cause_id, leg) DO NOTHING RETURNING id
"""
_PASSED = {"id": "uuid", "act": "text", "member_id": "uuid", "amount": "bigint"}
ADD_BETWEEN = Both(
    postgres=_ADD_BETWEEN.format(rows=recordset(_PASSED)[0], later="GREATEST").replace("$2", "CAST($2 AS timestamptz)"),
    sqlite=_ADD_BETWEEN.format(rows=recordset(_PASSED)[1], later="MAX"),
)

# What that moves in all, on both accounts of each owner ($1).
MOVE_BETWEEN = of_rows(
    """
    UPDATE ledger_account
    SET posted = ledger_account.posted + CASE WHEN ledger_account.kind = $4 THEN -r.amount ELSE r.amount END
    FROM {rows} WHERE ledger_account.member_id = r.member_id AND ledger_account.programme_id = $2
    AND ledger_account.unit = $3 AND (ledger_account.kind = $5 OR (ledger_account.kind = $4
        AND ledger_account.posted - r.amount - ledger_account.held >= ledger_account.floor))
    RETURNING ledger_account.id
    """,
    {"member_id": "uuid", "amount": "bigint"},
)

# --- taking back

# $1 transfers: how much of each was taken back so far.
_REVERSIBLE = """
    SELECT t.id, t.amount, COALESCE(v.reversed_amount, 0) AS reversed
    FROM transfer t LEFT JOIN reversed_transfer v ON v.transfer_id = t.id WHERE t.id
"""
REVERSIBLE = Both(postgres=_REVERSIBLE + "= ANY($1::uuid[])", sqlite=_REVERSIBLE + _OF_THESE)

# The counter never passes the transfer; no row comes back where it would.
REVERSE = of_rows(
    """
    INSERT INTO reversed_transfer (id, created_at, transfer_id, amount, reversed_amount)
    SELECT r.id, $2, t.id, t.amount, r.amount FROM {rows} JOIN transfer t ON t.id = r.transfer_id
    WHERE r.amount <= t.amount ORDER BY t.id
    ON CONFLICT (transfer_id)
    DO UPDATE SET reversed_amount = reversed_transfer.reversed_amount + excluded.reversed_amount
    WHERE reversed_transfer.reversed_amount + excluded.reversed_amount <= reversed_transfer.amount RETURNING id
    """,
    {"id": "uuid", "transfer_id": "uuid", "amount": "bigint"},
)

# --- lots

# What is needed ($1) of each account, soonest to end first; with what is over or due by now ($2), what came by these
# transfers ($3), and these lots ($4).
_LOTS = """
    SELECT s.id, s.account_id, s.origin_id, s.left_amount, s.expires_at, s.available_at FROM (
        SELECT l.id, l.account_id, l.origin_id, l.left_amount, l.expires_at, l.available_at, r.need,
            SUM(CASE WHEN l.expires_at <= $2 THEN 0 ELSE l.left_amount END)
                OVER (PARTITION BY l.account_id ORDER BY l.expires_at NULLS LAST, l.id) - l.left_amount AS before
        FROM {rows} JOIN ledger_lot l ON l.account_id = r.account_id AND l.left_amount > 0
    ) s
    WHERE s.before < s.need OR s.expires_at <= $2 OR s.available_at <= $2 OR s.origin_id {origins} OR s.id {these}
"""
_NEED = {"account_id": "uuid", "need": "bigint"}
LOTS = Both(
    postgres=_LOTS.format(rows=recordset(_NEED)[0], origins="= ANY($3::uuid[])", these="= ANY($4::uuid[])"),
    sqlite=_LOTS.format(
        rows=recordset(_NEED)[1],
        origins="IN (SELECT value FROM json_each($3))",
        these="IN (SELECT value FROM json_each($4))",
    ),
)

_USES = """
    SELECT u.id, u.transfer_id, u.hold_id, u.amount - u.returned_amount AS amount, l.id AS lot_id, l.account_id,
        l.origin_id, l.left_amount, l.expires_at, l.available_at, l.expired_at
    FROM ledger_lot_use u JOIN ledger_lot l ON l.id = u.lot_id WHERE u.returned_amount < u.amount AND u.{by}
"""
USES_OF_TRANSFERS = Both(
    postgres=_USES.format(by="transfer_id") + "= ANY($1::uuid[])", sqlite=_USES.format(by="transfer_id") + _OF_THESE
)
USES_OF_HOLDS = Both(
    postgres=_USES.format(by="hold_id") + "= ANY($1::uuid[])", sqlite=_USES.format(by="hold_id") + _OF_THESE
)

CHANGE_LOTS = of_rows(
    """
    UPDATE ledger_lot SET left_amount = left_amount + r.delta,
        expired_at = COALESCE(r.expired_at, ledger_lot.expired_at)
    FROM {rows} WHERE ledger_lot.id = r.id AND left_amount + r.delta BETWEEN 0 AND ledger_lot.amount
    RETURNING ledger_lot.id
    """,
    {"id": "uuid", "delta": "bigint", "expired_at": "timestamptz"},
)

ADD_LOTS = of_rows(
    """
    INSERT INTO ledger_lot (id, created_at, account_id, transfer_id, origin_id, amount, left_amount, expires_at,
        available_at, expired_at)
    SELECT r.id, $2, r.account_id, r.transfer_id, r.origin_id, r.amount, r.left_amount, r.expires_at, r.available_at,
        r.expired_at
    FROM {rows} WHERE true RETURNING id
    """,
    {
        "id": "uuid",
        "account_id": "uuid",
        "transfer_id": "uuid",
        "origin_id": "uuid",
        "amount": "bigint",
        "left_amount": "bigint",
        "expires_at": "timestamptz",
        "available_at": "timestamptz",
        "expired_at": "timestamptz",
    },
)

ADD_USES = of_rows(
    """
    INSERT INTO ledger_lot_use (id, created_at, lot_id, transfer_id, hold_id, amount, returned_amount)
    SELECT r.id, $2, r.lot_id, r.transfer_id, r.hold_id, r.amount, 0 FROM {rows} WHERE true RETURNING id
    """,
    {"id": "uuid", "lot_id": "uuid", "transfer_id": "uuid", "hold_id": "uuid", "amount": "bigint"},
)

RETURN_USES = of_rows(
    """
    UPDATE ledger_lot_use SET returned_amount = returned_amount + r.back FROM {rows}
    WHERE ledger_lot_use.id = r.id AND returned_amount + r.back <= amount RETURNING ledger_lot_use.id
    """,
    {"id": "uuid", "back": "bigint"},
)

# What a hold took from lots was taken by the transfer ($2) that posted it.
POSTED_USES = "UPDATE ledger_lot_use SET transfer_id = $2 WHERE hold_id = $1 AND returned_amount < amount RETURNING id"

# --- what the clock decides: accounts with something due ($1 now), $2 at most how many, behind one of them ($3)

_DUE = """
    SELECT DISTINCT a.id, a.member_id, a.programme_id, a.unit, a.kind FROM ledger_lot l
    JOIN ledger_account a ON a.id = l.account_id
    WHERE l.left_amount > 0 AND l.{column} <= $1 AND ({after} IS NULL OR a.id > {after}) ORDER BY a.id LIMIT $2
"""


def _due(column: str) -> Both:
    return Both(
        postgres=_DUE.format(column=column, after="CAST($3 AS uuid)"), sqlite=_DUE.format(column=column, after="$3")
    )


EXPIRING_NOW, MATURING_NOW = _due("expires_at"), _due("available_at")

# --- holds

ADD_HOLD = """
    INSERT INTO ledger_hold (id, created_at, account_id, credit_id, amount, posted_amount, cause_kind, cause_id, leg,
        state, expires_at)
    VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, 'open', $9)
    ON CONFLICT (cause_kind, cause_id, leg) DO NOTHING RETURNING id
"""
_HOLD = """
    SELECT h.id, h.account_id, h.amount, h.posted_amount, h.cause_kind, h.cause_id, h.leg, h.state, h.expires_at,
        h.closed_at, a.programme_id, a.unit, a.kind, a.member_id, c.kind AS credit_kind,
        c.member_id AS credit_member_id, t.id AS transfer_id
    FROM ledger_hold h JOIN ledger_account a ON a.id = h.account_id JOIN ledger_account c ON c.id = h.credit_id
    LEFT JOIN transfer t ON t.cause_kind = 'hold' AND t.cause_id = CAST(h.id AS TEXT) AND t.leg = 0
"""
HOLD = _HOLD + "WHERE h.id = $1"
HOLD_BY_CAUSE = _HOLD + "WHERE h.cause_kind = $1 AND h.cause_id = $2 AND h.leg = $3"
CLOSE_HOLD = """
    UPDATE ledger_hold SET state = $2, posted_amount = $3, closed_at = $4 WHERE id = $1 AND state = 'open' RETURNING id
"""
EXPIRED_HOLDS = "SELECT id FROM ledger_hold WHERE state = 'open' AND expires_at <= $1 ORDER BY expires_at, id LIMIT $2"
OPEN_HOLDS_OF = Both(
    postgres="""SELECT h.id FROM ledger_hold h JOIN ledger_account a ON a.id = h.account_id
    WHERE h.state = 'open' AND a.member_id = ANY($1::uuid[]) ORDER BY h.id""",
    sqlite="""SELECT h.id FROM ledger_hold h JOIN ledger_account a ON a.id = h.account_id
    WHERE h.state = 'open' AND a.member_id IN (SELECT value FROM json_each($1)) ORDER BY h.id""",
)

# --- what moved when members became one: the transfers of that act ($1), and what is left of it with the survivor ($2)

CARRIED = """
    SELECT t.id, t.unit, t.programme_id, t.amount, a.kind FROM transfer t JOIN ledger_account a ON a.id = t.debit_id
    WHERE t.cause_kind = $1 AND t.cause_id = $2 ORDER BY t.leg
"""
LEFT_OF_CARRIED = """
    SELECT DISTINCT l.id, l.left_amount, l.expires_at, a.kind FROM ledger_lot_use u
    JOIN ledger_lot f ON f.id = u.lot_id JOIN ledger_lot l ON l.origin_id = f.origin_id AND l.left_amount > 0
    JOIN ledger_account a ON a.id = l.account_id
    WHERE u.transfer_id = $1 AND a.member_id = $2 ORDER BY a.kind, l.expires_at NULLS LAST, l.id
"""

# --- the programme's own accounts: $1 up to when, $2 an id, $3 now

# What stood at the checkpoint before, and what came and went since then.
_BALANCES = """
    SELECT a.id AS account_id, a.kind, COALESCE(k.balance, 0)
        + COALESCE((SELECT SUM(t.amount) FROM transfer t WHERE t.credit_id = a.id
            AND (k.until IS NULL OR t.happened_at >= k.until) AND t.happened_at < $1), 0)
        - COALESCE((SELECT SUM(t.amount) FROM transfer t WHERE t.debit_id = a.id
            AND (k.until IS NULL OR t.happened_at >= k.until) AND t.happened_at < $1), 0) AS balance
    FROM ledger_account a LEFT JOIN ledger_checkpoint k ON k.account_id = a.id AND k.until = (
        SELECT MAX(o.until) FROM ledger_checkpoint o WHERE o.account_id = a.id AND o.until <= $1)
    WHERE a.member_id IS NULL
"""
BALANCES = _BALANCES + " AND a.programme_id = $2 AND a.unit = $3"
OWN_ACCOUNTS = "SELECT id FROM ledger_account WHERE member_id IS NULL ORDER BY id"
BALANCE_UNTIL = _BALANCES + " AND a.id = $2"
CHECKPOINT = """
    INSERT INTO ledger_checkpoint (id, created_at, account_id, until, balance) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (until, account_id) DO NOTHING RETURNING id
"""
