"""What somebody won and has not answered for yet: an address for a thing, a number or a choice for a benefit."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.accounts.mini_program_links import MiniProgramLink, MiniProgramLinks
from handlers.actors import Person
from handlers.draws.asking import asks_of
from handlers.draws.due_prizes import LINKED, PAGE
from handlers.errors import AccountUnknown
from handlers.offers.offers import published
from handlers.ports import Clock
from handlers.retrying import refusing
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import waiting_prizes as statements
from models.words import PrizeAsks


@dataclass(frozen=True, slots=True)
class WaitingPrize:
    """One of them. `is_thing`: it wants an address, which is said where draws are; `asks` is of benefits."""

    id: UUID
    name: str
    is_thing: bool
    asks: PrizeAsks | None
    deadline_at: datetime


@dataclass(frozen=True, slots=True)
class PrizesWaiting:
    """What ends first first. `count` is that of all of them; `link`: where benefits among these are answered for, and
    `public_url` where it is not shown."""

    items: tuple[WaitingPrize, ...]
    count: int
    link: MiniProgramLink | None
    public_url: str


@refusing
class WaitingPrizes:
    """Reads."""

    def __init__(self, clock: Clock, links: MiniProgramLinks, public_url: str) -> None:
        self._clock = clock
        self._links = links
        self._public_url = public_url

    async def seen(self, person: Person, *, limit: int) -> PrizesWaiting:
        """For an answer in chat: WeChat is not asked for the link."""
        items, count = await self._of_member(person.member_id, limit)
        return PrizesWaiting(items, count, await self._link(items, is_asked_for=False), self._public_url)

    async def among(self, member_id: UUID, prize_ids: set[UUID], *, limit: int) -> PrizesWaiting:
        """Those of these that still wait, for a notice: its link is WeChat's own where there is one."""
        found, _ = await self._of_member(member_id, limit)
        items = tuple(each for each in found if each.id in prize_ids)
        return PrizesWaiting(items, len(items), await self._link(items, is_asked_for=True), self._public_url)

    async def _of_member(self, member_id: UUID, limit: int) -> tuple[tuple[WaitingPrize, ...], int]:
        found = await rows(statements.OF_ONE, self._clock.now(), member_id, limit)
        ids = {as_uuid(each["offer_id"]) for each in found if each["offer_id"] is not None}
        offers = await published(sorted(ids)) if ids else {}
        items = tuple(
            WaitingPrize(
                as_uuid(each["id"]),
                each["name"],
                is_thing=each["offer_id"] is None,
                asks=asks_of(offers[as_uuid(each["offer_id"])].benefit) if each["offer_id"] is not None else None,
                deadline_at=as_instant(each["deadline_at"]),
            )
            for each in found
        )
        return items, int(found[0]["number"]) if found else 0

    async def _link(self, items: tuple[WaitingPrize, ...], *, is_asked_for: bool) -> MiniProgramLink | None:
        """To the only one at once, to the list of several; None where there is no benefit, or no mini-program."""
        asking = [each for each in items if not each.is_thing]
        if not asking:
            return None
        query = {"prize": str(asking[0].id)} if len(asking) == 1 else {}
        try:
            if is_asked_for:
                lasting = max(asking[-1].deadline_at - self._clock.now(), LINKED)  # as long as it helps
                return await self._links.to(PAGE, lasting=lasting, **query)
            return await self._links.unasked(PAGE, **query)
        except AccountUnknown:
            return None
