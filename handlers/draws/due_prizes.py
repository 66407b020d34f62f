"""Benefits that were won and ask something: which there are, the claim once it is said, or back to the stock.

Winning made them the winner's (docs/adr/0043); the claim is made here, by what makes every claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.accounts.mini_program_links import MiniProgramLink, MiniProgramLinks
from handlers.actors import Person
from handlers.benefits.kinds import fulfiller
from handlers.claims.issuing import Wanted, issue
from handlers.claims.wishes import Claimed, check_said, number_of
from handlers.draws.asking import asks_of
from handlers.draws.returning import Gone, return_late
from handlers.draws.seeds import Seeds
from handlers.errors import AccountUnknown, DuePrizeSoldOut, DuePrizeStateWrong, DuePrizeUnknown, OfferPaused
from handlers.offers.offers import PublishedOffer, published
from handlers.outbox import later
from handlers.ports import Clock, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import again, refusing
from handlers.rules.benefit_terms import PackageTerms
from handlers.standing import ids_of, standing
from models.database import atomic, row, rows
from models.failures import SerializationConflict
from models.sql import as_instant, as_uuid
from models.statements import claims as claim_statements
from models.statements import due_prizes as statements
from models.words import ClaimSource, DuePrizeState, OfferState, PrizeAsks

PAGE = "pages/prizes/index"
LINKED = timedelta(days=1)  # how long a link in chat leads there
LEAST = timedelta(days=1)  # that is left to the winner when what was stopped is there again


@dataclass(frozen=True, slots=True)
class PrizeOption:
    """One part of a package, by its benefit's code."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class DuePrizeView:
    """A benefit that somebody won, and what it asks; `choose` of `options` where these are choices.

    `claim_id`: once it was taken.
    """

    id: UUID
    draw_id: UUID
    name: str
    state: DuePrizeState
    asks: PrizeAsks | None
    choose: int
    options: tuple[PrizeOption, ...]
    deadline_at: datetime
    claim_id: UUID | None


@dataclass(frozen=True, slots=True)
class PrizeWaits:
    """What its winner is told. `link`: to where it is said, if there is a mini-program; `public_url` where it is not
    shown."""

    name: str
    asks: PrizeAsks | None
    deadline_at: datetime
    link: MiniProgramLink | None
    public_url: str


