"""The city of a member: chosen, or filled by the store or card that brought them; and what becomes of it."""

import asyncio

import pytest

from handlers.cards.card_binding import CardProof
from handlers.cards.card_imports import CardImports
from handlers.cards.card_kinds import KindDraft, add_kind
from handlers.errors import KeyReused, NotAMember, OrganizationUnknown
from handlers.identity.cities import City, CityChoice
from handlers.identity.linking import link_members
from handlers.identity.unmerging import unmerge
from handlers.import_files import examine
from handlers.membership.member_views import Profile
from handlers.rules.numbers import check_digit
from models.database import atomic, rows
from models.identity import Member, MemberMerge
from models.ids import new_id
from models.organizations import Organization
from models.programmes import Merchant, Store
from models.statements import cities as statements
from models.words import OrganizationKind
from tests.handlers.conftest import MEMBERSHIP
from tests.handlers.snapshots import who_is_who
from tests.operating import city

PIN = CardProof(pin="4321")
PREFIX = {"old": "61", "gold": "62"}


@pytest.fixture
async def ningbo(rooms):
    return await city("宁波")


@pytest.fixture
async def hangzhou(rooms):
    return await city("杭州")


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def move(rooms, person, place, **changes):
    choice = CityChoice(place.id if place else None)
    return (await rooms.handlers.membership.change_profile(person, changes=changes, city=choice)).value


async def home(rooms, person):
    found = (await rooms.handlers.membership.view(person)).organization
    return found.name if found else None


# --- chosen


async def test_a_city_is_chosen_changed_and_cleared_and_nothing_else_with_it(rooms, ming, ningbo, hangzhou):
    await rooms.handlers.membership.change_profile(ming, changes={"nickname": "小明"})
    view = await move(rooms, ming, ningbo)
    assert (view.organization, view.profile) == (City(ningbo.id, "宁波"), Profile(nickname="小明"))
    assert (await move(rooms, ming, hangzhou, birthday="1990-02-28")).organization == City(hangzhou.id, "杭州")
    await rooms.handlers.membership.change_profile(ming, changes={"nickname": None})
    assert await home(rooms, ming) == "杭州"
    assert (await move(rooms, ming, None)).organization is None
    assert await home(rooms, ming) is None


async def test_a_choice_under_a_key_is_made_once(rooms, ming, ningbo, hangzhou):
    change, to = rooms.handlers.membership.change_profile, CityChoice(ningbo.id)
    first = await change(ming, changes={}, city=to, request_id="k")
    await move(rooms, ming, hangzhou)
    again = await change(ming, changes={}, city=to, request_id="k")
    assert (again.replayed, again.value) == (True, first.value)
    assert await home(rooms, ming) == "杭州"
    with pytest.raises(KeyReused):
        await change(ming, changes={}, city=CityChoice(None), request_id="k")


async def test_the_root_a_department_and_what_is_not_there_are_no_city(rooms, ming, ningbo):
    root = await Organization.get(parent=None)
    office = await Organization.create(parent=root, code="it", name="信息部", kind=OrganizationKind.DEPARTMENT)
    await move(rooms, ming, ningbo)
    for place in (root, office, Organization(id=new_id())):
        with pytest.raises(OrganizationUnknown):
            await move(rooms, ming, place, nickname="没有改成")
    view = await rooms.handlers.membership.view(ming)
    assert (view.organization.name, view.profile.nickname) == ("宁波", None)
    with pytest.raises(NotAMember):
        await move(rooms, await rooms.person("o-new"), ningbo)


async def test_what_can_be_chosen_is_listed_with_what_it_belongs_to(rooms):
    root = await Organization.get(parent=None)
    await Organization.create(parent=root, code="it", name="信息部", kind=OrganizationKind.DEPARTMENT)
    zhejiang = await Organization.create(parent=root, code="zj", name="浙江", kind=OrganizationKind.PROVINCE)
    ningbo = await Organization.create(parent=zhejiang, code="nb", name="宁波", kind=OrganizationKind.CITY)
    first, second = await rooms.handlers.organizations.to_choose(after=None, limit=9)
    assert (first.id, first.name, first.kind, first.parent) == (zhejiang.id, "浙江", OrganizationKind.PROVINCE, None)
    assert (second.id, second.parent) == (ningbo.id, City(zhejiang.id, "浙江"))
    assert await rooms.handlers.organizations.to_choose(after=zhejiang.id, limit=9) == (second,)
    assert await rooms.handlers.organizations.to_choose(after=None, limit=1) == (first,)


# --- from the store or the card


@pytest.fixture
async def shop(rooms, ningbo, tmp_path):
    """A merchant of Ningbo with a store, one of the root, and a legacy kind of each with one card."""
    root = await Organization.get(parent=None)
    for code, place, kind in (("fish", ningbo, "old"), ("books", root, "gold")):
        merchant = await Merchant.create(organization=place, code=code, name=code)
        await Store.create(merchant=merchant, code=f"{code}1", name=code)
        draft = KindDraft(kind, kind, digit_count=12, prefix=PREFIX[kind], merchant=code, is_issued=False)
        async with atomic():
            await add_kind(draft, rooms.clock)
    rooms.handlers.card_kinds.forget()
    for kind, lines in (("old", ["1,", "2,books1"]), ("gold", ["1,", "2,fish1"])):
        file = tmp_path / f"{kind}.csv"
        told = [f"{number(kind, int(line[0]))},4321{line[1:]}" for line in lines]
        file.write_text("\n".join(["卡号,密码,门店", *told]), "utf-8")
        async for _ in CardImports(rooms.clock, rooms.vault, rooms.handlers.card_kinds).run(examine(file), kind=kind):
            pass
    return rooms


