"""What is a person's: rows of theirs, and of whoever they were before they were merged."""

from models.sql import Both


def theirs(member: str) -> str:
    """The ids of whoever is meant by an id of any time (a placeholder), in brackets."""
    today = f"(SELECT COALESCE(q.canonical_id, q.id) FROM member q WHERE q.id = {member})"  # noqa: S608 - ours
    return (
        f"(SELECT t.id FROM member t WHERE t.id = {today}"  # noqa: S608 - ours
        f" UNION ALL SELECT t.id FROM member t WHERE t.canonical_id = {today})"
    )


def is_theirs(member: str) -> Both:
    """The condition behind a column. As an array on PostgreSQL, so that it is looked up in the index whatever is known
    of the table."""
    return Both(postgres=f"= ANY(ARRAY{theirs(member)})", sqlite=f"IN {theirs(member)}")
