"""The whole state of who is who, to compare before and after."""

from models.database import rows

TABLES = (
    "member",
    "identifier",
    "follower",
    "attribution",
    "consent",
    "bound_number",
    "request",
    "member_merge",
    "card",
    "phone_transfer",
    "review",
    "departed",
)


async def who_is_who(*, but: str = "") -> dict[str, list[str]]:
    """Every row of every table that says who is who, but not its history; `but` names one to leave out."""
    return {table: sorted(map(repr, await rows(f"SELECT * FROM {table}"))) for table in TABLES if table != but}
