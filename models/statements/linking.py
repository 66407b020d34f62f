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
