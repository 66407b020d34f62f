"""The record of who did what is sealed into a chain; whatever is done to a row behind our back is named."""

import asyncio
import hashlib
import logging
from datetime import UTC, datetime, timedelta

import pytest
from tortoise.exceptions import BaseORMException

from handlers.actors import Operator
from handlers.audit import record
from models.database import NotInTransaction, atomic, dialect, row, rows, script
from models.ids import new_id
from models.operators import AuditEntry, AuditHead, AuditSeal
from models.organizations import Organization
from models.words import OperatorRole


async def entries(rooms, count):
    root = await Organization.get(parent=None)
    actor = Operator(new_id(), root.id, OperatorRole.ADMIN, "root", new_id())
    for number in range(count):
        async with atomic():
            facts = {"number": number, "share": 0.1, "names": ["甲", None]}
            await record(actor, "member.merged", "member", number, at=rooms.clock.now(), **facts)


@pytest.fixture
async def chain(rooms):
    await entries(rooms, 7)
    assert await rooms.handlers.audit_chain.seal() == 7
    assert await rooms.handlers.audit_chain.check() == []
    return rooms.handlers.audit_chain


async def tamper(*statements):
    """What somebody with the database's own password can do: switch the guards off first."""
    if dialect() == "postgres":
        for table in ("audit_entry", "audit_seal"):
            await script(f'ALTER TABLE "{table}" DISABLE TRIGGER ALL')
        await script("ALTER TABLE audit_seal DROP CONSTRAINT IF EXISTS audit_seal_sequence_key")
    else:
        for table in ("audit_entry", "audit_seal"):
            for act in ("update", "delete"):
                await script(f'DROP TRIGGER "{table}_no_{act}"')
        await script("PRAGMA foreign_keys = OFF")
    for statement in statements:
        await rows(statement)


def of_sequence(number):
    return f"(SELECT entry_id FROM audit_seal WHERE sequence = {number})"


async def test_sealing_goes_on_without_gaps_and_only_once(rooms, chain):
    assert await chain.seal() == 0
    await entries(rooms, 3)
    assert await chain.seal() == 3
    assert [seal.sequence for seal in await AuditSeal.all().order_by("sequence")] == list(range(1, 11))
    assert (await AuditHead.get()).sequence == 10
    assert await chain.check() == []


async def test_batches_follow_each_other(rooms, monkeypatch):
    monkeypatch.setattr("handlers.operators.audit_chain.BATCH", 3)
    await entries(rooms, 8)
    assert await rooms.handlers.audit_chain.seal() == 8
    assert await rooms.handlers.audit_chain.check() == []


async def test_two_workers_sealing_at_once_make_one_chain(rooms):
    await entries(rooms, 20)
    sealed = await asyncio.gather(*(rooms.handlers.audit_chain.seal() for _ in range(4)))
    assert sum(sealed) == 20
    assert await rooms.handlers.audit_chain.check() == []


async def test_entry_and_seal_refuse_every_change_as_long_as_the_guards_stand(chain):
    for table in (AuditEntry, AuditSeal):
        with pytest.raises(BaseORMException):
            await table.all().delete()
    with pytest.raises(BaseORMException):
        await AuditEntry.all().update(action="nothing")


async def test_a_record_needs_the_transaction_of_the_act(rooms):
    root = await Organization.get(parent=None)
    actor = Operator(new_id(), root.id, OperatorRole.ADMIN, "root", new_id())
    with pytest.raises(NotInTransaction):
        await record(actor, "x", "y", 1, at=rooms.clock.now())


@pytest.mark.parametrize(
    "column",
    [
        "actor_id = 'x'",
        "action = 'x'",
        "subject_id = 'x'",
        "facts = '{}'",
        "organization_id = NULL",
        "actor_kind = 'x'",
    ],
)
async def test_an_edited_entry_is_named(chain, column):
    entry = await row(f"SELECT CAST(entry_id AS TEXT) AS id FROM audit_seal WHERE sequence = {4}")
    await tamper(f"UPDATE audit_entry SET {column} WHERE id = {of_sequence(4)}")
    assert await chain.check() == [f"第 4 条（记录 {entry['id']}）被改动或调换"]


async def test_an_edited_instant_is_named(chain):
    await tamper()
    await rows(f"UPDATE audit_entry SET happened_at = $1 WHERE id = {of_sequence(2)}", datetime(2020, 1, 1, tzinfo=UTC))
    assert [sentence[:6] for sentence in await chain.check()] == ["第 2 条（"]


async def test_a_deleted_entry_is_named(chain):
    await tamper(f"DELETE FROM audit_entry WHERE id = {of_sequence(5)}")
    (found,) = await chain.check()
    assert found.startswith("第 5 条的记录 ")
    assert found.endswith(" 被删除")


