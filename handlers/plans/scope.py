"""Plans are the programme's: for operators of its organization or above."""

from uuid import UUID

from handlers.actors import Operator
from handlers.errors import RoleMissing
from handlers.levels.ladders import ladder_now
from handlers.rules.roles import Capability
from handlers.scopes import allowed


async def programme_of(operator: Operator, capability: Capability) -> UUID:
    """The organization that the programme belongs to. Raises RoleMissing (also where that is another one's)."""
    scope, held = await allowed(operator, capability), await ladder_now()
    if not scope.sees(held.organization_id):
        raise RoleMissing
    return held.organization_id
