"""邀请: somebody came by the member's invitation, joined, and then did something of their own accord.

What first brought a person is on record once and never changed, so nobody is invited twice. Whoever turns out to be
the inviter, by a merge or by their phone, number or device, or was a member before and left, does not count.
"""

from collections.abc import Sequence
from uuid import UUID

from handlers.identity.returning import is_returning
from handlers.identity.same_person import is_same_person
from handlers.rules.tasks import TaskTerms
from handlers.standing import ids_of
from handlers.tasks.kinds.base import Doer
from models.database import rows
from models.sql import as_uuid
from models.statements import tasks as statements


class Invited:
    """Redeemed something, or checked in on so many days; days mended by a card do not count."""

    async def done(self, doer: Doer, terms: TaskTerms) -> Sequence[str]:
        """The members who came (as they are today), in the order in which they came."""
        found = await rows(statements.CAME_AND_ACTED, list(doer.ids), terms.acts_days)
        came = [as_uuid(each["member_id"]) for each in found]
        return tuple([str(each) for each in came if await self._counts(each, doer)])

    async def _counts(self, friend_id: UUID, doer: Doer) -> bool:
        if await is_same_person(friend_id, doer.member_id, at=doer.now):
            return False
        return not await is_returning(await ids_of(friend_id), now=doer.now, vault=doer.vault)
