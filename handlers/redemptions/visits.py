"""A visit: a member was identified by a clerk at a counter, and for some minutes that clerk may act on their claims.

Like the confirm token of a preview it is a keyed mark over what it is good for, and nothing is stored.
"""

import base64
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from handlers.ports import Vault

LASTS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit token that somebody brought."""

    token: str = field(repr=False)
    vault: Vault

    def fits(self, member_id: UUID, *, store_id: UUID, clerk_id: UUID, now: datetime) -> bool:
        """Whether it is of this member (today's id), store and clerk, and not over."""
        ends, mark = self._ends(), self.token.partition(".")[2]
        if ends is None or ends <= now.timestamp():
            return False
        return hmac.compare_digest(mark.encode(), _mark(self.vault, member_id, store_id, clerk_id, ends).encode())

    def is_over(self, now: datetime) -> bool:
        """Whether its minutes are over, whoever made it."""
        ends = self._ends()
        return ends is not None and ends <= now.timestamp()

    def _ends(self) -> int | None:
        ends = self.token.partition(".")[0]
        return int(ends) if ends.isascii() and ends.isdigit() and len(ends) <= 12 else None


def visit_token(vault: Vault, member_id: UUID, *, store_id: UUID, clerk_id: UUID, now: datetime) -> str:
    """A token for acting on this member's claims."""
    ends = int((now + LASTS).timestamp())
    return f"{ends}.{_mark(vault, member_id, store_id, clerk_id, ends)}"


def _mark(vault: Vault, member_id: UUID, store_id: UUID, clerk_id: UUID, ends: int) -> str:
    marked = vault.blind_index("counter_visit", f"{member_id}:{store_id}:{clerk_id}:{ends}")
    return base64.urlsafe_b64encode(bytes.fromhex(marked)).decode().rstrip("=")
