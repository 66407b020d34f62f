"""Channels that ask for a member: what is in their sight, and what must hold before one of their claims is weighed.

A channel of an organization sees members and offers of its subtree, as operators do; one of a merchant sees of the
offers those of its merchant. Whatever is out of sight answers as what is not there. docs/adr/0028.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.actors import Channel
from handlers.channels.gate import Signed, let_in
from handlers.claims.wishes import Claim
from handlers.errors import DomainError, MemberUnknown, OfferUnknown
from handlers.requests import Asked
from handlers.rules.eligibility import Asker, PublishedOffer
from handlers.rules.organization_scope import Scope
from handlers.scopes import subtree
from models.database import rows
from models.sql import as_uuid
from models.statements import claims as statements


@dataclass(frozen=True, slots=True)
class ChannelSight:
    """What one channel sees."""

    channel: Channel
    scope: Scope

    def sees_member(self, organization_id: UUID | None) -> bool:
        """Whether a member of this city is one of those it serves; without a city they are the root's."""
        return self.scope.sees(organization_id)

    def sees_offer(self, offer: PublishedOffer) -> bool:
        """Whether it may ask for this offer."""
        if self.channel.merchant_id is not None:
            return offer.benefit.merchant_id == self.channel.merchant_id
        return self.scope.sees(offer.organization_id)


async def sight_of(channel: Channel) -> ChannelSight:
    """One read."""
    return ChannelSight(channel, await subtree(channel.organization_id))


async def served_member(sight: ChannelSight, member_id: UUID) -> UUID:
    """Whom an id of any time means today. Raises MemberUnknown: nobody, not joined, may not act, or out of sight."""
    found = (await _served([member_id])).get(member_id)
    if found is None or not sight.sees_member(found[1]):
        raise MemberUnknown
    return found[0]


async def heard(calls: Mapping[Asked, Signed], *, at: datetime) -> dict[Asked, DomainError]:
    """Let in the calls of a batch; those that are not, and why."""
    if not calls:
        return {}
    against = await let_in(list(calls.values()), at=at)
    return {asked: why for asked, why in zip(calls, against, strict=True) if why is not None}


async def sights(
    wishes: Sequence[Claim], offers: Mapping[UUID, PublishedOffer], people: Mapping[UUID, Asker | DomainError]
) -> dict[Asked, DomainError]:
    """Which of the wishes that channels brought are about a member or an offer that they do not see."""
    brought = [(each, each.call.channel) for each in wishes if each.call is not None]
    if not brought:
        return {}
    seeing = {channel: await sight_of(channel) for channel in {channel for _, channel in brought}}
    served = await _served({each.member_id for each, _ in brought})
    unseen: dict[Asked, DomainError] = {}
    for each, channel in brought:
        sight, found = seeing[channel], served.get(each.member_id)
        if found is None or isinstance(people[each.member_id], DomainError) or not sight.sees_member(found[1]):
            unseen[each.asked] = MemberUnknown()
        elif not sight.sees_offer(offers[each.offer_id]):
            unseen[each.asked] = OfferUnknown()
    return unseen


async def _served(member_ids: set[UUID] | list[UUID]) -> dict[UUID, tuple[UUID, UUID | None]]:
    """Those who joined and may act, by the ids they were asked for: today's id, and their city."""
    return {
        as_uuid(each["asked"]): (
            as_uuid(each["id"]),
            as_uuid(each["organization_id"]) if each["organization_id"] else None,
        )
        for each in await rows(statements.SERVED, sorted(member_ids))
    }
