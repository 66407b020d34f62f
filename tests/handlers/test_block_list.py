"""What identifies nobody: store phones and hotlines recognise, merge and bind no one."""

import asyncio

import pytest

from handlers.errors import (
    BlockedAlready,
    BlockedIdentifierUnknown,
    DomainError,
    IdentifierNotBlockable,
    MemberUnknown,
    OrganizationUnknown,
    PhoneBlocked,
    RoleMissing,
)
from handlers.identity import numbers, transfers
from handlers.identity.identity import resolve
from handlers.identity.proofs import Proof
from models.accounts import Account
from models.database import atomic
from models.identity import Identifier, IdentityEvent, Member
from models.ids import new_id
from models.linking import BlockedIdentifier, BoundNumber
from models.operators import AuditEntry
from models.outbox import Job
from models.words import IdentifierStatus, IdentityAct, Namespace, OperatorRole
from tests.dumping import dump, found_in
from tests.handlers.conftest import MEMBERSHIP, PHONE
from tests.operating import another, city, first_operator, sign_in

STORE = "13912345670"
MINE = "13912345671"


@pytest.fixture
async def root(rooms):
    operator, _ = await sign_in(rooms.handlers, rooms.clock, await first_operator(rooms.handlers))
    return operator


async def colleague(rooms, root, login, role=OperatorRole.OPERATOR, organization_id=None):
    worker = await another(rooms.handlers, root, login, role=role, organization_id=organization_id)
    operator, _ = await sign_in(rooms.handlers, rooms.clock, worker)
    return operator


async def block(rooms, operator, value=STORE, **more):
    facts = {"namespace": Namespace.PHONE, "scope": "86", "reason": "湖滨店", "organization_id": None, **more}
    request_id = facts.pop("request_id", str(new_id()))
    return await rooms.handlers.operator_block_list.add(operator, value=value, request_id=request_id, **facts)


async def a_member(rooms, openid="o-ming", phone=None):
    person = await rooms.member(openid, phone=phone)
    if phone is None:
        await rooms.handlers.consents.give(person, agreed=PHONE)
    return person


async def holders(value=STORE):
    return await Identifier.filter(namespace=Namespace.PHONE, status=IdentifierStatus.ACTIVE).count()


async def ways_in(rooms):
    """Every way to show a phone: joining, changing it, binding one more. Each an awaitable of its own person."""
    guest, one, other = await rooms.person("o-guest"), await a_member(rooms, "o-1"), await a_member(rooms, "o-2")
    code = rooms.wechat.phone_code
    return [
        rooms.handlers.membership.join(guest, agreed=[MEMBERSHIP, PHONE], phone_code=code(STORE)),
        rooms.handlers.transfers.change_phone(one, phone_code=code(STORE)),
        rooms.handlers.numbers.bind(other, phone_code=code(STORE), request_id="bind"),
    ]


async def test_a_stores_phone_is_refused_wherever_it_is_shown_and_recorded(rooms, root):
    await block(rooms, root, "139 1234 5670")
    for way in await ways_in(rooms):
        with pytest.raises(PhoneBlocked):
            await way
    assert await holders() == 0
    assert await BoundNumber.all().count() == 0
    assert await IdentityEvent.filter(act=IdentityAct.BLOCK).count() == 3
    assert not (await rooms.person("o-guest")).is_member


async def test_the_service_hotline_of_an_account_is_nobodys_too(rooms):
    await Account.filter(key="oa").update(service_phone=STORE)
    for way in await ways_in(rooms):
        with pytest.raises(PhoneBlocked):
            await way
    await Account.filter(key="oa").update(service_phone="0571-88886666")
    person = await rooms.member("o-3", phone=STORE)
    assert (await rooms.handlers.membership.view(person)).phone_tail == "5670"


async def test_two_till_members_with_the_shops_own_phone_stay_two(rooms, root):
    await block(rooms, root)

    async def at_the_till(number):
        async with atomic():
            proofs = [
                Proof(Namespace.POS_MEMBER, "till", number, "import"),
                Proof(Namespace.PHONE, "86", STORE, "import"),
            ]
            return await resolve(proofs, now=rooms.clock.now(), vault=rooms.vault)

    one, two = await at_the_till("A1"), await at_the_till("A2")
    assert one.member_id != two.member_id
    assert one.blocked == two.blocked == (Namespace.PHONE,)
    assert await holders() == 0
    with pytest.raises(MemberUnknown):
        async with atomic():
            proof = Proof(Namespace.PHONE, "86", STORE, "import")
            await resolve([proof], now=rooms.clock.now(), vault=rooms.vault)


