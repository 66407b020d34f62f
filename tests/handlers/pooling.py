"""For tests of the pool: a root, a province with two cities, operators of each, and benefits of all kinds."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.benefits.benefits import BenefitDraft
from models.benefits import Benefit
from models.ids import new_id
from models.organizations import Organization
from models.programmes import Merchant
from models.words import BenefitKind, BenefitState, OperatorRole, OrganizationKind


def operator_of(organization_id: UUID, role: OperatorRole = OperatorRole.OPERATOR) -> Operator:
    """Somebody signed in there."""
    return Operator(new_id(), organization_id, role, "lin", new_id())


def key() -> str:
    """A key that nobody used."""
    return str(new_id())


@dataclass
class Country:
    """The tree of one operator, and an operator in each place."""

    root: Operator
    province: Operator
    north: Operator
    south: Operator

    @property
    def admin(self) -> Operator:
        """Somebody of the root who decides."""
        return operator_of(self.root.organization_id, OperatorRole.ADMIN)


async def country() -> Country:
    """root -> province -> north, south."""
    root = await Organization.get(parent=None)
    province = await Organization.create(code="zj", name="浙江", parent=root, kind=OrganizationKind.PROVINCE)
    north = await Organization.create(code="north", name="北城", parent=province, kind=OrganizationKind.CITY)
    south = await Organization.create(code="south", name="南城", parent=province, kind=OrganizationKind.CITY)
    return Country(*(operator_of(each.id) for each in (root, province, north, south)))


async def merchant_of(organization_id: UUID, code: str = "wash", **facts: Any) -> Merchant:
    """A merchant of an organization."""
    return await Merchant.create(organization_id=organization_id, code=code, name="洗车行", **facts)


def draft_of(code: str = "wash-1", **facts: Any) -> BenefitDraft:
    """A voucher, or what the test says."""
    given: dict[str, Any] = {"name": "洗车券", "kind": BenefitKind.VOUCHER, "terms": {}, **facts}
    return BenefitDraft(code=code, **given)


async def benefit_in(state: BenefitState, organization_id: UUID, code: str = "wash-1", **facts: Any) -> Benefit:
    """A row in whatever state."""
    given = {"name": "洗车券", "kind": BenefitKind.VOUCHER, **facts}
    return await Benefit.create(organization_id=organization_id, code=code, state=state, **given)
