"""A shop's own phone: clerks set a PIN of six digits, and take the phone over from each other by it.

A PIN opens nothing by itself. It is good only on a phone where a colleague of the same store is signed in, and what is
tried is counted in the database before it is looked at, so that guesses side by side are counted like guesses in a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Clerk
from handlers.audit import record
from handlers.errors import ClerkNotSignedIn, ClerkUnknown, PinDiffers, PinNotYours, PinWeak
from handlers.identity.sessions import Sessions, hash_token
from handlers.ports import Clock, Passwords, Randomness, Vault
from handlers.redemptions.counter import lock_clerk
from handlers.redemptions.redemption_attempts import Counter
from handlers.requests import Answer, Asked, hidden, once, recalled
from handlers.retrying import again, refusing
from handlers.rules.pins import weakness
from handlers.shops.clerk_sessions import LASTS_AT_MOST, ClerkSignedIn
from handlers.standing import canonical
from models.database import atomic, row, rows
from models.redemptions import ClerkSession
from models.sql import as_uuid
from models.statements import clerks as statements
from models.statements import redemptions as locks
from models.words import ClerkRole


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who can take the phone over; nothing but what they are called there."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class PinSet:
    """The clerk has this PIN from now on."""

    clerk_id: UUID


@refusing
class ClerkSwitching:
    """Sets PINs, and switches a session from one clerk to another."""

    def __init__(
        self, clock: Clock, randomness: Randomness, vault: Vault, passwords: Passwords, sessions: Sessions
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._vault = vault
        self._passwords = passwords
        self._sessions = sessions

    async def set_pin(
        self, clerk: Clerk, *, pin: str, code: str, account: str | None = None, request_id: str | None = None
    ) -> Answer[PinSet]:
        """Keep this PIN for the clerk, whose own WeChat the login code proves: the phone may be everybody's.

        Raises PinWeak, PinNotYours, ClerkNotSignedIn, MemberFrozen, LoginCodeRefused, WeChatUnavailable, KeyReused.
        """
        if problem := weakness(pin):
            raise PinWeak(problem=problem)
        facts = hidden(self._vault, {"pin": pin, "code": code, "account": account})
        # A retry must not be refused for a login code that its first try used up.
        asked = Asked.of(clerk, "clerk.set_pin", request_id, facts) if request_id else None
        if asked and (before := await recalled(asked, PinSet)):
            return before
        person = await self._sessions.identify(code=code, account=account)
        if await canonical(person.member_id) != await canonical(clerk.member_id):
            raise PinNotYours
        hashed = await self._passwords.hash(pin)

        async def effect() -> PinSet:
            if await row(statements.KEEP_PIN, clerk.id, hashed) is None:
                raise ClerkNotSignedIn
            await record(clerk, "clerk.pin_set", "clerk", clerk.id, at=self._clock.now())
            return PinSet(clerk.id)

        return await once(clerk, "clerk.set_pin", request_id, facts=facts, result=PinSet, effect=effect)

    async def colleagues(self, clerk: Clerk) -> tuple[Colleague, ...]:
        """Who can take this phone over: the active clerks of the same store who have a PIN."""
        return tuple(
            Colleague(as_uuid(each["id"]), each["name"]) for each in await _colleagues(clerk) if each["pin_hash"]
        )

    async def switch(
        self, clerk: Clerk, *, clerk_id: UUID | None = None, name: str | None = None, pin: str, device_id: str
    ) -> ClerkSignedIn:
        """End this session and begin one of the colleague's, on the same phone.

        Wrong PINs are counted per colleague and per device, and lock for 1, 2, 4 ... minutes. Raises ClerkUnknown (of
        another store, revoked, or more than one of this name), PinDiffers, TooManyWrongCodes, ClerkNotSignedIn.
        """
        wanted = _one(await _colleagues(clerk), clerk_id, name)
        now = self._clock.now()
        counter = Counter.of_pin(
            self._vault, as_uuid(wanted["id"]), merchant_id=clerk.merchant_id, device_id=device_id, now=now
        )

        async def attempt() -> None:
            async with atomic():
                if await row(locks.LOCK_CLERK, wanted["id"]) is None:
                    raise ClerkUnknown
                await counter.check(now)
                await counter.count(1, now)

        await again(attempt)
        if not await self._passwords.verify(pin, wanted["pin_hash"] or None):
            raise PinDiffers
        return await again(lambda: self._switch(clerk, wanted, counter, now))

    async def _switch(self, clerk: Clerk, wanted: Mapping[str, Any], counter: Counter, now: datetime) -> ClerkSignedIn:
        token, expires_at = self._randomness.token(), now + LASTS_AT_MOST
        async with atomic():
            await lock_clerk(clerk)
            today = _one(await _colleagues(clerk), as_uuid(wanted["id"]), None)
            if today["pin_hash"] != wanted["pin_hash"]:  # changed, or gone, while it was being looked at
                raise PinDiffers
            # The session that is handed over is the one that ends: of two who switch it at once one has it.
            if clerk.session_id is None or await row(statements.END_SESSION, clerk.session_id, now) is None:
                raise ClerkNotSignedIn
            made = await ClerkSession.create(
                clerk_id=as_uuid(today["id"]), token_hash=hash_token(token), expires_at=expires_at
            )
            await counter.forgive()
            await record(clerk, "clerk.switched", "clerk", as_uuid(today["id"]), at=now)
        return ClerkSignedIn(token, expires_at, _clerk(today, made.id))


async def _colleagues(clerk: Clerk) -> Sequence[Mapping[str, Any]]:
    store = str(clerk.store_id) if clerk.store_id else None
    return await rows(statements.COLLEAGUES, clerk.merchant_id, store, clerk.id)


def _one(colleagues: Sequence[Mapping[str, Any]], clerk_id: UUID | None, name: str | None) -> Mapping[str, Any]:
    found = [
        each
        for each in colleagues
        if (as_uuid(each["id"]) == clerk_id if clerk_id is not None else each["name"] == name)
    ]
    if len(found) != 1:
        raise ClerkUnknown
    return found[0]


def _clerk(found: Mapping[str, Any], session_id: UUID) -> Clerk:
    return Clerk(
        id=as_uuid(found["id"]),
        member_id=as_uuid(found["member_id"]),
        merchant_id=as_uuid(found["merchant_id"]),
        store_id=as_uuid(found["store_id"]) if found["store_id"] else None,
        role=ClerkRole(found["role"]),
        name=found["name"],
        session_id=session_id,
    )
