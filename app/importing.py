"""`fanpiao import-cards`: a CSV of legacy cards, with progress, a report of refused rows, and no row twice."""

import argparse
import sys

from app.importing_files import TAKEN_ELSEWHERE, counts, followed, reported, say
from app.schema import Settings
from app.whoever import whoever_runs_this
from gateways.clock import SystemClock
from gateways.vault import FieldVault
from handlers.accounts.accounts import ensure_root
from handlers.audit import record
from handlers.cards.card_imports import CardImports
from handlers.cards.card_kinds import CardKinds, KindDraft, add_kind, ensure_programme
from handlers.errors import CardKindInvalid, CardKindTaken, CardKindUnknown
from handlers.import_files import FileRefused, examine
from handlers.importing import ImportOvertaken, Progress
from handlers.rules.card_rows import REASONS
from handlers.rules.file_rows import HeaderRefused
from models import database


async def import_cards(settings: Settings, options: argparse.Namespace) -> int:
    """0 when every row was taken or had been, 1 when some were refused, 2 when it could not begin.

    On PostgreSQL beside running servers. SQLite has one writer: there the server must be stopped.
    """
    clock, vault = SystemClock(), FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
    try:
        file = examine(options.file)
    except FileRefused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    # Without the limits on statements: a batch may wait for a slow disk, and nobody waits for its answer.
    await database.connect(settings.database_url, pool=2, limited=False)
    try:
        await database.require_current()
        await ensure_root(settings.brand.name or "总部")
        await ensure_programme(settings.brand.name or "会员计划", clock)
        kinds = CardKinds()
        if options.new:
            await _add_kind(options, kinds, clock)
        imports = CardImports(clock, vault, kinds)
        last = await followed(file, imports.run(file, kind=options.kind))
        await _record(last, options.kind, clock)
        say(f"完成  {counts(last)}")
        if last.refused_count:
            await reported(imports.refusals(last.import_id), REASONS, options.report, file)
    except (CardKindUnknown, CardKindTaken, CardKindInvalid) as refusal:
        sys.stderr.write(f"{_of_kind(refusal)}\n")
        return 2
    except HeaderRefused as refusal:
        sys.stderr.write(f"表头不对：{refusal}。需要：卡号，以及手机号、密码，或姓名和门店；可加积分。\n")
        return 2
    except ImportOvertaken:
        sys.stderr.write(f"{TAKEN_ELSEWHERE}\n")
        return 2
    finally:
        await database.disconnect()
    return 1 if last.refused_count else 0


async def _add_kind(options: argparse.Namespace, kinds: CardKinds, clock: SystemClock) -> None:
    """A kind of this code that is there already is used as it is: the same command may be run again."""
    try:
        await kinds.get(options.kind)
    except CardKindUnknown:
        draft = KindDraft(
            code=options.kind,
            name=options.new,
            digit_count=options.digits,
            prefix=options.prefix,
            merchant=options.merchant,
            is_issued=False,
        )
        async with database.atomic():
            added = await add_kind(draft, clock)
            by, now = whoever_runs_this(), clock.now()
            await record(by, "card_kind.added", "card_kind", added.id, at=now, code=draft.code, merchant=draft.merchant)
        kinds.forget()


async def _record(progress: Progress, kind: str, clock: SystemClock) -> None:
    """That a file was brought in, by whom, and how many rows became cards."""
    async with database.atomic():
        await record(
            whoever_runs_this(),
            "card_import.ran",
            "card_import",
            progress.import_id,
            at=clock.now(),
            kind=kind,
            added=progress.added_count,
            repeated=progress.repeated_count,
            refused=progress.refused_count,
        )


def _of_kind(refusal: CardKindUnknown | CardKindTaken | CardKindInvalid) -> str:
    if isinstance(refusal, CardKindUnknown):
        return "没有这个卡种。请核对编号，或用 --new 名称 --digits 位数 新建。"
    return "这个卡种不能导入：它由系统发放或已停用，或号段、商户不正确。"
