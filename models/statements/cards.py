"""Set-based SQL of cards: recognising members by every kind, binding, counting attempts, importing.

"Theirs" means the member's own rows and those of members merged into them: value rows keep the member they were made
for. Sets of rows travel as one JSON text, so both dialects take the same values.
"""

from models.sql import Both

# --- kinds

KINDS = """
    SELECT k.id, k.code, k.name, k.prefix, k.digit_count, k.is_issued, k.is_in_chat, k.merchant_id, k.programme_id,
        p.code AS programme
    FROM card_kind k JOIN programme p ON p.id = k.programme_id WHERE k.is_active ORDER BY k.created_at, k.id
"""
STORES_OF_KINDS = """
    SELECT k.id AS kind_id, s.id, s.name FROM card_kind k JOIN store s ON s.merchant_id = k.merchant_id
    WHERE k.is_active ORDER BY s.name, s.id
"""
KEEP_PROGRAMME = """
    INSERT INTO programme (id, created_at, organization_id, code, name) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (code) DO NOTHING RETURNING id
"""
KEEP_KIND = """
    INSERT INTO card_kind (id, created_at, programme_id, brand_id, merchant_id, code, name, prefix, digit_count,
        is_issued, is_in_chat, is_active, recognised_up_to)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, true, 0)
    ON CONFLICT (code) DO NOTHING RETURNING id
"""

# --- whose

# As an array on PostgreSQL, which is looked up in the index of members whatever is known of the table: joined to a
# subquery, a table of which the statistics are young is read from one end to the other.
_THEIRS = "SELECT {member} UNION ALL SELECT m.id FROM member m WHERE m.canonical_id = $1"
_MINE = f"""
    SELECT c.id, c.last4, c.status, c.bound_at, c.is_primary, c.member_id, c.card_import_id,
        k.code AS kind, k.name AS kind_name, k.is_issued, k.programme_id
    FROM card c JOIN card_kind k ON k.id = c.kind_id WHERE c.member_id {{these}}({_THEIRS}{{end}}
    ORDER BY k.created_at, k.id, c.bound_at, c.id
"""  # noqa: S608 - no outside input in it
_POSTGRES_THEIRS = {"these": "= ANY(ARRAY", "end": "))", "member": "CAST($1 AS uuid)"}
_SQLITE_THEIRS = {"these": "IN ", "end": ")", "member": "$1"}
MINE = Both(postgres=_MINE.format(**_POSTGRES_THEIRS), sqlite=_MINE.format(**_SQLITE_THEIRS))

CANONICAL = """
    SELECT c.id, c.ordinal, c.joined_at, c.status FROM member m JOIN member c ON c.id = COALESCE(m.canonical_id, m.id)
    WHERE m.id = $1
"""

# --- recognising: $1 [{"id", "kind_id", "programme_id", "member_id", "number_hash", "number_cipher", "last4"}], $2 now

# "(kind_id = ...) IS TRUE" keeps planners off the index of kinds: for a young table both indexes look equally good, and
# a plan kept from then would go over all cards of the kind for each member. So with what is bound.
# Which kinds survivors have through members who were merged into them.
_OF_THESE = "IN (SELECT value FROM json_each($1))"
_MERGED_INTO = "SELECT id, canonical_id FROM member WHERE canonical_id "
MERGED_INTO = Both(postgres=_MERGED_INTO + "= ANY($1::uuid[])", sqlite=_MERGED_INTO + _OF_THESE)
_KINDS_OF = "SELECT member_id, kind_id FROM card WHERE member_id "
KINDS_OF = Both(postgres=_KINDS_OF + "= ANY($1::uuid[])", sqlite=_KINDS_OF + _OF_THESE)
_RECOGNISE = """
    INSERT INTO card (id, created_at, kind_id, programme_id, member_id, number_hash, number_cipher, last4, status,
        is_primary, phone_hash, name_hash, pin_hash, opening_balance, bound_at)
    SELECT r.id, $2, r.kind_id, r.programme_id, r.member_id, r.number_hash, r.number_cipher, r.last4, 'bound',
        true, '', '', '', 0, $2
    FROM {rows}
    WHERE (SELECT count(*) FROM card c WHERE c.member_id = r.member_id AND (c.kind_id = r.kind_id) IS TRUE) = 0
    ON CONFLICT DO NOTHING RETURNING id
"""
_RECOGNISED = ("id", "kind_id", "programme_id", "member_id", "number_hash", "number_cipher", "last4")
RECOGNISE = Both(
    postgres=_RECOGNISE.format(
        rows="""json_to_recordset($1::text::json) AS r(id uuid, kind_id uuid, programme_id uuid, member_id uuid,
            number_hash text, number_cipher text, last4 text)"""
    ),
    sqlite=_RECOGNISE.format(
        rows=f"(SELECT {', '.join(f'value ->> {f!r} AS {f}' for f in _RECOGNISED)} FROM json_each($1)) AS r"  # noqa: S608
    ),
)

