"""核销: a clerk previews and redeems, one code or up to ten, all or nothing, once per key of a device.

Every answer is stored, refusals too, so that a repeated scan is told exactly what the first was told: successes and
refusals are decided on locked rows before anything is written, and either way the transaction commits.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.actors import Clerk
from handlers.errors import (
    DailyRedemptionsReached,
    DomainError,
    RedemptionUnknown,
    StoreNeeded,
    StoreUnknown,
    TooManyWrongCodes,
)
from handlers.ports import Clock, PassStore, Vault
from handlers.redemptions.counter import (
    Laid,
    Scan,
    Shop,
    Sought,
    claims_of,
    confirm_token,
    lay_out,
    lock_clerk,
    resolve,
    shop,
)
from handlers.redemptions.redemption_answers import Outcome, Receipt, answered, refused
from handlers.redemptions.redemption_attempts import Counter, Tried, note
from handlers.redemptions.refusing import Refusing, refuse_all
from handlers.redemptions.tills import Call, Tills
from handlers.requests import Answer, Asked, alone
from handlers.retrying import again, refusing
from handlers.rules.redemption import CONFIRM_LASTS, Reason, masked
from models.database import atomic, row
from models.sql import as_uuid
from models.statements import redemptions as statements
from models.statements import requests as asked


@dataclass(frozen=True, slots=True)
class Till:
    """Under whom the answers to redemptions are kept: a merchant, whichever clerk has the device in hand."""

    merchant_id: UUID

    @property
    def kind(self) -> str:
        """What request rows call this actor."""
        return "till"

    @property
    def actor_id(self) -> str:
        """Under which id request rows are kept."""
        return str(self.merchant_id)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be redeemed. Nothing was changed."""

    claim_id: UUID
    benefit: str
    member: str  # masked
    uses_left: int
    expires_at: datetime | None
    store: str
    confirm_token: str
    confirm_until: datetime
    needs_bill: bool = False  # redeeming it takes what the customer pays


@refusing
class Redemptions:
    """Previews and redeems."""

    def __init__(self, clock: Clock, vault: Vault, passes: PassStore) -> None:
        self._clock = clock
        self._vault = vault
        self._passes = passes
        self._tills = Tills(clock, vault)

    async def close(self) -> None:
        """Let those who wait be answered."""
        await self._tills.close()

    async def preview(
        self, clerk: Clerk, scan: Scan, *, store_id: UUID | None = None, device_id: str = "", address: str | None = None
    ) -> Preview:
        """What a code is good for; a wrong one counts as a guess. A pass is not used up by it.

        Raises RedemptionRefused kinds, TooManyWrongCodes, StoreUnknown, StoreNeeded, ClerkNotSignedIn, Overloaded.
        """
        now = self._clock.now()
        sought = await resolve([scan], vault=self._vault, passes=self._passes, now=now, holder=None)

        async def look() -> tuple[Laid, Shop, Outcome | None]:
            async with atomic():
                me, where = await lock_clerk(clerk), await shop(clerk, store_id)
                counter = Counter.of(
                    self._vault, clerk, device_id=device_id, store_id=where.id, address=address, now=now
                )
                await counter.check(now)
                claims = await claims_of(sought, statement=statements.CLAIMS)
                (laid,) = lay_out(sought, claims, clerk, me, where, now=now)
                if laid.against in (None, Reason.BILL_NEEDED):  # the bill is asked for when it is redeemed
                    return laid, where, None
                (outcome,) = await refuse_all([Refusing(clerk, [laid], where, device_id, "", counter)], now)
                return laid, where, outcome

        laid, where, outcome = await again(look)
        if outcome is not None:
            raise refused(outcome)
        assert laid.found is not None  # noqa: S101 - what is not found was refused
        claim_id = as_uuid(laid.found["id"])
        return Preview(
            claim_id=claim_id,
            benefit=laid.found["name"],
            member=masked(laid.found["number"]),
            uses_left=laid.found["uses_left"],
            expires_at=laid.shown.expires_at if laid.shown else None,
            store=where.name,
            confirm_token=confirm_token(self._vault, claim_id, where, clerk, now),
            confirm_until=now + CONFIRM_LASTS,
            needs_bill=laid.against is Reason.BILL_NEEDED,
        )

    async def redeem(
        self,
        clerk: Clerk,
        scans: Sequence[Scan],
        *,
        store_id: UUID | None = None,
        device_id: str,
        confirm: str | None = None,
        bill_fen: int | None = None,
        scanned_at: datetime | None = None,
        address: str | None = None,
        request_id: str,
    ) -> Answer[Receipt]:
        """Redeem all of these codes, or none. The same (device, key) again gets the same answer, refusals too.

        `confirm` is the token of a preview, or those of the previews of several claims with spaces between them.
        Raises RedemptionRefused kinds (stored), and without being stored TooManyWrongCodes, DailyRedemptionsReached,
        StoreUnknown, StoreNeeded, ClerkNotSignedIn, KeyReused, StillRunning, Overloaded, OutcomeUnknown.
        """
        now = self._clock.now()
        holder = hashlib.sha256(f"{clerk.merchant_id}:{device_id}:{request_id}".encode()).hexdigest()
        sought = await resolve(scans, vault=self._vault, passes=self._passes, now=now, holder=holder)

        facts = {
            "scans": [[each.hashed, each.scan.uses] for each in sought],
            "store": store_id,
            "confirm": confirm,
            "bill": bill_fen,
            "scanned_at": scanned_at,
        }
        asked_for = Asked.of(Till(clerk.merchant_id), operation(device_id), request_id, facts)
        call = Call(clerk, sought, store_id, device_id, confirm, bill_fen, scanned_at, address, asked_for)
        try:
            async with alone(asked_for.scope):
                answer = await self._tills.redeem(call)
        except (TooManyWrongCodes, DailyRedemptionsReached) as refusal:
            await self._give_back(sought, holder)
            await self._note_refused(clerk, sought, device_id, request_id, refusal, now)
            raise
        except (StoreUnknown, StoreNeeded):
            await self._give_back(sought, holder)
            raise
        if answer.value.receipt is None and not answer.replayed:
            await self._give_back(sought, holder)
        return answered(answer)

    async def by_key(self, clerk: Clerk, *, device_id: str, key: str) -> Answer[Receipt]:
        """What became of a scan whose answer was lost: the very answer. Nothing is ever made by asking.

        Raises RedemptionUnknown (nothing happened under this key), and the refusal that was the answer.
        """
        till = Till(clerk.merchant_id)
        found = await row(asked.RECALL, till.kind, till.actor_id, operation(device_id), key)
        if found is None:
            raise RedemptionUnknown
        return answered(Answer(Outcome.of_json(found["result"]), replayed=True))

    async def _give_back(self, sought: Sequence[Sought], holder: str) -> None:
        for each in sought:
            if each.pass_hash and not each.is_taken:
                await self._passes.give_back(each.pass_hash, holder)

    async def _note_refused(
        self,
        clerk: Clerk,
        sought: Sequence[Sought],
        device_id: str,
        key: str,
        refusal: DomainError,
        now: datetime,
    ) -> None:
        async with atomic():
            tried = [Tried(each.hashed, refusal.code) for each in sought]
            await note(clerk, tried, store_id=clerk.store_id, device_id=device_id, key=key, at=now)


def operation(device_id: str) -> str:
    """Under which name the requests of a device are kept: its own name may be too long for that."""
    return f"redeem:{hashlib.sha256(device_id.encode()).hexdigest()[:32]}"
