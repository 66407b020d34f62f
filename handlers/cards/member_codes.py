"""会员码: what a member shows at the counter. 128 random bits, good for one scan within a minute."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from handlers.accounts.mini_program_links import MiniProgramLink, MiniProgramLinks
from handlers.actors import Person
from handlers.errors import MemberCodeInvalid, NotAMember
from handlers.ports import Clock, MemberCodeStore, Randomness
from handlers.retrying import refusing
from handlers.standing import canonical

LASTS = timedelta(seconds=60)
CHARACTERS = 22  # of base64url: 132 bits, of which a scan needs 128
LINK_LASTS = timedelta(days=1)
CODE_PAGE = "pages/code/index"


@dataclass(frozen=True, slots=True)
class MemberCode:
    """A fresh code; the token is shown once and kept only as its hash."""

    token: str = field(repr=False)
    expires_at: datetime


@refusing
class MemberCodes:
    """Makes codes, and tells whose a scanned one is, once."""

    def __init__(self, clock: Clock, randomness: Randomness, store: MemberCodeStore, links: MiniProgramLinks) -> None:
        self._clock = clock
        self._randomness = randomness
        self._store = store
        self._links = links

    async def show(self, person: Person) -> MemberCode:
        """A new code; an earlier one ends when its minute is over. Raises NotAMember, Overloaded (no Redis)."""
        if not person.is_member:
            raise NotAMember
        token = self._randomness.token()[:CHARACTERS]
        await self._store.keep(_hash(token), str(person.member_id), lasting=LASTS)
        return MemberCode(token, self._clock.now() + LASTS)

    async def scan(self, token: str) -> UUID:
        """The canonical member whose code this is; it is used up. Raises MemberCodeInvalid, Overloaded."""
        member_id = await self._store.take(_hash(token))
        if member_id is None:
            raise MemberCodeInvalid
        return await canonical(UUID(member_id))

    async def link(self, person: Person) -> MiniProgramLink:
        """Where chat sends a member who asks for the code: it changes every minute, so a picture would be stale.

        Raises NotAMember, AccountUnknown.
        """
        if not person.is_member:
            raise NotAMember
        return await self._links.to(CODE_PAGE, lasting=LINK_LASTS)


def _hash(token: str) -> str:
    return hashlib.sha256(f"member code {token}".encode()).hexdigest()
