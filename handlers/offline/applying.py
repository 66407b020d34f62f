"""What a decision writes: redemption rows of scans, contra rows, uses taken and given back, members told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.claims.claims import transition
from handlers.offline.judging import presented
from handlers.outbox import later
from handlers.recurring import BUSINESS_ZONE
from handlers.redemptions.settling import Settled, terms_in_force
from handlers.redemptions.shift_entries import Entered, enter
from handlers.requests import Actor
from handlers.rules.claim_states import after_uses, stands
from handlers.rules.offline import CONTRA
from handlers.rules.redemption import money
from models.database import require_atomic, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.redemptions import Redemption
from models.sql import as_instant, as_uuid
from models.statements import offline as statements
from models.words import ClaimState, RedemptionKind, ScanMode

REDEEMED = "redeemed"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Giving:
    """A scan that counts for its claim: the row to write. `sync` says who scanned where."""

    redemption_id: UUID
    claim: Row
    sync: Row
    merchant_id: UUID
    device_id: str
    scanned_at: datetime
    bill_fen: int | None

    @property
    def receipt(self) -> str:
        """Its number, by the day on which it was made."""
        return f"{self.scanned_at.astimezone(BUSINESS_ZONE):%Y%m%d}{self.redemption_id.hex[-10:].upper()}"


async def take(claims: Sequence[Row], *, actor: Actor, now: datetime) -> None:
    """The one use of each claim. One that was swept since it was scanned stays expired: nothing revives it.

    Raises SerializationConflict: a guard saw what the lock should have kept away.
    """
    require_atomic()
    ids = sorted(as_uuid(each["id"]) for each in claims)
    if not ids:
        return
    if len(await rows(statements.TAKE, ids)) < len(ids):
        raise SerializationConflict("a use was taken meanwhile")
    states = {as_uuid(each["id"]): ClaimState(each["state"]) for each in claims}
    before = {claim_id: state for claim_id, state in states.items() if state is not ClaimState.EXPIRED}
    await transition(before, ClaimState.USED, reason=REDEEMED, actor=actor, at=now)


async def give_back(claims: Sequence[Row], *, actor: Actor, now: datetime) -> None:
    """The use of each, which is good again or over by now. Raises SerializationConflict."""
    require_atomic()
    if not claims:
        return
    ids = sorted(as_uuid(each["id"]) for each in claims)
    if len(await rows(statements.GIVE, ids)) < len(ids):
        raise SerializationConflict("a use was given back meanwhile")
    by_state: dict[ClaimState, dict[UUID, ClaimState]] = {}
    for each in claims:
        if ClaimState(each["state"]) is not ClaimState.USED:  # expired or called back, and stays so
            continue
        expires_at = as_instant(each["expires_at"]) if each["expires_at"] else None
        is_over = stands(ClaimState.ISSUED, expires_at, now) is ClaimState.EXPIRED
        after = after_uses(each["uses_total"], each["uses_left"] + 1, is_over=is_over)
        by_state.setdefault(after, {})[as_uuid(each["id"])] = ClaimState(each["state"])
    for after, moved in by_state.items():
        await transition(moved, after, reason=CONTRA, actor=actor, at=now)


async def write(givings: Sequence[Giving], *, now: datetime) -> None:
    """The redemption rows of these scans, each a receipt of its own, settled under the terms of its own moment.

    Where a shift is open on their device they count in it.
    """
    require_atomic()
    made = []
    terms = await terms_in_force([Settled(each.merchant_id, each.claim, each.scanned_at) for each in givings])
    for each in givings:
        claim, sync = each.claim, each.sync
        worth = money(
            presented(claim, sync, each.bill_fen),
            uses_total=claim["uses_total"],
            price_fen=terms[as_uuid(claim["id"])].price_fen,
            operator_share_bp=terms[as_uuid(claim["id"])].operator_share_bp,
            settled_fen=0,
            used=0,
        )
        made.append(
            Redemption(
                id=each.redemption_id,
                kind=RedemptionKind.REDEEM,
                claim_id=as_uuid(claim["id"]),
                benefit_id=as_uuid(claim["benefit_id"]),
                merchant_id=each.merchant_id,
                store_id=as_uuid(sync["store_id"]),
                clerk_id=as_uuid(sync["clerk_id"]),
                device_id=each.device_id,
                receipt=each.receipt,
                mode=ScanMode.OFFLINE,
                uses=1,
                redeemed_at=now,
                scanned_at=each.scanned_at,
                bill_amount_fen=each.bill_fen,
                settlement_fen=worth.settlement_fen,
                operator_share_fen=worth.operator_fen,
                merchant_share_fen=worth.merchant_fen,
            )
        )
    if made:
        await Redemption.bulk_create(made)
        entered = [Entered(each.redemption_id, as_uuid(each.sync["store_id"]), each.device_id) for each in givings]
        await enter(entered, at=now)


async def tell(givings: Sequence[Giving], *, now: datetime) -> None:
    """Every member hears once that something of theirs was redeemed."""
    for each in givings:
        owner_id = str(each.claim["owner_id"])
        told = {"benefit": each.claim["name"], "store": each.sync["store"], "uses_left": 0}
        key = f"redeemed:{each.redemption_id}"
        await later("say_redeemed", key=key, at=now, order_key=f"chat:{owner_id}", member_id=owner_id, **told)


async def write_contra(standing: Sequence[Row], *, now: datetime) -> None:
    """Reversal rows of these redemptions, with their money: they do not count any more. The claims are untouched."""
    require_atomic()
    made = [
        Redemption(
            id=new_id(),
            kind=RedemptionKind.REVERSAL,
            claim_id=as_uuid(each["claim_id"]),
            benefit_id=as_uuid(each["benefit_id"]),
            reverses_id=as_uuid(each["id"]),
            merchant_id=as_uuid(each["merchant_id"]),
            store_id=as_uuid(each["store_id"]),
            clerk_id=as_uuid(each["clerk_id"]),
            device_id=each["device_id"],
            receipt=each["receipt"],
            mode=ScanMode(each["mode"]),
            uses=each["uses"],
            redeemed_at=now,
            bill_amount_fen=each["bill_amount_fen"],
            settlement_fen=each["settlement_fen"],
            operator_share_fen=each["operator_share_fen"],
            merchant_share_fen=each["merchant_share_fen"],
            reason=CONTRA,
        )
        for each in standing
    ]
    if made:
        await Redemption.bulk_create(made)
