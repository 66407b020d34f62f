"""For tests of lists: two operators of the root, members, an offer, and the worker that does what is approved."""

import itertools
from dataclasses import dataclass
from typing import Any

from app.work import work
from app.worker import Worker
from handlers.actors import Operator, Person
from handlers.grants.grant_drafts import GivenRow, GrantDraft
from handlers.grants.grant_views import GrantView
from models.claims import Claim
from models.database import rows
from models.organizations import Organization
from models.statements import invariants
from models.words import OperatorRole
from tests.handlers.claimable import Offering
from tests.handlers.offering import key, operator_at

_names = itertools.count(1)


@dataclass
class Desk:
    """The operators' desk."""

    rooms: Any
    first: Operator
    second: Operator

    @property
    def grants(self):
        return self.rooms.handlers.grants

    async def people(self, count: int) -> list[Person]:
        return [await self.rooms.member(f"o-{next(_names)}") for _ in range(count)]

    async def make(self, offer: Offering, people: list[Person], *, quantity: int = 1, **more: Any) -> GrantView:
        listed = tuple(GivenRow(member=str(each.member_id), quantity=quantity) for each in people)
        return await self.hand_in(offer, rows=listed, **more)

    async def hand_in(self, offer: Offering, **more: Any) -> GrantView:
        draft = GrantDraft(**{"offer_id": offer.id, "reason": "周年回馈", **more})
        return (await self.grants.make(self.first, draft, request_id=key())).value

    async def approve(self, grant: GrantView) -> GrantView:
        await self.grants.submit(self.first, grant.id, request_id=key())
        return (await self.grants.approve(self.second, grant.id, request_id=key())).value

    async def do(self, grant: GrantView) -> GrantView:
        """Approved, and worked off."""
        await self.approve(grant)
        await self.work()
        return await self.grants.one(self.first, grant.id)

    async def work(self) -> int:
        return await Worker(work(), self.rooms.handlers, self.rooms.clock).drain()

    async def codes(self, grant: GrantView) -> list[str]:
        found = await self.grants.rows(self.first, grant.id, after_row=0, limit=100)
        return [each.code for each in found]


async def desk_of(rooms: Any) -> Desk:
    root = await Organization.get(parent=None)
    return Desk(rooms, await operator_at(root, OperatorRole.ADMIN), await operator_at(root))


async def held(person: Person) -> int:
    return await Claim.filter(member_id=person.member_id).count()


async def holds() -> None:
    """Every rule of the doctor."""
    for check in invariants.CHECKS:
        assert not await rows(check.sql), check.what
