"""The tree of organizations: the operator, below it provinces, cities and departments.

Departments of a province stand beside its cities. Nobody moves an organization: it stays below the one it was added to,
so that the tree cannot close to a circle, and what somebody saw yesterday is not somebody else's today.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import OrganizationMisplaced, OrganizationTaken, OrganizationUnknown
from handlers.identity.cities import ListedCity, listing
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed, subtree
from models.database import rows
from models.ids import new_id
from models.organizations import Organization
from models.statements import organizations as statements
from models.words import OrganizationKind

STANDS_BELOW: Mapping[OrganizationKind, frozenset[OrganizationKind]] = {
    OrganizationKind.OPERATOR: frozenset(),  # the root, which is there from the first start on
    OrganizationKind.PROVINCE: frozenset({OrganizationKind.OPERATOR}),
    OrganizationKind.CITY: frozenset({OrganizationKind.OPERATOR, OrganizationKind.PROVINCE}),
    OrganizationKind.DEPARTMENT: frozenset({OrganizationKind.OPERATOR, OrganizationKind.PROVINCE}),
}


@dataclass(frozen=True, slots=True)
class OperatedOrganization:
    """One organization; `parent_id` is None for the root, and for nobody else."""

    id: UUID
    parent_id: UUID | None
    code: str
    name: str
    kind: OrganizationKind


@refusing
class Organizations:
    """Lists, adds and renames organizations of the operator's subtree."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def listing(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[OperatedOrganization, ...]:
        """The own organization and everything below it, whatever the role, in the order they were added."""
        scope = await subtree(operator.organization_id)
        found = Organization.filter(id__in=list(scope.organization_ids)).order_by("id").limit(limit)
        return tuple(_seen(each) for each in await (found.filter(id__gt=after) if after else found))

    async def to_choose(self, *, after: UUID | None, limit: int) -> tuple[ListedCity, ...]:
        """The cities of members, for whoever asks, in the order they were added."""
        return await listing(after=after, limit=limit)

    async def add(
        self,
        operator: Operator,
        *,
        code: str,
        name: str,
        kind: OrganizationKind,
        parent_id: UUID | None = None,
        request_id: str,
    ) -> Answer[OperatedOrganization]:
        """One more, directly below the own organization unless one below is named.

        Raises RoleMissing, OrganizationUnknown (no such parent in the subtree), OrganizationMisplaced,
        OrganizationTaken, KeyReused.
        """
        scope = await allowed(operator, Capability.ORGANIZATIONS)
        above = parent_id or operator.organization_id
        if not scope.sees(above):
            raise OrganizationUnknown

        async def effect() -> OperatedOrganization:
            parent = await Organization.get_or_none(id=above)
            if parent is None:
                raise OrganizationUnknown
            if parent.kind not in STANDS_BELOW[kind]:
                raise OrganizationMisplaced(kind=str(kind), parent_kind=str(parent.kind))
            made, now = OperatedOrganization(new_id(), above, code, name, kind), self._clock.now()
            if not await rows(statements.KEEP, made.id, now, above, code, name, kind):
                raise OrganizationTaken
            told = {"code": code, "name": name, "kind": kind, "parent_id": above}
            await record(
                operator, "organization.added", "organization", made.id, at=now, organization_id=made.id, **told
            )
            return made

        facts = {"code": code, "name": name, "kind": kind, "parent_id": above}
        operation = "organization.add"
        return await once(operator, operation, request_id, facts=facts, result=OperatedOrganization, effect=effect)

    async def rename(
        self, operator: Operator, organization_id: UUID, *, name: str, request_id: str | None = None
    ) -> Answer[OperatedOrganization]:
        """Code and place stay. Raises RoleMissing, OrganizationUnknown, KeyReused."""
        scope = await allowed(operator, Capability.ORGANIZATIONS)

        async def effect() -> OperatedOrganization:
            # Locked, so that the record of two renamings at once says what each of them found.
            found = await Organization.filter(id=organization_id).select_for_update(no_key=True).first()
            if found is None or not scope.sees(found.id):
                raise OrganizationUnknown
            before, found.name = found.name, name
            await found.save(update_fields=["name"])
            told, now = {"code": found.code, "before": before, "after": name}, self._clock.now()
            await record(
                operator, "organization.renamed", "organization", found.id, at=now, organization_id=found.id, **told
            )
            return _seen(found)

        facts = {"id": organization_id, "name": name}
        operation = "organization.rename"
        return await once(operator, operation, request_id, facts=facts, result=OperatedOrganization, effect=effect)


def _seen(stored: Organization) -> OperatedOrganization:
    above: UUID | None = stored.parent_id  # type: ignore[attr-defined]
    return OperatedOrganization(stored.id, above, stored.code, stored.name, stored.kind)