async def test_a_deleted_seal_with_its_entry_is_named(chain):
    entry = await row(f"SELECT CAST({of_sequence(5)} AS TEXT) AS id")
    await tamper("DELETE FROM audit_seal WHERE sequence = 5", f"DELETE FROM audit_entry WHERE id = '{entry['id']}'")
    assert await chain.check() == ["第 5 条被删除"]


async def test_two_seals_that_changed_places_are_named(chain):
    await tamper(
        "UPDATE audit_seal SET sequence = 100 WHERE sequence = 2",
        "UPDATE audit_seal SET sequence = 2 WHERE sequence = 3",
        "UPDATE audit_seal SET sequence = 3 WHERE sequence = 100",
    )
    found = await chain.check()
    assert [sentence[:6] for sentence in found] == ["第 2 条（", "第 3 条（", "第 4 条（"]


async def test_two_entries_that_changed_places_are_named(chain):
    second = await row(f"SELECT CAST({of_sequence(2)} AS TEXT) AS id")
    third = await row(f"SELECT CAST({of_sequence(3)} AS TEXT) AS id")
    await tamper()
    if dialect() == "postgres":
        await script("ALTER TABLE audit_seal DROP CONSTRAINT IF EXISTS audit_seal_entry_id_key")
        await script("ALTER TABLE audit_seal DROP CONSTRAINT IF EXISTS audit_seal_entry_id_key1")
    spare = await row("SELECT CAST(id AS TEXT) AS id FROM audit_entry ORDER BY id DESC LIMIT 1")
    await rows("DELETE FROM audit_seal WHERE sequence = 7")
    await rows(f"UPDATE audit_seal SET entry_id = '{spare['id']}' WHERE sequence = 2")
    await rows(f"UPDATE audit_seal SET entry_id = '{second['id']}' WHERE sequence = 3")
    await rows(f"UPDATE audit_seal SET entry_id = '{third['id']}' WHERE sequence = 2")
    assert [sentence[:6] for sentence in (await chain.check())[:2]] == ["第 2 条（", "第 3 条（"]


async def test_a_chain_cut_at_its_end_is_named_and_not_sealed_over(rooms, chain, caplog):
    await tamper("DELETE FROM audit_seal WHERE sequence > 5")
    assert await chain.check() == ["末尾缺少第 6 到第 7 条"]
    await entries(rooms, 1)
    with caplog.at_level(logging.ERROR):
        assert await chain.seal() == 0
    assert "audit_chain_broken" in caplog.messages
    assert await chain.check() == ["末尾缺少第 6 到第 7 条"]


async def test_a_head_moved_back_after_a_cut_is_named(chain):
    fifth = await row("SELECT hash FROM audit_seal WHERE sequence = 5")
    await tamper(
        "DELETE FROM audit_seal WHERE sequence > 5", f"UPDATE audit_head SET sequence = 5, hash = '{fifth['hash']}'"
    )
    assert await chain.check() == ["链头记录被改动"]


async def test_a_chain_computed_anew_by_somebody_without_the_key_is_named(chain):
    """They know the code: they edit the last entry and give its seal and the head the hash that would fit."""
    await tamper(f"UPDATE audit_entry SET actor_id = 'x' WHERE id = {of_sequence(7)}")
    from handlers.operators.audit_chain import _hash
    from models.statements import audit as statements

    (forged,) = await rows(statements.CHAIN, 6, 1)
    before = await row("SELECT hash FROM audit_seal WHERE sequence = 6")
    fitting = _hash(before["hash"], 7, forged["entry_id"], forged)
    await rows(f"UPDATE audit_seal SET hash = '{fitting}' WHERE sequence = 7")
    assert await chain.check() == ["第 7 条和链头不符"]
    await rows(f"UPDATE audit_head SET hash = '{fitting}', mark = '{hashlib.sha256(b'?').hexdigest()}'")
    assert await chain.check() == ["链头记录被改动"]


async def test_a_chain_that_is_gone_altogether_is_noticed_as_long_as_anybody_acts(rooms, chain):
    await tamper("DELETE FROM audit_seal", "DELETE FROM audit_entry", "DELETE FROM audit_head")
    assert await chain.check() == []  # as empty as on the first day: only the head in the logs tells
    from tests.operating import first_operator

    await first_operator(rooms.handlers)
    assert await chain.check() == ["链头记录不见了"]


async def test_an_entry_that_nobody_sealed_for_five_minutes_is_named(rooms, chain):
    await entries(rooms, 1)
    rooms.clock.advance(datetime.now(UTC) - rooms.clock.now() + timedelta(minutes=4))
    assert await chain.check() == []
    rooms.clock.advance(timedelta(minutes=2))
    (found,) = await chain.check()
    assert found.endswith("超过五分钟没有封存")


async def test_the_head_goes_to_the_log(chain, caplog):
    with caplog.at_level(logging.INFO):
        head = await chain.anchor()
    (line,) = [each for each in caplog.records if each.message == "audit_chain_head"]
    assert (line.sequence, line.head) == (7, head.hash)
