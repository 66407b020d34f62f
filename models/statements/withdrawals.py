"""Withdrawals: moved by guarded statements, each edge by one of those who try it. Sets of ids are one parameter."""

from models.sql import Both

_OF_THESE = "IN (SELECT value FROM json_each($1))"

_WHOLE = """
    SELECT w.id, w.member_id, w.organization_id, w.hold_id, w.amount_fen, w.state, w.number, w.app_id, w.mch_id,
        w.payee_hash, w.name_cipher, w.package, w.bill_id, w.said, w.asked_at, w.first_sent_at, w.sent_at,
        w.confirm_by, w.ending_at, w.closed_at, w.look_count, w.look_at, CAST(t.terms AS TEXT) AS terms
    FROM withdrawal w JOIN withdrawal_terms t ON t.id = w.terms_id
"""
ONE = _WHOLE + "WHERE w.id = $1"
_BY_NUMBER = _WHOLE + "WHERE w.number = $1"
LOCKED = Both(postgres=_BY_NUMBER + " FOR UPDATE OF w", sqlite=_BY_NUMBER)
LOCKED_BY_ID = Both(postgres=ONE + " FOR UPDATE OF w", sqlite=ONE)

# --- whose: $1 a member's id of any time

_TODAY = "(SELECT COALESCE(q.canonical_id, q.id) FROM member q WHERE q.id = $1)"
_THEIRS = f"(SELECT t.id FROM member t WHERE t.id = {_TODAY} OR t.canonical_id = {_TODAY})"  # noqa: S608
_OF_THEM = Both(postgres=f"= ANY(ARRAY{_THEIRS})", sqlite=f"IN {_THEIRS}")
_OWN = _WHOLE + "WHERE w.id = $2 AND w.member_id {theirs}"
OWN = Both(postgres=_OWN.format(theirs=_OF_THEM.postgres), sqlite=_OWN.format(theirs=_OF_THEM.sqlite))
OWN_LOCKED = Both(postgres=OWN.postgres + " FOR UPDATE OF w", sqlite=OWN.sqlite)
# $2 the last id of the page before, $3 how many.
_MINE = _WHOLE + "WHERE w.member_id {theirs} AND ({after} IS NULL OR w.id < {after}) ORDER BY w.id DESC LIMIT $3"
MINE = Both(
    postgres=_MINE.format(theirs=_OF_THEM.postgres, after="CAST($2 AS uuid)"),
    sqlite=_MINE.format(theirs=_OF_THEM.sqlite, after="$2"),
)
# Of operators: $1 their organizations, $2 one state (empty: all), $3 the last id of the page before, $4 how many.
_SEEN = (
    _WHOLE
    + """
    WHERE w.organization_id {these} AND ({state} = '' OR w.state = {state}) AND ({after} IS NULL OR w.id < {after})
    ORDER BY w.id DESC LIMIT $4
"""
)
SEEN = Both(
    postgres=_SEEN.format(these="= ANY($1::uuid[])", state="CAST($2 AS text)", after="CAST($3 AS uuid)"),
    sqlite=_SEEN.format(these=_OF_THESE, state="$2", after="$3"),
)
_OPEN = "SELECT id, amount_fen FROM withdrawal WHERE member_id {these} AND closed_at IS NULL LIMIT 1"
OPEN = Both(postgres=_OPEN.format(these="= ANY($1::uuid[])"), sqlite=_OPEN.format(these=_OF_THESE))
# What these people took out since $2: how often, and how much of it did not come back.
_SINCE = """
    SELECT COUNT(*) AS number,
        COALESCE(SUM(CASE WHEN state IN ('returned', 'refused') THEN 0 ELSE amount_fen END), 0) AS amount
    FROM withdrawal WHERE member_id {these} AND asked_at >= $2
"""
SINCE = Both(postgres=_SINCE.format(these="= ANY($1::uuid[])"), sqlite=_SINCE.format(these=_OF_THESE))
# When the phone or the WeChat of these people became another one, after $2: the first of its kind is no change.
_CHANGED = """
    SELECT MAX(e.happened_at) AS changed_at FROM identity_event e
    WHERE e.member_id {these} AND e.happened_at > $2 AND (e.act IN ('merge', 'unmerge')
        OR (e.namespace IN ('phone', 'wx_openid') AND (e.act IN ('unbind', 'transfer')
            OR (e.act = 'bind' AND EXISTS (
                SELECT 1 FROM identity_event b WHERE b.member_id {these} AND b.act IN ('bind', 'transfer')
                AND b.namespace = e.namespace AND b.scope = e.scope AND b.value_mark <> e.value_mark
                AND b.id < e.id)))))
"""
CHANGED = Both(postgres=_CHANGED.format(these="= ANY($1::uuid[])"), sqlite=_CHANGED.format(these=_OF_THESE))
# What stands on their accounts of money, whichever of their rows it is of.
_BALANCE = """
    SELECT COALESCE(SUM(posted), 0) AS posted, COALESCE(SUM(held), 0) AS held FROM ledger_account
    WHERE member_id {these} AND unit = 'fen' AND kind = 'member'
"""
BALANCE = Both(postgres=_BALANCE.format(these="= ANY($1::uuid[])"), sqlite=_BALANCE.format(these=_OF_THESE))

