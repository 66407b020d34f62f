"""The first operator, further ones, and how far each of them sees."""

import asyncio

import pytest

from handlers.errors import (
    BootstrapRefused,
    KeyReused,
    LastAdmin,
    OperatorLoginTaken,
    OperatorUnknown,
    OrganizationUnknown,
    PasswordTooWeak,
    RoleMissing,
)
from handlers.operators.operators import OperatorChange
from handlers.rules.roles import Capability
from handlers.scopes import allowed, subtree
from models.ids import new_id
from models.operators import AuditEntry
from models.operators import Operator as OperatorRow
from models.organizations import Organization
from models.requests import Request
from models.words import OperatorRole
from tests.operating import PASSWORD, another, city, first_operator, sign_in
from tests.stories.conftest import BOOTSTRAP_TOKEN


async def bootstrap(rooms, *, token=BOOTSTRAP_TOKEN, login="root", password=PASSWORD, key="k1"):
    return await rooms.handlers.operators.bootstrap(token=token, login=login, password=password, request_id=key)


async def test_the_token_makes_the_first_admin_and_nobody_after_them(rooms):
    first = await bootstrap(rooms)
    assert first.value.operator.role is OperatorRole.ADMIN
    again = await bootstrap(rooms)
    assert again.replayed
    assert again.value == first.value  # the answer was lost: the factor can still be scanned
    with pytest.raises(BootstrapRefused):
        await bootstrap(rooms, login="second", key="k2")
    with pytest.raises(KeyReused):
        await bootstrap(rooms, password=PASSWORD + "x")
    assert await OperatorRow.all().count() == 1


@pytest.mark.parametrize("token", ["", "wrong-token-of-the-town"])
async def test_a_wrong_token_makes_nobody(rooms, token):
    with pytest.raises(BootstrapRefused):
        await bootstrap(rooms, token=token)


async def test_without_a_token_in_the_settings_an_empty_one_does_not_fit(rooms):
    rooms.handlers.operators._bootstrap_token = ""
    with pytest.raises(BootstrapRefused):
        await bootstrap(rooms, token="")


async def test_two_first_operators_at_once_are_one(rooms):
    both = await asyncio.gather(
        bootstrap(rooms, login="one", key="k1"), bootstrap(rooms, login="two", key="k2"), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in both) == ["Answer", "BootstrapRefused"]
    assert await OperatorRow.all().count() == 1


@pytest.mark.parametrize("password", ["short-1A", "aaaaaaaaaaaaaaaa", "onlylowercase", "My-root-Login-1", "x" * 200])
async def test_weak_passwords_are_refused(rooms, password):
    with pytest.raises(PasswordTooWeak):
        await bootstrap(rooms, password=password)


async def test_no_secret_of_an_operator_stands_in_the_clear(rooms):
    root = await first_operator(rooms.handlers)
    await sign_in(rooms.handlers, rooms.clock, root)
    secret = root.uri.split("secret=")[1].split("&")[0]
    stored = [str(dict(row)) for table in (OperatorRow, Request, AuditEntry) for row in await table.all().values()]
    assert stored
    assert not [text for text in stored if secret in text or PASSWORD in text]


async def test_the_factor_is_shown_until_it_was_used(rooms):
    root = await first_operator(rooms.handlers)
    operator, _ = await sign_in(rooms.handlers, rooms.clock, root)
    assert (await bootstrap(rooms, key="bootstrap-root")).value.otpauth_uri is None
    reset = await rooms.handlers.operators.change(
        operator, root.id, OperatorChange(reset_factor=True), request_id="reset"
    )
    assert reset.value.otpauth_uri not in (None, root.uri)


async def test_an_operator_adds_others_only_at_or_below_their_own_place(rooms):
    root, _ = await sign_in(rooms.handlers, rooms.clock, await first_operator(rooms.handlers))
    north, south = await city("north"), await city("south")
    county = await city("county", below=north.id)
    admin = await another(rooms.handlers, root, "north-admin", organization_id=north.id)
    northern, _ = await sign_in(rooms.handlers, rooms.clock, admin)
    below = await another(rooms.handlers, northern, "county-admin", organization_id=county.id)
    for elsewhere in (south.id, root.organization_id, new_id()):
        with pytest.raises(OrganizationUnknown):
            await another(rooms.handlers, northern, "x-admin", organization_id=elsewhere)
        with pytest.raises(OrganizationUnknown):
            await rooms.handlers.operators.change(
                northern, below.id, OperatorChange(organization_id=elsewhere), request_id=None
            )
    seen = await rooms.handlers.operators.listing(northern, after=None, limit=10)
    assert [each.login for each in seen] == ["north-admin", "county-admin"]
    rest = await rooms.handlers.operators.listing(northern, after=seen[0].id, limit=10)
    assert [each.login for each in rest] == ["county-admin"]
    with pytest.raises(OperatorUnknown):
        await rooms.handlers.operators.change(northern, root.id, OperatorChange(is_active=False), request_id=None)


