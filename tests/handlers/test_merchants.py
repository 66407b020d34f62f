"""The registry of brands, merchants and stores: added once, renamed, seen by whose they are."""

import asyncio

import pytest

from handlers.actors import Operator
from handlers.errors import (
    BrandTaken,
    BrandUnknown,
    KeyReused,
    MerchantTaken,
    MerchantUnknown,
    OrganizationUnknown,
    RoleMissing,
    StoreInvalid,
    StoreTaken,
    StoreUnknown,
)
from handlers.rules.distances import Position
from handlers.shops.merchants import MerchantChange, MerchantTerms
from handlers.shops.stores import StoreChange
from models.database import dialect
from models.ids import new_id
from models.operators import AuditEntry
from models.organizations import Organization
from models.programmes import Merchant, Store
from models.statements import merchants as statements
from models.words import MerchantAccess, MerchantTier, OperatorRole
from tests.operating import city


def operator_of(organization: Organization, role: OperatorRole = OperatorRole.OPERATOR) -> Operator:
    return Operator(new_id(), organization.id, role, "lin", new_id())


@pytest.fixture
async def root(rooms) -> Operator:
    return operator_of(await Organization.get(parent=None))


@pytest.fixture
async def north(rooms) -> Organization:
    return await city("north")


@pytest.fixture
async def northern(north) -> Operator:
    return operator_of(north)


async def add(owners, operator, code="books", name="江南书店", *, place=None, key=None):
    answer = await owners.add(operator, code=code, name=name, organization_id=place, request_id=key or str(new_id()))
    return answer.value


@pytest.mark.parametrize(
    ("word", "taken", "unknown"), [("brands", BrandTaken, BrandUnknown), ("merchants", MerchantTaken, MerchantUnknown)]
)
async def test_owners_are_added_once_renamed_and_recorded(rooms, root, northern, north, word, taken, unknown):
    owners = getattr(rooms.handlers, word)
    added = await add(owners, root, key="k")
    again = await owners.add(root, code="books", name="江南书店", organization_id=None, request_id="k")
    assert (again.replayed, again.value) == (True, added)
    with pytest.raises(KeyReused):
        await owners.add(root, code="books", name="别的", organization_id=None, request_id="k")
    with pytest.raises(taken):
        await add(owners, root)
    with pytest.raises(taken):  # codes are one list for the whole installation
        await add(owners, northern)
    norths = await add(owners, root, "north-books", place=north.id)
    assert norths.organization_id == north.id
    with pytest.raises(unknown):
        await owners.rename(northern, added.id, name="北城")
    with pytest.raises(unknown):
        await owners.rename(northern, new_id(), name="北城")
    assert (await owners.rename(northern, norths.id, name="北城")).value.name == "北城"
    assert [each.code for each in await owners.listing(northern, after=None, limit=9)] == ["north-books"]
    assert [each.code for each in await owners.listing(root, after=None, limit=9)] == ["books", "north-books"]
    assert [each.code for each in await owners.listing(root, after=added.id, limit=9)] == ["north-books"]
    entries = await AuditEntry.all().order_by("id")
    singular = word.removesuffix("s")
    assert [entry.action for entry in entries] == [f"{singular}.added", f"{singular}.added", f"{singular}.renamed"]
    assert [entry.organization_id for entry in entries] == [root.organization_id, north.id, north.id]
    assert entries[-1].facts == {"code": "north-books", "before": "江南书店", "after": "北城"}


async def test_nobody_adds_above_or_beside_their_own_place(rooms, northern):
    south = await city("south")
    for place in (south.id, (await Organization.get(parent=None)).id, new_id()):
        for owners in (rooms.handlers.brands, rooms.handlers.merchants):
            with pytest.raises(OrganizationUnknown):
                await add(owners, northern, place=place)


