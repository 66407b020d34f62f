"""Members as operators find them: by an id of any time, and only within their own subtree."""

from collections.abc import Awaitable
from uuid import UUID

from handlers.actors import Operator
from handlers.errors import MemberUnknown, NotSignedIn
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.standing import canonical, standing
from models.identity import Member


async def seen_member(operator: Operator, capability: Capability, member_id: UUID) -> UUID:
    """Who this id means today, for looking only. Raises RoleMissing, MemberUnknown."""
    scope = await allowed(operator, capability)
    return (await _in_sight(scope, canonical(member_id))).id


async def member_to_change(scope: Scope, member_id: UUID) -> Member:
    """The same with their row locked until the open transaction ends. Raises MemberUnknown, MemberFrozen."""
    return await _in_sight(scope, standing(member_id))


async def _in_sight(scope: Scope, today: Awaitable[UUID]) -> Member:
    try:
        member = await Member.get(id=await today)
    except NotSignedIn as nobody:
        raise MemberUnknown from nobody
    if not scope.sees(member.organization_id):  # type: ignore[attr-defined]
        raise MemberUnknown
    return member
