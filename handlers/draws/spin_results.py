"""What somebody who spun is told, with the receipt that they keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.draws.held import HeldDraw
from handlers.draws.players import Player
from handlers.draws.prizes import Given
from handlers.draws.spin_folding import Folded
from handlers.draws.spin_paying import Till
from handlers.offline.signing_keys import Signing, SigningKeys
from handlers.rules.draw_rules import PrizeKind
from handlers.rules.fairness_log import receipt_payload
from models.words import PrizeAsks, SpinPaid


@dataclass(frozen=True, slots=True)
class SpinResult:
    """One spin. `place`: of the prize on the wheel. `until`: the claim's end, or until when what was won waits.

    `prize_id`: of a benefit that waits until its winner has said what it `asks`.
    """

    id: UUID
    sequence: int
    prize: str  # code
    place: int
    name: str
    kind: PrizeKind
    amount: int
    rolled: str  # code
    why: str
    is_guaranteed: bool
    paid_by: SpinPaid
    points: int
    claim_id: UUID | None
    parcel_id: UUID | None
    until: datetime | None
    prize_id: UUID | None = None
    asks: PrizeAsks | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was signed, as text, and the signature of its bytes: base64url without padding."""

    payload: str
    signature: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Spun:
    """What one request got."""

    draw_id: UUID
    title: str
    happened_at: datetime
    spins: tuple[SpinResult, ...]
    free_left: int
    chances_left: int
    receipt: Receipt


def results(
    held: HeldDraw,
    player: Player,
    folded: Sequence[Folded],
    given: Mapping[UUID, Given],
    till: Till,
    signing: Signing,
    keys: SigningKeys,
) -> Spun:
    """As it stands when the batch is decided; one signature for all spins of a request."""
    payload = receipt_payload(held.key, held.committed, [(each.text, each.chain) for each in folded])
    return Spun(
        draw_id=held.id,
        title=held.version.terms.rules.title,
        happened_at=till.at,
        spins=tuple(_result(each, given.get(each.id, Given())) for each in folded),
        free_left=till.free_left(player),
        chances_left=till.chances_left(player),
        receipt=Receipt(payload.decode(), keys.sign(signing, payload), signing.key_id),
    )


def _result(each: Folded, given: Given) -> SpinResult:
    return SpinResult(
        id=each.id,
        sequence=each.sequence,
        prize=each.prize.code,
        place=each.outcome.awarded,
        name=each.prize.name,
        kind=each.prize.kind,
        amount=each.prize.amount,
        rolled=each.row.rolled,
        why=each.row.why,
        is_guaranteed=each.outcome.is_guaranteed,
        paid_by=each.payment.by,
        points=each.payment.points,
        claim_id=given.claim_id,
        parcel_id=given.parcel_id,
        until=given.until,
        prize_id=given.prize_id,
        asks=given.asks,
    )
