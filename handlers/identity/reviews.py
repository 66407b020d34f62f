"""Cases that people have to decide: opened inside the transaction of what made them doubtful, once per pair."""

from datetime import datetime
from uuid import UUID

from models.database import require_atomic, row
from models.ids import new_id
from models.words import ReviewKind

# A pair that somebody dismissed stays dismissed; one that is open is not opened again.
_OPEN = """
    INSERT INTO review (id, created_at, kind, state, member_id, other_member_id, pair, evidence, opened_at, decision)
    SELECT $1, $2, CAST($3 AS varchar), 'open', $4, $5, CAST($6 AS varchar), $7, $2, ''
    WHERE NOT EXISTS (
        SELECT 1 FROM review
        WHERE kind = CAST($3 AS varchar) AND pair = CAST($6 AS varchar) AND state IN ('open', 'dismissed'))
    ON CONFLICT (kind, pair) WHERE state = 'open' DO NOTHING RETURNING id
"""


def pair_of(member_id: UUID, other_member_id: UUID | None) -> str:
    """Both ids in one order, so that one case is one row whoever came first; at most 73 characters."""
    return ":".join(sorted(str(each) for each in {member_id, other_member_id} if each is not None))


async def open_review(
    kind: ReviewKind, member_id: UUID, other_member_id: UUID | None, *, at: datetime, **evidence: object
) -> bool:
    """Open a case inside the open transaction; False when this pair has one, or had one that was dismissed.

    `evidence` is for the people who decide and holds no personal data: namespaces, counts, ids of rows.
    """
    require_atomic()
    values = (new_id(), at, kind, member_id, other_member_id, pair_of(member_id, other_member_id), evidence)
    return await row(_OPEN, *values) is not None