# Ordinals are never reused and members join out of their order: whoever joins later is recognised by joining.
NEXT_MEMBERS = """
    SELECT id, ordinal, CASE WHEN joined_at IS NOT NULL AND status = 'active' THEN 1 ELSE 0 END AS is_member
    FROM member WHERE ordinal > $1 ORDER BY ordinal LIMIT $2
"""
# NO KEY: whoever inserts a card of this kind meanwhile shares the key, and would wait for a batch that waits for them.
CURSOR = Both(
    postgres="SELECT recognised_up_to FROM card_kind WHERE id = $1 AND is_active FOR NO KEY UPDATE",
    sqlite="SELECT recognised_up_to FROM card_kind WHERE id = $1 AND is_active",
)
LOCK_KIND = Both(postgres="SELECT id FROM card_kind WHERE id = $1 FOR NO KEY UPDATE", sqlite="")
ADVANCE = "UPDATE card_kind SET recognised_up_to = $2 WHERE id = $1 AND recognised_up_to < $2 RETURNING id"

# --- one card

_CARD = """
    SELECT c.id, c.kind_id, c.number_hash, c.programme_id, c.member_id, c.last4, c.status, c.phone_hash, c.pin_hash,
        c.name_hash, c.last_store_id, c.bindable_from, c.card_import_id, c.is_primary, k.code AS kind,
        k.name AS kind_name, k.is_issued, k.is_active, h.id AS holder_id
    FROM card c JOIN card_kind k ON k.id = c.kind_id
    LEFT JOIN member m ON m.id = c.member_id LEFT JOIN member h ON h.id = COALESCE(m.canonical_id, m.id)
"""
BY_NUMBER = _CARD + " WHERE c.kind_id = $1 AND c.number_hash = $2"
# Many at once, because this read is gathered: $1 is an array of `{kind id}:{number hash}`.
_ANY = _CARD.replace("FROM card c JOIN", "FROM {asked} card c ON c.kind_id = {kind} AND c.number_hash = {number} JOIN")
BY_NUMBERS = Both(
    postgres=_ANY.format(
        asked="unnest($1::text[]) AS a(value) JOIN",
        kind="CAST(split_part(a.value, ':', 1) AS uuid)",
        number="split_part(a.value, ':', 2)",
    ),
    sqlite=_ANY.format(asked="json_each($1) a CROSS JOIN", kind="substr(a.value, 1, 36)", number="substr(a.value, 38)"),
)
BY_ID = _CARD + " WHERE c.id = $1"

