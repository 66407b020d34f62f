"""Planted in a server of its own: it kills itself, once, at a point of a claim or a redemption that the test names.

The test writes `claim before_commit` (or the like) into the file `armed` of the folder the server runs in; whoever
comes to that point takes the file away and dies, as by kill -9. A retry finds no file, and nothing happens to it.
"""

import asyncio
import contextvars
import os
import signal
from pathlib import Path
from typing import Any, NoReturn

from handlers import group_commit
from handlers.claims import claiming, claims
from handlers.redemptions import redeeming, tills
from models.asyncpg_client import PostgresTransaction
from models.sqlite_client import SqliteTransaction

POINTS = ("before_statements", "mid_batch", "before_commit", "after_commit")
PLANT = "from tests.processes import failing; failing.plant()"
PLANT_HASTY = f"{PLANT}; failing.answer_before_the_commit()"
ARMED = Path("armed")

_doing: contextvars.ContextVar[str] = contextvars.ContextVar("doing", default="")  # in whose transaction we are


def plant() -> None:
    """Put a point before and after everything that a claim and a redemption do to the database."""
    _begins("claim", claiming.Claiming, "_decide")
    _dies_at(claims, "_note", "mid_batch")  # claims and slots are written, the events are not
    _begins("redeem", tills.Tills, "_decide")
    _dies_at(redeeming, "move", "mid_batch")  # the uses are taken
    for transaction in (SqliteTransaction, PostgresTransaction):
        _at_the_commit(transaction)


def answer_before_the_commit() -> None:
    """The mistake that the test must see: a lane that tells everybody what it has decided, and commits afterwards."""
    decided = group_commit.GroupCommit._outcomes

    async def hasty(self: Any, entries: Any) -> Any:
        outcomes = await decided(self, entries)
        for entry, outcome in zip(entries, outcomes, strict=True):
            entry.tell(outcome)
        await asyncio.sleep(1)  # so that the answer is on its way
        return outcomes

    group_commit.GroupCommit._outcomes = hasty  # type: ignore[method-assign]


def _begins(act: str, place: Any, name: str) -> None:
    real = getattr(place, name)

    async def begin(*args: Any, **kwargs: Any) -> Any:
        _doing.set(act)
        _die_if_armed("before_statements")
        return await real(*args, **kwargs)

    setattr(place, name, begin)


def _dies_at(place: Any, name: str, point: str) -> None:
    real = getattr(place, name)

    async def pass_by(*args: Any, **kwargs: Any) -> Any:
        _die_if_armed(point)
        return await real(*args, **kwargs)

    setattr(place, name, pass_by)


def _at_the_commit(transaction: Any) -> None:
    real = transaction.finish

    async def finish(self: Any, *, commit: bool) -> None:
        if commit:
            _die_if_armed("before_commit")
        await real(self, commit=commit)
        if commit:
            _die_if_armed("after_commit")

    transaction.finish = finish


def _die_if_armed(point: str) -> None:
    if ARMED.exists() and ARMED.read_text() == f"{_doing.get()} {point}":
        ARMED.unlink()
        _die()


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit
