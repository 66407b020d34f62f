"""The reads and locks that every request needs: who holds an identifier, who is this member now.

Rows of FIND_* tell the canonical member: member_id, status, number, joined_at.
"""

from models.database import Both

_CURRENT = "c.id AS member_id, c.status, c.number, c.joined_at"
_BY_IDENTIFIER = f"""
    SELECT i.namespace, i.scope, i.value_hash, {_CURRENT} FROM identifier i JOIN member c ON c.id = i.member_id
    WHERE i.status = 'active' AND i.value_hash
"""  # noqa: S608 - no outside input in it
_BY_MEMBER = f"""
    SELECT m.id AS asked, {_CURRENT} FROM member m JOIN member c ON c.id = COALESCE(m.canonical_id, m.id) WHERE m.id
"""  # noqa: S608

# Arrays of keys, because hot reads are gathered (`models/gathering.py`). Identifiers are repointed when members merge,
# so the owner of an active one is always canonical.
_OF_THESE = "IN (SELECT value FROM json_each($1))"
FIND_BY_IDENTIFIERS = Both(postgres=_BY_IDENTIFIER + "= ANY($1::text[])", sqlite=_BY_IDENTIFIER + _OF_THESE)
FIND_BY_MEMBERS = Both(postgres=_BY_MEMBER + "= ANY($1::uuid[])", sqlite=_BY_MEMBER + _OF_THESE)

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
ME = Both(
    postgres="""
        SELECT m.id AS asked, c.id, c.number, c.joined_at, c.joined_through, c.profile_cipher, c.phone_tail, c.status,
            (SELECT json_agg(json_build_array(s.purpose, s.version, s.given_at) ORDER BY s.given_at, s.purpose)::text
             FROM consent s WHERE s.member_id = c.id AND s.withdrawn_at IS NULL) AS consents
        FROM member m JOIN member c ON c.id = COALESCE(m.canonical_id, m.id) WHERE m.id = ANY($1::uuid[])
    """,
    sqlite="""
        SELECT m.id AS asked, c.id, c.number, c.joined_at, c.joined_through, c.profile_cipher, c.phone_tail, c.status,
            (SELECT json_group_array(json_array(s.purpose, s.version, s.given_at))
             FROM (SELECT * FROM consent s WHERE s.member_id = c.id AND s.withdrawn_at IS NULL
                   ORDER BY s.given_at, s.purpose) s) AS consents
        FROM member m JOIN member c ON c.id = COALESCE(m.canonical_id, m.id)
        WHERE m.id IN (SELECT value FROM json_each($1))
    """,
)