# CASE keeps planners off the index of primary cards, which they would read from one end to the other.
# Binding is won by this one conditional UPDATE: whoever gets no row back reads why. What comes back is what proves the
# ownership of the very row that was won.
_BIND = """
    UPDATE card SET status = 'bound', member_id = $2, bound_at = $3, bindable_from = NULL, lost_at = NULL,
        is_primary = NOT EXISTS (
            SELECT 1 FROM card o WHERE o.member_id = $2 AND (o.kind_id = card.kind_id) IS TRUE
            AND CASE WHEN o.is_primary THEN 1 ELSE 0 END = 1 AND (o.status = 'bound') IS TRUE AND o.id <> card.id)
    WHERE id = $1 AND {free} AND EXISTS (SELECT 1 FROM card_kind k WHERE k.id = card.kind_id AND k.is_active)
    RETURNING id, phone_hash, pin_hash, name_hash, last_store_id
"""
BIND = _BIND.format(free="status = 'unbound' AND (bindable_from IS NULL OR bindable_from <= $3)")
HAND_OVER = _BIND.format(free="(status IN ('unbound', 'lost') OR (status = 'bound' AND member_id <> $2))")
UNBIND = """
    UPDATE card SET status = 'unbound', member_id = NULL, bound_at = NULL, is_primary = false, bindable_from = $3
    WHERE id = $1 AND member_id = $2 AND status = 'bound' RETURNING id
"""
LOSE = """
    UPDATE card SET status = 'lost', lost_at = $2, is_primary = false
    WHERE id = $1 AND status IN ('unbound', 'bound') RETURNING id
"""
FIND = """
    UPDATE card SET status = CASE WHEN member_id IS NULL THEN 'unbound' ELSE 'bound' END, lost_at = NULL
    WHERE id = $1 AND status = 'lost' RETURNING status
"""
REPLACE = """
    UPDATE card SET status = 'replaced', replaced_by_id = $2, is_primary = false
    WHERE id = $1 AND status IN ('bound', 'lost') AND member_id IS NOT NULL RETURNING id
"""
# The oldest bound card of a kind is the one that is shown, when the one before is gone.
PROMOTE = """
    UPDATE card SET is_primary = true
    WHERE id = (SELECT o.id FROM card o WHERE (o.kind_id = $1) IS TRUE AND o.member_id = $2 AND o.status = 'bound'
                ORDER BY o.bound_at, o.id LIMIT 1)
    AND NOT EXISTS (SELECT 1 FROM card p WHERE (p.kind_id = $1) IS TRUE AND p.member_id = $2 AND p.status = 'bound'
                    AND p.is_primary) RETURNING id
"""
ISSUE_REPLACEMENT = """
    INSERT INTO card (id, created_at, kind_id, programme_id, member_id, number_hash, number_cipher, last4, status,
        is_primary, phone_hash, name_hash, pin_hash, opening_balance, bound_at)
    SELECT $1, $2, c.kind_id, c.programme_id, c.member_id, $3, $4, $5, 'bound', false, c.phone_hash, c.name_hash, '',
        c.opening_balance, $2
    FROM card c WHERE c.id = $6 ON CONFLICT DO NOTHING RETURNING id
"""

# --- the service desk: a held card is where its holder is, any other where its kind is

_SEEN = """
    SELECT c.id, c.kind_id, c.member_id, c.last4, c.status, c.is_primary, c.bound_at, c.lost_at, c.bindable_from,
        c.card_import_id, c.replaced_by_id, k.code AS kind, k.name AS kind_name, k.is_issued, k.is_active,
        k.prefix, k.digit_count, h.id AS holder_id,
        CASE WHEN h.id IS NULL THEN COALESCE(s.organization_id, b.organization_id, p.organization_id)
            ELSE h.organization_id END AS organization_id
    FROM card_kind k JOIN card c ON c.kind_id = k.id JOIN programme p ON p.id = k.programme_id
    LEFT JOIN brand b ON b.id = k.brand_id LEFT JOIN merchant s ON s.id = k.merchant_id
    LEFT JOIN member m ON m.id = c.member_id LEFT JOIN member h ON h.id = COALESCE(m.canonical_id, m.id)
"""
SEEN = _SEEN + " WHERE c.id = $1"
# A number may be one of several kinds; the index of numbers begins with the kind.
SEEN_BY_NUMBER = f"{_SEEN} WHERE c.kind_id IN (SELECT id FROM card_kind) AND c.number_hash = $1 ORDER BY c.id"  # noqa: S608
_SEEN_OF = _SEEN + f" WHERE c.member_id {{these}}({_THEIRS}{{end}} ORDER BY k.created_at, k.id, c.bound_at, c.id"
SEEN_OF = Both(postgres=_SEEN_OF.format(**_POSTGRES_THEIRS), sqlite=_SEEN_OF.format(**_SQLITE_THEIRS))
# What the desk does to one card goes one after the other, after the rows of the people were locked.
LOCK_CARD = Both(postgres="SELECT id FROM card WHERE id = $1 FOR NO KEY UPDATE", sqlite="")

