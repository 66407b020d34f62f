"""`fanpiao ...`, the same as `python -m app ...`: serve, worker, migrate, demo, simulate, doctor, menu, jobs."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

import uvloop

from app import commands
from app.logs import configure_logging
from app.schema import Settings
from app.settings import SettingsRefused, load_settings
from models.failures import DatabaseInUse, DatabaseUnavailable

Command = Callable[[Settings, argparse.Namespace], Awaitable[int]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 when all is well, 1 when it is not, 2 when it could not start."""
    parser = _parser()
    options, further = parser.parse_known_args(argv)
    options.arguments = further
    if further and options.command != "simulate":
        parser.error(f"不认识的参数：{' '.join(further)}")
    if options.command == "demo":
        from app.demo import run_demo  # it makes its own settings

        return run_demo()
    try:
        settings = load_settings()
    except SettingsRefused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    configure_logging()
    command: Command = options.run
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(command, settings, options))
    except DatabaseInUse as trouble:
        sys.stderr.write(f"数据库正被另一个进程使用（进程号 {trouble.pid}）。请先停掉它，或改用 PostgreSQL。\n")
    except DatabaseUnavailable:
        sys.stderr.write("连不上数据库。请检查 FANPIAO_DATABASE_URL，以及数据库是否在运行。\n")
    return 2


async def _run(command: Command, settings: Settings, options: argparse.Namespace) -> int:
    return await command(settings, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fanpiao", description="会员与权益服务：公众号对话和小程序接口。")
    known = parser.add_subparsers(dest="command", required=True, metavar="command")

    def add(name: str, summary: str, run: Command | None) -> argparse.ArgumentParser:
        added = known.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=run)
        return added

    add("serve", "启动服务（SQLite 下同时处理后台任务）", commands.serve)
    add("worker", "单独启动后台任务进程", commands.worker)
    add("migrate", "把数据库结构更新到最新", commands.migrate)
    add("demo", "启动演示：模拟平台和服务", None)
    add("simulate", "启动微信模拟平台；其余参数传给它，见 python -m simulator --help", commands.simulate)
    add("doctor", "只读检查：设置、连接、结构、数据规则、失败任务", commands.doctor)
    menu = add("menu", "对比公众号菜单，加 --publish 才发布", commands.menu)
    menu.add_argument("account", nargs="?", default="oa", help="公众号的名字，默认 oa")
    menu.add_argument("--publish", action="store_true", help="显示差异后发布")
    jobs = add("jobs", "列出失败的后台任务；重新执行或放弃其中一个", commands.jobs)
    jobs.add_argument("--requeue", metavar="ID", help="重新执行")
    jobs.add_argument("--discard", metavar="ID", help="放弃")
    jobs.add_argument("--reason", default="", help="放弃的原因")
    return parser


if __name__ == "__main__":
    sys.exit(main())
