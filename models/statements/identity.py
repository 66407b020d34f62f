"""The reads and locks that every request needs: who holds an identifier, who is this member now.

Rows of FIND_* tell the canonical member: member_id, status, number, joined_at.
"""

from models.database import Both

_CURRENT = "c.id AS member_id, c.status, c.number, c.joined_at"
# IS TRUE keeps planners off the partial index of active ones: without namespace and scope it is read from end to end.
_BY_IDENTIFIER = f"""
    SELECT i.namespace, i.scope, i.value_hash, i.last_seen_at, {_CURRENT}
    FROM identifier i JOIN member c ON c.id = i.member_id
    WHERE (i.status = 'active') IS TRUE AND i.value_hash
"""  # noqa: S608 - no outside input in it
_BY_MEMBER = f"""
    SELECT m.id AS asked, {_CURRENT} FROM member m JOIN member c ON c.id = COALESCE(m.canonical_id, m.id) WHERE m.id
"""  # noqa: S608

# Arrays of keys, because hot reads are gathered (`models/gathering.py`). Identifiers are repointed when members merge,
# so the owner of an active one is always canonical.
_OF_THESE = "IN (SELECT value FROM json_each($1))"
FIND_BY_IDENTIFIERS = Both(postgres=_BY_IDENTIFIER + "= ANY($1::text[])", sqlite=_BY_IDENTIFIER + _OF_THESE)
FIND_BY_MEMBERS = Both(postgres=_BY_MEMBER + "= ANY($1::uuid[])", sqlite=_BY_MEMBER + _OF_THESE)

# By which WeChat knows people (canonical ids) in its accounts: `$1` is `{member id}:{app id}` of each.
_OPENIDS = """
    SELECT i.id, i.member_id, i.scope, i.value_cipher FROM {asked}
    JOIN identifier i ON i.member_id = {member} AND i.scope = {scope}
    WHERE i.namespace = 'wx_openid' AND i.status = 'active'
"""
OPENIDS = Both(
    postgres=_OPENIDS.format(
        asked="unnest($1::text[]) AS a(value)", member="CAST(left(a.value, 36) AS uuid)", scope="substr(a.value, 38)"
    ),
    sqlite=_OPENIDS.format(asked="json_each($1) a", member="substr(a.value, 1, 36)", scope="substr(a.value, 38)"),
)

# The rows that were merged into each of these, as text with spaces between.
_MERGED_INTO = (
    "SELECT m.canonical_id, {ids} AS ids FROM member m WHERE m.canonical_id {of_these} GROUP BY m.canonical_id"
)
MERGED_INTO = Both(
    postgres=_MERGED_INTO.format(ids="string_agg(m.id::text, ' ')", of_these="= ANY($1::uuid[])"),
    sqlite=_MERGED_INTO.format(ids="group_concat(m.id, ' ')", of_these=_OF_THESE),
)

# Everything that the holders of any of these values hold, and what the asking member holds ($2, null for nobody).
_HELD = """
    SELECT c.id AS member_id, c.joined_at, i.namespace, i.scope, i.value_hash, i.last_seen_at
    FROM member c LEFT JOIN identifier i ON i.member_id = c.id AND i.status = 'active'
    WHERE c.id IN (
        SELECT h.member_id FROM identifier h WHERE h.status = 'active' AND h.value_hash {of_these}
        UNION ALL SELECT COALESCE(m.canonical_id, m.id) FROM member m WHERE m.id = $2
    )
"""
HELD = Both(postgres=_HELD.format(of_these="= ANY($1::text[])"), sqlite=_HELD.format(of_these=_OF_THESE))

# Of new people $1 is a JSON array of ids, of rows one of objects; $2 is when. PostgreSQL takes ordinals in the insert
# itself, SQLite right after it: it has one writer.
_MEMBER = "INSERT INTO member (id, created_at, ordinal, status, profile_cipher, phone_tail)"
_IDENTIFIERS = """
    INSERT INTO identifier (id, created_at, member_id, namespace, scope, value_hash, value_cipher, status,
        verified_at, verified_by, last_seen_at)
"""
_EVENTS = """
    INSERT INTO identity_event (id, created_at, member_id, act, namespace, scope, value_mark, other_member_id,
        evidence, happened_at)
"""
_PG_MEMBERS = f"""{_MEMBER}
    SELECT CAST(n.id AS uuid), {{now}}, nextval('member_ordinal'), 'active', '', ''
    FROM jsonb_array_elements_text({{rows}}) AS n(id)"""  # noqa: S608 - no outside input in any of these
