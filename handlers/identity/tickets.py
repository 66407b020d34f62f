"""Single-use tickets of ten minutes: a link that goes on elsewhere with what was begun here.

A token is 256 random bits and a keyed mark over them and their purpose: one that we never made is refused without
asking the database. Only the token's hash is stored.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.errors import TicketExpired, TicketInvalid, TicketUsed
from handlers.ports import Randomness, Vault
from models.database import require_atomic, row
from models.linking import Ticket
from models.sql import as_instant, as_uuid, load_json
from models.words import TicketPurpose

LASTS = timedelta(minutes=10)
RANDOM_CHARACTERS, MARK_CHARACTERS = 43, 22

_FIND = """
    SELECT id, member_id, facts, expires_at, used_at FROM ticket WHERE token_hash = $1 AND purpose = $2
"""
# Two who redeem at once: the one who gets the row back has it.
_REDEEM = """
    UPDATE ticket SET used_at = $3, used_by_id = $4
    WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
    RETURNING id, member_id, facts, expires_at
"""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new ticket. The token is shown once and never stored."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """Whose ticket it is, and what its maker had said so far."""

    id: UUID
    member_id: UUID
    facts: Mapping[str, Any]
    expires_at: datetime


class Tickets:
    """Issues, looks at and redeems tickets, inside the transaction of the act they belong to."""

    def __init__(self, vault: Vault, randomness: Randomness) -> None:
        self._vault = vault
        self._randomness = randomness

    async def issue(self, member_id: UUID, purpose: TicketPurpose, facts: Mapping[str, Any], now: datetime) -> Issued:
        """A ticket of ten minutes. `facts` are plain values and hold no secrets and no personal data in the clear."""
        require_atomic()
        body = self._randomness.token()
        token = body + self._mark(body, purpose)
        await Ticket.create(
            token_hash=_hash(token),
            purpose=purpose,
            member_id=member_id,
            facts=dict(facts),
            expires_at=now + LASTS,
        )
        return Issued(token, now + LASTS)

    async def look(self, token: str, purpose: TicketPurpose, now: datetime) -> TicketFacts:
        """A ticket that could be redeemed now, unchanged. Raises TicketInvalid, TicketUsed, TicketExpired."""
        self._refuse_forged(token, purpose)
        found = await row(_FIND, _hash(token), purpose)
        if found is None:
            raise TicketInvalid
        if found["used_at"] is not None:
            raise TicketUsed
        if as_instant(found["expires_at"]) <= now:
            raise TicketExpired
        return _facts(found)

    async def redeem(self, token: str, purpose: TicketPurpose, by: UUID, now: datetime) -> TicketFacts:
        """Use the ticket up. Raises TicketInvalid, TicketUsed, TicketExpired."""
        require_atomic()
        self._refuse_forged(token, purpose)
        won = await row(_REDEEM, _hash(token), purpose, now, by)
        if won is None:
            await self.look(token, purpose, now)
            raise TicketUsed  # it was there to be looked at, and somebody else took it meanwhile
        return _facts(won)

    def _refuse_forged(self, token: str, purpose: TicketPurpose) -> None:
        body, mark = token[:RANDOM_CHARACTERS], token[RANDOM_CHARACTERS:]
        if not (token.isascii() and hmac.compare_digest(mark, self._mark(body, purpose))):
            raise TicketInvalid

    def _mark(self, body: str, purpose: TicketPurpose) -> str:
        return self._vault.blind_index("ticket", f"{purpose}:{body}")[:MARK_CHARACTERS]


def _facts(found: Mapping[str, Any]) -> TicketFacts:
    facts = found["facts"]
    return TicketFacts(
        id=as_uuid(found["id"]),
        member_id=as_uuid(found["member_id"]),
        facts=load_json(facts) if isinstance(facts, str) else facts,
        expires_at=as_instant(found["expires_at"]),
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
