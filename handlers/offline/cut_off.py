"""The cut-off: six in the morning after a business day, what counts of its scans is fixed, once and for all.

First the day is closed, which waits for uploads that are under way; from then on nothing that is on time can come.
Then every claim with scans of the day is looked at under its lock, a batch per transaction, and the least by (corrected
time, device, number) counts, whatever stood provisionally: redemptions online compete by their own time. Where another
one had the claim, its row gets a contra row; the claim itself does not move. Interrupted, the job goes on with what has
no verdict yet: what is fixed is not looked at again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.claims.claims import SYSTEM
from handlers.offline.applying import give_back, take, tell, write, write_contra
from handlers.offline.fixing import Settled, settle
from handlers.offline.recording import add_verdicts, lock_claims, standing_by_claim
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.offline import CONTRA, HandOver, Place, last_due, over_limit
from models.database import atomic, rows
from models.offline import OfflineConflict
from models.sql import as_instant, as_uuid
from models.statements import offline as statements
from models.words import ScanOutcome

BATCH = 100
_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Closed:
    """One day that was fixed: how many scans got their verdict, and how many are cases for a person."""

    business_on: str
    scan_count: int
    conflict_count: int


@dataclass
class _Day:
    """A day while it is being fixed; whose scans are over their device's limit is worked out once per device."""

    on: str
    over: dict[tuple[UUID, str], frozenset[UUID]]
    scan_count: int = 0
    conflict_count: int = 0

    async def over_limit(self, scans: Sequence[Mapping[str, Any]]) -> frozenset[UUID]:
        """Of the devices of these scans, all scans of the day that are more than such a device may make."""
        devices = {(as_uuid(each["merchant_id"]), str(each["device_id"])) for each in scans}
        for device in sorted(devices - set(self.over)):
            found = await rows(statements.DAY_OF_DEVICE, self.on, *device)
            self.over[device] = over_limit(_hand_over(each) for each in found)
        return frozenset().union(*(self.over[device] for device in devices))


class OfflineCutOff:
    """The recurring job; two at once, or one that was interrupted, come to the same end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def close_due(self) -> tuple[Closed, ...]:
        """Fix every day whose cut-off has come, the oldest first."""
        latest = last_due(self._clock.now(), BUSINESS_ZONE)
        days = [each["business_on"] for each in await rows(statements.OPEN_DAYS, latest)]
        return tuple([await self._close(on) for on in days])

    async def _close(self, on: str) -> Closed:
        async with atomic():
            await rows(statements.CLOSE_DAY, on, self._clock.now())
        day, after = _Day(on, {}), _FIRST
        while last := await self._fix(day, after):
            after = last
        async with atomic():
            await rows(statements.FIXED_DAY, on, self._clock.now())
        return Closed(on, day.scan_count, day.conflict_count)

    async def _fix(self, day: _Day, after: UUID) -> UUID | None:
        """A batch of claims that have scans without a verdict; the last one, None once there are no more."""
        now = self._clock.now()
        async with atomic():
            wanted = [as_uuid(each["claim_id"]) for each in await rows(statements.UNFIXED_CLAIMS, day.on, after, BATCH)]
            if not wanted:
                return None
            claims = await lock_claims(wanted, [])
            scans = await rows(statements.UNFIXED_SCANS, wanted, day.on, CONTRA)  # as they are under the lock
            standing, over = await standing_by_claim(wanted), await day.over_limit(scans)
            settled = []
            for claim in claims:
                claim_id = as_uuid(claim["id"])
                of_claim = [each for each in scans if as_uuid(each["claim_id"]) == claim_id]
                settled.append(settle(claim, of_claim, standing.get(claim_id), over))
            await _write(settled, now)
        for each in settled:
            day.scan_count += len(each.verdicts)
            day.conflict_count += sum(told.outcome is ScanOutcome.CONFLICT for told in each.verdicts)
        return wanted[-1]


async def _write(settled: Sequence[Settled], now: datetime) -> None:
    await write_contra([each.contra for each in settled if each.contra is not None], now=now)
    await give_back([each.claim for each in settled if each.is_given_back], actor=SYSTEM, now=now)
    taken = [each for each in settled if each.is_taken]
    await take([each.claim for each in taken], actor=SYSTEM, now=now)
    await write([each.giving for each in settled if each.giving is not None], now=now)
    # Whoever heard of the one that had it provisionally does not hear again.
    await tell([each.giving for each in taken if each.giving is not None], now=now)
    verdicts = [told for each in settled for told in each.verdicts]
    await add_verdicts([(as_uuid(v.scan["id"]), v.outcome, v.reason, v.counted) for v in verdicts], now)
    cases = [_case(each) for each in _conflicts(settled, now)]
    if cases:
        await OfflineConflict.bulk_create(cases)


def _conflicts(settled: Sequence[Settled], now: datetime) -> list[dict[str, Any]]:
    """What was given a second time, by a scan or online, with what counts instead."""
    found = []
    for each in settled:
        facts = {"claim_id": as_uuid(each.claim["id"]), "counted_id": each.counted, "found_at": now}
        for told in each.verdicts:
            if told.outcome is ScanOutcome.CONFLICT:
                seconds = {"scan_id": as_uuid(told.scan["id"]), "given_at": as_instant(told.scan["scanned_at"])}
                found.append({**facts, **seconds, "of": told.scan})
        if each.displaced is not None:
            seconds = {
                "displaced_id": as_uuid(each.displaced["id"]),
                "given_at": as_instant(each.displaced["redeemed_at"]),
            }
            found.append({**facts, **seconds, "of": each.displaced})
    return found


def _case(facts: dict[str, Any]) -> OfflineConflict:
    second = facts.pop("of")
    where = {name: as_uuid(second[name]) for name in ("merchant_id", "store_id", "clerk_id")}
    return OfflineConflict(**facts, **where, device_id=second["device_id"])


def _hand_over(scan: Mapping[str, Any]) -> HandOver:
    place = Place(as_instant(scan["scanned_at"]), scan["device_id"], scan["seq"])
    return HandOver(as_uuid(scan["id"]), as_uuid(scan["claim_id"]), place, scan["value_fen"])