_PG_IDENTIFIERS = f"""{_IDENTIFIERS}
    SELECT n.id, {{now}}, n.member_id, n.namespace, n.scope, n.value_hash, n.value_cipher, 'active', {{now}},
        n.verified_by, {{now}}
    FROM jsonb_to_recordset({{rows}}) AS n(
        id uuid, member_id uuid, namespace text, scope text, value_hash text, value_cipher text, verified_by text)"""  # noqa: S608
_PG_EVENTS = f"""{_EVENTS}
    SELECT n.id, {{now}}, n.member_id, n.act, n.namespace, n.scope, n.value_mark, n.other_member_id, '{{{{}}}}', {{now}}
    FROM jsonb_to_recordset({{rows}}) AS n(
        id uuid, member_id uuid, act text, namespace text, scope text, value_mark text, other_member_id uuid)"""  # noqa: S608
_ONE = {"rows": "$1::jsonb", "now": "$2"}

ADD_MEMBERS = Both(
    postgres=_PG_MEMBERS.format(**_ONE) + " RETURNING id",
    sqlite=f"""{_MEMBER}
        SELECT value, $2, (SELECT value FROM counter WHERE name = 'member_ordinal') + key + 1, 'active', '', ''
        FROM json_each($1) WHERE true RETURNING id
    """,  # noqa: S608
)
TAKE_ORDINALS = "UPDATE counter SET value = value + $1 WHERE name = 'member_ordinal' RETURNING value"  # SQLite
ADD_IDENTIFIERS = Both(
    postgres=_PG_IDENTIFIERS.format(**_ONE) + " RETURNING id",
    sqlite=f"""{_IDENTIFIERS}
        SELECT value->>'id', $2, value->>'member_id', value->>'namespace', value->>'scope', value->>'value_hash',
            value->>'value_cipher', 'active', $2, value->>'verified_by', $2
        FROM json_each($1) WHERE true RETURNING id
    """,  # noqa: S608
)
ADD_EVENTS = Both(
    postgres=_PG_EVENTS.format(**_ONE) + " RETURNING id",
    sqlite=f"""{_EVENTS}
        SELECT value->>'id', $2, value->>'member_id', value->>'act', value->>'namespace', value->>'scope',
            value->>'value_mark', value->>'other_member_id', '{{}}', $2
        FROM json_each($1) WHERE true RETURNING id
    """,  # noqa: S608
)
# All three at once, for people of whom nothing was known; SQLite's trips are free.
NEWCOMERS = f"""
    WITH m AS ({_PG_MEMBERS.format(rows="$1::jsonb", now="$4::timestamptz")}),
    i AS ({_PG_IDENTIFIERS.format(rows="$2::jsonb", now="$4::timestamptz")})
    {_PG_EVENTS.format(rows="$3::jsonb", now="$4::timestamptz")} RETURNING id
"""

# unnest keeps the order of the array: everybody takes these locks in the same order. SQLite has one writer anyway.
LOCK_IDENTIFIERS = Both(
    postgres="SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k",
    sqlite="",
)

LOCK_MEMBERS = Both(
    postgres="SELECT id FROM member WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE",
    sqlite="",
)

# Whom a member id of any time means, locked. Somebody who was merged while we waited for the lock comes back as
# `merged`: ask again. Not FOR UPDATE, which would hold up every row that only refers to this one.
_STANDING = """
    SELECT c.id, c.status FROM member c
    WHERE c.id = (SELECT COALESCE(m.canonical_id, m.id) FROM member m WHERE m.id = $1)
"""
STANDING = Both(postgres=_STANDING + "FOR NO KEY UPDATE", sqlite=_STANDING)

# Requests follow their person, so that a retry after a merge is still recognised; a key both used stays with each.
REPOINT_REQUESTS = """
    UPDATE request SET actor_id = $2 WHERE actor_kind = 'person' AND actor_id = $1 AND NOT EXISTS (
        SELECT 1 FROM request o WHERE o.actor_kind = 'person' AND o.actor_id = $2
            AND o.operation = request.operation AND o.key = request.key
    ) RETURNING id
"""

