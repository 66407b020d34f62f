"""Prizes that ask something of their winner, for tests: a top-up, and a package of which something is chosen."""

from typing import Any
from uuid import UUID

from handlers.claims.wishes import Claimed
from handlers.rules.benefit_terms import PackagePart, PackageTerms
from handlers.rules.draw_rules import WHOLE, Prize, PrizeKind
from models.benefits import Benefit
from models.draws import DuePrize
from models.fulfillments import Supplier
from models.words import BenefitKind
from tests.handlers.charging import NUMBER, a_supplier, a_top_up
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.drawing import Fair
from tests.handlers.offering import key

WASH, TEA, FILM = "hamperwash", "hampertea", "hamperfilm"


async def charge(fair: Fair, ppm: int = WHOLE, *, fallback_supplier: str | None = None, **more: Any) -> Prize:
    """Ten yuan on a phone, by a supplier that is there already or comes into being."""
    if not await Supplier.exists():
        await a_supplier(fair.rooms)
    offer = await a_top_up(fair.rooms, fallback=fallback_supplier)
    facts = {"value_fen": 1_000, "reference": str(offer.id), "stock": 5, **more}
    return Prize("charge", "话费10元", PrizeKind.BENEFIT, ppm, **facts)


async def hamper(fair: Fair, ppm: int = WHOLE, *, choose: int = 1, film: Benefit | None = None, **more: Any) -> Prize:
    """A wash, a tea, or a film: `film` where it is one of codes."""
    for code, name in ((WASH, "洗车"), (TEA, "奶茶"), *(() if film else ((FILM, "电影"),))):
        await a_benefit(name, code=code)
    parts = tuple(PackagePart(code) for code in (WASH, TEA, film.code if film else FILM))
    package = await a_benefit("三选礼包", BenefitKind.PACKAGE, PackageTerms(parts, choose), merchant=None)
    offer = await an_offer(fair.rooms.clock.now(), benefit=package)
    facts = {"value_fen": 1_000, "reference": str(offer.id), "stock": 5, **more}
    return Prize("hamper", "三选礼包", PrizeKind.BENEFIT, ppm, **facts)


async def say(fair: Fair, person: Any, prize_id: UUID, **more: Any) -> Claimed:
    """What the prize asks; by default the number of a top-up."""
    said = {"recharge_to": NUMBER} if not more.keys() & {"choices", "recharge_to"} else {}
    facts = {"request_id": key(), **said, **more}
    return (await fair.handlers.due_prizes.claim(person, prize_id, **facts)).value


async def state_of(prize_id: UUID) -> str:
    return (await DuePrize.get(id=prize_id)).state
