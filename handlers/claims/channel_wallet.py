"""What a member holds and can claim, as far as a channel sees it: without codes, and without anybody's number."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.channels.gate import ChannelGate, Signed
from handlers.claims.on_behalf import served_member, sight_of
from handlers.claims.wallet import FAR, Position, Section, WalletSection, section_of
from handlers.offers.catalogue_of_offers import OfferCatalogue
from handlers.offers.offer_sights import OfferSeen
from handlers.ports import Clock
from handlers.retrying import refusing
from models.database import rows
from models.statements import claims as statements

LOOKED_AT = 100  # offers that are looked at for a page of claimable ones
CLAIMABLE = "claimable"


@dataclass(frozen=True, slots=True)
class ClaimablePage:
    """Offers that the member can have now; `last` is after which the next page starts."""

    items: tuple[OfferSeen, ...] = ()
    last: UUID | None = None


@dataclass(frozen=True, slots=True)
class ChannelWalletSeen:
    """The sections that were asked for; None: not asked."""

    held: WalletSection | None
    claimable: ClaimablePage | None


@refusing
class ChannelWallet:
    """Reads, once the gate has let the call in."""

    def __init__(self, clock: Clock, gate: ChannelGate, catalogue: OfferCatalogue) -> None:
        self._clock = clock
        self._gate = gate
        self._catalogue = catalogue

    async def show(
        self,
        signed: Signed,
        member_id: UUID,
        *,
        parts: Collection[str],
        limit: int,
        held_after: Position | None = None,
        claimable_after: UUID | None = None,
    ) -> ChannelWalletSeen:
        """`parts`: of `held` (what ends first) and `claimable` (the newest first).

        Raises MemberUnknown (also for who is out of sight), and what the gate raises.
        """
        await self._gate.let_in(signed)
        sight = await sight_of(signed.channel)
        member = await served_member(sight, member_id)
        held = claimable = None
        if Section.HELD in parts:
            held = await self._held(signed, sight.scope.organization_ids, member, limit, held_after)
        if CLAIMABLE in parts:
            page = await self._catalogue.page_for(member, sees=sight.sees_offer, after=claimable_after, limit=LOOKED_AT)
            found = [each for each in page.items if each.claimable]
            last = found[limit - 1].id if len(found) > limit else page.last
            claimable = ClaimablePage(tuple(found[:limit]), last)
        return ChannelWalletSeen(held, claimable)

    async def _held(
        self, signed: Signed, places: Collection[UUID], member: UUID, limit: int, after: Position | None
    ) -> WalletSection:
        now: datetime = self._clock.now()
        ends, last = after or (None, None)
        asked = (member, now, limit + 1, ends, last, FAR, sorted(places), signed.channel.merchant_id)
        return section_of(await rows(statements.HELD_IN_SIGHT, *asked), limit, now)
