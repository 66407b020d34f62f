"""A device comes back: its queue of scans is taken in, each once, and judged provisionally.

A scan is known by its number and by its key within (merchant, device). What is known is answered again, whatever the
upload it comes in; what is new and competes redeems its claim where nothing has, and waits for the cut-off of its day
(`cut_off.py`), which alone decides between several. Uploads of one device go one after the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Clerk
from handlers.claims.typed_codes import code_hash, normalise
from handlers.errors import DeviceClockOff
from handlers.offline.deciding import Desk
from handlers.offline.judging import Judged, judge, subjects
from handlers.offline.recording import (
    closed_days,
    gaps_of,
    keep,
    known_scans,
    lock_claims,
    lock_device,
    standing_by_claim,
)
from handlers.offline.scans import ScanAnswer, ScanSent, Told, Uploaded, replay, reused
from handlers.pauses import pauses_since
from handlers.ports import Clock, Vault
from handlers.redemptions.counter import lock_clerk
from handlers.redemptions.redemption_attempts import Counter
from handlers.retrying import again, refusing
from handlers.rules.offline import CLOCK_REFUSED, OfflineReason, is_clock_refused, is_clock_warned
from models.database import atomic, row, rows
from models.sql import as_uuid
from models.statements import offline as statements
from models.words import ScanOutcome

AT_ONCE = 100  # scans of one transaction
MOST_GUESSES = 10  # of one transaction: enough for the longest lock but one


@refusing
class OfflineUploads:
    """Takes in what devices have scanned."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault

    async def upload(
        self,
        clerk: Clerk,
        *,
        device_id: str,
        sent_at: datetime,
        scans: Sequence[ScanSent],
        address: str | None = None,
    ) -> Uploaded:
        """Take in up to 500 scans. Sending them again, in other parts or another order, changes nothing.

        `sent_at` is the device's own clock. Whoever is signed in on the device may bring what others scanned on it.
        Interrupted, what was taken in stays: send all of it again. Raises DeviceClockOff, TooManyWrongCodes,
        ClerkNotSignedIn, Overloaded, OutcomeUnknown.
        """
        now = self._clock.now()
        offset = now - sent_at
        if is_clock_refused(offset):
            raise DeviceClockOff(offset_ms=offset // timedelta(milliseconds=1))
        answers: list[ScanAnswer] = []
        for start in range(0, len(scans), AT_ONCE):
            part = scans[start : start + AT_ONCE]

            async def take(part: Sequence[ScanSent] = part) -> list[ScanAnswer]:
                return await self._take_in(clerk, device_id, part, address, now)

            answers += await again(take)
        found = await row(statements.DEVICE, clerk.merchant_id, device_id)
        complete_upto = int(found["complete_upto"]) if found else 0
        gaps = await gaps_of(clerk.merchant_id, device_id, complete_upto)
        return Uploaded(tuple(answers), complete_upto, gaps, offset, is_clock_warned(offset), now)

    async def _take_in(
        self, clerk: Clerk, device_id: str, sent: Sequence[ScanSent], address: str | None, now: datetime
    ) -> list[ScanAnswer]:
        async with atomic():
            await lock_clerk(clerk)
            await lock_device(clerk.merchant_id, device_id, now)
            sorted_ = _Sorted(sent, [self._hash(each) for each in sent])
            sorted_.sort(await known_scans(clerk.merchant_id, device_id, sent))
            fresh = [(sent[index], sorted_.hashes[index]) for index in sorted_.fresh]
            new = await self._decide(clerk, device_id, fresh, address, now) if fresh else {}
            conflicting = [as_uuid(each["claim_id"]) for each in sorted_.known.values() if each["claim_id"]]
            return sorted_.answers(sent, new, await standing_by_claim(conflicting))

    async def _decide(
        self,
        clerk: Clerk,
        device_id: str,
        fresh: Sequence[tuple[ScanSent, str]],
        address: str | None,
        now: datetime,
    ) -> dict[int, ScanAnswer]:
        """Judge, write, and answer what was never seen before; the answers by number."""
        where = clerk.store_id or clerk.merchant_id  # wrong codes of whoever serves all stores count for the merchant
        counter = Counter.of(self._vault, clerk, device_id=device_id, store_id=where, address=address, now=now)
        await counter.check(now)
        judged, closed = await self._judge(clerk.merchant_id, device_id, fresh, now)
        kept = [each for each in judged if each.reason != OfflineReason.AHEAD_OF_TIME]
        desk = await Desk.open(clerk, device_id, kept, closed=closed, now=now)
        decided = await desk.decide(kept)
        await keep(decided, merchant_id=clerk.merchant_id, device_id=device_id, uploaded_by=clerk.id, now=now)
        await row(statements.COMPLETE, clerk.merchant_id, device_id)
        await counter.count(min(sum(each.is_guess for each in kept), MOST_GUESSES), now)
        answers = {each.judged.sent.seq: desk.answer(each) for each in decided}
        early = (each.sent for each in judged if each.reason == OfflineReason.AHEAD_OF_TIME)
        return answers | {sent.seq: _too_early(sent) for sent in early}

    async def _judge(
        self, merchant_id: UUID, device_id: str, fresh: Sequence[tuple[ScanSent, str]], now: datetime
    ) -> tuple[list[Judged], frozenset[str]]:
        """In the order in which they were made, and which of their days are closed. Locks the days, then the claims."""
        sync_ids = sorted({sent.sync_id for sent, _ in fresh})
        syncs = {as_uuid(each["id"]): each for each in await rows(statements.SYNCS, merchant_id, device_id, sync_ids)}
        closed = await closed_days([each["business_on"] for each in syncs.values()], now)
        hashes = sorted({hashed for _, hashed in fresh})
        claims = {each["code_hash"]: each for each in await lock_claims([], hashes)}
        switches = {each for claim in claims.values() for each in subjects(claim)}
        since = min(sent.scanned_at for sent, _ in fresh) - CLOCK_REFUSED  # by the device's clock
        pauses = await pauses_since(switches, since)
        judged = [
            judge(sent, hashed, syncs.get(sent.sync_id), claims.get(hashed), merchant_id, pauses=pauses, now=now)
            for sent, hashed in fresh
        ]
        return sorted(judged, key=lambda each: (each.scanned_at, each.sent.seq)), closed

    def _hash(self, sent: ScanSent) -> str:
        code = normalise(sent.code)
        return code_hash(self._vault, code) if code else self._vault.blind_index("scan", sent.code)


def _too_early(sent: ScanSent) -> ScanAnswer:
    reason = OfflineReason.AHEAD_OF_TIME
    return ScanAnswer(
        sent.seq, sent.key, Told.REJECTED, ScanOutcome.REJECTED, reason, is_provisional=True, is_kept=False
    )


class _Sorted:
    """The scans of one part of an upload: new, known, or at odds with what is known; also among themselves."""

    def __init__(self, sent: Sequence[ScanSent], hashes: Sequence[str]) -> None:
        self.sent = sent
        self.hashes = hashes
        self.fresh: list[int] = []
        self.known: dict[int, Mapping[str, Any]] = {}
        self._odd: dict[int, Mapping[str, Any]] = {}
        self._twins: dict[int, int] = {}  # in the same part again: index -> number

    def sort(self, known: Sequence[Mapping[str, Any]]) -> None:
        """Put each where it belongs."""
        by_seq = {each["seq"]: each for each in known}
        by_key = {each["key"]: each for each in known}
        for index, (scan, hashed) in enumerate(zip(self.sent, self.hashes, strict=True)):
            told = scan.fingerprint(hashed)
            found = by_seq.get(scan.seq) or by_key.get(scan.key)
            if found is None:
                self.fresh.append(index)
                by_seq[scan.seq] = by_key[scan.key] = {"seq": scan.seq, "fingerprint": told}
            elif found["fingerprint"] != told:
                self._odd[index] = found
            elif "id" in found:
                self.known[index] = found
            else:
                self._twins[index] = scan.seq

    def answers(
        self, sent: Sequence[ScanSent], new: Mapping[int, ScanAnswer], firsts: Mapping[UUID, Mapping[str, Any]]
    ) -> list[ScanAnswer]:
        """One for each scan, in the order in which they were sent."""
        answers = []
        for index, scan in enumerate(sent):
            if index in self._odd:
                answers.append(reused(scan, self._odd[index]))
            elif index in self.known:
                answers.append(replay(scan, self.known[index], firsts))
            elif index in self._twins:
                twin = new[self._twins[index]]
                answers.append(replace(twin, told=Told.REPLAYED) if twin.is_kept else twin)
            else:
                answers.append(new[scan.seq])
        return answers
