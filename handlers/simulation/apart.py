"""Simulations and their pictures in a process of their own: seconds of arithmetic, which must stop nobody's answer.

One at a time for each server: who comes second is told to come again, so that operators cannot take the machine from
those who spin. A process, not a thread: most of the work holds the interpreter's lock, and a process can be ended.
"""

import asyncio
import contextlib
import logging
import sys
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import orjson

from handlers.codec import from_json, to_json
from handlers.errors import Overloaded
from handlers.rules.draw_rules import DrawRules, plain
from handlers.simulation.plans import Plan
from handlers.simulation.reports import Report

log = logging.getLogger(__name__)
LATEST = 60.0  # seconds
COME_AGAIN = 10  # seconds
_ROOT = Path(__file__).parent.parent.parent


class Apart:
    """Whoever has one simulates for a server."""

    def __init__(self, *, latest: float = LATEST) -> None:
        self._latest = latest
        self._is_busy = False

    async def report(self, rules: DrawRules, plan: Plan, zone: ZoneInfo) -> Report:
        """Raises Overloaded: another one runs, or this one took too long and was ended."""
        asked = {"task": "report", "rules": plain(rules), "plan": to_json(plan), "zone": zone.key}
        return from_json(Report, orjson.loads(await self._do(asked)))

    async def picture(self, found: Report, kind: Literal["png", "svg"]) -> bytes:
        """Raises Overloaded, as `report` does."""
        return await self._do({"task": "picture", "kind": kind, "report": to_json(found)})

    async def _do(self, asked: dict[str, Any]) -> bytes:
        if self._is_busy:
            raise Overloaded(retry_after=COME_AGAIN)
        self._is_busy = True
        try:
            return await self._in_a_process(orjson.dumps(asked))
        finally:
            self._is_busy = False

    async def _in_a_process(self, asked: bytes) -> bytes:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "handlers.simulation"), stdin=pipe, stdout=pipe, stderr=pipe, cwd=_ROOT
        )
        try:
            async with asyncio.timeout(self._latest):
                told, complaints = await process.communicate(asked)
        except TimeoutError:
            raise Overloaded(retry_after=COME_AGAIN) from None
        finally:
            if process.returncode is None:  # it took too long, or nobody waits for it any more
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.communicate()  # what it wrote is read away, or its end would not be noticed
        if process.returncode:
            log.error("simulation_failed", extra={"complaints": complaints.decode(errors="replace")[-2_000:]})
            raise Overloaded(retry_after=COME_AGAIN)
        return told
