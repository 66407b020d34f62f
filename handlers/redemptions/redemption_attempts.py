"""What is remembered of every scan, and what wrong codes lead to.

Wrong codes are counted per clerk, device, store and address, in the database, so that no flush of a cache hands out new
guesses. From the fifth on (the tenth for a store or an address) nobody is asked for 1, 2, 4 ... minutes, an hour at
most. A clerk and a device are forgiven by the next redemption; a store and an address with the hour.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import prometheus_client

from handlers.actors import Clerk
from handlers.errors import TooManyWrongCodes
from handlers.ports import Vault
from handlers.rules.redemption import FREE_WRONG_CODES, lock_after
from models.database import put, require_atomic, rows
from models.ids import new_id
from models.sql import as_instant, dump_rows, instant_text
from models.statements import redemptions as statements

OK, TOGETHER = "ok", "together"  # together: good by itself, and refused with another code of the same call
_FORGIVEN = ("clerk", "device")
MINUTE, MOST_A_MINUTE = timedelta(minutes=1), 10
_SHARED_FREE = 10  # a store and an address stand for several clerks

# Guesses that are spread over many clerks and stores lock none of them; together they are seen here.
WRONG_CODES = prometheus_client.Counter("fanpiao_wrong_codes", "Codes at counters that mean nothing there")


@dataclass(frozen=True, slots=True)
class Tried:
    """One code that was scanned, and what became of it."""

    code_hash: str
    outcome: str
    claim_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """Whose wrong codes are counted together: `subjects` by kind, each with the window its count belongs to."""

    subjects: Mapping[str, tuple[str, str]]

    @classmethod
    def of(
        cls, vault: Vault, clerk: Clerk, *, device_id: str, store_id: UUID, address: str | None, now: datetime
    ) -> "Counter":
        """Devices and addresses are counted under a keyed hash; devices are names that a merchant's phones give."""
        day, hour = f"{now:%Y-%m-%d}", f"{now:%Y-%m-%dT%H}"
        device = vault.blind_index("scan_device", f"{clerk.merchant_id}:{device_id}")
        subjects = {
            "clerk": (f"scan:clerk:{clerk.id}", day),
            "device": (f"scan:device:{device}", day),
            "store": (f"scan:store:{store_id}", hour),
        }
        if address:
            subjects["address"] = (f"scan:address:{vault.blind_index('scan_address', address)}", hour)
        return cls(subjects)

    @classmethod
    def of_pin(cls, vault: Vault, clerk_id: UUID, *, merchant_id: UUID, device_id: str, now: datetime) -> "Counter":
        """Wrong PINs: whose PIN it is that is tried, and on which device. Codes are counted apart from them."""
        day = f"{now:%Y-%m-%d}"
        device = vault.blind_index("scan_device", f"{merchant_id}:{device_id}")
        return cls({"clerk": (f"pin:clerk:{clerk_id}", day), "device": (f"pin:device:{device}", day)})

    async def check(self, now: datetime, *, codes: int = 1) -> None:
        """Before any of so many codes is looked at. Raises TooManyWrongCodes."""
        if wait := self.locked_for(await wrong_codes([self]), now, codes=codes):
            raise TooManyWrongCodes(retry_after=wait)

    def locked_for(self, wrong: "Wrong", now: datetime, *, codes: int) -> int:
        """For how many seconds nobody is asked; 0: ask.

        Several codes in one call are so many guesses: with those of the last minute they must not pass ten.
        """
        ends = [now]
        for kind, (subject, window) in self.subjects.items():
            if (counted := wrong.get((subject, window))) is None:
                continue
            latest, number = counted
            # A slip locks nobody, not even one that a clock which was set back has yet to come to.
            if lock := _lock(kind, number):
                ends.append(latest + lock)
            if kind in _FORGIVEN and latest + MINUTE > now and number + codes > MOST_A_MINUTE:
                ends.append(latest + MINUTE)
        return math.ceil((max(ends) - now).total_seconds())

    def is_counted(self, wrong: "Wrong") -> bool:
        """Whether any slip of theirs is on record."""
        return any(subject in wrong for subject in self.subjects.values())

    async def count(self, wrong: int, now: datetime) -> None:
        """So many wrong codes; in the open transaction, which commits although nothing was redeemed."""
        await count_all([(self, wrong)], now)

    async def forgive(self) -> None:
        """A redemption went through: earlier slips of this clerk and device are forgotten."""
        require_atomic()
        await rows(statements.FORGIVE, _json({self.subjects[kind]: 0 for kind in self.subjects if kind in _FORGIVEN}))


# By subject and window: when the latest was, and how many there were.
Wrong = Mapping[tuple[str, str], tuple[datetime, int]]


async def wrong_codes(counters: Iterable[Counter]) -> Wrong:
    """What is on record of any of these, by one statement."""
    wanted = {subject: 0 for counter in counters for subject in counter.subjects.values()}
    found = await rows(statements.LOCKS, _json(wanted))
    return {
        (each["subject"], each["window"]): (as_instant(each["first_at"]), int(each["tried_count"])) for each in found
    }


async def count_all(guessed: Iterable[tuple[Counter, int]], now: datetime) -> None:
    """Wrong codes of several calls; in the open transaction, which commits although nothing was redeemed."""
    require_atomic()
    numbers: dict[tuple[str, str], int] = {}
    for counter, wrong in guessed:
        WRONG_CODES.inc(wrong)
        for subject in counter.subjects.values() if wrong else ():
            numbers[subject] = numbers.get(subject, 0) + wrong
    if numbers:
        counted = _json(numbers)
        await rows(statements.LATEST_WRONG, counted, now)
        await rows(statements.COUNT_WRONG, counted, now)


def _json(numbers: Mapping[tuple[str, str], int]) -> str:
    """Rows for the statements, in the order in which all transactions lock them."""
    return dump_rows(
        {"id": new_id(), "subject": subject, "window": window, "number": number}
        for (subject, window), number in sorted(numbers.items())
    )


def _lock(kind: str, wrong: int) -> timedelta:
    return lock_after(wrong, free=FREE_WRONG_CODES if kind in _FORGIVEN else _SHARED_FREE)


async def note(
    clerk: Clerk,
    tried: Sequence[Tried],
    *,
    store_id: UUID | None,
    device_id: str,
    key: str,
    at: datetime,
) -> None:
    """A row per code, in the open transaction."""
    await note_all(
        [Attempt(clerk.id, store_id, each.claim_id, device_id, key, each.code_hash, each.outcome, at) for each in tried]
    )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of the record: a code, by its hash, and what became of it."""

    clerk_id: UUID
    store_id: UUID | None
    claim_id: UUID | None
    device_id: str
    request_key: str
    code_hash: str
    outcome: str
    tried_at: datetime


async def note_all(attempts: Sequence[Attempt]) -> None:
    """Rows of several calls, in the open transaction."""
    require_atomic()
    made = [
        {
            "id": new_id(),
            "clerk_id": each.clerk_id,
            "store_id": each.store_id,
            "claim_id": each.claim_id,
            "device_id": each.device_id,
            "request_key": each.request_key,
            "code_hash": each.code_hash,
            "outcome": each.outcome,
            "tried_at": instant_text(each.tried_at),
        }
        for each in attempts
    ]
    if made:
        await put(statements.ADD_ATTEMPTS, dump_rows(made))
