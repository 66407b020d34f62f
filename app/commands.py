"""What each command does. Long work shows progress; every one stops within five seconds of a signal."""

import argparse
import sys
from uuid import UUID

from app.container import open_house
from app.doctor import examine
from app.schema import Settings
from app.server import serving, until_signalled
from app.simulation import run_simulator
from app.worker import Worker, work_until_signalled
from handlers.errors import DomainError
from handlers.outbox import dead_jobs, discard, requeue
from handlers.ports import WeChatError
from models import database
from models.words import AccountKind


def say(line: str) -> None:
    """One line for the operator at the terminal."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def serve(settings: Settings, _: argparse.Namespace) -> int:
    """Serve until a signal; refuses to start on an outdated schema."""
    if not await _is_current(settings):
        return 2
    async with open_house(settings) as house, serving(house) as address:
        say(f"服务已启动：{address}")
        await until_signalled()
    return 0


async def worker(settings: Settings, _: argparse.Namespace) -> int:
    """Work until a signal. On SQLite the server has the worker inside, and this refuses."""
    if settings.is_worker_embedded:
        say("后台任务已在服务进程里处理，不用单独启动。如需分开，请设 FANPIAO_WORKER__EMBEDDED=false。")
        return 2
    if not await _is_current(settings):
        return 2
    async with open_house(settings) as house:
        say("后台任务进程已启动")
        await work_until_signalled(Worker(house.registry, house.handlers, house.clock))
    return 0


async def migrate(settings: Settings, _: argparse.Namespace) -> int:
    """Apply what is pending."""
    await database.connect(settings.database_url, pool=2)
    try:
        applied = await database.migrate()
    finally:
        await database.disconnect()
    say("数据库结构已是最新" if not applied else f"已更新：{'、'.join(applied)}")
    return 0


async def simulate(settings: Settings, options: argparse.Namespace) -> int:
    """Run the pretend platform until a signal."""
    return await run_simulator(settings, options.arguments)


async def doctor(settings: Settings, _: argparse.Namespace) -> int:
    """Check everything, read-only; 1 when something is wrong."""
    findings = await examine(settings)
    for finding in findings:
        say(f"{'正常' if finding.is_fine else '有误'}  {finding.what}{'：' + finding.detail if finding.detail else ''}")
    return 0 if all(finding.is_fine for finding in findings) else 1


async def menu(settings: Settings, options: argparse.Namespace) -> int:
    """Show how the wanted menu differs from the published one; publish it when asked to."""
    async with open_house(settings) as house:
        handlers = house.handlers
        try:
            linked = "mp" if settings.wechat.mp_app_id else None
            if (await handlers.accounts.get(options.account)).kind is not AccountKind.OFFICIAL_ACCOUNT:
                say("只有公众号有菜单。")
                return 2
            difference = await handlers.menus.difference(options.account, mini_program=linked)
            say("\n".join(difference) if difference else "菜单没有变化")
            if difference and options.publish:
                await handlers.menus.publish(options.account, mini_program=linked)
                say("菜单已发布，用户端 5 分钟到 24 小时内更新")
        except DomainError as refusal:
            say(refusal.message)
            return 2
        except WeChatError as trouble:
            say(f"微信没有接受（errcode {trouble.errcode}）。请检查 AppID、AppSecret 和 IP 白名单。")
            return 1
    return 0


async def jobs(settings: Settings, options: argparse.Namespace) -> int:
    """Dead letters: list them, or close one."""
    async with open_house(settings) as house:
        now = house.clock.now()
        try:
            if options.requeue:
                await requeue(UUID(options.requeue), now)
            elif options.discard:
                await discard(UUID(options.discard), now, reason=options.reason or "by operator")
        except (DomainError, ValueError):
            say("没有这个失败的任务，请核对编号。")
            return 2
        found = await dead_jobs()
        for job in found:
            say(f"{job.id}  {job.kind}  试过 {job.attempt_count} 次  {job.died_at:%Y-%m-%d %H:%M:%S}  {job.last_error}")
        say("没有失败的任务" if not found else f"共 {len(found)} 个失败的任务")
    return 0


async def _is_current(settings: Settings) -> bool:
    await database.connect(settings.database_url, pool=2)
    try:
        pending = await database.pending_migrations()
    finally:
        await database.disconnect()
    if pending:
        sys.stderr.write(f"数据库结构不是最新（还差 {'、'.join(pending)}）。请先运行 fanpiao migrate。\n")
    return not pending
