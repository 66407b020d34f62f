"""What each command does. Long work shows progress; every one stops within five seconds of a signal."""

import argparse
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

from app.container import House, open_house
from app.database_time import worker_of
from app.doctor import examine
from app.listening import LATEST_END, hear_signals, until_signalled
from app.memory import settle_memory
from app.schema import Settings
from app.server import GRACE, hearing, serving
from app.simulation import run_simulator
from app.whoever import whoever_runs_this
from app.worker import work_until_signalled
from gateways.clock import SystemClock
from handlers.errors import DomainError
from handlers.operators.operator_jobs import discard_by, requeue_by
from handlers.outbox import dead_jobs
from handlers.ports import WeChatError
from models import database
from models.failures import DatabaseInUse
from models.words import AccountKind


def say(line: str) -> None:
    """One line for the operator at the terminal."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def serve(settings: Settings, _: argparse.Namespace) -> int:
    """Serve until a signal; refuses to start on an outdated schema."""
    async with open_house(settings) as house, serving(house) as address:
        heard = hear_signals()
        say(f"服务已启动：{address}")
        await until_signalled(heard, latest_end=LATEST_END)
    return 0


async def worker(settings: Settings, _: argparse.Namespace) -> int:
    """Work until a signal. On SQLite the server has the worker inside, and this refuses."""
    if settings.is_worker_embedded:
        hint = "" if settings.dialect == "sqlite" else "如需分开，请设 FANPIAO_WORKER__EMBEDDED=false。"
        sys.stderr.write(f"后台任务已在服务进程里处理，不用单独启动。{hint}\n")
        return 2
    async with open_house(settings) as house:
        alone = await worker_of(house, grace=GRACE)
        async with hearing(house, alone):
            settle_memory()
            heard = hear_signals()
            say("后台任务进程已启动")
            await work_until_signalled(alone, heard, latest_end=LATEST_END)
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
    """Show how the wanted menu differs from the published one, which only reads; publish it when asked to.

    Publishing is recorded: on SQLite the server must be stopped, or does it itself at the operators' door.
    """
    opened = open_house(settings) if options.publish else _beside_the_server(settings)
    async with opened as house:
        handlers = house.handlers
        try:
            linked = "mp" if settings.wechat.mp_app_id else None
            if (await handlers.accounts.get(options.account)).kind is not AccountKind.OFFICIAL_ACCOUNT:
                sys.stderr.write("只有公众号有菜单。\n")
                return 2
            difference = await handlers.menus.difference(options.account, mini_program=linked)
            say("\n".join(difference) if difference else "菜单没有变化")
            if difference and options.publish:
                await handlers.menus.publish(whoever_runs_this(), options.account, mini_program=linked)
                say("菜单已发布，用户端 5 分钟到 24 小时内更新")
        except DomainError as refusal:
            sys.stderr.write(f"{refusal.message}\n")
            return 2
        except WeChatError as trouble:
            sys.stderr.write(f"{_of_wechat(trouble)}\n")
            return 1
    return 0


def _of_wechat(trouble: WeChatError) -> str:
    if not trouble.errcode:
        return "连不上微信接口。请检查网络和 FANPIAO_WECHAT__API_URL，稍后再试。"
    return f"微信没有接受（errcode {trouble.errcode}）。请检查 AppID、AppSecret 和 IP 白名单。"


@asynccontextmanager
async def _beside_the_server(settings: Settings) -> AsyncIterator[House]:
    """A house for a command that only reads our database: it must not matter whether a server has the SQLite file."""
    async with AsyncExitStack() as stack:
        try:
            house = await stack.enter_async_context(open_house(settings))
        except DatabaseInUse:
            house = await stack.enter_async_context(open_house(settings, read_only=True))
        yield house


async def jobs(settings: Settings, options: argparse.Namespace) -> int:
    """Dead letters: list them, which only reads; or close one, which on SQLite needs the server to be stopped."""
    wanted = options.requeue or options.discard
    clock = SystemClock()
    async with _database(settings, read_only=not wanted):
        try:
            if options.requeue:
                await requeue_by(whoever_runs_this(), UUID(options.requeue), at=clock.now())
                say("已重新排队")
            elif options.discard:
                reason = options.reason or "by operator"
                await discard_by(whoever_runs_this(), UUID(options.discard), at=clock.now(), reason=reason)
                say("已放弃")
        except (DomainError, ValueError):
            sys.stderr.write("没有这个失败的任务，请核对编号。\n")
            return 2
        await _list_dead_jobs()
    return 0


async def _list_dead_jobs() -> None:
    count, last = 0, None
    while found := await dead_jobs(after=last):
        for job in found:
            say(f"{job.id}  {job.kind}  试过 {job.attempt_count} 次  {job.died_at:%Y-%m-%d %H:%M:%S}  {job.last_error}")
        count, last = count + len(found), found[-1].id
    say(f"共 {count} 个失败的任务" if count else "没有失败的任务")


@asynccontextmanager
async def _database(settings: Settings, *, read_only: bool) -> AsyncIterator[None]:
    """The database alone, without accounts, Redis and WeChat."""
    await database.connect(settings.database_url, pool=2, read_only=read_only)
    try:
        await database.require_current()
        yield
    finally:
        await database.disconnect()