async def test_without_the_list_the_same_two_would_be_one(rooms):
    """Negative control of the test above."""
    found = []
    for number in ("A1", "A2"):
        async with atomic():
            proofs = [
                Proof(Namespace.POS_MEMBER, "till", number, "import"),
                Proof(Namespace.PHONE, "86", STORE, "import"),
            ]
            found.append((await resolve(proofs, now=rooms.clock.now(), vault=rooms.vault)).member_id)
    assert found[0] == found[1]


async def test_who_had_the_number_loses_it_keeps_all_else_and_is_told(rooms, root):
    person = await rooms.member("o-mini", "u-ming", phone=STORE)
    chatting = await rooms.person("o-chat", "u-ming", account="oa")
    await rooms.handlers.following.follow(chatting, await rooms.handlers.accounts.get("oa"))
    other = await a_member(rooms, "o-other")
    await BoundNumber.all().delete()
    await rooms.handlers.numbers.bind(other, phone_code=rooms.wechat.phone_code(STORE), request_id="b")
    await block(rooms, root)
    view = await rooms.handlers.membership.view(person)
    assert (view.number, view.phone_tail) == (person.number, "")
    assert (await rooms.person("o-mini", "u-ming")).member_id == person.member_id
    assert await rooms.handlers.numbers.list(other) == ()
    job = await Job.get(kind="send_text")
    assert job.payload["member_id"] == str(person.member_id)
    assert "5670" in job.payload["text"]
    assert STORE not in job.payload["text"]
    code = rooms.wechat.phone_code(MINE)
    await rooms.handlers.transfers.change_phone(person, phone_code=code)
    assert (await rooms.handlers.membership.view(person)).phone_tail == "5671"


async def test_a_lifted_number_can_be_proven_again(rooms, root):
    added = (await block(rooms, root)).value
    await rooms.handlers.operator_block_list.lift(root, added.id)
    person = await rooms.member("o-1", phone=STORE)
    assert (await rooms.handlers.membership.view(person)).phone_tail == "5670"
    with pytest.raises(BlockedIdentifierUnknown):
        await rooms.handlers.operator_block_list.lift(root, added.id)
    entries = await AuditEntry.filter(subject_kind="blocked").order_by("id")
    assert [entry.action for entry in entries] == ["block_list.added", "block_list.lifted"]
    assert {entry.actor_id for entry in entries} == {str(root.id)}


async def test_adding_twice_is_refused_and_a_repeated_request_is_answered_again(rooms, root):
    first = await block(rooms, root, request_id="tap")
    again = await block(rooms, root, request_id="tap")
    assert (again.replayed, again.value) == (True, first.value)
    with pytest.raises(BlockedAlready):
        await block(rooms, root)
    assert await BlockedIdentifier.all().count() == 1
    assert await AuditEntry.filter(action="block_list.added").count() == 1


@pytest.mark.parametrize(
    ("namespace", "scope", "value"),
    [
        (Namespace.PHONE, "86", "1391234567"),
        (Namespace.PHONE, "86", "13800138000"),
        (Namespace.PHONE, "86", "门店电话"),
        (Namespace.WX_OPENID, "wx1", "o-ming"),
        (Namespace.WX_UNIONID, "main", "u-ming"),
        (Namespace.POS_MEMBER, "till", "0000"),
    ],
)
async def test_what_can_identify_nobody_anyway_is_not_put_on_the_list(rooms, root, namespace, scope, value):
    with pytest.raises(IdentifierNotBlockable):
        await block(rooms, root, value, namespace=namespace, scope=scope)
    assert await BlockedIdentifier.all().count() == 0


@pytest.mark.parametrize("role", [OperatorRole.SUPPORT, OperatorRole.FINANCE])
async def test_only_operators_and_admins_keep_the_list(rooms, root, role):
    clerk = await colleague(rooms, root, "clerk", role)
    listed = (await block(rooms, root)).value
    for refused in (
        block(rooms, clerk, MINE),
        rooms.handlers.operator_block_list.listing(clerk, after=None, limit=10),
        rooms.handlers.operator_block_list.lift(clerk, listed.id),
    ):
        with pytest.raises(RoleMissing):
            await refused


