"""What the tables refuse whoever asks: second owners, second roots, changed history; and the series of ordinals."""

import asyncio
from datetime import UTC, datetime

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from models.accounts import Account
from models.consents import Consent
from models.database import atomic, dialect, next_ordinal, rows, script
from models.failures import NotInTransaction
from models.identity import Identifier, IdentityEvent, Member
from models.organizations import Organization
from models.words import (
    AccountKind,
    AccountMode,
    ConsentPurpose,
    IdentifierStatus,
    IdentityAct,
    Namespace,
    Touchpoint,
)

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("database")


async def a_member() -> Member:
    async with atomic():
        return await Member.create(ordinal=await next_ordinal("member_ordinal"))


async def an_identifier(member: Member, value: str = "h", **values: object) -> Identifier:
    facts = {"namespace": Namespace.PHONE, "scope": "86", "value_hash": value, "value_cipher": "c"}
    seen = {"verified_at": NOON, "verified_by": "test", "last_seen_at": NOON}
    return await Identifier.create(**{"member": member, **facts, **seen, **values})


async def test_an_active_value_has_one_owner_and_a_revoked_one_makes_room():
    first, second = await a_member(), await a_member()
    held = await an_identifier(first)
    with pytest.raises(IntegrityError):
        await an_identifier(second)
    await Identifier.filter(id=held.id).update(status=IdentifierStatus.REVOKED)
    await an_identifier(second)
    await an_identifier(first, status=IdentifierStatus.REVOKED)


async def test_a_member_has_one_active_identifier_per_namespace_and_scope():
    member = await a_member()
    await an_identifier(member)
    with pytest.raises(IntegrityError):
        await an_identifier(member, "other")
    await an_identifier(member, "other", scope="852")


async def test_a_consent_is_open_once():
    member = await a_member()
    root = await Organization.create(code="root", name="省公司")
    account = await Account.create(
        organization=root,
        key="oa",
        kind=AccountKind.OFFICIAL_ACCOUNT,
        mode=AccountMode.SAFE,
        app_id="wx1",
        secret_cipher="",
        token_cipher="",
    )
    facts = {"member": member, "purpose": ConsentPurpose.MARKETING, "version": "1", "account": account}
    given = {"given_through": Touchpoint.CHAT, "given_at": NOON}
    first = await Consent.create(**facts, **given)
    with pytest.raises(IntegrityError):
        await Consent.create(**facts, **given)
    await Consent.filter(id=first.id).update(withdrawn_at=NOON)
    await Consent.create(**facts, **given)


async def test_there_is_one_root():
    root = await Organization.create(code="root", name="省公司")
    await Organization.create(code="a", name="市公司", parent=root)
    await Organization.create(code="b", name="市公司", parent=root)
    with pytest.raises(IntegrityError):
        await Organization.create(code="other", name="省公司")


async def test_history_cannot_be_changed():
    event = await IdentityEvent.create(member=await a_member(), act=IdentityAct.CREATE, happened_at=NOON)
    with pytest.raises(IntegrityError):
        await IdentityEvent.filter(id=event.id).update(scope="changed")
    with pytest.raises(IntegrityError):
        await IdentityEvent.filter(id=event.id).delete()
    if dialect() == "postgres":
        with pytest.raises(IntegrityError):
            await script("TRUNCATE identity_event")
    assert (await IdentityEvent.get(id=event.id)).scope == ""


async def test_a_member_with_rows_of_value_cannot_be_deleted():
    member = await a_member()
    await an_identifier(member)
    with pytest.raises(IntegrityError):
        await member.delete()


class TestOrdinals:
    async def test_they_are_dense_and_never_come_twice(self):
        async def take() -> int:
            async with atomic():
                return await next_ordinal("member_ordinal")

        taken = await asyncio.gather(*(take() for _ in range(50)))
        assert sorted(taken) == list(range(1, 51))

    async def test_what_a_rollback_took_is_not_given_to_two(self):
        with pytest.raises(KeyError):
            async with atomic():
                lost = await next_ordinal("member_ordinal")
                raise KeyError
        async with atomic():
            following = await next_ordinal("member_ordinal")
        assert following == (lost if dialect() == "sqlite" else lost + 1)

    async def test_they_are_taken_in_a_transaction_only(self):
        with pytest.raises(NotInTransaction):
            await next_ordinal("member_ordinal")

    async def test_an_unknown_series_is_an_error(self):
        with pytest.raises((LookupError, OperationalError)):
            async with atomic():
                await next_ordinal("nothing")


async def test_the_worker_finds_due_jobs_by_an_index():
    if dialect() != "sqlite":
        pytest.skip("a plan for three rows is a scan on PostgreSQL")
    plan = await rows(
        "EXPLAIN QUERY PLAN SELECT id FROM job WHERE state = 'ready' AND run_at <= $1 ORDER BY run_at", NOON
    )
    assert [each["detail"].partition(" USING")[0] for each in plan] == ["SEARCH job"]  # neither a scan nor a sort
