"""Operators and pools of codes: who may, where, what is recorded; and pools that run low."""

import asyncio
from datetime import timedelta

import pytest

from handlers.benefits import code_pools
from handlers.benefits.code_imports import CodeImports
from handlers.benefits.operator_code_pools import PoolDraft
from handlers.errors import (
    BenefitUnknown,
    CodeImportUnknown,
    CodePoolNotForKind,
    CodePoolTaken,
    CodePoolUnknown,
    KeyReused,
    RoleMissing,
)
from handlers.import_files import examine
from handlers.outbox import JobContext
from models.benefits import Benefit, CodePool
from models.claims import PoolCode
from models.database import atomic
from models.operators import AuditEntry
from models.organizations import Organization
from models.outbox import Job
from models.words import BenefitKind, OperatorRole
from tests.handlers.pooled import a_pool, an_offer, fill, write_claim
from tests.operating import another, city, first_operator, sign_in

DRAFT = PoolDraft("cinema-2", "电影票码二", "cinema-coupon")


@pytest.fixture
async def root(rooms):
    operator, _ = await sign_in(rooms.handlers, rooms.clock, await first_operator(rooms.handlers))
    return operator


async def of(rooms, root, role: OperatorRole, place: Organization | None = None):
    worker = await another(
        rooms.handlers,
        root,
        f"{role}-{place.code if place else 'root'}",
        role=role,
        organization_id=place.id if place else None,
    )
    operator, _ = await sign_in(rooms.handlers, rooms.clock, worker)
    return operator


async def import_file(rooms, path, *lines: str) -> None:
    path.write_text("\n".join(["券码", *lines]), "utf-8")
    async for _ in CodeImports(rooms.clock, rooms.vault).run(examine(path), pool="cinema"):
        pass


async def test_a_pool_is_made_once_and_recorded_with_it(rooms, root):
    await a_pool()
    pools = rooms.handlers.operator_code_pools
    first = await pools.add(root, DRAFT, request_id="k1")
    again = await pools.add(root, DRAFT, request_id="k1")
    assert (again.value, again.replayed) == (first.value, True)
    with pytest.raises(CodePoolTaken):
        await pools.add(root, DRAFT, request_id="k2")
    with pytest.raises(KeyReused):
        await pools.add(root, PoolDraft("third", "三", "cinema-coupon"), request_id="k1")
    entries = await AuditEntry.filter(action="code_pool.added")
    assert [(each.subject_id, each.facts["code"]) for each in entries] == [(str(first.value.id), "cinema-2")]


async def test_only_a_code_coupon_has_a_pool(rooms, root):
    place = await Organization.get(parent=None)
    await Benefit.create(organization=place, code="wash", name="洗车", kind=BenefitKind.VOUCHER)
    pools = rooms.handlers.operator_code_pools
    with pytest.raises(CodePoolNotForKind):
        await pools.add(root, PoolDraft("wash", "洗车", "wash"), request_id="k1")
    with pytest.raises(BenefitUnknown):
        await pools.add(root, PoolDraft("none", "无", "no-such-benefit"), request_id="k2")
    assert await CodePool.all().count() == 0


