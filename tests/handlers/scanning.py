"""Devices without a network, for tests: packs fetched, scans queued, uploads in any parts, and the morning after."""

import itertools
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from handlers.actors import Clerk
from handlers.claims.typed_codes import typed_code
from handlers.offline.packs import Fetched
from handlers.offline.scans import ScanAnswer, ScanSent, Uploaded
from models.benefits import Benefit
from models.claims import Claim
from models.offline import OfflineScan, OfflineVerdict
from models.redemptions import Redemption
from models.words import RedemptionKind
from tests.handlers.counter import Counter

_numbers = itertools.count(1)


@dataclass
class Device:
    """One device in a clerk's hand. `slow` is how far its own clock is behind ours."""

    counter: Counter
    clerk: Clerk
    id: str
    slow: timedelta = timedelta(0)
    fetched: Fetched | None = None
    queue: list[ScanSent] = field(default_factory=list)

    @property
    def clock(self) -> datetime:
        return self.counter.rooms.clock.now() - self.slow

    async def sync(self, *, store_id: UUID | None = None) -> Fetched:
        self.fetched = await self.counter.handlers.offline_packs.fetch(
            self.clerk, device_id=self.id, sent_at=self.clock, store_id=store_id
        )
        return self.fetched

    def scan(self, claim: Claim | str, *, seq: int | None = None, at: datetime | None = None, **more) -> ScanSent:
        """Into the queue; `at` is in our clock."""
        assert self.fetched is not None
        code = claim if isinstance(claim, str) else typed_code(self.counter.rooms.vault, claim.id, 0)
        number = seq or len(self.queue) + 1
        made = ScanSent(
            **{
                "seq": number,
                "key": f"{self.id}-{number}",
                "code": code,
                "sync_id": self.fetched.sync_id,
                "scanned_at": (at - self.slow) if at else self.clock,
                **more,
            }
        )
        self.queue.append(made)
        return made

    async def upload(self, scans: Sequence[ScanSent] | None = None, *, by: Clerk | None = None, **more) -> Uploaded:
        return await self.counter.handlers.offline_uploads.upload(
            by or self.clerk,
            device_id=self.id,
            sent_at=self.clock,
            scans=self.queue if scans is None else scans,
            **more,
        )

    async def told(self, scan: ScanSent) -> ScanAnswer:
        """What it hears when it sends this one (again)."""
        (answer,) = (await self.upload([scan])).answers
        return answer


async def a_device(counter: Counter, name: str | None = None, *, clerk: Clerk | None = None, **more) -> Device:
    """With today's pack."""
    device = Device(counter, clerk or counter.clerk, name or f"phone-{next(_numbers)}", **more)
    await device.sync()
    return device


async def offline_claim(counter: Counter, person, **more) -> Claim:
    """A claim of a benefit that may be redeemed offline."""
    claim = await counter.claim(person, **more)
    await Benefit.filter(id=claim.benefit_id).update(is_offline_allowed=True)
    return claim


async def morning_after(counter: Counter) -> None:
    """Seven in the morning of the next day, the cut-off done."""
    clock = counter.rooms.clock
    now = clock.now()
    ends = now.replace(hour=16, minute=0, second=0, microsecond=0)  # midnight in Shanghai
    ends += timedelta(days=1) if now >= ends else timedelta(0)
    clock.advance(ends + timedelta(hours=7) - now)
    await counter.handlers.offline_cut_off.close_due()


async def net(claim: Claim) -> list[Redemption]:
    """The redemptions of a claim that stand."""
    made = await Redemption.filter(claim_id=claim.id)
    reversed_ids = {each.reverses_id for each in made if each.kind is RedemptionKind.REVERSAL}
    return [each for each in made if each.kind is RedemptionKind.REDEEM and each.id not in reversed_ids]


async def verdict_of(device: Device, seq: int) -> OfflineVerdict | None:
    scan = await OfflineScan.get(device_id=device.id, seq=seq)
    return await OfflineVerdict.get_or_none(scan_id=scan.id)


def opened(fetched: Fetched) -> dict:
    """What the pack says."""
    assert fetched.pack.text is not None
    return orjson.loads(urlsafe_b64decode(fetched.pack.text + "=" * (-len(fetched.pack.text) % 4)))
