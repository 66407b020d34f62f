"""From the command line to a running command: settings, logs, event loop, and why it could not start."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping

import uvloop

from app import commands, rotating
from app.demo import run_demo
from app.granting import grant
from app.importing import import_cards
from app.importing_codes import import_codes
from app.listening import CannotListen
from app.logs import configure_logging
from app.schema import Settings
from app.settings import SettingsRefused, load_settings
from app.simulating_draws import simulate_draw
from handlers.errors import Overloaded
from handlers.ports import VaultError
from models.failures import (
    CommitUnknown,
    DatabaseInUse,
    DatabaseUnavailable,
    LockTimeout,
    SchemaOutdated,
    StatementTimeout,
)

Command = Callable[[Settings, argparse.Namespace], Awaitable[int]]

COMMANDS: Mapping[str, Command] = {
    "serve": commands.serve,
    "worker": commands.worker,
    "migrate": commands.migrate,
    "simulate": commands.simulate,
    "doctor": commands.doctor,
    "menu": commands.menu,
    "jobs": commands.jobs,
    "import-cards": import_cards,
    "import-codes": import_codes,
    "grant": grant,
    "rotate-keys": rotating.rotate,
    "simulate-draw": simulate_draw,
}
TERMINATED = 143  # what shells call a program that SIGTERM ended

_TROUBLES = (
    CannotListen,
    CommitUnknown,
    DatabaseInUse,
    DatabaseUnavailable,
    LockTimeout,
    Overloaded,
    SchemaOutdated,
    StatementTimeout,
    VaultError,
)


def start(options: argparse.Namespace) -> int:
    """Run the command that was asked for; its exit code. What keeps it from starting is told in one message."""
    if options.command == "demo":
        return run_demo()
    try:
        settings = load_settings()
    except SettingsRefused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    configure_logging()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(COMMANDS[options.command], settings, options))
    except asyncio.CancelledError:
        return TERMINATED
    except _TROUBLES as trouble:
        sys.stderr.write(f"{reason(trouble)}\n")
        return 2


async def _run(command: Command, settings: Settings, options: argparse.Namespace) -> int:
    # Until the command itself waits for signals, SIGTERM does what Ctrl-C does: undo what was opened, and end.
    if (running := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    return await command(settings, options)


def reason(trouble: Exception) -> str:
    """Why it could not start, and what to do; never a secret."""
    match trouble:
        case DatabaseInUse(pid=pid):
            who = f"（进程号 {pid}）" if pid else ""
            return f"数据库正被另一个进程使用{who}。SQLite 同时只能有一个进程写，请先停掉它，或改用 PostgreSQL。"
        case SchemaOutdated(pending=pending):
            return f"数据库结构不是最新（还差 {'、'.join(pending)}）。请先运行 fanpiao migrate。"
        case VaultError():
            return "数据库里的资料不是用现在的密钥加密的。请检查 FANPIAO_FIELD_KEYS，或从备份恢复当时的密钥。"
        case CannotListen():
            return str(trouble)
        case LockTimeout() | Overloaded() | StatementTimeout():
            return "数据库正忙，没有等到。请稍后重新运行。"
        case CommitUnknown():
            return "数据库连接中断，不知道这一步是否完成。请稍后重新运行。"
    return "连不上数据库。请检查 FANPIAO_DATABASE_URL，以及数据库是否在运行。"
