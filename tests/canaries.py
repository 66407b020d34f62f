"""Listens to everything that is logged while a story is told, and looks for what no log may hold."""

import logging
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from simulator import Platform
from tests.fakes import FIELD_KEYS, INDEX_KEY

# Our own packages log; the pretend platform is another machine, and the test itself may say what it likes.
OURS = ("app", "bot", "gateways", "handlers", "miniapp_api", "models", "tortoise", "asyncpg", "aiohttp", "asyncio")


class Heard(logging.Handler):
    """What was logged, as it was given: before anything is blacked out, which is only the second line of defence."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep message, `extra` and traceback."""
        if record.name.partition(".")[0] not in OURS:
            return
        stack = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self.lines.append(f"{record.getMessage()} {record.__dict__} {stack}")

    def canaries(self, wanted: Iterable[str]) -> list[str]:
        """The lines that hold any of these."""
        values = list(wanted)
        return [line for line in self.lines if any(value in line for value in values)]


@contextmanager
def listening(level: int = logging.INFO) -> Iterator[Heard]:
    """Hear everything from `level` on; the house runs at INFO."""
    heard, root = Heard(), logging.getLogger()
    before = root.level
    root.addHandler(heard)
    root.setLevel(level)
    try:
        yield heard
    finally:
        root.removeHandler(heard)
        root.setLevel(before)


def secrets_of(platform: Platform) -> Iterator[str]:
    """Phones, openids, unionids and tokens of everybody in this world; the accounts' secrets; our keys."""
    for person in platform.people.values():
        if person.phone:
            yield person.phone
        for account in platform.accounts.values():
            yield from person.identifiers(account).values()
        yield from (screen.token for screen in person.mini_programs if screen.token)
        yield from person.session_keys.values()
    for account in platform.accounts.values():
        yield account.secret
        if account.aes_key:
            yield account.aes_key
    yield platform.supplier.secret
    yield from (order.recharge_to for order in platform.supplier.orders.values())
    if platform.pay.merchant:
        yield platform.pay.merchant.api_v3_key
    yield FIELD_KEYS.split('"')[3]
    yield INDEX_KEY