@refusing
class DuePrizes:
    """Shows them, gives them, and lets them lapse."""

    def __init__(
        self,
        clock: Clock,
        vault: Vault,
        seeds: Seeds,
        links: MiniProgramLinks,
        public_url: str,
        zone: ZoneInfo = BUSINESS_ZONE,
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._seeds = seeds
        self._links = links
        self._public_url = public_url
        self._zone = zone

    async def listed(self, person: Person, *, before: UUID | None, limit: int) -> tuple[DuePrizeView, ...]:
        """Everything of the kind that they won, the newest first; `before` is the last id of the page before."""
        found = await rows(statements.OWN, before, person.member_id, limit)
        offers = await published({as_uuid(each["offer_id"]) for each in found}) if found else {}
        names = await _names(offers)
        return tuple(_view(each, offers[as_uuid(each["offer_id"])], names) for each in found)

    async def claim(
        self,
        person: Person,
        prize_id: UUID,
        *,
        recharge_to: str | None = None,
        choices: Sequence[str] = (),
        request_id: str,
    ) -> Answer[Claimed]:
        """The claim of what was won: the number that is charged, or which parts of a package are chosen.

        What the draw and the offer have become meanwhile does not matter, only whether it is stopped. Raises
        RechargeToInvalid, DuePrizeUnknown, DuePrizeStateWrong (taken, or too late), OfferPaused, ChoicesInvalid,
        RechargeToMissing, RechargeToUnwanted, DuePrizeSoldOut (it still waits), NotSignedIn, MemberFrozen, KeyReused.
        """
        number, chosen = number_of(recharge_to), tuple(sorted(choices))

        async def effect() -> Claimed:
            today, now = await standing(person.member_id), self._clock.now()
            # Locked, so that of several who say it at once one is heard: the others find it taken.
            found = await row(statements.LOCKED, prize_id)
            if found is None or as_uuid(found["member_id"]) not in await ids_of(today):
                raise DuePrizeUnknown
            if found["state"] != DuePrizeState.WAITING or as_instant(found["deadline_at"]) <= now:
                raise DuePrizeStateWrong(state=found["state"])
            offer = (await published([as_uuid(found["offer_id"])]))[as_uuid(found["offer_id"])]
            if offer.state is OfferState.PAUSED or offer.benefit.is_paused:
                raise OfferPaused(title=found["name"])
            check_said(offer.benefit, chosen, number)
            kind = fulfiller(offer.benefit.kind)
            if not all(await kind.room(offer.benefit.terms, [chosen], now=now, promised=True)):
                raise DuePrizeSoldOut(title=found["name"], deadline_at=as_instant(found["deadline_at"]))
            wanted = Wanted(today, ClaimSource.DRAW, person, chosen, recharge_to=number)
            ((*claims,),) = await issue(offer, [wanted], at=now, zone=self._zone, vault=self._vault, reason="won")
            if not await rows(statements.TAKE, prize_id, claims[0].id, now):
                raise SerializationConflict("the prize was taken while it was locked")
            return Claimed(tuple(claims))

        # By its keyed mark: fingerprints are stored, and there are few numbers.
        mark = self._vault.blind_index("recharge_to", number) if number else ""
        facts = {"prize": prize_id, "choices": list(chosen), "recharge_to": mark}
        return await once(person, "prize.claim", request_id, facts=facts, result=Claimed, effect=effect)

    async def waiting(self, prize_id: UUID) -> PrizeWaits | None:
        """What its winner is told in chat; None once it is taken or too late."""
        found = await row(statements.ONE, prize_id)
        if found is None or found["state"] != DuePrizeState.WAITING:
            return None
        deadline_at, offer_id = as_instant(found["deadline_at"]), as_uuid(found["offer_id"])
        if deadline_at <= self._clock.now():
            return None
        asks = asks_of((await published([offer_id]))[offer_id].benefit)
        return PrizeWaits(found["name"], asks, deadline_at, await self._link(prize_id), self._public_url)

    async def lapse(self) -> int:
        """What nobody asked for in time goes back to its stock, and its winner is told; how many.

        While it is stopped nothing is lost: its deadline is put off, so that a day is left when it is there again.
        """
        now = self._clock.now()

        async def put_off() -> None:
            async with atomic():
                await rows(statements.PUT_OFF, now + LEAST, now + 2 * LEAST)

        await again(put_off)

        async def told(gone: Gone) -> None:
            facts = {"member_id": as_uuid(gone["member_id"]), "prize": gone["name"]}
            await later("say_prize_lapsed", key=f"prize_lapsed:{gone['id']}", at=now, **facts)

        lapsing, lapse = statements.LAPSING, statements.LAPSE
        return await return_late(lapsing, lapse, self._seeds, now=now, zone=self._zone, then=told)

    async def _link(self, prize_id: UUID) -> MiniProgramLink | None:
        try:
            return await self._links.to(PAGE, lasting=LINKED, prize=str(prize_id))
        except AccountUnknown:
            return None


async def _names(offers: Mapping[UUID, PublishedOffer]) -> dict[str, str]:
    """What the parts of these packages are called, by their codes. One statement where there are packages."""
    listed = [offer.benefit.terms for offer in offers.values()]
    codes = sorted({part.benefit for terms in listed if isinstance(terms, PackageTerms) for part in terms.parts})
    return {each["code"]: each["name"] for each in await rows(claim_statements.PARTS, codes)} if codes else {}


def _view(found: Mapping[str, Any], offer: PublishedOffer, names: Mapping[str, str]) -> DuePrizeView:
    asks, terms, state = asks_of(offer.benefit), offer.benefit.terms, DuePrizeState(found["state"])
    of_package = terms if asks is PrizeAsks.CHOICES and isinstance(terms, PackageTerms) else None
    parts = of_package.parts if of_package else ()
    return DuePrizeView(
        id=as_uuid(found["id"]),
        draw_id=as_uuid(found["draw_id"]),
        name=found["name"],
        state=state,
        asks=asks,
        choose=(of_package.choose or 0) if of_package else 0,
        options=tuple(PrizeOption(part.benefit, names.get(part.benefit, part.benefit)) for part in parts),
        deadline_at=as_instant(found["deadline_at"]),
        claim_id=as_uuid(found["claim_id"]) if state is DuePrizeState.TAKEN else None,
    )
