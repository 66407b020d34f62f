"""Channels: found by code, let in by the batch. Sets of rows travel as one JSON text ($1)."""

from models.sql import Both, of_rows

_OF_THESE = " IN (SELECT value FROM json_each($1))"

KEEP = """
    INSERT INTO channel (id, created_at, organization_id, merchant_id, code, name, key_cipher, previous_key_cipher,
        daily_quota, is_active)
    VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, true) ON CONFLICT (code) DO NOTHING RETURNING id
"""
# The earlier key goes on for a while: both columns are bound to the same words, so that a cipher may move over.
ROTATE = """
    UPDATE channel SET previous_key_cipher = key_cipher, previous_until = $3, key_cipher = $2
    WHERE id = $1 RETURNING id
"""

_BY_CODE = """
    SELECT id, code, organization_id, merchant_id, key_cipher, previous_key_cipher, previous_until, is_active
    FROM channel WHERE code
"""
BY_CODE = Both(postgres=_BY_CODE + "= ANY($1::text[])", sqlite=_BY_CODE + _OF_THESE)

# Whoever decides for a channel holds its row: what it says is taken one batch after the other, in whichever process.
_LOCK = "SELECT id, daily_quota, is_active FROM channel WHERE id {these} ORDER BY id"
LOCK = Both(
    postgres=_LOCK.format(these="= ANY($1::uuid[])") + " FOR NO KEY UPDATE", sqlite=_LOCK.format(these=_OF_THESE)
)

HEAR = of_rows(
    """
    INSERT INTO channel_nonce (id, created_at, channel_id, nonce, heard_at)
    SELECT r.id, $2, r.channel_id, r.nonce, $2 FROM {rows} WHERE true
    ON CONFLICT (channel_id, nonce) DO NOTHING RETURNING channel_id, nonce
    """,
    {"id": "uuid", "channel_id": "uuid", "nonce": "text"},
)
_USED = "SELECT channel_id, used_count FROM channel_use WHERE channel_id {these} AND day = $2"
USED = Both(postgres=_USED.format(these="= ANY($1::uuid[])"), sqlite=_USED.format(these=_OF_THESE))
# So much more each; a channel whose quota would be passed once the day has begun does not come back.
USE = of_rows(
    """
    INSERT INTO channel_use (id, created_at, channel_id, day, used_count)
    SELECT r.id, $2, r.channel_id, $3, r.weight FROM {rows} WHERE true
    ON CONFLICT (channel_id, day) DO UPDATE SET used_count = channel_use.used_count + excluded.used_count
    WHERE NOT EXISTS (
        SELECT 1 FROM channel c WHERE c.id = channel_use.channel_id
        AND c.daily_quota < channel_use.used_count + excluded.used_count
    )
    RETURNING channel_id
    """,
    {"id": "uuid", "channel_id": "uuid", "weight": "int"},
)

# What was heard before $1, $2 at most.
FORGET = """
    DELETE FROM channel_nonce WHERE id IN (
        SELECT n.id FROM channel_nonce n WHERE n.heard_at < $1 ORDER BY n.heard_at LIMIT $2) RETURNING id
"""