async def test_stores_are_where_their_merchant_is(rooms, root, northern, north):
    merchants, stores = rooms.handlers.merchants, rooms.handlers.stores
    await add(merchants, root)
    await add(merchants, northern, "norths", "北城书店")
    for merchant in ("books", "none"):
        with pytest.raises(MerchantUnknown):
            await stores.add(northern, merchant=merchant, code="S1", name="湖滨店", request_id=str(new_id()))
    mine = (await stores.add(northern, merchant="norths", code="S1", name="湖滨店", request_id="k")).value
    assert (mine.organization_id, mine.merchant) == (north.id, "norths")
    assert (await stores.add(northern, merchant="norths", code="S1", name="湖滨店", request_id="k")).replayed
    with pytest.raises(StoreTaken):
        await stores.add(root, merchant="books", code="S1", name="别的店", request_id="k2")
    roots = (await stores.add(root, merchant="books", code="S2", name="总店", request_id="k3")).value
    for store_id in (roots.id, new_id()):
        with pytest.raises(StoreUnknown):
            await stores.rename(northern, store_id, name="改名")
    assert (await stores.rename(root, mine.id, name="湖滨新店")).value.name == "湖滨新店"
    assert [each.code for each in await stores.listing(northern, after=None, limit=9)] == ["S1"]
    assert [each.code for each in await stores.listing(root, after=None, limit=9)] == ["S1", "S2"]
    assert [each.code for each in await stores.listing(root, merchant="books", after=None, limit=9)] == ["S2"]
    assert await stores.listing(northern, merchant="books", after=None, limit=9) == ()


async def test_the_desk_reads_the_registry_and_writes_nothing_of_it(rooms, root):
    merchants, stores = rooms.handlers.merchants, rooms.handlers.stores
    books = await add(merchants, root)
    store = (await stores.add(root, merchant="books", code="S1", name="湖滨店", request_id="k")).value
    support = operator_of(await Organization.get(parent=None), OperatorRole.SUPPORT)
    assert len(await merchants.listing(support, after=None, limit=9)) == 1
    assert len(await stores.listing(support, after=None, limit=9)) == 1
    for refused in (
        add(merchants, support, "other"),
        merchants.rename(support, books.id, name="改名"),
        stores.add(support, merchant="books", code="S2", name="店", request_id="k2"),
        stores.rename(support, store.id, name="改名"),
    ):
        with pytest.raises(RoleMissing):
            await refused


# --- at once


async def race_for_a_code(rooms, root) -> list[object]:
    adding = (
        rooms.handlers.stores.add(root, merchant="books", code="S1", name=f"店{each}", request_id=str(each))
        for each in range(4)
    )
    return await asyncio.gather(*adding, return_exceptions=True)


async def test_the_same_store_code_twice_at_once_is_one_store(rooms, root):
    await add(rooms.handlers.merchants, root)
    answers = await race_for_a_code(rooms, root)
    assert sorted(type(answer).__name__ for answer in answers) == ["Answer", *["StoreTaken"] * 3]
    assert await Store.all().count() == 1
    assert await AuditEntry.filter(action="store.added").count() == 1


async def test_negative_control_without_the_unique_code_there_are_more(rooms, root, monkeypatch):
    await add(rooms.handlers.merchants, root)
    # The same statement under another code each: what remains when the unique key does not decide.
    another = "$4::text || right($1::uuid::text, 8)" if dialect() == "postgres" else "$4 || $1"
    loose = statements.KEEP_STORE.replace("$4", another)
    assert loose != statements.KEEP_STORE
    monkeypatch.setattr(statements, "KEEP_STORE", loose)
    answers = await race_for_a_code(rooms, root)
    assert [type(answer).__name__ for answer in answers] == ["Answer"] * 4
    assert await Store.all().count() == 4


async def test_two_renamings_at_once_each_say_what_they_found(rooms, root):
    books = await add(rooms.handlers.merchants, root, name="甲")
    await asyncio.gather(*(rooms.handlers.merchants.rename(root, books.id, name=name) for name in "乙丙"))
    entries = await AuditEntry.filter(action="merchant.renamed").order_by("id")
    assert {entry.facts["before"] for entry in entries} in ({"甲", "乙"}, {"甲", "丙"})


# --- terms, switches, and where stores are


async def test_a_merchants_terms_are_kept_changed_in_parts_and_recorded(rooms, root, northern):
    merchants = rooms.handlers.merchants
    terms = MerchantTerms(MerchantTier.CLOSE, MerchantAccess.DIRECT_SUPPLY, "洗车", 4_000)
    answer = await merchants.add(root, code="wash", name="洗车行", organization_id=None, request_id="k", terms=terms)
    assert answer.value.terms == terms
    assert (
        await merchants.add(root, code="wash", name="洗车行", organization_id=None, request_id="k", terms=terms)
    ).value == answer.value
    off = (await merchants.change(root, answer.value.id, MerchantChange(is_active=False, category="美容"))).value
    assert off.terms == MerchantTerms(MerchantTier.CLOSE, MerchantAccess.DIRECT_SUPPLY, "美容", 4_000, is_active=False)
    assert off.name == "洗车行"
    entry = await AuditEntry.get(action="merchant.changed")
    assert dict(entry.facts["before"]) == {"category": "洗车", "is_active": True}
    for foreign in (answer.value.id, new_id()):
        with pytest.raises(MerchantUnknown):
            await merchants.change(northern, foreign, MerchantChange(is_active=True))
    assert not (await Merchant.get(code="wash")).is_active