# --- attempts: a row keeps the last five instants of its subject; the fifth must be past before there is a next one

# $2 now, $3 subject, $4 an hour ago. Who gets no row back has had five. Instants move on by one column each.
_COUNT_TRY = """
    INSERT INTO recent_tries (id, created_at, subject, tried_at, first_at) {values}
    ON CONFLICT (subject) DO UPDATE SET tried_at = $2, first_at = $2, second_at = recent_tries.first_at,
        third_at = recent_tries.second_at, fourth_at = recent_tries.third_at, fifth_at = recent_tries.fourth_at
    WHERE recent_tries.fifth_at IS NULL OR recent_tries.fifth_at <= $4
    RETURNING first_at, second_at, third_at, fourth_at, fifth_at
"""
COUNT_TRY = _COUNT_TRY.format(values="VALUES ($1, $2, $3, $2, $2)")
# Of two subjects at once, the second ($5 its id, $6) only when the first may try; a row for each that counted, in this
# order. SQLite has no such statement, and needs none: its trips are free.
COUNT_TWO_TRIES = f"""
    WITH one AS ({_COUNT_TRY.format(values="VALUES ($1, $2, $3, $2, $2)")}),
    two AS ({_COUNT_TRY.format(values="SELECT CAST($5 AS uuid), $2, $6, $2, $2 FROM one")})
    SELECT 1 AS place, one.* FROM one UNION ALL SELECT 2, two.* FROM two ORDER BY place
"""  # noqa: S608 - no outside input in it
FIFTH_TRY = "SELECT fifth_at FROM recent_tries WHERE subject = $1"
# $1 subject, $2 the instant of the try: those before it move up.
_GIVE_BACK_TRY = """
    UPDATE recent_tries SET
        first_at = CASE WHEN first_at = {at} THEN second_at ELSE first_at END,
        second_at = CASE WHEN {at} IN (first_at, second_at) THEN third_at ELSE second_at END,
        third_at = CASE WHEN {at} IN (first_at, second_at, third_at) THEN fourth_at ELSE third_at END,
        fourth_at = CASE WHEN {at} IN (first_at, second_at, third_at, fourth_at) THEN fifth_at ELSE fourth_at END,
        fifth_at = NULL
    WHERE subject = {subject} AND {at} IN (first_at, second_at, third_at, fourth_at, fifth_at){after} RETURNING id
"""
GIVE_BACK_TRY = _GIVE_BACK_TRY.format(subject="$1", at="$2", after="")
# A binding, and the two tries behind it given back when it was won ($4, $5 the subjects, $6 the instant), their rows
# locked in the order in which they are counted. SQLite does it in three statements.
_WON = " AND EXISTS (SELECT 1 FROM won)"
BIND_AND_GIVE_BACK = f"""
    WITH won AS ({BIND}),
    one AS ({_GIVE_BACK_TRY.format(subject="$4", at="$6", after=_WON)}),
    two AS ({_GIVE_BACK_TRY.format(subject="$5", at="$6", after=_WON + " AND (SELECT count(*) FROM one) >= 0")})
    SELECT * FROM won
"""  # noqa: S608 - no outside input in it

# --- importing: $1 [{"id", "number_hash", "number_cipher", "last4", "phone_hash", "name_hash", "pin_hash",
# "last_store_id", "opening_balance"}], $2 now, $3 kind, $4 programme, $5 the import

