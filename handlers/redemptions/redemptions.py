"""核销: a clerk previews and redeems, one code or up to ten, all or nothing, once per key of a device.

Every answer is stored, refusals too, so that a repeated scan is told exactly what the first was told: successes and
refusals are decided on locked rows before anything is written, and either way the transaction commits.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Clerk
from handlers.errors import RedemptionUnknown, StoreNeeded, StoreUnknown, TooManyWrongCodes
from handlers.ports import Clock, PassStore, Vault
from handlers.redemptions.counter import (
    Confirm,
    Laid,
    Scan,
    Shop,
    Sought,
    confirm_token,
    lay,
    lock_clerk,
    resolve,
    shop,
)
from handlers.redemptions.redeeming import redeem_laid
from handlers.redemptions.redemption_answers import Asker, Outcome, Receipt, answered, refused
from handlers.redemptions.redemption_attempts import OK, TOGETHER, Counter, Tried, note
from handlers.requests import Answer, once
from handlers.retrying import again, refusing
from handlers.rules.redemption import CONFIRM_LASTS, Reason, masked
from models.database import atomic, row, rows
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


@refusing
class Redemptions:
    """Previews and redeems."""

    def __init__(self, clock: Clock, vault: Vault, passes: PassStore) -> None:
        self._clock = clock
        self._vault = vault
        self._passes = passes

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
                counter = self._counter(clerk, device_id, where, address, now)
                await counter.check(now)
                (laid,) = await lay(sought, clerk, me, where, now=now, statement=statements.CLAIMS)
                if (
                    laid.against is None or laid.against is Reason.BILL_NEEDED
                ):  # the bill is asked for when it is redeemed
                    return laid, where, None
                return laid, where, await self._refuse(clerk, [laid], where, device_id, "", counter, now)

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

        Raises RedemptionRefused kinds (stored), and without being stored TooManyWrongCodes, StoreUnknown, StoreNeeded,
        ClerkNotSignedIn, KeyReused, StillRunning, Overloaded, OutcomeUnknown.
        """
        now = self._clock.now()
        holder = hashlib.sha256(f"{clerk.merchant_id}:{device_id}:{request_id}".encode()).hexdigest()
        sought = await resolve(scans, vault=self._vault, passes=self._passes, now=now, holder=holder)

        async def effect() -> Outcome:
            me, where = await lock_clerk(clerk), await shop(clerk, store_id)
            counter = self._counter(clerk, device_id, where, address, now)
            had_counts = await counter.check(now, codes=len(sought))
            brought = Confirm(confirm, self._vault) if confirm is not None else None
            laid = await lay(sought, clerk, me, where, now=now, bill_fen=bill_fen, confirm=brought)
            if any(each.against for each in laid):
                return await self._refuse(clerk, laid, where, device_id, request_id, counter, now)
            if had_counts:
                await counter.forgive()
            tried = [Tried(each.sought.hashed, OK, each.claim_id) for each in laid]
            await note(clerk, tried, store_id=where.id, device_id=device_id, key=request_id, at=now)
            return Outcome(await redeem_laid(clerk, laid, where, device_id, bill_fen, scanned_at, now))

        facts = {
            "scans": [[each.hashed, each.scan.uses] for each in sought],
            "store": store_id,
            "confirm": confirm,
            "bill": bill_fen,
            "scanned_at": scanned_at,
        }
        till = Till(clerk.merchant_id)
        try:
            answer = await once(till, operation(device_id), request_id, facts=facts, result=Outcome, effect=effect)
        except TooManyWrongCodes as locked:
            await self._give_back(sought, holder)
            await self._note_locked(clerk, sought, device_id, request_id, locked, now)
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

    def _counter(self, clerk: Clerk, device_id: str, where: Shop, address: str | None, now: datetime) -> Counter:
        return Counter.of(self._vault, clerk, device_id=device_id, store_id=where.id, address=address, now=now)

    async def _refuse(
        self,
        clerk: Clerk,
        laid: Sequence[Laid],
        where: Shop,
        device_id: str,
        key: str,
        counter: Counter,
        now: datetime,
    ) -> Outcome:
        """Record and count, and say the one reason. The transaction commits: nothing else was written in it."""
        guesses = sum(each.against is Reason.INVALID and not each.sought.is_over for each in laid)
        used = [each.claim_id for each in laid if each.against is Reason.ALREADY_REDEEMED and each.claim_id]
        firsts: dict[UUID, Mapping[str, Any]] = {}
        for each in await rows(statements.STANDING, used) if used else []:
            firsts.setdefault(as_uuid(each["claim_id"]), each)
        # A pass that another scan has, and nothing was redeemed by it (yet, or any more): show a new one.
        laid = [
            replace(each, against=Reason.INVALID)
            if each.against is Reason.ALREADY_REDEEMED and each.claim_id not in firsts
            else each
            for each in laid
        ]
        await counter.count(guesses, now)
        tried = [
            Tried(each.sought.hashed, each.against.value if each.against else TOGETHER, each.claim_id) for each in laid
        ]
        await note(clerk, tried, store_id=where.id, device_id=device_id, key=key, at=now)
        names: dict[str, str] = {}
        if any(each.against is Reason.WRONG_STORE for each in laid):
            names = {each["code"]: each["name"] for each in await rows(statements.STORE_NAMES, clerk.merchant_id)}
        asker = Asker(clerk, where, device_id)
        return Outcome.refusal(laid, firsts=firsts, store_names=names, asker=asker, now=now)

    async def _give_back(self, sought: Sequence[Sought], holder: str) -> None:
        for each in sought:
            if each.pass_hash and not each.is_taken:
                await self._passes.give_back(each.pass_hash, holder)

    async def _note_locked(
        self,
        clerk: Clerk,
        sought: Sequence[Sought],
        device_id: str,
        key: str,
        locked: TooManyWrongCodes,
        now: datetime,
    ) -> None:
        async with atomic():
            tried = [Tried(each.hashed, locked.code) for each in sought]
            await note(clerk, tried, store_id=clerk.store_id, device_id=device_id, key=key, at=now)


def operation(device_id: str) -> str:
    """Under which name the requests of a device are kept: its own name may be too long for that."""
    return f"redeem:{hashlib.sha256(device_id.encode()).hexdigest()[:32]}"