async def test_daily_caps_are_set_and_taken_away_on_record(rooms, root):
    merchants = rooms.handlers.merchants
    books = await add(merchants, root)
    assert (books.terms.clerk_daily_redemptions, books.terms.clerk_daily_reversals) == (None, None)
    capped = MerchantChange(clerk_daily_redemptions=200, clerk_daily_reversals=5)
    terms = (await merchants.change(root, books.id, capped)).value.terms
    assert (terms.clerk_daily_redemptions, terms.clerk_daily_reversals) == (200, 5)
    await merchants.change(root, books.id, MerchantChange(category="书"))
    free = (await merchants.change(root, books.id, MerchantChange(clerk_daily_redemptions=0))).value.terms
    assert (free.clerk_daily_redemptions, free.clerk_daily_reversals) == (None, 5)
    first, _, last = await AuditEntry.filter(action="merchant.changed").order_by("id")
    assert dict(first.facts["before"]) == {"clerk_daily_redemptions": None, "clerk_daily_reversals": None}
    assert dict(first.facts["after"]) == {"clerk_daily_redemptions": 200, "clerk_daily_reversals": 5}
    assert dict(last.facts["before"]) == {"clerk_daily_redemptions": 200}
    assert dict(last.facts["after"]) == {"clerk_daily_redemptions": None}
    terms = MerchantTerms(clerk_daily_redemptions=30)
    answer = await merchants.add(root, code="wash", name="洗车行", organization_id=None, request_id="k", terms=terms)
    assert answer.value.terms == terms
    assert (await Merchant.get(code="wash")).clerk_daily_redemptions == 30


async def test_brands_have_no_terms(rooms, root):
    assert (await add(rooms.handlers.brands, root)).terms is None
    assert (await add(rooms.handlers.merchants, root)).terms == MerchantTerms()


WEEK = (("tue", "09:00", "12:00"), ("mon", "09:00", "21:00"))


async def test_a_store_says_where_it_is_and_when_it_is_open(rooms, root):
    await add(rooms.handlers.merchants, root)
    details = StoreChange(address="湖滨路1号", position=Position(30_250_000, 120_160_000), hours=WEEK)
    facts = {"merchant": "books", "code": "S1", "name": "湖滨店"}
    made = (await rooms.handlers.stores.add(root, **facts, request_id="k", details=details)).value
    assert (made.address, made.position) == ("湖滨路1号", Position(30_250_000, 120_160_000))
    assert made.hours == (WEEK[1], WEEK[0])
    assert (made.zone, made.is_active) == ("Asia/Shanghai", True)
    assert (await rooms.handlers.stores.add(root, **facts, request_id="k", details=details)).value == made
    assert await rooms.handlers.stores.listing(root, after=None, limit=9) == (made,)
    change = StoreChange(hours=(), zone="Asia/Urumqi", is_active=False)
    after = (await rooms.handlers.stores.change(root, made.id, change)).value
    assert (after.hours, after.zone, after.is_active, after.address) == ((), "Asia/Urumqi", False, made.address)
    assert await rooms.handlers.stores.listing(root, after=None, limit=9) == (after,)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (StoreChange(zone="Asia/Nowhere"), "zone"),
        (StoreChange(zone="Asia"), "zone"),
        (StoreChange(zone="../etc/passwd"), "zone"),
        (StoreChange(hours=(*WEEK, ("mon", "20:00", "22:00"))), "hours[2]"),
        (StoreChange(hours=WEEK[:1] * 29), "hours"),
        (StoreChange(position=Position(90_000_001, 0)), "position.latitude_e6"),
        (StoreChange(position=Position(0, -180_000_001)), "position.longitude_e6"),
    ],
)
async def test_what_cannot_be_of_a_store_is_named_and_changes_nothing(rooms, root, change, field):
    await add(rooms.handlers.merchants, root)
    facts = {"merchant": "books", "name": "湖滨店"}
    made = (await rooms.handlers.stores.add(root, **facts, code="S1", request_id="k")).value
    with pytest.raises(StoreInvalid) as refused:
        await rooms.handlers.stores.change(root, made.id, change)
    assert refused.value.facts["field"] == field
    with pytest.raises(StoreInvalid):
        await rooms.handlers.stores.add(root, **facts, code="S2", request_id="k2", details=change)
    assert await rooms.handlers.stores.listing(root, after=None, limit=9) == (made,)
