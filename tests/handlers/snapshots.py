"""The whole state of who is who, to compare before and after."""

from models.database import rows

TABLES = ("member", "identifier", "follower", "attribution", "consent", "bound_number", "request", "member_merge")


async def who_is_who() -> dict[str, list[str]]:
    """Every row of every table that says who is who, but not its history."""
    return {table: sorted(map(repr, await rows(f"SELECT * FROM {table}"))) for table in TABLES}
