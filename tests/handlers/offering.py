"""Offers for tests: operators that exist, benefits in the pool, and what is published of them."""

import itertools
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from handlers.actors import Operator, Person
from handlers.offers.offer_editing import OfferDraft
from handlers.offers.offer_views import OperatedOffer
from handlers.rules.offer_terms import OfferTerms
from models.benefits import Benefit, BenefitQuota
from models.identity import Member
from models.ids import new_id
from models.operators import Operator as OperatorRow
from models.organizations import Organization
from models.words import BenefitKind, BenefitState, OperatorRole

PLAIN = OfferTerms()
_numbers = itertools.count(1)


async def operator_at(organization: Organization, role: OperatorRole = OperatorRole.OPERATOR) -> Operator:
    """Somebody who works there."""
    login = f"worker-{next(_numbers)}"
    stored = await OperatorRow.create(
        organization=organization, login=login, role=role, password_hash="-", totp_cipher="-"
    )
    return Operator(stored.id, organization.id, role, login, new_id())


async def benefit_of(organization: Organization, code: str = "wash", **more: Any) -> Benefit:
    """A voucher in the pool."""
    facts = {"kind": BenefitKind.VOUCHER, "state": BenefitState.POOL, "terms": {"uses": 1}, "name": f"{code}券"}
    return await Benefit.create(organization=organization, code=code, **{**facts, **more})


@dataclass
class Stall:
    """A place where offers are made, and who makes them."""

    rooms: Any
    root: Organization
    operator: Operator
    second: Operator
    benefit: Benefit
    drafted: list[UUID] = field(default_factory=list)

    @property
    def editing(self):
        return self.rooms.handlers.offer_editing

    @property
    def stocks(self):
        return self.rooms.handlers.offer_stocks

    @property
    def catalogue(self):
        return self.rooms.handlers.offer_catalogue

    async def draft(self, terms: OfferTerms = PLAIN, *, by: Operator | None = None, **more: Any) -> OperatedOffer:
        facts = {"benefit_id": self.benefit.id, "code": f"offer-{next(_numbers)}", "terms": terms, **more}
        answer = await self.editing.draft(by or self.operator, OfferDraft(**facts), request_id=key())
        return answer.value

    async def publish(self, terms: OfferTerms = PLAIN, *, by: Operator | None = None, **more: Any) -> OperatedOffer:
        drafted = await self.draft(terms, by=by, **more)
        answer = await self.editing.publish(by or self.operator, drafted.id, request_id=key())
        self.catalogue.forget()
        return answer.value

    async def change(self, offer_id: UUID, delta: int, *, by: Operator | None = None, bucket: str = "total"):
        answer = await self.stocks.change(
            by or self.operator, offer_id, bucket=bucket, delta=delta, reason="补货", request_id=key()
        )
        return answer.value

    async def quota(self, organization: Organization, count: int) -> BenefitQuota:
        return await BenefitQuota.create(
            benefit=self.benefit, organization=organization, allotted_count=count, left_count=count
        )


def key() -> str:
    return str(new_id())


async def stall_of(rooms: Any) -> Stall:
    root = await Organization.get(parent=None)
    first, second = await operator_at(root), await operator_at(root)
    return Stall(rooms, root, first, second, await benefit_of(root))


async def lives_in(person: Person, organization: Organization) -> None:
    await Member.filter(id=person.member_id).update(organization_id=organization.id)
