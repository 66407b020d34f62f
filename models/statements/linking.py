"""What joining and parting people has to find by more than a member id."""

from models.sql import Both

# Requests that followed their person into a merge follow them out of it; a key both used stays with each.
_RETURN = """
    UPDATE request SET actor_id = $3 WHERE id {of_these} AND actor_kind = 'person' AND actor_id = $2 AND NOT EXISTS (
        SELECT 1 FROM request o WHERE o.actor_kind = 'person' AND o.actor_id = $3
            AND o.operation = request.operation AND o.key = request.key
    ) RETURNING id
"""
RETURN_REQUESTS = Both(
    postgres=_RETURN.format(of_these="= ANY($1::uuid[])"),
    sqlite=_RETURN.format(of_these="IN (SELECT value FROM json_each($1))"),
)

# A device ($4) that a member ($3) signed in on now ($2); worth a write once in an hour ($5: an hour ago).
SEEN_ON = """
    INSERT INTO seen_device (id, created_at, member_id, device_hash, first_seen_at, last_seen_at)
    VALUES ($1, $2, $3, $4, $2, $2)
    ON CONFLICT (member_id, device_hash) DO UPDATE SET last_seen_at = excluded.last_seen_at
    WHERE seen_device.last_seen_at < $5 RETURNING id
"""