async def test_another_subtree_sees_no_entry_lifts_none_and_learns_of_no_holder(rooms, root):
    north, south = await city("north"), await city("south")
    northern = await colleague(rooms, root, "northern", organization_id=north.id)
    southern = await colleague(rooms, root, "southern", organization_id=south.id)
    person = await rooms.member("o-1", phone=STORE)
    await Member.filter(id=person.member_id).update(organization_id=south.id)
    entry = (await block(rooms, northern)).value
    held, free = await AuditEntry.get(action="block_list.added"), (await block(rooms, northern, MINE)).value
    assert held.facts["released"] == 0  # the holder is none of theirs
    assert {**vars_of(entry), "tail": ""} == {**vars_of(free), "tail": ""}
    members = rooms.handlers.operator_block_list
    assert await members.listing(southern, after=None, limit=10) == ()
    with pytest.raises(BlockedIdentifierUnknown):
        await members.lift(southern, entry.id)
    with pytest.raises(OrganizationUnknown):
        await block(rooms, southern, organization_id=north.id)
    await block(rooms, southern)  # their own entry for the same number, which says nothing of the other
    await members.lift(southern, (await members.listing(southern, after=None, limit=10))[0].id)
    with pytest.raises(PhoneBlocked):  # the north's still holds for everybody
        await rooms.handlers.transfers.change_phone(person, phone_code=rooms.wechat.phone_code(STORE))
    assert len(await members.listing(root, after=None, limit=10)) == 2


def vars_of(view):
    return {name: getattr(view, name) for name in ("organization_id", "namespace", "scope", "reason", "added_by")}


async def test_the_list_pages_in_the_order_of_adding(rooms, root):
    added = [(await block(rooms, root, f"1391234000{number}")).value.id for number in range(3)]
    first = await rooms.handlers.operator_block_list.listing(root, after=None, limit=2)
    rest = await rooms.handlers.operator_block_list.listing(root, after=first[-1].id, limit=2)
    assert [each.id for each in (*first, *rest)] == added


async def test_no_blocked_number_stands_in_the_clear(rooms, root):
    await rooms.member("o-1", phone=STORE)
    await block(rooms, root)
    assert found_in(await dump(), [STORE]) == set()


# --- at the same time


async def shown_while_blocked(rooms, root, monkeypatch) -> int:
    """Ten members have proven the number when it is put on the list; half of them go on at once, half a moment later.

    How many have it afterwards.
    """
    people = [await a_member(rooms, f"o-{turn}") for turn in range(10)]
    phones, at_the_door = rooms.handlers.transfers._phones, asyncio.Barrier(len(people) + 1)
    proven, is_listed = phones.prove, asyncio.Event()

    async def waiting(*args, member_id, **more):
        phone = await proven(*args, member_id=member_id, **more)
        await at_the_door.wait()
        if member_id in {person.member_id for person in people[5:]}:
            await is_listed.wait()
        return phone

    monkeypatch.setattr(phones, "prove", waiting)

    async def list_it():
        await at_the_door.wait()
        try:
            await block(rooms, root)
        finally:
            is_listed.set()

    async def prove(person, turn):
        code = rooms.wechat.phone_code(STORE)
        if turn % 2:
            await rooms.handlers.transfers.change_phone(person, phone_code=code)
        else:
            await rooms.handlers.numbers.bind(person, phone_code=code, request_id=f"bind-{turn}")

    ways = [prove(person, turn) for turn, person in enumerate(people)]
    ended = await asyncio.gather(*ways, list_it(), return_exceptions=True)
    assert all(isinstance(each, DomainError) for each in ended if isinstance(each, BaseException)), ended
    return await holders() + await BoundNumber.filter(status=IdentifierStatus.ACTIVE).count()


async def test_a_number_shown_in_the_moment_it_is_blocked_stays_with_nobody(rooms, root, monkeypatch):
    assert await shown_while_blocked(rooms, root, monkeypatch) == 0


async def test_the_race_above_is_seen_when_only_the_door_looks_at_the_list(rooms, root, monkeypatch):
    """Negative control: the list is asked when the code is exchanged, and not again under the lock."""

    async def nothing(*_):
        return None

    monkeypatch.setattr(transfers, "refuse_blocked", nothing)
    monkeypatch.setattr(numbers, "refuse_blocked", nothing)
    assert await shown_while_blocked(rooms, root, monkeypatch) > 0
