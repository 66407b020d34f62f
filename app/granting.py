"""`fanpiao grant`: a CSV of members who are to get an offer, read and checked; operators submit and approve it."""

import argparse
import sys

from app.importing_files import TAKEN_ELSEWHERE, followed, reported, say
from app.schema import Settings
from app.whoever import whoever_runs_this
from gateways.clock import SystemClock
from gateways.vault import FieldVault
from handlers.errors import GrantNotForOffer, GrantRepeated, OfferUnknown
from handlers.errors.benefits import ChoicesInvalid
from handlers.grants.grant_imports import GrantImports, ListOrder
from handlers.import_files import FileRefused, examine
from handlers.importing import ImportOvertaken
from handlers.rules.file_rows import HeaderRefused
from handlers.rules.grant_rows import REASONS
from models import database


async def grant(settings: Settings, options: argparse.Namespace) -> int:
    """0 when every row would be given, 1 when some would not, 2 when it could not begin. Nothing is given by it.

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
        imports, order = GrantImports(clock, vault), _order(options)
        last = await followed(file, imports.run(file, order, whoever_runs_this()))
        say(f"预演完成  共 {last.row_count} 行，可以发放 {last.added_count}，不能发放 {last.refused_count}")
        say(f"批次 {last.import_id}：请一位操作员提交，另一位批准后开始发放。")
        if last.refused_count:
            await reported(imports.refusals(last.import_id), REASONS, options.report, file)
    except OfferUnknown:
        sys.stderr.write("没有这个已发布的活动，请核对 --offer 的活动编号。\n")
        return 2
    except (GrantNotForOffer, GrantRepeated) as refusal:
        again = "确实要再发一次请加 --again。" if isinstance(refusal, GrantRepeated) else ""
        sys.stderr.write(f"{'这份名单已经提交过。' if again else refusal.sentence}{again}\n")
        return 2
    except ChoicesInvalid:
        sys.stderr.write("这个组合权益要选择内容，请用 --choice 写明权益编号。\n")
        return 2
    except HeaderRefused as refusal:
        sys.stderr.write(f"表头不对：{refusal}。需要：手机号、卡号、会员或openid；可加份数。\n")
        return 2
    except ImportOvertaken:
        sys.stderr.write(f"{TAKEN_ELSEWHERE}\n")
        return 2
    finally:
        await database.disconnect()
    return 1 if last.refused_count else 0


def _order(options: argparse.Namespace) -> ListOrder:
    return ListOrder(
        offer=options.offer,
        reason=options.reason,
        choices=tuple(options.choice),
        is_beyond_limits=options.beyond_limits,
        is_told=options.tell,
        is_again=options.again,
    )