_IMPORT = """
    INSERT INTO card (id, created_at, kind_id, programme_id, number_hash, number_cipher, last4, status, is_primary,
        phone_hash, name_hash, pin_hash, last_store_id, opening_balance, card_import_id)
    SELECT r.id, $2, {kind}, {programme}, r.number_hash, r.number_cipher, r.last4, 'unbound', false,
        r.phone_hash, r.name_hash, r.pin_hash, r.last_store_id, r.opening_balance, {file}
    FROM {rows} WHERE true ORDER BY r.number_hash
    ON CONFLICT (kind_id, number_hash) DO NOTHING RETURNING number_hash
"""
_IMPORTED = (
    "id",
    "number_hash",
    "number_cipher",
    "last4",
    "phone_hash",
    "name_hash",
    "pin_hash",
    "last_store_id",
    "opening_balance",
)
IMPORT = Both(
    postgres=_IMPORT.format(
        kind="CAST($3 AS uuid)",
        programme="CAST($4 AS uuid)",
        file="CAST($5 AS uuid)",
        rows="""json_to_recordset($1::text::json) AS r(id uuid, number_hash text, number_cipher text, last4 text,
            phone_hash text, name_hash text, pin_hash text, last_store_id uuid, opening_balance int)""",
    ),
    sqlite=_IMPORT.format(
        kind="$3",
        programme="$4",
        file="$5",
        rows=f"(SELECT {', '.join(f'value ->> {f!r} AS {f}' for f in _IMPORTED)} FROM json_each($1)) AS r",  # noqa: S608
    ),
)
OF_THIS_IMPORT = Both(
    postgres="""
        SELECT number_hash FROM card WHERE kind_id = $1 AND card_import_id = $2 AND number_hash = ANY($3::text[])
    """,
    sqlite="""
        SELECT number_hash FROM card WHERE kind_id = $1 AND card_import_id = $2
        AND number_hash IN (SELECT value FROM json_each($3))
    """,
)
BEGIN_IMPORT = """
    INSERT INTO card_import (id, created_at, kind_id, file_hash, file_name, state, row_count, added_count,
        repeated_count, refused_count)
    VALUES ($1, $2, $3, $4, $5, 'running', 0, 0, 0, 0) ON CONFLICT (kind_id, file_hash) DO NOTHING RETURNING id
"""
# Whoever comes second to the same rows finds another row_count: nothing is imported twice.
TAKE_ROWS = """
    UPDATE card_import SET row_count = row_count + $3 WHERE id = $1 AND row_count = $2 AND state = 'running'
    RETURNING id
"""
COUNT_ROWS = """
    UPDATE card_import SET added_count = added_count + $2, repeated_count = repeated_count + $3,
        refused_count = refused_count + $4
    WHERE id = $1 RETURNING id
"""
FINISH_IMPORT = """
    UPDATE card_import SET state = 'done', finished_at = $2 WHERE id = $1 AND state = 'running' RETURNING id
"""
_REFUSE = """
    INSERT INTO card_import_refusal (id, created_at, card_import_id, row_number, code)
    SELECT r.id, $2, {file}, r.row_number, r.code FROM {rows} WHERE true
    ON CONFLICT (card_import_id, row_number) DO NOTHING RETURNING id
"""
REFUSE_ROWS = Both(
    postgres=_REFUSE.format(
        file="CAST($3 AS uuid)", rows="json_to_recordset($1::text::json) AS r(id uuid, row_number int, code text)"
    ),
    sqlite=_REFUSE.format(
        file="$3",
        rows="""(SELECT value ->> 'id' AS id, value ->> 'row_number' AS row_number, value ->> 'code' AS code
            FROM json_each($1)) AS r""",
    ),
)
REFUSALS = """
    SELECT row_number, code FROM card_import_refusal WHERE card_import_id = $1 AND row_number > $2
    ORDER BY row_number LIMIT $3
"""
