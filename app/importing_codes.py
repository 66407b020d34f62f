"""`fanpiao import-codes`: a CSV of a third party's codes, with progress, a report of refused rows, and no row twice."""

import argparse
import sys
from datetime import datetime, timedelta
from uuid import UUID

from app.importing_files import TAKEN_ELSEWHERE, counts, followed, reported, say
from app.schema import Settings
from app.whoever import whoever_runs_this
from gateways.clock import SystemClock
from gateways.vault import FieldVault
from handlers.audit import record
from handlers.benefits.code_imports import CodeImports
from handlers.benefits.operator_code_pools import PoolDraft, add_pool, pool_of
from handlers.errors import BenefitUnknown, CodePoolNotForKind, CodePoolTaken, CodePoolUnknown, DomainError
from handlers.import_files import FileRefused, examine
from handlers.importing import ImportOvertaken, Progress
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.code_rows import REASONS
from handlers.rules.file_rows import HeaderRefused
from models import database

_REFUSED: dict[type[DomainError], str] = {
    CodePoolUnknown: "没有这个码池。请核对编号，或用 --new 名称 --benefit 权益编号 新建。",
    CodePoolTaken: "这个码池编号已经有了，请换一个。",
    BenefitUnknown: "没有这项权益，请核对 --benefit 的权益编号。",
    CodePoolNotForKind: "只有码券权益才能建码池，请核对 --benefit 的权益编号。",
}


async def import_codes(settings: Settings, options: argparse.Namespace) -> int:
    """0 when every row was taken or had been, 1 when some were refused, 2 when it could not begin.

    On PostgreSQL beside running servers. SQLite has one writer: there the server must be stopped.
    """
    clock, vault = SystemClock(), FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
    try:
        file, ends = examine(options.file), _end_of(options.expires)
    except FileRefused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    except ValueError:
        sys.stderr.write("--expires 要写成 2027-01-31 这样的日期。\n")
        return 2
    # Without the limits on statements: a batch may wait for a slow disk, and nobody waits for its answer.
    await database.connect(settings.database_url, pool=2, limited=False)
    try:
        await database.require_current()
        place = await _pool(options, clock, ends)
        imports = CodeImports(clock, vault)
        last = await followed(file, imports.run(file, pool=options.pool))
        await _record(last, options.pool, place, clock)
        say(f"完成  {counts(last)}")
        if last.refused_count:
            await reported(imports.refusals(last.import_id), REASONS, options.report, file)
    except (CodePoolUnknown, CodePoolTaken, BenefitUnknown, CodePoolNotForKind) as refusal:
        sys.stderr.write(f"{_REFUSED[type(refusal)]}\n")
        return 2
    except HeaderRefused as refusal:
        sys.stderr.write(f"表头不对：{refusal}。需要：券码；可加密码。\n")
        return 2
    except ImportOvertaken:
        sys.stderr.write(f"{TAKEN_ELSEWHERE}\n")
        return 2
    finally:
        await database.disconnect()
    return 1 if last.refused_count else 0


def _end_of(day: str | None) -> datetime | None:
    """The first instant after this day, in the programme's zone. Raises ValueError."""
    if day is None:
        return None
    return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=BUSINESS_ZONE) + timedelta(days=1)


async def _pool(options: argparse.Namespace, clock: SystemClock, ends: datetime | None) -> UUID:
    """Where the pool is. One of this code that is there already is used as it is: the command may be run again."""
    known = await pool_of(options.pool)
    if known is None and not options.new:
        raise CodePoolUnknown
    if known is None:
        draft = PoolDraft(options.pool, options.new, options.benefit, ends)
        async with database.atomic():
            return (await add_pool(whoever_runs_this(), draft, scope=None, now=clock.now())).organization_id
    benefit = await known.benefit
    place: UUID = benefit.organization_id  # type: ignore[attr-defined]
    return place


async def _record(progress: Progress, pool: str, place: UUID, clock: SystemClock) -> None:
    """That a file was brought in, by whom, and how many rows became codes."""
    async with database.atomic():
        await record(
            whoever_runs_this(),
            "code_import.ran",
            "code_import",
            progress.import_id,
            at=clock.now(),
            organization_id=place,
            pool=pool,
            added=progress.added_count,
            repeated=progress.repeated_count,
            refused=progress.refused_count,
        )
