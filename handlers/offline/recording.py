"""Scans as rows: what a device has uploaded, the days it is about, and the record of what was decided on coming in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.offline.judging import Judged
from handlers.offline.scans import ScanSent
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.offline import OfflineDayTimes
from models.database import require_atomic, row, rows
from models.ids import new_id
from models.offline import OfflineConflict, OfflineScan, OfflineVerdict
from models.sql import as_uuid
from models.statements import offline as statements
from models.words import ScanOutcome

MOST_GAPS = 20


@dataclass(frozen=True, slots=True)
class Decided:
    """A new scan with what became of it on coming in. `counted_id`: the redemption that counts instead of it."""

    judged: Judged
    outcome: ScanOutcome
    reason: str
    is_contending: bool
    redemption_id: UUID | None = None
    counted_id: UUID | None = None

    @property
    def is_final(self) -> bool:
        """No cut-off will look at it again."""
        return not self.is_contending


async def lock_device(merchant_id: UUID, device_id: str, now: datetime) -> None:
    """Uploads of one device go one after the other."""
    require_atomic()
    await rows(statements.ADD_DEVICE, new_id(), now, merchant_id, device_id)
    await row(statements.LOCK_DEVICE, merchant_id, device_id)


async def lock_claims(claim_ids: Sequence[UUID], hashes: Sequence[str]) -> list[dict[str, Any]]:
    """The claims behind these ids or hashes of typed codes, locked in id order, with all that a decision needs.

    `is_paid_back`: their money went back, so that nothing can be redeemed of them any more, whatever their state.
    """
    require_atomic()
    found = await rows(statements.LOCK_CLAIMS, claim_ids, hashes)
    ids = [as_uuid(each["id"]) for each in found]
    back = {as_uuid(each["id"]) for each in await rows(statements.PAID_BACK, ids)} if ids else set()
    return [{**each, "is_paid_back": as_uuid(each["id"]) in back} for each in found]


async def known_scans(merchant_id: UUID, device_id: str, sent: Sequence[ScanSent]) -> list[dict[str, Any]]:
    """Those of this device that have one of these numbers or keys, with their verdicts."""
    seqs, keys = [each.seq for each in sent], [each.key for each in sent]
    return await rows(statements.KNOWN, merchant_id, device_id, seqs, keys)


async def closed_days(days: Sequence[str], now: datetime) -> frozenset[str]:
    """Which of these days take no scan any more. The others stay open until this transaction ends.

    A day whose cut-off has come is not held: whoever closes it would wait for one late upload after the other.
    """
    require_atomic()
    over = {each for each in days if now >= OfflineDayTimes.named(each, BUSINESS_ZONE).cut_off_at}
    wanted = sorted(set(days) - over)
    for each in wanted:
        await rows(statements.ADD_DAY, new_id(), now, each)
    held = await rows(statements.HOLD_DAYS, wanted) if wanted else []
    return frozenset(over | {each["business_on"] for each in held if each["closed_at"] is not None})


async def keep(
    decided: Sequence[Decided], *, merchant_id: UUID, device_id: str, uploaded_by: UUID, now: datetime
) -> None:
    """A row per scan, the verdict of each that is final, and a case for each that was late and a second one."""
    require_atomic()
    if not decided:
        return
    ids = [new_id() for _ in decided]
    await OfflineScan.bulk_create(
        [
            OfflineScan(
                id=row_id,
                merchant_id=merchant_id,
                device_id=device_id,
                seq=each.judged.sent.seq,
                key=each.judged.sent.key,
                fingerprint=each.judged.sent.fingerprint(each.judged.code_hash),
                sync_id=as_uuid(each.judged.sync["id"]) if each.judged.sync else None,
                uploaded_by_id=uploaded_by,
                claim_id=each.judged.claim_id,
                code_hash=each.judged.code_hash,
                business_on=each.judged.business_on,
                device_at=each.judged.sent.scanned_at,
                scanned_at=each.judged.scanned_at,
                received_at=now,
                bill_amount_fen=each.judged.sent.bill_fen,
                value_fen=each.judged.value_fen,
                is_contending=each.is_contending,
                outcome=each.outcome,
                reason=each.reason,
                redemption_id=each.redemption_id,
            )
            for row_id, each in zip(ids, decided, strict=True)
        ]
    )
    final = [(row_id, each) for row_id, each in zip(ids, decided, strict=True) if each.is_final]
    await add_verdicts([(row_id, each.outcome, each.reason, each.counted_id) for row_id, each in final], now)
    for row_id, each in final:
        judged = each.judged
        if each.counted_id is not None and judged.sync is not None and judged.claim is not None:
            await OfflineConflict.create(
                merchant_id=merchant_id,
                store_id=as_uuid(judged.sync["store_id"]),
                clerk_id=as_uuid(judged.sync["clerk_id"]),
                claim_id=judged.claim_id,
                scan_id=row_id,
                counted_id=each.counted_id,
                device_id=device_id,
                given_at=judged.scanned_at,
                found_at=now,
            )


async def add_verdicts(verdicts: Sequence[tuple[UUID, ScanOutcome, str, UUID | None]], now: datetime) -> None:
    """What became of scans for good: (scan, outcome, reason, the redemption that counts)."""
    if verdicts:
        await OfflineVerdict.bulk_create(
            [
                OfflineVerdict(scan_id=scan_id, outcome=outcome, reason=reason, redemption_id=counted, fixed_at=now)
                for scan_id, outcome, reason, counted in verdicts
            ]
        )


async def standing_by_claim(claim_ids: Sequence[UUID]) -> dict[UUID, Mapping[str, Any]]:
    """What was redeemed of these claims and stands."""
    found = await rows(statements.STANDING, sorted(claim_ids)) if claim_ids else []
    return {as_uuid(each["claim_id"]): each for each in found}


async def gaps_of(merchant_id: UUID, device_id: str, complete_upto: int) -> tuple[tuple[int, int], ...]:
    """First and last number of what is missing of this device's scans, at most 20 gaps."""
    found = await rows(statements.GAPS, merchant_id, device_id, complete_upto, MOST_GAPS)
    return tuple((int(each["first"]), int(each["last"])) for each in found)
