"""What becomes of new scans on coming in, before anybody knows what other devices will bring: provisionally.

A scan that competes has its claim if nothing was given for it so far; the cut-off looks at all of them once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Clerk
from handlers.offline.applying import Giving, take, tell, write
from handlers.offline.judging import Judged
from handlers.offline.recording import Decided, standing_by_claim
from handlers.offline.scans import FirstGiven, ScanAnswer, Told
from handlers.rules.offline import MOST_FEN_A_DAY, MOST_SCANS_A_DAY, OfflineReason
from models.database import row
from models.ids import new_id
from models.statements import offline as statements
from models.words import ClaimState, ScanOutcome

_FREE = frozenset({ClaimState.ISSUED, ClaimState.EXPIRED})


@dataclass
class Desk:
    """One part of an upload while it is decided: what stands of the claims, and how much the device has scanned."""

    clerk: Clerk
    device_id: str
    closed: frozenset[str]
    now: datetime
    standing: dict[UUID, Mapping[str, Any]]
    so_far: dict[str, tuple[int, int]]  # by day: number and value in fen
    givings: list[Giving] = field(default_factory=list)
    firsts: dict[UUID, FirstGiven] = field(default_factory=dict)  # by claim

    @classmethod
    async def open(
        cls, clerk: Clerk, device_id: str, judged: Sequence[Judged], *, closed: frozenset[str], now: datetime
    ) -> "Desk":
        """Inside the open transaction, the claims locked."""
        used = {each.claim_id for each in judged if each.claim_id and each.claim and not each.claim["uses_left"]}
        standing = await standing_by_claim(sorted(used))
        so_far = {}
        for day in sorted({each.business_on for each in judged if not each.reason}):
            found = await row(statements.DEVICE_DAY, clerk.merchant_id, device_id, day)
            so_far[day] = (int(found["number"]), int(found["fen"])) if found else (0, 0)
        firsts = {claim_id: FirstGiven.of(each) for claim_id, each in standing.items()}
        return cls(clerk, device_id, closed, now, standing, so_far, firsts=firsts)

    async def decide(self, judged: Sequence[Judged]) -> list[Decided]:
        """In the given order, which is that in which they were made; what has its claim is written."""
        decided = [self._one(each) for each in judged]
        await take([each.claim for each in self.givings], actor=self.clerk, now=self.now)
        await write(self.givings, now=self.now)
        await tell(self.givings, now=self.now)
        return decided

    def answer(self, decided: Decided) -> ScanAnswer:
        """As the device is told."""
        sent, claim_id = decided.judged.sent, decided.judged.claim_id
        is_conflict = decided.outcome is ScanOutcome.CONFLICT
        return ScanAnswer(
            sent.seq,
            sent.key,
            Told(decided.outcome.value),
            decided.outcome,
            decided.reason,
            is_provisional=not decided.is_final,
            redemption_id=decided.redemption_id,
            first=self.firsts.get(claim_id) if is_conflict and claim_id else None,
        )

    def _one(self, judged: Judged) -> Decided:
        claim, claim_id = judged.claim, judged.claim_id
        if judged.reason or claim is None or claim_id is None or judged.sync is None:
            return Decided(judged, ScanOutcome.REJECTED, judged.reason, is_contending=False)
        if judged.business_on in self.closed:
            return self._late(judged, claim_id)
        number, fen = self.so_far[judged.business_on]
        self.so_far[judged.business_on] = number + 1, fen + judged.value_fen
        if number >= MOST_SCANS_A_DAY or fen + judged.value_fen > MOST_FEN_A_DAY:
            return Decided(judged, ScanOutcome.REJECTED, OfflineReason.OVER_LIMIT, is_contending=True)
        is_free = claim["uses_left"] > 0 and ClaimState(claim["state"]) in _FREE
        if claim_id in self.firsts or not is_free:
            return Decided(judged, ScanOutcome.CONFLICT, OfflineReason.GIVEN_TWICE, is_contending=True)
        giving = Giving(
            new_id(),
            claim,
            judged.sync,
            self.clerk.merchant_id,
            self.device_id,
            judged.scanned_at,
            judged.sent.bill_fen,
        )
        self.givings.append(giving)
        self.firsts[claim_id] = FirstGiven(
            judged.scanned_at, judged.sync["store"], judged.sync["clerk"], self.device_id, giving.receipt
        )
        return Decided(judged, ScanOutcome.ACCEPTED, "", is_contending=True, redemption_id=giving.redemption_id)

    def _late(self, judged: Judged, claim_id: UUID) -> Decided:
        """After the cut-off nothing that was fixed moves: a second one is a case, a first one came too late."""
        counted = self.standing.get(claim_id)
        if counted is None:
            return Decided(judged, ScanOutcome.REJECTED, OfflineReason.LATE, is_contending=False)
        return Decided(
            judged,
            ScanOutcome.CONFLICT,
            OfflineReason.GIVEN_TWICE,
            is_contending=False,
            counted_id=counted["id"],
        )
