"""May they, and where: roles and organization subtrees, asked by every use case of operators."""

from uuid import UUID

from handlers.actors import Operator
from handlers.errors import RoleMissing
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability, allows
from models.database import rows
from models.sql import as_uuid
from models.statements import organizations as statements


def require(operator: Operator, capability: Capability) -> None:
    """Raises RoleMissing unless the operator's role includes this kind of work."""
    if not allows(operator.role, capability):
        raise RoleMissing


async def subtree(organization_id: UUID) -> Scope:
    """This organization and everything below it. One read."""
    found = await rows(statements.SUBTREE, organization_id)
    return Scope(
        organization_ids=frozenset(as_uuid(each["id"]) for each in found),
        is_root=any(each["is_root"] for each in found),
    )


async def allowed(operator: Operator, capability: Capability) -> Scope:
    """Where the operator may do this kind of work. Raises RoleMissing.

    What lies outside answers as if it did not exist; raising that refusal is the use case's part.
    """
    require(operator, capability)
    return await subtree(operator.organization_id)
