"""Clerks sign in with a wx.login code; their sessions are rows read at every request, so a revocation holds at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Clerk, Person
from handlers.errors import ClerkNotSignedIn, NotAClerk
from handlers.identity.sessions import Sessions, hash_token
from handlers.ports import Clock, Randomness
from handlers.retrying import refusing
from handlers.standing import canonical
from models.database import atomic, row
from models.gathering import Gathered
from models.redemptions import ClerkSession
from models.sql import as_instant, as_uuid
from models.statements import clerks as statements
from models.words import ClerkRole

LASTS_AT_MOST = timedelta(hours=12)
_by_token: Gathered[str] = Gathered(
    statements.WHO, value_of=lambda token_hash: token_hash, key_of=lambda found: found["token_hash"]
)


@dataclass(frozen=True, slots=True)
class ClerkSignedIn:
    """A new session. The token is shown once and never stored."""

    token: str = field(repr=False)
    expires_at: datetime
    clerk: Clerk


@refusing
class ClerkSessions:
    """Opens, finds and ends sessions of clerks."""

    def __init__(self, clock: Clock, randomness: Randomness, sessions: Sessions) -> None:
        self._clock = clock
        self._randomness = randomness
        self._sessions = sessions

    async def open(self, *, code: str, account: str | None = None, merchant: str | None = None) -> ClerkSignedIn:
        """Sign in; whoever serves several merchants names one, or gets the latest.

        Raises NotAClerk, MemberFrozen, LoginCodeRefused, LoginBlocked, AccountUnknown, WeChatUnavailable.
        """
        person = await self._sessions.identify(code=code, account=account)
        token, expires_at = self._randomness.token(), self._clock.now() + LASTS_AT_MOST
        async with atomic():
            clerk = await canonical_clerkship(await canonical(person.member_id), merchant=merchant)
            if clerk is None:
                raise NotAClerk
            await ClerkSession.create(clerk_id=clerk.id, token_hash=hash_token(token), expires_at=expires_at)
        return ClerkSignedIn(token, expires_at, clerk)

    async def who(self, token: str) -> Clerk:
        """The clerk behind a token. Raises ClerkNotSignedIn."""
        now = self._clock.now()
        found = await _by_token.row(hash_token(token))
        if found is None or as_instant(found["expires_at"]) <= now:
            raise ClerkNotSignedIn
        return _clerk(found, session_id=as_uuid(found["session_id"]))

    async def serving(self, person: Person) -> Clerk | None:
        """As what this person serves, for the chat; None for customers."""
        return await canonical_clerkship(await canonical(person.member_id))

    async def close(self, clerk: Clerk) -> None:
        """End this session; ending it again is fine."""
        async with atomic():
            await row(statements.END_SESSION, clerk.session_id, self._clock.now())


async def canonical_clerkship(member_id: UUID, *, merchant: str | None = None) -> Clerk | None:
    """The latest active clerkship of today's member of this id, at one merchant or at any."""
    found = await row(statements.SERVING, member_id, merchant)
    return _clerk(found) if found is not None else None


def _clerk(found: Mapping[str, Any], *, session_id: UUID | None = None) -> Clerk:
    return Clerk(
        id=as_uuid(found["id"]),
        member_id=as_uuid(found["member_id"]),
        merchant_id=as_uuid(found["merchant_id"]),
        store_id=as_uuid(found["store_id"]) if found["store_id"] else None,
        role=ClerkRole(found["role"]),
        name=found["name"],
        session_id=session_id,
    )
