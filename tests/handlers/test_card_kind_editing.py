"""Operators' kinds of card: added once, seen where they are, switched off, and on again for everybody."""

import asyncio

import pytest

from handlers.actors import Operator
from handlers.cards.card_binding import CardProof, pin_hash
from handlers.cards.card_kind_editing import KindChange
from handlers.cards.card_kinds import KindDraft, add_kind
from handlers.cards.recognition import card_bound_to, number_hash
from handlers.errors import (
    BrandUnknown,
    CardImportUnknown,
    CardKindInvalid,
    CardKindTaken,
    CardKindUnknown,
    MerchantUnknown,
    RoleMissing,
)
from handlers.rules.numbers import check_digit
from models.cards import Card, CardImport, CardImportRefusal
from models.database import atomic
from models.ids import new_id
from models.operators import AuditEntry
from models.organizations import Organization
from models.outbox import Job
from models.programmes import Brand, CardKind, Merchant
from models.words import OperatorRole
from tests.handlers.conftest import MEMBERSHIP
from tests.operating import city

CO = KindDraft("co", "联名卡", digit_count=14)
OFF, ON = KindChange(is_active=False), KindChange(is_active=True)


def operator_of(organization: Organization, role: OperatorRole = OperatorRole.OPERATOR) -> Operator:
    return Operator(new_id(), organization.id, role, "lin", new_id())


@pytest.fixture
async def root(rooms) -> Operator:
    return operator_of(await Organization.get(parent=None))


@pytest.fixture
async def north(rooms) -> Organization:
    return await city("north")


async def test_an_operator_adds_a_kind_once(rooms, root):
    editing = rooms.handlers.card_kind_editing
    added = await editing.add(root, CO, request_id="save")
    assert (await editing.add(root, CO, request_id="save")).value == added.value
    with pytest.raises(CardKindTaken):
        await editing.add(root, CO)
    await Merchant.create(organization_id=root.organization_id, code="books", name="江南书店")
    await Brand.create(organization_id=root.organization_id, code="own", name="自有")
    for wrong, refusal in (
        (KindDraft("short", "短", digit_count=8), CardKindInvalid),
        (KindDraft("lost", "无", digit_count=14, merchant="none"), MerchantUnknown),
        (KindDraft("lost", "无", digit_count=14, brand="none"), BrandUnknown),
        (KindDraft("lost", "无", digit_count=14, programme="none"), CardKindInvalid),
        (KindDraft("lost", "无", digit_count=14, brand="own", merchant="books"), CardKindInvalid),
    ):
        with pytest.raises(refusal):
            await editing.add(root, wrong)
    assert await AuditEntry.filter(action="card_kind.added").count() == 1