async def test_the_same_pool_fifty_times_at_once_is_made_once(rooms, root):
    await a_pool()
    pools = rooms.handlers.operator_code_pools
    asked = [pools.add(root, DRAFT, request_id=f"k{number}") for number in range(25)]
    asked += [pools.add(root, DRAFT, request_id="same") for _ in range(25)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert len([each for each in answers if not isinstance(each, BaseException) and not each.replayed]) == 1
    assert await CodePool.filter(code="cinema-2").count() == 1
    assert await AuditEntry.filter(action="code_pool.added").count() == 1


async def test_a_city_sees_and_makes_pools_of_its_own_alone(rooms, root, tmp_path):
    nanjing, suzhou = await city("nanjing"), await city("suzhou")
    await a_pool(organization=nanjing)
    await import_file(rooms, tmp_path / "codes.csv", "A-1", "=2")
    pools = rooms.handlers.operator_code_pools
    theirs, others = [await of(rooms, root, OperatorRole.OPERATOR, place) for place in (nanjing, suzhou)]
    (seen,) = await pools.listing(theirs, after=None, limit=10)
    assert (seen.code, seen.added_count, seen.free_count, seen.assigned_count) == ("cinema", 1, 1, 0)
    assert await pools.view(theirs, "cinema") == seen
    (file,) = await pools.imports(theirs, pool="cinema", before=None, limit=10)
    assert (file.added_count, file.refused_count, file.file_name) == (1, 1, "codes.csv")
    (refused,) = await pools.refusals(theirs, file.id, after_row=0, limit=10)
    assert (refused.row_number, refused.code) == (3, "row.formula")
    assert refused.reason
    assert await pools.listing(others, after=None, limit=10) == ()
    assert await pools.imports(others, before=None, limit=10) == ()
    with pytest.raises(CodePoolUnknown):
        await pools.view(others, "cinema")
    with pytest.raises(CodeImportUnknown):
        await pools.refusals(others, file.id, after_row=0, limit=10)
    with pytest.raises(BenefitUnknown):
        await pools.add(others, DRAFT, request_id="k1")
    assert (await pools.add(theirs, DRAFT, request_id="k1")).value.organization_id == nanjing.id
    (entry,) = await AuditEntry.filter(action="code_pool.added")
    assert entry.organization_id == nanjing.id


@pytest.mark.parametrize("role", [OperatorRole.SUPPORT, OperatorRole.FINANCE])
async def test_support_and_finance_have_nothing_to_do_with_codes(rooms, root, role):
    await a_pool()
    operator, pools = await of(rooms, root, role), rooms.handlers.operator_code_pools
    for asked in (
        pools.listing(operator, after=None, limit=1),
        pools.view(operator, "cinema"),
        pools.add(operator, DRAFT, request_id="k1"),
        pools.imports(operator, before=None, limit=1),
    ):
        with pytest.raises(RoleMissing):
            await asked


async def give(rooms, pool: CodePool, count: int) -> None:
    member, offer = await rooms.member(), await an_offer(pool)
    async with atomic():
        claims = [await write_claim(rooms, offer, member.member_id) for _ in range(count)]
        assert len(await code_pools.assign(pool.code, claims, now=rooms.clock.now())) == count


async def told(rooms) -> list[tuple[str, int]]:
    """Let the watch look twice, do what it asks for, and say what the record holds of it."""
    for _ in range(2):
        await rooms.handlers.code_stock.watch()
    for job in await Job.filter(kind="note_low_code_pool", state="ready").order_by("id"):
        await Job.filter(id=job.id).update(state="running", lease_owner="w", lease_until=rooms.clock.now(), fence=1)
        context = JobContext(
            id=job.id,
            kind=job.kind,
            key=job.key,
            payload=job.payload,
            attempt=1,
            fence=1,
            owner="w",
            now=rooms.clock.now,
        )
        await rooms.handlers.code_stock.note(context)
    entries = await AuditEntry.filter(subject_kind="code_pool", actor_kind="job").order_by("id")
    return [(each.action, each.facts["level"]) for each in entries]


async def test_a_pool_that_runs_low_is_told_of_once_per_level_and_filling(rooms):
    pool = await a_pool()
    assert await told(rooms) == []  # nothing came in yet: nothing to miss
    await fill(rooms, pool, [f"A{number}" for number in range(20)])
    assert await told(rooms) == []
    await give(rooms, pool, 16)
    expected = [("code_pool.low", 20)]
    assert await told(rooms) == expected
    await give(rooms, pool, 3)
    assert await told(rooms) == (expected := [*expected, ("code_pool.low", 5)])
    await give(rooms, pool, 1)
    assert await told(rooms) == (expected := [*expected, ("code_pool.empty", 0)])
    await fill(rooms, pool, [f"B{number}" for number in range(30)])
    assert await told(rooms) == expected
    await give(rooms, pool, 25)
    assert await told(rooms) == [*expected, ("code_pool.low", 20)]


async def test_a_pool_whose_codes_have_ended_is_not_told_of(rooms):
    pool = await a_pool(expires_at=rooms.clock.now() + timedelta(days=1))
    await fill(rooms, pool, ["A-1"])
    await give(rooms, pool, 1)
    rooms.clock.advance(timedelta(days=1))
    assert await told(rooms) == []
    assert await PoolCode.filter(claim_id=None).count() == 0
