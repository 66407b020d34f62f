"""`doctor` names the row of the operators' record that somebody touched."""

from datetime import UTC, datetime

import pytest

from app.doctor import examine
from gateways.clock import SystemClock
from gateways.vault import FieldVault
from handlers.actors import Operator
from handlers.audit import record
from handlers.operators.audit_chain import AuditChain
from models import database
from models.ids import new_id
from models.words import OperatorRole
from tests.stories.conftest import town_settings


@pytest.fixture
async def settings(database_url: str):
    settings = town_settings(database_url, "memory://", port=8080, platform_port=8090)
    vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
    await database.connect(database_url)
    actor = Operator(new_id(), new_id(), OperatorRole.ADMIN, "root", new_id())
    for number in range(3):
        async with database.atomic():
            await record(actor, "member.merged", "member", number, at=datetime.now(UTC))
    await AuditChain(SystemClock(), vault).seal()
    await database.disconnect()
    return settings


async def finding(settings):
    (found,) = [each for each in await examine(settings) if each.what == "操作记录"]
    return found


async def touch(settings, *statements: str) -> None:
    await database.connect(settings.database_url)
    try:
        if database.dialect() == "postgres":
            await database.script(
                "ALTER TABLE audit_entry DISABLE TRIGGER ALL; ALTER TABLE audit_seal DISABLE TRIGGER ALL"
            )
        else:
            await database.script('DROP TRIGGER "audit_entry_no_update"; DROP TRIGGER "audit_seal_no_delete"')
        for statement in statements:
            await database.rows(statement)
    finally:
        await database.disconnect()


async def test_an_untouched_record_is_fine(settings):
    found = await finding(settings)
    assert found.is_fine
    assert found.detail == ""


async def test_an_edited_row_is_named(settings):
    await touch(settings, "UPDATE audit_entry SET action = 'nothing' WHERE subject_id = '1'")
    found = await finding(settings)
    assert not found.is_fine
    assert found.detail.startswith("第 2 条（记录 ")


async def test_a_cut_end_is_named(settings):
    await touch(settings, "DELETE FROM audit_seal WHERE sequence = 3")
    found = await finding(settings)
    assert not found.is_fine
    assert found.detail == "末尾缺少第 3 条"
