"""The city of a person, which decides what they see: chosen, or until then that of the store or card that brought them.

Any organization below the root will do but a department, which is nobody's home: a person of a province that is not
divided sees what is the province's.
"""

from dataclasses import dataclass
from uuid import UUID

from tortoise.queryset import QuerySet

from handlers.errors import OrganizationUnknown
from models.database import require_atomic, row
from models.identity import Member
from models.organizations import Organization
from models.sql import as_uuid
from models.statements import cities as statements
from models.words import OrganizationKind

STORE_SCENE = "store:"  # with the code of a store: what its clerks show to whoever joins there


@dataclass(frozen=True, slots=True)
class City:
    """An organization as people know it."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class CityChoice:
    """What a person chooses; None for none."""

    organization_id: UUID | None


@dataclass(frozen=True, slots=True)
class ListedCity:
    """One to choose; `parent` is None for those right below the root."""

    id: UUID
    name: str
    kind: OrganizationKind
    parent: City | None


async def listing(*, after: UUID | None, limit: int) -> tuple[ListedCity, ...]:
    """All that can be chosen, in the order they were added."""
    found = _choosable().order_by("id").limit(limit)
    listed = await (found.filter(id__gt=after) if after else found).prefetch_related("parent")
    return tuple(ListedCity(each.id, each.name, each.kind, _above(each.parent)) for each in listed)


async def choose(member_id: UUID, choice: CityChoice) -> None:
    """Keep the choice of a member whose row the open transaction holds. Raises OrganizationUnknown."""
    require_atomic()
    wanted = choice.organization_id
    if wanted is not None and not await _choosable().filter(id=wanted).exists():
        raise OrganizationUnknown
    await Member.filter(id=member_id).update(organization_id=wanted)


async def fill_from_scene(member_id: UUID, scene: str) -> City | None:
    """Whoever joins by a store's own scene and has no city gets the store's. The city, if that is what happened."""
    require_atomic()
    code = scene.removeprefix(STORE_SCENE) if scene.startswith(STORE_SCENE) else ""
    filled = await row(statements.FILL_FROM_STORE, member_id, code) if code else None
    return City(as_uuid(filled["organization_id"]), filled["name"]) if filled else None


async def fill_from_card(member_id: UUID, card_id: UUID) -> None:
    """Whoever binds a card and has no city gets that of the store they shopped in last, or of who gives the card."""
    require_atomic()
    await row(statements.FILL_FROM_CARD, member_id, card_id)


def _choosable() -> QuerySet[Organization]:
    return Organization.filter(parent_id__isnull=False).exclude(kind=OrganizationKind.DEPARTMENT)


def _above(parent: Organization | None) -> City | None:
    return None if parent is None or parent.parent_id is None else City(parent.id, parent.name)  # type: ignore[attr-defined]