def number(kind, body):
    digits = f"{ {'old': '61', 'gold': '62'}[kind] }{body:09d}"
    return digits + check_digit(digits)


async def bind(rooms, person, kind, body):
    await rooms.handlers.card_binding.bind(person, kind=kind, number=number(kind, body), proof=PIN)


async def test_a_card_brings_the_city_of_its_last_store_or_else_of_its_giver(shop, ming):
    await bind(shop, ming, "gold", 1)  # the root's card, of no store
    assert await home(shop, ming) is None
    await bind(shop, ming, "old", 2)  # Ningbo's card, but its last store is the root's
    assert await home(shop, ming) is None
    await bind(shop, ming, "gold", 2)  # the root's card, last used in Ningbo
    assert await home(shop, ming) == "宁波"
    hong = await shop.member("o-hong")
    await bind(shop, hong, "old", 1)
    assert await home(shop, hong) == "宁波"


async def test_a_card_changes_no_city_that_is_there(shop, ming, hangzhou):
    await move(shop, ming, hangzhou)
    await bind(shop, ming, "old", 1)
    assert await home(shop, ming) == "杭州"


async def test_whoever_joins_by_a_stores_code_lives_where_the_store_is(shop):
    first = await shop.person("o-first")
    join = shop.handlers.membership.join
    joined = await join(first, agreed=[MEMBERSHIP], scene="store:fish1", request_id="tap")  # in a batch
    assert joined.value.member.organization.name == "宁波"
    assert (await join(first, agreed=[MEMBERSHIP], scene="store:fish1", request_id="tap")).value == joined.value
    assert await home(shop, first) == "宁波"
    alone = await join(await shop.person("o-alone"), agreed=[MEMBERSHIP], scene="store:fish1")
    assert alone.value.member.organization.name == "宁波"
    for scene in ("store:books1", "store:nothing", "store:", "fish1"):
        other = await join(await shop.person(f"o-{scene}"), agreed=[MEMBERSHIP], scene=scene, request_id=scene)
        assert other.value.member.organization is None


async def test_a_stores_code_changes_no_city_that_is_there(shop, ming, hangzhou):
    await move(shop, ming, hangzhou)
    again = await shop.handlers.membership.join(ming, agreed=[MEMBERSHIP], scene="store:fish1", request_id="again")
    assert (again.value.already_member, again.value.member.organization.name) == (True, "杭州")


async def test_a_choice_in_the_same_moment_stands(shop, ming, hangzhou):
    await asyncio.gather(bind(shop, ming, "old", 1), move(shop, ming, hangzhou))
    assert await home(shop, ming) == "杭州"


async def test_without_the_guard_a_card_would_take_the_choice_away(shop, ming, hangzhou, monkeypatch):
    """The negative control of the two tests above."""
    await move(shop, ming, hangzhou)
    unguarded = statements.FILL_FROM_CARD.replace("AND member.organization_id IS NULL", "")
    monkeypatch.setattr(statements, "FILL_FROM_CARD", unguarded)
    await bind(shop, ming, "old", 1)
    assert await home(shop, ming) == "宁波"


# --- merged, parted, gone


async def merge(rooms, one, other):
    async with atomic():
        return await link_members(
            one.member_id, other.member_id, reason="test", now=rooms.clock.now(), vault=rooms.vault
        )


async def part(rooms):
    async with atomic():
        return await unmerge((await MemberMerge.get()).id, now=rooms.clock.now(), vault=rooms.vault)


async def test_a_survivor_without_a_city_takes_the_others_and_gives_it_back(far, ningbo, hangzhou):
    one, other = await far.member("o-ming"), await far.person("o-far", account="far0")
    await far.handlers.membership.join(other, agreed=[MEMBERSHIP])
    other = await far.person("o-far", account="far0")
    await move(far, other, ningbo)
    before = await who_is_who()
    await merge(far, one, other)
    assert await home(far, one) == "宁波"
    await part(far)
    assert await who_is_who() == before
    await merge(far, one, other)
    await move(far, one, hangzhou)
    await part(far)
    assert (await home(far, one), await home(far, other)) == ("杭州", "宁波")  # what was chosen since then stays


async def test_a_survivor_keeps_the_own_city(far, ningbo, hangzhou):
    one, other = await far.member("o-ming"), await far.person("o-far", account="far0")
    await far.handlers.membership.join(other, agreed=[MEMBERSHIP])
    other = await far.person("o-far", account="far0")
    await move(far, one, hangzhou)
    await move(far, other, ningbo)
    await merge(far, one, other)
    assert await home(far, one) == "杭州"
    await part(far)
    assert (await home(far, one), await home(far, other)) == ("杭州", "宁波")


async def test_an_export_names_the_city_and_leaving_drops_it(rooms, ming, ningbo):
    await move(rooms, ming, ningbo)
    exported = await rooms.handlers.personal_data.export(ming)
    assert "宁波" in str(exported)
    await rooms.handlers.departures.leave(ming)
    assert await Member.filter(organization_id=ningbo.id).count() == 0
    assert [each["organization_id"] for each in await rows("SELECT organization_id FROM member")] == [None]