async def test_the_same_code_twice_at_once_is_one_kind(rooms, root):
    answers = await asyncio.gather(
        *(rooms.handlers.card_kind_editing.add(root, CO, request_id=str(each)) for each in range(4)),
        return_exceptions=True,
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Answer", *["CardKindTaken"] * 3]
    assert await AuditEntry.filter(action="card_kind.added").count() == 1


async def test_the_desk_and_finance_add_no_kinds(rooms, root):
    for role in (OperatorRole.SUPPORT, OperatorRole.FINANCE):
        who = operator_of(await Organization.get(parent=None), role)
        with pytest.raises(RoleMissing):
            await rooms.handlers.card_kind_editing.add(who, CO)
        with pytest.raises(RoleMissing):
            await rooms.handlers.card_kind_editing.change(who, (await CardKind.get()).id, OFF)


async def test_a_city_has_kinds_of_its_own_merchants_and_none_of_everybodys(rooms, root, north):
    editing, northern = rooms.handlers.card_kind_editing, operator_of(north)
    await Merchant.create(organization=north, code="norths", name="北城书店")
    await Brand.create(organization_id=root.organization_id, code="roots", name="总部")
    legacy = KindDraft("old", "老卡", digit_count=12, merchant="norths", is_issued=False)
    added = (await editing.add(northern, legacy)).value
    with pytest.raises(RoleMissing):  # an issued kind reaches every member
        await editing.add(northern, KindDraft("all", "人人有", digit_count=14, merchant="norths"))
    with pytest.raises(RoleMissing):  # of the programme itself
        await editing.add(northern, KindDraft("own", "无", digit_count=14, is_issued=False))
    with pytest.raises(BrandUnknown):
        await editing.add(northern, KindDraft("b", "无", digit_count=14, brand="roots", is_issued=False))
    assert [each.code for each in await editing.listing(northern, after=None, limit=9)] == ["old"]
    assert {each.code for each in await editing.listing(root, after=None, limit=9)} == {"member", "old"}
    with pytest.raises(CardKindUnknown):
        await editing.change(northern, (await CardKind.get(code="member")).id, OFF)
    assert not (await editing.change(northern, added.id, OFF)).value.is_active
    seen = (await editing.listing(northern, after=None, limit=9))[0]
    assert (seen.merchant, seen.brand, seen.organization_id, seen.is_active) == ("norths", None, north.id, False)


async def test_pages_go_on_where_the_one_before_ended(rooms, root):
    editing = rooms.handlers.card_kind_editing
    for code in "abc":
        await editing.add(root, KindDraft(code, code, digit_count=14))
    first = await editing.listing(root, after=None, limit=2)
    rest = await editing.listing(root, after=first[-1].id, limit=9)
    assert [each.code for each in (*first, *rest)] == ["member", "a", "b", "c"]


async def test_a_change_is_recorded_with_what_was_before(rooms, root):
    kind = await CardKind.get(code="member")
    change = KindChange(name="会员金卡", is_in_chat=False)
    changed = (await rooms.handlers.card_kind_editing.change(root, kind.id, change, request_id="k")).value
    assert (changed.name, changed.is_in_chat, changed.is_active) == ("会员金卡", False, True)
    assert (await rooms.handlers.card_kind_editing.change(root, kind.id, change, request_id="k")).replayed
    (entry,) = await AuditEntry.filter(action="card_kind.changed")
    assert dict(entry.facts["before"]) == {"name": "会员卡", "is_in_chat": True}
    assert dict(entry.facts["after"]) == {"name": "会员金卡", "is_in_chat": False}
    nothing = await rooms.handlers.card_kind_editing.change(root, kind.id, KindChange())
    assert nothing.value == changed


# --- off and on


async def test_a_kind_that_is_off_is_not_issued(rooms, root):
    ming = await rooms.member()
    added = (await rooms.handlers.card_kind_editing.add(root, CO)).value
    await rooms.handlers.card_kind_editing.change(root, added.id, OFF)
    assert {card.kind for card in await rooms.handlers.cards.mine(ming)} == {"member"}
    assert (await rooms.handlers.cards.recognise_kind(added.id)).added == 0
    hong = await rooms.member("o-hong")
    assert {card.kind for card in await rooms.handlers.cards.mine(hong)} == {"member"}


async def test_the_job_sees_the_switch_at_its_next_batch(rooms, root, monkeypatch):
    for each in range(4):
        await rooms.member(f"o-{each}")
    added = (await rooms.handlers.card_kind_editing.add(root, CO)).value
    monkeypatch.setattr("handlers.cards.cards.BATCH", {"sqlite": 2, "postgres": 2})
    kind = await rooms.handlers.card_kinds.get("co")
    assert await rooms.handlers.cards._recognise_batch(kind) == (2, 2)
    await rooms.handlers.card_kind_editing.change(root, added.id, OFF)
    assert await rooms.handlers.cards._recognise_batch(kind) == (0, 0)
    assert await Card.filter(kind_id=added.id).count() == 2


async def test_a_kind_that_is_on_again_reaches_those_who_joined_meanwhile(rooms, root, monkeypatch):
    first = await rooms.person("o-first")  # a lower ordinal than those the job has passed
    await rooms.member("o-second")
    added = (await rooms.handlers.card_kind_editing.add(root, CO)).value
    await rooms.handlers.cards.recognise_kind(added.id)
    await rooms.handlers.card_kind_editing.change(root, added.id, OFF)
    await rooms.handlers.membership.join(first, agreed=[MEMBERSHIP])
    assert await Card.filter(kind_id=added.id).count() == 1
    before = await Job.filter(kind="recognise_kind").count()
    await rooms.handlers.card_kind_editing.change(root, added.id, ON)
    assert await Job.filter(kind="recognise_kind").count() == before + 1
    # Once more over the same ordinals, in as many jobs as before: no key of a job may have been used up.
    monkeypatch.setattr("handlers.cards.cards.BATCH", {"sqlite": 1, "postgres": 1})
    monkeypatch.setattr("handlers.cards.cards.SECONDS_PER_JOB", 0.00001)
    again = (await Job.filter(kind="recognise_kind").order_by("-id").first()).payload["round"]
    for _ in range(4):
        await rooms.handlers.cards.recognise_kind(added.id, round_=again)
    assert await Card.filter(kind_id=added.id).count() == 2
    rounds = [job.payload["round"] for job in await Job.filter(kind="recognise_kind").order_by("id")]
    assert rounds.count(again) >= 2


async def test_a_kind_that_is_off_is_not_bound_even_where_it_is_still_remembered(rooms, root):
    digits = "66000000001"
    number = digits + check_digit(digits)
    draft = KindDraft("old", "老卡", digit_count=12, prefix="66", is_issued=False)
    async with atomic():
        added = await add_kind(draft, rooms.clock)
    rooms.handlers.card_kinds.forget()
    kind, card_id = await CardKind.get(id=added.id), new_id()
    await Card.create(
        id=card_id,
        kind=kind,
        programme_id=kind.programme_id,
        number_hash=number_hash(rooms.vault, number),
        number_cipher=rooms.vault.encrypt(number, bound_to=card_bound_to(card_id)),
        last4=number[-4:],
        pin_hash=pin_hash(rooms.vault, number, "4321"),
    )
    ming = await rooms.member()
    await rooms.handlers.card_kinds.get("old")
    await CardKind.filter(id=kind.id).update(is_active=False)  # by another process: this one still knows the kind
    with pytest.raises(CardKindUnknown):
        await rooms.handlers.card_binding.bind(ming, kind="old", number=number, proof=CardProof(pin="4321"))
    rooms.handlers.card_kinds.forget()
    with pytest.raises(CardKindUnknown):
        await rooms.handlers.card_binding.bind(ming, kind="old", number=number, proof=CardProof(pin="4321"))
    assert await rooms.handlers.card_kinds.bindable() == ()


# --- imports


async def test_imports_are_seen_by_finance_where_their_kind_is_and_rows_with_their_reasons(rooms, root, north):
    merchant = await Merchant.create(organization=north, code="norths", name="北城书店")
    programme_id = (await CardKind.get()).programme_id
    kinds = [
        await CardKind.create(
            programme_id=programme_id, code=f"old{each}", name="老卡", digit_count=12, is_issued=False, merchant=whose
        )
        for each, whose in enumerate((merchant, None))
    ]
    norths, roots = [
        await CardImport.create(kind=kind, file_hash=str(each), file_name="cards.csv", row_count=9, refused_count=5)
        for each, kind in enumerate(kinds)
    ]
    for row in (2, 3, 5, 8, 9):
        await CardImportRefusal.create(card_import=norths, row_number=row, code="row.malformed")
    imports = rooms.handlers.operator_card_imports
    for place, seen in ((north, [norths.id]), (await Organization.get(parent=None), [roots.id, norths.id])):
        finance = operator_of(place, OperatorRole.FINANCE)
        assert [each.id for each in await imports.listing(finance, before=None, limit=9)] == seen
    assert [each.id for each in await imports.listing(root, before=roots.id, limit=9)] == [norths.id]
    northern = operator_of(north)
    for import_id in (roots.id, new_id()):
        with pytest.raises(CardImportUnknown):
            await imports.view(northern, import_id)
        with pytest.raises(CardImportUnknown):
            await imports.refusals(northern, import_id, after_row=0, limit=9)
    first = await imports.refusals(northern, norths.id, after_row=0, limit=3)
    rest = await imports.refusals(northern, norths.id, after_row=first[-1].row_number, limit=3)
    assert [each.row_number for each in (*first, *rest)] == [2, 3, 5, 8, 9]
    assert {each.reason for each in first} == {"这一行不是有效的 CSV"}
    with pytest.raises(RoleMissing):
        await imports.listing(operator_of(north, OperatorRole.SUPPORT), before=None, limit=9)