# --- moving: $2 from, $3 to, $4 the last word about it

ADD = """
    INSERT INTO withdrawal (id, created_at, asked_at, member_id, organization_id, terms_id, hold_id, amount_fen, state,
        number, app_id, mch_id, payee_hash, name_cipher, look_at, package, bill_id, said, look_count)
    VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '', '', '', 0)
    ON CONFLICT DO NOTHING RETURNING id
"""
MOVE = "UPDATE withdrawal SET state = $3, said = $4 WHERE id = $1 AND state = $2 RETURNING id"
CLOSE = """
    UPDATE withdrawal SET state = $3, said = $4, closed_at = $5, look_at = NULL, package = '', name_cipher = ''
    WHERE id = $1 AND state = $2 RETURNING id
"""
SEND = """
    UPDATE withdrawal SET state = 'sent', first_sent_at = $2, sent_at = $2
    WHERE id = $1 AND state = 'waiting' RETURNING id
"""
SEND_AGAIN = "UPDATE withdrawal SET sent_at = $2 WHERE id = $1 AND state = $3 AND sent_at = $4 RETURNING id"
SAID = "UPDATE withdrawal SET said = $2 WHERE id = $1 RETURNING id"
KEEP_BILL = """
    UPDATE withdrawal SET bill_id = CASE WHEN $2 = '' THEN bill_id ELSE $2 END,
        package = CASE WHEN $3 = '' THEN package ELSE $3 END, confirm_by = COALESCE(confirm_by, $4)
    WHERE id = $1 RETURNING id
"""
END = "UPDATE withdrawal SET ending_at = $2, look_at = $2 WHERE id = $1 AND ending_at IS NULL RETURNING id"

# --- looking: whoever gets the row back looks; $2 now, $3 when the next look may be

DUE = "SELECT id FROM withdrawal WHERE look_at <= $1 ORDER BY look_at, id LIMIT $2"
TAKE_LOOK = """
    UPDATE withdrawal SET look_at = $3, look_count = look_count + 1 WHERE id = $1 AND look_at <= $2 RETURNING id
"""
LOOK_FROM = "UPDATE withdrawal SET look_at = $2, look_count = 0 WHERE id = $1 RETURNING id"

# --- leaving: what is left of whoever they were ($1)

_FORGET = "UPDATE withdrawal SET payee_hash = '', name_cipher = '', package = '' WHERE member_id {these} RETURNING id"
FORGET = Both(postgres=_FORGET.format(these="= ANY($1::uuid[])"), sqlite=_FORGET.format(these=_OF_THESE))
