"""`doctor` as an operator runs it names the row of the record that somebody touched, whatever they did to it."""

from datetime import UTC, datetime

import pytest

from gateways.clock import SystemClock
from gateways.vault import FieldVault
from handlers.actors import Operator
from handlers.audit import record
from handlers.operators.audit_chain import AuditChain
from models import database
from models.ids import new_id
from models.words import OperatorRole
from tests.processes import stored
from tests.stories.conftest import town_settings

ENTRIES = 6


@pytest.fixture
async def sealed(site):
    """An installation with six sealed entries."""
    settings = town_settings(site.database_url, "memory://", port=8080, platform_port=8090)  # with the site's keys
    await database.connect(site.database_url)
    try:
        actor = Operator(new_id(), new_id(), OperatorRole.ADMIN, "root", new_id())
        for number in range(1, ENTRIES + 1):
            async with database.atomic():
                await record(actor, "member.merged", "member", number, at=datetime.now(UTC))
        vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
        assert await AuditChain(SystemClock(), vault).seal() == ENTRIES
    finally:
        await database.disconnect()
    return site


async def entry_of(site, sequence):
    query = f"SELECT CAST(entry_id AS TEXT) AS id FROM audit_seal WHERE sequence = {sequence}"
    return (await stored.read(site.database_url, query))[0]["id"]


async def looked_at(site):
    """What `doctor` says of the record; that it says so and nothing else is wrong."""
    finished = await site.run("doctor")
    wrong = [line for line in finished.out.splitlines() if line.startswith("有误")]
    assert finished.code == (1 if wrong else 0)
    assert not finished.err
    assert all(line.startswith("有误  操作记录：") for line in wrong)
    return wrong[0].removeprefix("有误  操作记录：").split("；") if wrong else []


async def test_an_untouched_record_is_fine(sealed):
    assert await looked_at(sealed) == []


async def test_an_edited_row_is_named(sealed):
    entry = await entry_of(sealed, 2)
    await stored.tamper(sealed.database_url, f"UPDATE audit_entry SET action = 'nothing' WHERE id = '{entry}'")
    assert await looked_at(sealed) == [f"第 2 条（记录 {entry}）被改动或调换"]


async def test_a_deleted_row_is_named(sealed):
    entry = await entry_of(sealed, 3)
    await stored.tamper(sealed.database_url, f"DELETE FROM audit_entry WHERE id = '{entry}'")
    assert await looked_at(sealed) == [f"第 3 条的记录 {entry} 被删除"]


async def test_a_row_deleted_with_its_seal_is_named(sealed):
    entry = await entry_of(sealed, 3)
    await stored.tamper(
        sealed.database_url,
        "DELETE FROM audit_seal WHERE sequence = 3",
        f"DELETE FROM audit_entry WHERE id = '{entry}'",
    )
    assert await looked_at(sealed) == ["第 3 条被删除"]


async def test_rows_that_changed_places_are_named(sealed):
    second, third = await entry_of(sealed, 2), await entry_of(sealed, 3)
    await stored.tamper(
        sealed.database_url,
        "UPDATE audit_seal SET sequence = 100 WHERE sequence = 2",
        "UPDATE audit_seal SET sequence = 2 WHERE sequence = 3",
        "UPDATE audit_seal SET sequence = 3 WHERE sequence = 100",
    )
    named = await looked_at(sealed)
    assert named[:2] == [f"第 2 条（记录 {third}）被改动或调换", f"第 3 条（记录 {second}）被改动或调换"]


async def test_rows_whose_contents_changed_places_are_named(sealed):
    second, third = await entry_of(sealed, 2), await entry_of(sealed, 3)
    await stored.tamper(
        sealed.database_url,
        f"UPDATE audit_entry SET subject_id = '3' WHERE id = '{second}'",
        f"UPDATE audit_entry SET subject_id = '2' WHERE id = '{third}'",
    )
    named = await looked_at(sealed)
    assert named == [f"第 2 条（记录 {second}）被改动或调换", f"第 3 条（记录 {third}）被改动或调换"]


@pytest.mark.parametrize("with_entries", [False, True])
async def test_a_record_that_was_cut_at_its_end_is_named(sealed, with_entries):
    cut = [await entry_of(sealed, sequence) for sequence in (5, 6)]
    entries = [f"DELETE FROM audit_entry WHERE id = '{entry}'" for entry in cut] if with_entries else []
    await stored.tamper(sealed.database_url, "DELETE FROM audit_seal WHERE sequence > 4", *entries)
    assert await looked_at(sealed) == ["末尾缺少第 5 到第 6 条"]
