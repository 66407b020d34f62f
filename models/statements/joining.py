"""Joining many at once. Sets of rows travel as one JSON text; $2 is when."""

from models.sql import Both

# Whether each is somebody of whom there is nothing to weigh; locked in the order of ids, like everywhere.
_STANDING_MANY = """
    SELECT c.id, c.status, c.ordinal, c.number, c.joined_at, c.profile_cipher, c.phone_tail,
        c.organization_id,
        EXISTS (SELECT 1 FROM consent s WHERE s.member_id = c.id) AS has_consents,
        EXISTS (SELECT 1 FROM member m WHERE m.canonical_id = c.id) AS is_survivor
    FROM member c WHERE c.id
"""
STANDING_MANY = Both(
    postgres=_STANDING_MANY + "= ANY($1::uuid[]) ORDER BY c.id FOR NO KEY UPDATE OF c",
    sqlite=_STANDING_MANY + "IN (SELECT value FROM json_each($1))",  # noqa: S608 - no outside input in it
)

_JOIN_MANY = """
    UPDATE member SET joined_at = $2, joined_through = j.through, number = j.number, profile_cipher = j.profile_cipher
    FROM {rows} WHERE member.id = j.id AND member.joined_at IS NULL AND member.status = 'active' RETURNING member.id
"""
JOIN_MANY = Both(
    postgres=_JOIN_MANY.format(
        rows="jsonb_to_recordset($1::jsonb) AS j(id uuid, through text, number text, profile_cipher text)"
    ),
    sqlite=_JOIN_MANY.format(
        rows="""(SELECT value ->> 'id' AS id, value ->> 'through' AS through, value ->> 'number' AS number,
            value ->> 'profile_cipher' AS profile_cipher FROM json_each($1)) AS j"""
    ),
)

_GIVE_MANY = """
    INSERT INTO consent (id, created_at, member_id, purpose, version, account_id, given_through, given_at)
    SELECT g.id, $2, g.member_id, g.purpose, g.version, g.account_id, g.through, $2 FROM {rows} WHERE true RETURNING id
"""
GIVE_MANY = Both(
    postgres=_GIVE_MANY.format(
        rows="""jsonb_to_recordset($1::jsonb)
            AS g(id uuid, member_id uuid, purpose text, version text, account_id uuid, through text)"""
    ),
    sqlite=_GIVE_MANY.format(
        rows="""(SELECT value ->> 'id' AS id, value ->> 'member_id' AS member_id, value ->> 'purpose' AS purpose,
            value ->> 'version' AS version, value ->> 'account_id' AS account_id, value ->> 'through' AS through
            FROM json_each($1)) AS g"""
    ),
)
