"""What is past its time goes away, and nothing else."""

from datetime import timedelta

import pytest

from handlers.privacy.retention import RETENTIONS, purge_expired
from models.cards import ProofAttempts, RecentTries
from models.linking import Departed, SeenDevice, Ticket
from models.operators import Operator, OperatorAddress, OperatorSession
from models.organizations import Organization
from models.words import Namespace, OperatorRole, TicketPurpose


async def _rows(rooms) -> None:
    now = rooms.clock.now()
    person = await rooms.person()
    await Ticket.create(token_hash="t" * 64, purpose=TicketPurpose.LINK, member_id=person.member_id, expires_at=now)
    await SeenDevice.create(member_id=person.member_id, device_hash="d" * 64, first_seen_at=now, last_seen_at=now)
    await ProofAttempts.create(subject="login:x", window="2026030210", tried_count=5, created_at=now)
    await ProofAttempts.filter(subject="login:x").update(created_at=now)
    await RecentTries.create(subject="member:x", tried_at=now, first_at=now)
    operator = await Operator.create(
        organization=await Organization.get(parent=None),
        login="ada",
        role=OperatorRole.ADMIN,
        password_hash="-",
        totp_cipher="k1.x",
    )
    await OperatorSession.create(operator=operator, token_hash="s" * 64, expires_at=now, last_used_at=now)
    await OperatorAddress.create(operator=operator, address_hash="a" * 64, last_used_at=now)
    await Departed.create(namespace=Namespace.PHONE, scope="86", value_hash="d" * 64, left_at=now)


@pytest.mark.parametrize("retention", RETENTIONS, ids=lambda retention: retention.table)
async def test_a_row_stays_until_its_time_is_over_and_not_a_moment_longer(rooms, retention):
    await _rows(rooms)
    rooms.clock.advance(retention.kept)
    assert (await purge_expired(rooms.clock.now()))[retention.table] == 0
    rooms.clock.advance(timedelta(microseconds=1))
    assert (await purge_expired(rooms.clock.now()))[retention.table] == 1


async def test_batches_go_on_until_nothing_is_left(rooms):
    now = rooms.clock.now()
    await Departed.bulk_create(
        [
            Departed(namespace=Namespace.PHONE, scope="86", value_hash=f"{number:064d}", left_at=now)
            for number in range(7)
        ]
    )
    rooms.clock.advance(timedelta(days=800))
    assert (await purge_expired(rooms.clock.now(), batch=3))["departed"] == 7
    assert await Departed.all().count() == 0


def test_the_worker_does_it_every_hour():
    from app.jobs import JobRegistry, add_housekeeping

    registry: JobRegistry[object] = JobRegistry()
    add_housekeeping(registry)
    assert "purge_expired" in {task.name for task in registry.recurring}
