"""A member shows the 会员码: the clerk sees who it is (masked), and what of theirs this store honours and may redeem.

The code is used up by the scan. What it opens is a visit: five minutes in which this clerk, in this store, may redeem
the member's claims without their codes, and begin a card binding that the member finishes on the own phone.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from handlers.actors import Clerk
from handlers.cards.member_codes import MemberCodes
from handlers.cards.recognition import theirs
from handlers.errors import IdentifiedSelf, MemberBlocked, MemberCodeInvalid, NotSignedIn, TooManyWrongCodes
from handlers.ports import Clock, Vault
from handlers.redemptions.counter import Laid, Scan, Shop, Sought, claims_of, lay_out, lock_clerk, shop
from handlers.redemptions.redemption_attempts import Counter, Tried, note
from handlers.redemptions.visits import LASTS, visit_token
from handlers.retrying import again, refusing
from handlers.rules.redemption import Reason, masked
from handlers.standing import ids_of
from models.database import atomic, row, rows
from models.sql import as_uuid
from models.statements import redemptions as claims
from models.statements import serving as statements
from models.words import BenefitKind, CardStatus, MemberStatus

IDENTIFIED = "identified"
MOST_CLAIMS = 100
_SHOWN = (None, Reason.BILL_NEEDED)  # the bill is asked for when it is redeemed


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """One claim that could be redeemed here now. `needs_bill`: a partner coupon, with its threshold in fen."""

    id: UUID
    benefit: str
    kind: BenefitKind
    uses_left: int
    expires_at: datetime | None
    needs_bill: bool


@dataclass(frozen=True, slots=True)
class SeenCard:
    """A card by its kind and last four digits."""

    kind: str
    kind_name: str
    last4: str


@dataclass(frozen=True, slots=True)
class Identified:
    """Who stands at the counter, masked. `visit` is for redeeming `claims` by their ids until `visit_until`."""

    member_id: UUID
    member: str
    store: str
    claims: tuple[HeldClaim, ...]
    cards: tuple[SeenCard, ...]
    visit: str = field(repr=False)
    visit_until: datetime


@refusing
class Identifying:
    """Tells whose a member code is."""

    def __init__(self, clock: Clock, vault: Vault, codes: MemberCodes) -> None:
        self._clock = clock
        self._vault = vault
        self._codes = codes

    async def identify(
        self, clerk: Clerk, token: str, *, store_id: UUID | None = None, device_id: str, address: str | None = None
    ) -> Identified:
        """Use a member code up. A wrong one is a guess like a wrong pass, and every scan leaves a row.

        Raises MemberCodeInvalid, IdentifiedSelf, MemberBlocked, TooManyWrongCodes, StoreUnknown, StoreNeeded,
        ClerkNotSignedIn, Overloaded.
        """
        now = self._clock.now()
        member_id = await self._whose(token)

        async def look() -> Identified | MemberCodeInvalid | IdentifiedSelf | MemberBlocked:
            async with atomic():
                me, where = await lock_clerk(clerk), await shop(clerk, store_id)
                counter = Counter.of(
                    self._vault, clerk, device_id=device_id, store_id=where.id, address=address, now=now
                )
                await counter.check(now)
                found = await self._found(clerk, member_id, me, where, now)
                if isinstance(found, MemberCodeInvalid):
                    await counter.count(1, now)
                outcome = IDENTIFIED if isinstance(found, Identified) else found.code
                tried = [Tried(self._vault.blind_index("member_code", token), outcome)]
                await note(clerk, tried, store_id=where.id, device_id=device_id, key="", at=now)
                return found

        try:
            found = await again(look)
        except TooManyWrongCodes as locked:
            async with atomic():
                tried = [Tried(self._vault.blind_index("member_code", token), locked.code)]
                await note(clerk, tried, store_id=clerk.store_id, device_id=device_id, key="", at=now)
            raise
        if isinstance(found, Identified):
            return found
        raise found

    async def _whose(self, token: str) -> UUID | None:
        try:
            return await self._codes.scan(token)
        except (MemberCodeInvalid, NotSignedIn):  # nobody's, or of somebody who left meanwhile
            return None

    async def _found(
        self, clerk: Clerk, member_id: UUID | None, me: UUID, where: Shop, now: datetime
    ) -> Identified | MemberCodeInvalid | IdentifiedSelf | MemberBlocked:
        member = await row(statements.MEMBER, member_id) if member_id else None
        if member is None or member_id is None or member["joined_at"] is None:
            return MemberCodeInvalid()
        if member_id == me:
            return IdentifiedSelf()
        if member["status"] != MemberStatus.ACTIVE:
            return MemberBlocked()
        held = await rows(statements.HELD, await ids_of(member_id), clerk.merchant_id, now, MOST_CLAIMS)
        sought = [Sought(Scan(claim_id=as_uuid(each["id"])), "", claim_id=as_uuid(each["id"])) for each in held]
        laid = lay_out(sought, await claims_of(sought, statement=claims.CLAIMS), clerk, me, where, now=now)
        cards = [card for card in await theirs(member_id) if card.status is CardStatus.BOUND and card.is_primary]
        return Identified(
            member_id=member_id,
            member=masked(member["number"]),
            store=where.name,
            claims=tuple(shown for each in laid if (shown := _shown(each))),
            cards=tuple(SeenCard(card.kind, card.kind_name, card.last4) for card in cards),
            visit=visit_token(self._vault, member_id, store_id=where.id, clerk_id=clerk.id, now=now),
            visit_until=now + LASTS,
        )


def _shown(laid: Laid) -> HeldClaim | None:
    """What could be redeemed here now; what could not is none of the clerk's business."""
    found, shown = laid.found, laid.shown
    if found is None or shown is None or laid.against not in _SHOWN:
        return None
    needs_bill = laid.against is Reason.BILL_NEEDED
    return HeldClaim(as_uuid(found["id"]), found["name"], shown.kind, shown.uses_left, shown.expires_at, needs_bill)
