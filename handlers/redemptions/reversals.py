"""撤销: a redemption taken back is a row of its own, with the contra of its money; nothing is edited."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from handlers.actors import Clerk
from handlers.claims.claims import transition
from handlers.errors import ClerkNotSignedIn, NotReversible, RedemptionSettled, RedemptionUnknown
from handlers.outbox import later
from handlers.ports import Clock
from handlers.redemptions.daily_caps import Wanted, beyond, lock_clerks
from handlers.redemptions.settling import is_settled
from handlers.redemptions.shift_entries import Entered, enter
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.claim_states import after_uses, stands
from handlers.rules.offline import CONTRA
from handlers.rules.redemption import OWN_REVERSAL, why_not_reversed
from models.database import row
from models.failures import SerializationConflict
from models.ids import new_id
from models.redemptions import Redemption
from models.sql import as_instant, as_uuid
from models.statements import redemptions as statements
from models.words import ClaimState, ClerkRole, RedemptionKind

REVERSED = "reversed"
_GIVES_BACK = frozenset({ClaimState.USED, ClaimState.PARTLY_USED})


@dataclass(frozen=True, slots=True)
class Reversed:
    """What was taken back. The claim stands as `claim_state` says: usable again, or over meanwhile."""

    id: UUID
    reverses: UUID
    claim_id: UUID
    uses: int
    uses_left: int
    claim_state: ClaimState
    reversed_at: datetime


@dataclass(frozen=True, slots=True)
class Latest:
    """What was redeemed last."""

    id: UUID
    benefit: str


@refusing
class Reversals:
    """Takes redemptions back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def reverse(
        self, clerk: Clerk, redemption_id: UUID, *, reason: str, device_id: str | None = None, request_id: str
    ) -> Answer[Reversed]:
        """The own within 15 minutes on the same device; a manager any of their stores within 24 hours.

        Raises RedemptionUnknown, NotReversible, RedemptionSettled (a closed day has it), DailyReversalsReached,
        ClerkNotSignedIn, KeyReused.
        """
        # The cut-off's own word in a clerk's mouth: what counts as theirs is told by it.
        said = f"“{reason}”" if reason == CONTRA else reason

        async def effect() -> Reversed:
            return await self._reverse(clerk, redemption_id, said, device_id)

        facts = {"id": redemption_id, "reason": reason, "device": device_id}
        return await once(clerk, "redemption.reverse", request_id, facts=facts, result=Reversed, effect=effect)

    async def last(self, clerk: Clerk, *, device_id: str) -> Latest | None:
        """What this clerk redeemed last on this device, if it can still be taken back."""
        since = self._clock.now() - OWN_REVERSAL
        found = await row(statements.LAST_OF_DEVICE, clerk.merchant_id, clerk.id, device_id, since)
        return Latest(as_uuid(found["id"]), found["benefit"]) if found else None

    async def _reverse(self, clerk: Clerk, redemption_id: UUID, reason: str, device_id: str | None) -> Reversed:
        now = self._clock.now()
        serving = (await lock_clerks([clerk.id])).get(clerk.id)
        if serving is None:
            raise ClerkNotSignedIn
        first = await row(statements.REDEMPTION, redemption_id, clerk.merchant_id)
        if first is None or clerk.store_id not in (None, as_uuid(first["store_id"])):
            raise RedemptionUnknown
        claim_id = as_uuid(first["claim_id"])
        claim = await row(statements.LOCK_CLAIM, claim_id)
        found = await row(statements.REDEMPTION, redemption_id, clerk.merchant_id)  # as it is under the lock
        if claim is None or found is None:
            raise RedemptionUnknown
        against = why_not_reversed(
            is_reversal=found["kind"] == RedemptionKind.REVERSAL,
            is_reversed=bool(found["is_reversed"]),
            is_own=as_uuid(found["clerk_id"]) == clerk.id,
            is_manager=clerk.role is ClerkRole.MANAGER,
            is_same_device=device_id in (None, found["device_id"]),
            reversals=int(claim["reversals"]),
            age=max(now - as_instant(found["redeemed_at"]), timedelta(0)),
        )
        if against:
            raise NotReversible(reason=against)
        if await is_settled(redemption_id):
            raise RedemptionSettled
        wanted = Wanted(clerk.id, 1, serving.daily_reversals)
        if reached := await beyond([wanted], RedemptionKind.REVERSAL, now):
            raise reached[clerk.id]
        given = await row(statements.GIVE_USES, claim_id, found["uses"])
        if given is None:
            raise SerializationConflict("uses were given back meanwhile")
        state = await self._state(clerk, claim, int(given["uses_left"]), now)
        made = await Redemption.create(
            id=new_id(),
            kind=RedemptionKind.REVERSAL,
            claim_id=claim_id,
            benefit_id=as_uuid(found["benefit_id"]),
            reverses_id=redemption_id,
            merchant_id=clerk.merchant_id,
            store_id=as_uuid(found["store_id"]),
            clerk_id=clerk.id,
            device_id=device_id or found["device_id"],
            receipt=found["receipt"],
            uses=found["uses"],
            redeemed_at=now,
            bill_amount_fen=found["bill_amount_fen"],
            settlement_fen=found["settlement_fen"],
            operator_share_fen=found["operator_share_fen"],
            merchant_share_fen=found["merchant_share_fen"],
            reason=reason,
        )
        await enter([Entered(made.id, as_uuid(found["store_id"]), made.device_id)], at=now)
        owner_id = str(found["owner_id"])
        told = {"member_id": owner_id, "benefit": found["benefit"], "store": found["store"]}
        await later("say_reversed", key=f"reversed:{made.id}", at=now, order_key=f"chat:{owner_id}", **told)
        return Reversed(made.id, redemption_id, claim_id, found["uses"], int(given["uses_left"]), state, now)

    async def _state(self, clerk: Clerk, claim: dict[str, object], uses_left: int, now: datetime) -> ClaimState:
        """Move the claim along the graph; one that was revoked or swept meanwhile stays what it is."""
        before, total = ClaimState(str(claim["state"])), int(str(claim["uses_total"]))
        if before not in _GIVES_BACK:
            return before
        expires_at = as_instant(claim["expires_at"]) if claim["expires_at"] else None
        is_over = stands(ClaimState.ISSUED, expires_at, now) is ClaimState.EXPIRED
        after = after_uses(total, uses_left, is_over=is_over)
        if after is not before:
            await transition({as_uuid(claim["id"]): before}, after, reason=REVERSED, actor=clerk, at=now)
        return after