# Joining is won by one conditional UPDATE; whoever gets no row back was a member already.
JOIN = """
    UPDATE member SET joined_at = $2, joined_through = $3, number = $4
    WHERE id = $1 AND joined_at IS NULL AND status = 'active' RETURNING id
"""

GIVE_CONSENT = """
    INSERT INTO consent (id, created_at, member_id, purpose, version, account_id, given_through, given_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $2) ON CONFLICT (member_id, purpose) WHERE withdrawn_at IS NULL DO NOTHING
    RETURNING id
"""

# Another version of the text is another agreement: the row of the old one is closed before the new one is opened.
SUPERSEDE_CONSENT = """
    UPDATE consent SET withdrawn_at = $4
    WHERE member_id = $1 AND purpose = $2 AND version <> $3 AND withdrawn_at IS NULL RETURNING id
"""

ATTRIBUTE_ONCE = """
    INSERT INTO attribution (id, created_at, member_id, account_id, scene, touched_at)
    VALUES ($1, $2, $3, $4, $5, $2) ON CONFLICT (member_id) DO NOTHING RETURNING id
"""

FOLLOW = """
    INSERT INTO follower (id, created_at, account_id, member_id, followed_at) VALUES ($1, $2, $3, $4, $2)
    ON CONFLICT (account_id, member_id) DO UPDATE SET unfollowed_at = NULL, followed_at =
        CASE WHEN follower.unfollowed_at IS NULL THEN follower.followed_at ELSE excluded.followed_at END
    RETURNING (CASE WHEN created_at = $2 THEN 1 ELSE 0 END) AS is_first
"""

UNFOLLOW = """
    UPDATE follower SET unfollowed_at = $3 WHERE account_id = $1 AND member_id = $2 AND unfollowed_at IS NULL
    RETURNING id
"""

# GET /me: the canonical member and their open consents.
_WHOLE_POSTGRES = """
    SELECT m.id AS asked, c.id, c.number, c.ordinal, c.joined_at, c.joined_through, c.profile_cipher, c.phone_tail,
        c.status, c.organization_id,
        (SELECT o.name FROM organization o WHERE o.id = c.organization_id) AS organization_name,
        (SELECT json_agg(json_build_array(s.purpose, s.version, s.given_at) ORDER BY s.given_at, s.purpose)::text
         FROM consent s WHERE s.member_id = c.id AND s.withdrawn_at IS NULL) AS consents
    FROM member m JOIN member c ON c.id = COALESCE(m.canonical_id, m.id)
"""
_WHOLE_SQLITE = """
    SELECT m.id AS asked, c.id, c.number, c.ordinal, c.joined_at, c.joined_through, c.profile_cipher, c.phone_tail,
        c.status, c.organization_id,
        (SELECT o.name FROM organization o WHERE o.id = c.organization_id) AS organization_name,
        (SELECT json_group_array(json_array(k.purpose, k.version, k.given_at))
         FROM (SELECT * FROM consent s WHERE s.member_id = c.id AND s.withdrawn_at IS NULL
               ORDER BY s.given_at, s.purpose) k) AS consents
    FROM member m JOIN member c ON c.id = COALESCE(m.canonical_id, m.id)
"""
ME = Both(postgres=_WHOLE_POSTGRES + "WHERE m.id = ANY($1::uuid[])", sqlite=_WHOLE_SQLITE + "WHERE m.id " + _OF_THESE)

# The same of one member, their row locked: as of this moment the row, as of the statement's beginning the consents.
STANDING_WHOLE = Both(
    postgres=_WHOLE_POSTGRES + "WHERE m.id = $1 FOR NO KEY UPDATE OF c", sqlite=_WHOLE_SQLITE + "WHERE m.id = $1"
)

# Where a person ($1, today's id) can be told something: the official accounts that they have not left, last seen first.
CHATS = """
    SELECT i.id, i.value_cipher, a.key FROM identifier i
    JOIN account a ON a.app_id = i.scope AND a.kind = 'official_account'
    LEFT JOIN follower f ON f.account_id = a.id AND f.member_id = i.member_id
    WHERE i.member_id = $1 AND i.namespace = 'wx_openid' AND i.status = 'active' AND f.unfollowed_at IS NULL
    ORDER BY i.last_seen_at DESC, a.created_at, a.id
"""
