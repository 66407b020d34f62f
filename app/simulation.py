"""The pretend platform as a process of its own, so that neither side imports the other."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from pydantic import SecretStr

from app.listening import until_signalled
from app.schema import Settings

READY_SECONDS = 20.0


class SimulatorSilent(Exception):
    """The simulator ended, or did not say in time that it listens. It has told why on standard error."""


@asynccontextmanager
async def simulating(settings: Settings) -> AsyncIterator[str]:
    """The pretend platform, with the accounts of the settings, until the block ends; gives its address once it answers.

    Raises SimulatorSilent.
    """
    process = await _start(settings, stdout=asyncio.subprocess.PIPE)
    try:
        await _until_ready(process)
        yield f"http://127.0.0.1:{settings.simulator.port}"
    finally:
        await _stop(process)


async def _start(settings: Settings, *arguments: str, stdout: int | None = None) -> asyncio.subprocess.Process:
    # A group of its own: Ctrl-C reaches us alone, and we stop it when nothing needs it any more. Should we be killed
    # first, the pipe to it breaks, and it stops by itself.
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "--until-input-ends", *arguments),
        env=os.environ | _environment(settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=stdout,
        start_new_session=True,
    )


def _environment(settings: Settings) -> Mapping[str, str]:
    """What the simulator reads, wherever the settings came from. Secrets stay off the command line."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    facts = {
        "PUBLIC_URL": f"http://{host}:{settings.port}",
        "SIMULATOR__PORT": str(settings.simulator.port),
        "BRAND__NAME": settings.brand.name,
    }
    for name, value in settings.wechat:
        if name != "api_url" and value:
            facts[f"WECHAT__{name.upper()}"] = value.get_secret_value() if isinstance(value, SecretStr) else value
    if settings.pay.is_set and settings.simulator.pay_key_file:
        facts["SIMULATOR__PAY_KEY_FILE"] = settings.simulator.pay_key_file
        for name, value in settings.pay:
            facts[f"PAY__{name.upper()}"] = value.get_secret_value() if isinstance(value, SecretStr) else value
    if settings.carrier.secret is not None:
        facts["CARRIER__SECRET"] = settings.carrier.secret.get_secret_value()
    return {f"FANPIAO_{name}": value for name, value in facts.items() if value}


async def _until_ready(process: asyncio.subprocess.Process) -> None:
    """It says one line once it listens. Raises SimulatorSilent when it ends instead, or says nothing."""
    assert process.stdout is not None  # noqa: S101 - asked for when it was started
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_SECONDS):
            if await process.stdout.readline():
                return
    raise SimulatorSilent("模拟平台没有起来，原因见上。")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(3.0):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def run_simulator(settings: Settings, arguments: Sequence[str]) -> int:
    """The pretend platform alone, with the accounts of the settings, until a signal."""
    process = await _start(settings, *arguments)
    try:
        waiting = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(until_signalled())
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
    finally:
        await _stop(process)
    return process.returncode or 0
