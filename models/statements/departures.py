"""What a deletion has to find by more than a member id: jobs, stored results, and who left before."""

from models.sql import Both

# A job that concerns a person names them `member_id`. One under way loses its lease, so its effect is rolled back; one
# that is done keeps its key, which is what stops the act from being done again.
_CANCEL = """
    UPDATE job SET payload = '{{}}', state = 'done', finished_at = COALESCE(finished_at, $2), fence = fence + 1,
        lease_owner = NULL, lease_until = NULL,
        last_error = CASE WHEN state = 'done' THEN last_error ELSE 'cancelled: the person left' END
    WHERE payload ->> 'member_id' {of_these} RETURNING id
"""
CANCEL_JOBS = Both(
    postgres=_CANCEL.format(of_these="= ANY($1::text[])"),
    sqlite=_CANCEL.format(of_these="IN (SELECT value FROM json_each($1))"),
)

# Results are kept so that a repeated request gets the first answer; they show the person, to themselves or masked to
# an operator. Operators' rows are few, and the unique key begins with the kind of actor.
_FORGET = """
    DELETE FROM request WHERE (actor_kind = 'person' AND actor_id {of_these}) OR (actor_kind = 'operator' AND EXISTS (
        SELECT 1 FROM {ids} WHERE CAST(request.result AS TEXT) LIKE '%' || gone.id || '%'))
    RETURNING id
"""
FORGET_REQUESTS = Both(
    postgres=_FORGET.format(of_these="= ANY($1::text[])", ids="unnest($1::text[]) AS gone(id)"),
    sqlite=_FORGET.format(
        of_these="IN (SELECT value FROM json_each($1))", ids="(SELECT value AS id FROM json_each($1)) AS gone"
    ),
)

REMEMBER = """
    INSERT INTO departed (id, created_at, namespace, scope, value_hash, left_at, visit_count)
    VALUES ($1, $2, $3, $4, $5, $2, 1)
    ON CONFLICT (namespace, scope, value_hash)
    DO UPDATE SET left_at = excluded.left_at, visit_count = departed.visit_count + 1 RETURNING id
"""

_JOBS_OF = """
    SELECT kind, state, payload ->> 'text' AS text, created_at FROM job
    WHERE payload ->> 'member_id' {of_these} ORDER BY created_at, id
"""
JOBS_OF = Both(
    postgres=_JOBS_OF.format(of_these="= ANY($1::text[])"),
    sqlite=_JOBS_OF.format(of_these="IN (SELECT value FROM json_each($1))"),
)

# What these members would lose by leaving at $2: money they could take out, whoever else of them owes some, and claims
# that they paid for and have not used up.
_LEFT = """
    SELECT (SELECT COALESCE(SUM(posted - held), 0) FROM ledger_account
            WHERE member_id {of_these} AND unit = 'fen' AND kind = 'member' AND posted > held) AS fen,
        (SELECT count(*) FROM claim WHERE member_id {of_these} AND price_fen > 0
            AND state IN ('pending', 'issued', 'partly_used') AND (expires_at IS NULL OR expires_at > $2)) AS claims
"""
LEFT = Both(
    postgres=_LEFT.format(of_these="= ANY($1::uuid[])"),
    sqlite=_LEFT.format(of_these="IN (SELECT value FROM json_each($1))"),
)
