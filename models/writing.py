"""Writes that nobody waits for: they travel together, as late as they may.

An act ends in half a dozen writes of which nothing is asked but that each did what it should: rows of the ledger, an
event, a job, the answer under its key. Sent one by one they cost more in the driver than in the database, and hold its
locks meanwhile. docs/adr/0051.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from models.failures import SerializationConflict
from models.sql import ctes, is_read

log = logging.getLogger(__name__)

_WORDS = re.compile(r"\w+")
_CHANGED = re.compile(r"(?:\bINSERT INTO|(?<!DO )(?<!FOR )(?<!KEY )\bUPDATE|\bDELETE FROM)\s+(\w+)")
# What triggers write besides.
_BY_TRIGGER = {
    "redemption": "settlement_entry",
    "offline_conflict": "conflict_entry",
    "plan_share_entry": "share_entry",
}


@dataclass(frozen=True, slots=True)
class Write:
    """One statement in the dialect of its database, with RETURNING. Raises ValueError for one without.

    `count`: how many rows it must give back, None: any; otherwise somebody was quicker, and `conflict` says with what.
    """

    sql: str
    values: Sequence[Any]
    count: int | None
    conflict: str

    def __post_init__(self) -> None:
        _changed(self.sql)

    def check(self, found: int) -> None:
        """Raises SerializationConflict."""
        if self.count is not None and found != self.count:
            raise SerializationConflict(self.conflict)


def broken_rule(error: Exception) -> SerializationConflict:
    """What a rule of the database's that a write broke is to whoever wrote it.

    Said aloud, without the values: what is no race but a mistake of ours comes again however often it is tried.
    """
    rule = str(error).partition("\n")[0]
    log.warning("write_broke_a_rule", extra={"detail": rule})
    return SerializationConflict(rule)


def may_go_before(sql: str, waiting: Iterable[Write]) -> bool:
    """Whether it is a read that names no table that one of these changes: then it need not come after them."""
    return is_read(sql) and may_go_with(sql, waiting)


def may_go_with(sql: str, waiting: Iterable[Write]) -> bool:
    """Whether it names no table that one of these changes.

    Those that travel together see what was there before all of them, and none may change a row of another's. What
    refers to a row of another's is looked up after all of them.
    """
    return all(_changed(each.sql).isdisjoint(_words(sql)) for each in waiting)


@lru_cache(maxsize=1024)
def _changed(sql: str) -> frozenset[str]:
    named = _CHANGED.findall(sql)
    found = frozenset((*named, *(_BY_TRIGGER[each] for each in named if each in _BY_TRIGGER)))
    if not found or "RETURNING" not in sql:
        raise ValueError(f"no write that says what it did: {sql}")
    return found


@lru_cache(maxsize=1024)
def _words(sql: str) -> frozenset[str]:
    return frozenset(_WORDS.findall(sql))


@lru_cache(maxsize=1024)
def all_at_once(texts: tuple[str, ...]) -> str:
    """One statement of PostgreSQL that does all of these: the placeholders are numbered on, in the order of the texts.

    Its only row has a column for each: how many rows it gave back.
    """
    counts = (f"(SELECT count(*) FROM w{number}) AS w{number}" for number in range(len(texts)))  # noqa: S608 - ours
    return f"{ctes('w', texts)} SELECT {', '.join(counts)}"
