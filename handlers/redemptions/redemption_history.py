"""What was redeemed and taken back, the newest first, as a clerk may see it: read after the commit, never cached."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.actors import Clerk
from handlers.retrying import refusing
from handlers.rules.redemption import masked
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import redemptions as statements
from models.words import ClerkRole, RedemptionKind

_AFTER_ALL = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: a redemption, or a reversal (`reverses`)."""

    id: UUID
    kind: RedemptionKind
    reverses: UUID | None
    claim_id: UUID
    benefit: str
    member: str  # masked
    store: str
    clerk: str
    device_id: str
    receipt: str
    uses: int
    bill_amount_fen: int | None
    is_reversed: bool
    redeemed_at: datetime


@refusing
class RedemptionHistory:
    """Lists rows: a clerk's own, a manager's stores'."""

    async def listing(self, clerk: Clerk, *, after: UUID | None, limit: int) -> tuple[Entry, ...]:
        """The newest first; what was just answered is there."""
        store = str(clerk.store_id) if clerk.store_id else None
        own = None if clerk.role is ClerkRole.MANAGER else str(clerk.id)
        found = await rows(statements.HISTORY, clerk.merchant_id, store, own, after or _AFTER_ALL, limit)
        return tuple(
            Entry(
                id=as_uuid(each["id"]),
                kind=RedemptionKind(each["kind"]),
                reverses=as_uuid(each["reverses_id"]) if each["reverses_id"] else None,
                claim_id=as_uuid(each["claim_id"]),
                benefit=each["benefit"],
                member=masked(each["number"]),
                store=each["store"],
                clerk=each["clerk"],
                device_id=each["device_id"],
                receipt=each["receipt"],
                uses=each["uses"],
                bill_amount_fen=each["bill_amount_fen"],
                is_reversed=bool(each["is_reversed"]),
                redeemed_at=as_instant(each["redeemed_at"]),
            )
            for each in found
        )