async def test_the_subtree_is_the_place_and_everything_below_it(rooms):
    north = await city("north")
    county = await city("county", below=north.id)
    await city("south")
    scope = await subtree(north.id)
    assert scope.organization_ids == {north.id, county.id}
    assert not scope.is_root
    assert not scope.sees(None)
    whole = await subtree((await Organization.get(parent=None)).id)
    assert whole.is_root
    assert whole.sees(None)
    assert len(whole.organization_ids) == 4


async def test_a_circle_in_the_tree_still_ends(rooms):
    north = await city("north")
    county = await city("county", below=north.id)
    await type(north).filter(id=north.id).update(parent_id=county.id)
    assert (await subtree(north.id)).organization_ids == {north.id, county.id}


ALLOWED = {
    OperatorRole.ADMIN: set(Capability),
    OperatorRole.OPERATOR: set(Capability)
    - {Capability.OPERATORS, Capability.ORGANIZATIONS, Capability.AUDIT, Capability.MERGE_OVERRIDE}
    - {Capability.STATEMENTS, Capability.PAYOUTS, Capability.RECONCILIATION}
    - {Capability.WITHDRAWALS, Capability.WITHDRAWAL_TERMS, Capability.COMMISSION_RULES, Capability.CARRIER_TERMS},
    OperatorRole.SUPPORT: {
        Capability.MEMBERS,
        Capability.CARDS,
        Capability.BENEFITS_SEEN,
        Capability.CLAIMS_SEEN,
        Capability.ORDERS_SEEN,
        Capability.POINTS_BY_HAND,
        Capability.LEVELS_BY_HAND,
        Capability.PLANS_SEEN,
    },
    OperatorRole.FINANCE: {
        Capability.PLANS_SEEN,
        Capability.ORDERS_SEEN,
        Capability.REFUNDS,
        Capability.AUDIT,
        Capability.CARD_IMPORTS,
        Capability.BENEFITS_SEEN,
        Capability.CONFLICTS,
        Capability.SETTLEMENT,
        Capability.STATEMENTS,
        Capability.PAYOUTS,
        Capability.WITHDRAWALS,
        Capability.RECONCILIATION,
    },
}


@pytest.mark.parametrize("role", OperatorRole)
async def test_each_role_may_what_the_table_says(rooms, role):
    root, _ = await sign_in(rooms.handlers, rooms.clock, await first_operator(rooms.handlers))
    worker = await another(rooms.handlers, root, "worker", role=role)
    operator, _ = await sign_in(rooms.handlers, rooms.clock, worker)
    may = set()
    for capability in Capability:
        try:
            await allowed(operator, capability)
        except RoleMissing:
            continue
        may.add(capability)
    assert may == ALLOWED[role]


async def test_one_root_admin_always_stays_even_when_two_switch_each_other_off_at_once(rooms):
    one, _ = await sign_in(rooms.handlers, rooms.clock, await first_operator(rooms.handlers))
    for change in (OperatorChange(is_active=False), OperatorChange(role=OperatorRole.SUPPORT)):
        with pytest.raises(LastAdmin):
            await rooms.handlers.operators.change(one, one.id, change, request_id=None)
    two, _ = await sign_in(rooms.handlers, rooms.clock, await another(rooms.handlers, one, "two"))
    off = OperatorChange(is_active=False)
    both = await asyncio.gather(
        rooms.handlers.operators.change(one, two.id, off, request_id="k1"),
        rooms.handlers.operators.change(two, one.id, off, request_id="k2"),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in both) == ["Answer", "LastAdmin"]
    assert await OperatorRow.filter(is_active=True).count() == 1


async def test_a_login_is_taken_once_and_a_repeated_request_adds_nobody(rooms):
    root, _ = await sign_in(rooms.handlers, rooms.clock, await first_operator(rooms.handlers))
    facts = {"login": "worker", "password": PASSWORD, "role": OperatorRole.SUPPORT, "organization_id": None}
    first = await rooms.handlers.operators.add(root, **facts, request_id="k1")
    again = await rooms.handlers.operators.add(root, **facts, request_id="k1")
    assert again.replayed
    assert again.value == first.value
    with pytest.raises(OperatorLoginTaken):
        await rooms.handlers.operators.add(root, **facts, request_id="k2")


async def test_every_change_leaves_an_entry_that_names_who_and_what_but_no_secret(rooms):
    root, _ = await sign_in(rooms.handlers, rooms.clock, await first_operator(rooms.handlers))
    worker = await another(rooms.handlers, root, "worker")
    change = OperatorChange(role=OperatorRole.FINANCE, password="Another-Long-1-Word")
    await rooms.handlers.operators.change(root, worker.id, change, request_id=None)
    entry = await AuditEntry.get(action="operator.changed")
    assert (entry.actor_kind, entry.actor_id, entry.subject_id) == ("operator", str(root.id), str(worker.id))
    assert entry.facts == {"role": "finance", "password": True}
    assert {each.action for each in await AuditEntry.all()} == {
        "operator.added",
        "operator.signed_in",
        "operator.changed",
    }
