"""Who may become a paid member: somebody who has joined."""

from uuid import UUID

from handlers.errors import NotAMember
from handlers.standing import standing
from models.identity import Member


async def joined(member_id: UUID) -> UUID:
    """Whom an id means today, the row locked until the open transaction ends.

    Raises NotAMember (known, but not joined), NotSignedIn, MemberFrozen.
    """
    today = await standing(member_id)
    if not await Member.filter(id=today, joined_at__isnull=False).exists():
        raise NotAMember
    return today
