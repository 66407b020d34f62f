"""Co-branded membership for tests: an agreement with a city's book fair, and people who come by its entries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Channel as ChannelActor
from handlers.actors import Person
from handlers.channels.channels import ChannelDraft
from handlers.channels.gate import Signed
from handlers.co_brands.agreements import CoBrandView
from handlers.identity.consents import current_terms
from handlers.rules.co_brands import CoBrandTerms, Subsidy
from models.ids import new_id
from models.organizations import Organization
from models.words import CoBrandParty, ConsentPurpose, OrganizationKind
from tests.handlers.offering import key
from tests.handlers.planning import DAY, PlanDesk, plan_desk
from tests.handlers.tilling import SECRET

SHARING = current_terms(ConsentPurpose.SHARING)


@dataclass
class Fair:
    """The plans' desk, and a partner who is a city with a channel of its own."""

    desk: PlanDesk
    south: Organization
    channel: ChannelActor

    @property
    def rooms(self) -> Any:
        return self.desk.rooms

    @property
    def room(self) -> Any:
        return self.rooms.handlers.co_brands

    def now(self) -> datetime:
        return self.rooms.clock.now()

    def terms(self, **more: Any) -> CoBrandTerms:
        now = self.now().replace(microsecond=0)
        facts = {
            "name": "书展联名金卡",
            "partner_name": "南城书展",
            "plan_id": self.desk.month,
            "starts_at": now,
            "ends_at": now + 60 * DAY,
            "house": Subsidy(300, 900),
            "partner": Subsidy(500, 5_000),
            "partner_organization_id": self.south.id,
            "channel": self.channel.code,
        }
        return CoBrandTerms(**{**facts, **more})

    async def save(self, code: str = "fair", **more: Any) -> CoBrandView:
        return (await self.room.editing.save(self.desk.operator, code, self.terms(**more), request_id=None)).value

    async def agreed(self, code: str = "fair", **more: Any) -> CoBrandView:
        """Drafted and published."""
        saved = await self.save(code, **more)
        return (await self.room.editing.publish(self.desk.operator, saved.id, request_id=key())).value

    async def end(self, co_brand: CoBrandView) -> CoBrandView:
        ended = await self.room.editing.end(self.desk.operator, co_brand.id, reason="合作结束", request_id=key())
        return ended.value

    async def comes(self, openid: str, code: str) -> None:
        """Opens the mini-program by an entry."""
        await self.rooms.handlers.sessions.open(code=self.rooms.wechat.login_code(openid), scene=code)

    async def join(self, person: Person, code: str, by: str | None = None) -> Any:
        return (await self.room.joining.join(person, code, request_id=by or key())).value

    async def shares(self, person: Person) -> None:
        await self.rooms.handlers.consents.give(person, agreed=SHARING)

    async def withdraws(self, person: Person) -> None:
        await self.rooms.handlers.consents.withdraw(person, purpose=ConsentPurpose.SHARING)

    def call(self, channel: ChannelActor | None = None) -> Signed:
        return Signed(channel or self.channel, new_id().hex)

    async def known(self, co_brand: CoBrandView) -> list[Any]:
        """Whom the partner is shown."""
        return list(await self.room.figures.members_for(self.call(), co_brand.id, after=None, limit=50))

    async def totals(self, co_brand_id: UUID) -> dict[str, tuple[int, int, int, int]]:
        """Of each side: visits, visitors, joined, given."""
        seen = await self.room.figures.figures(self.desk.operator, co_brand_id, since=None, until=None)
        return {
            each.party.value: (each.visit_count, each.visitor_count, each.join_count, each.given_fen)
            for each in seen.co_brand.sides
        }


async def a_channel(rooms: Any, operator: Any, code: str, place: UUID) -> ChannelActor:
    draft = ChannelDraft(code, "合作方", SECRET, organization_id=place)
    made = (await rooms.handlers.channels.add(operator, draft, request_id=key())).value
    return ChannelActor(made.id, made.code, made.organization_id, made.merchant_id)


async def a_fair(rooms: Any) -> Fair:
    desk, root = await plan_desk(rooms), await Organization.get(parent_id=None)
    south = await Organization.create(parent=root, kind=OrganizationKind.CITY, code="south", name="南城")
    return Fair(desk, south, await a_channel(rooms, desk.operator, "bookfair", south.id))


def entry(co_brand: CoBrandView, party: CoBrandParty) -> str:
    """The entry code of a side."""
    return next(each.code for each in co_brand.sides if each.party is party)


def house(co_brand: CoBrandView) -> str:
    return entry(co_brand, CoBrandParty.HOUSE)


def partner(co_brand: CoBrandView) -> str:
    return entry(co_brand, CoBrandParty.PARTNER)
