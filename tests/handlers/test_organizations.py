"""The tree: seen and edited downwards only, each kind in its place, and never a circle."""

import asyncio

import pytest

from handlers.errors import (
    KeyReused,
    OrganizationMisplaced,
    OrganizationTaken,
    OrganizationUnknown,
    RoleMissing,
)
from handlers.scopes import subtree
from models.database import dialect
from models.ids import new_id
from models.operators import AuditEntry
from models.organizations import Organization
from models.statements import organizations as statements
from models.words import OperatorRole, OrganizationKind
from tests.handlers.pooling import country, key, operator_of

CITY, DEPARTMENT, PROVINCE = OrganizationKind.CITY, OrganizationKind.DEPARTMENT, OrganizationKind.PROVINCE


@pytest.fixture
async def tree(rooms):
    return await country()


def boss(of):
    return operator_of(of.organization_id, OperatorRole.ADMIN)


async def add(rooms, by, code, kind, parent_id=None, request_id=None):
    answer = await rooms.handlers.organizations.add(
        by, code=code, name=code, kind=kind, parent_id=parent_id, request_id=request_id or key()
    )
    return answer.value


async def test_departments_of_the_province_stand_beside_its_cities(rooms, tree):
    boss_of_province = boss(tree.province)
    department = await add(rooms, boss_of_province, "market", DEPARTMENT)
    assert department.parent_id == tree.province.organization_id
    north = await Organization.get(id=tree.north.organization_id)
    assert north.parent_id == department.parent_id
    assert not (await subtree(department.id)).sees(north.id)
    assert not (await subtree(north.id)).sees(department.id)
    with pytest.raises(OrganizationMisplaced):
        await add(rooms, boss_of_province, "deep", DEPARTMENT, tree.north.organization_id)
    with pytest.raises(OrganizationMisplaced):
        await add(rooms, boss_of_province, "inner", CITY, department.id)


@pytest.mark.parametrize("kind", [OrganizationKind.OPERATOR, PROVINCE])
async def test_there_is_one_operator_and_provinces_stand_below_it(rooms, tree, kind):
    with pytest.raises(OrganizationMisplaced):
        await add(rooms, boss(tree.province), "second", kind)
    if kind is PROVINCE:
        assert (await add(rooms, boss(tree.root), "js", kind)).parent_id == tree.root.organization_id


async def test_everybody_lists_the_own_subtree_and_nothing_else(rooms, tree):
    codes = {}
    for name in ("root", "province", "north"):
        by = operator_of(getattr(tree, name).organization_id, OperatorRole.FINANCE)
        codes[name] = [each.code for each in await rooms.handlers.organizations.listing(by, after=None, limit=9)]
    assert codes["root"][1:] == ["zj", "north", "south"]
    assert codes["province"] == ["zj", "north", "south"]
    assert codes["north"] == ["north"]
    first = (await rooms.handlers.organizations.listing(tree.province, after=None, limit=1))[0]
    rest = await rooms.handlers.organizations.listing(tree.province, after=first.id, limit=9)
    assert [each.code for each in rest] == ["north", "south"]


async def test_what_is_above_or_beside_answers_as_absent(rooms, tree):
    northern = boss(tree.north)
    for elsewhere in (tree.root.organization_id, tree.province.organization_id, tree.south.organization_id, new_id()):
        with pytest.raises(OrganizationUnknown):
            await rooms.handlers.organizations.rename(northern, elsewhere, name="改名")
        with pytest.raises(OrganizationUnknown):
            await add(rooms, northern, "x", CITY, elsewhere)
    own = await rooms.handlers.organizations.rename(northern, tree.north.organization_id, name="新北城")
    assert own.value.name == "新北城"


async def test_only_admins_build_the_tree(rooms, tree):
    for role in set(OperatorRole) - {OperatorRole.ADMIN}:
        by = operator_of(tree.root.organization_id, role)
        with pytest.raises(RoleMissing):
            await add(rooms, by, "x", PROVINCE)
        with pytest.raises(RoleMissing):
            await rooms.handlers.organizations.rename(by, tree.north.organization_id, name="改名")


async def test_added_once_renamed_and_recorded(rooms, tree):
    by = boss(tree.province)
    east = await add(rooms, by, "east", CITY, request_id="k")
    assert await add(rooms, by, "east", CITY, request_id="k") == east
    with pytest.raises(KeyReused):
        await add(rooms, by, "west", CITY, request_id="k")
    with pytest.raises(OrganizationTaken):
        await add(rooms, boss(tree.root), "east", PROVINCE)
    await rooms.handlers.organizations.rename(by, east.id, name="东城")
    entries = await AuditEntry.filter(subject_id=str(east.id)).order_by("id")
    assert [each.action for each in entries] == ["organization.added", "organization.renamed"]
    assert {each.organization_id for each in entries} == {east.id}
    assert entries[1].facts == {"code": "east", "before": "east", "after": "东城"}


# --- at once


async def four_at_once(rooms, tree):
    by = boss(tree.province)
    adding = (add(rooms, by, "east", CITY) for _ in range(4))
    answers = await asyncio.gather(*adding, return_exceptions=True)
    assert {type(each) for each in answers if isinstance(each, BaseException)} <= {OrganizationTaken}
    return sum(not isinstance(each, BaseException) for each in answers)


async def test_a_code_is_given_once_to_many_at_once(rooms, tree):
    assert await four_at_once(rooms, tree) == 1
    assert await Organization.filter(code="east").count() == 1


async def test_negative_control_without_the_unique_code_everybody_gets_it(rooms, tree, monkeypatch):
    another = "$4::text || $1::uuid::text" if dialect() == "postgres" else "$4 || $1"
    monkeypatch.setattr(statements, "KEEP", statements.KEEP.replace("$4", another))
    assert await four_at_once(rooms, tree) == 4
