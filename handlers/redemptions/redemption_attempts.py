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

import orjson

from handlers.actors import Clerk
from handlers.errors import TooManyWrongCodes
from handlers.ports import Vault
from handlers.rules.redemption import FREE_WRONG_CODES, lock_after
from models.database import require_atomic, rows
from models.ids import new_id
from models.redemptions import RedemptionAttempt
from models.sql import as_instant
from models.statements import redemptions as statements

OK, TOGETHER = "ok", "together"  # together: good by itself, and refused with another code of the same call
_FORGIVEN = ("clerk", "device")
MINUTE, MOST_A_MINUTE = timedelta(minutes=1), 10
_SHARED_FREE = 10  # a store and an address stand for several clerks


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

    async def check(self, now: datetime, *, codes: int = 1) -> bool:
        """Before any of so many codes is looked at; whether earlier ones were wrong. Raises TooManyWrongCodes.

        Several codes in one call are so many guesses: with those of the last minute they must not pass ten.
        """
        kinds = {subject: kind for kind, (subject, _) in self.subjects.items()}
        found = await rows(statements.LOCKS, self._json(kinds.values()))
        ends = [now]
        for each in found:
            kind, latest, wrong = kinds[each["subject"]], as_instant(each["first_at"]), int(each["tried_count"])
            ends.append(latest + _lock(kind, wrong))
            if kind in _FORGIVEN and latest + MINUTE > now and wrong + codes > MOST_A_MINUTE:
                ends.append(latest + MINUTE)
        if max(ends) > now:
            raise TooManyWrongCodes(retry_after=math.ceil((max(ends) - now).total_seconds()))
        return bool(found)

    async def count(self, wrong: int, now: datetime) -> None:
        """So many wrong codes; in the open transaction, which commits although nothing was redeemed."""
        require_atomic()
        for _ in range(wrong):
            counted = self._json(self.subjects)
            await rows(statements.LATEST_WRONG, counted, now)
            await rows(statements.COUNT_WRONG, counted, now)

    async def forgive(self) -> None:
        """A redemption went through: earlier slips of this clerk and device are forgotten."""
        require_atomic()
        await rows(statements.FORGIVE, self._json(kind for kind in self.subjects if kind in _FORGIVEN))

    def _json(self, kinds: Iterable[str]) -> str:
        picked = sorted(self.subjects[kind] for kind in kinds)
        return orjson.dumps(
            [{"id": str(new_id()), "subject": subject, "window": window} for subject, window in picked]
        ).decode()


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
    require_atomic()
    await RedemptionAttempt.bulk_create(
        [
            RedemptionAttempt(
                clerk_id=clerk.id,
                store_id=store_id,
                claim_id=each.claim_id,
                device_id=device_id,
                request_key=key,
                code_hash=each.code_hash,
                outcome=each.outcome,
                tried_at=at,
            )
            for each in tried
        ]
    )
