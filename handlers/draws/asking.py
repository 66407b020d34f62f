"""Benefits that cannot be given on a spin alone: what their winner is asked, and how many there are to be had later."""

from datetime import datetime
from uuid import UUID

from handlers.benefits.kinds import fulfiller
from handlers.benefits.kinds.package import choosable
from handlers.errors import ChoicesInvalid
from handlers.offers.offers import PublishedOffer
from handlers.rules.benefit_terms import PackageTerms
from handlers.rules.eligibility import BenefitFacts
from models.database import row
from models.statements import due_prizes as statements
from models.words import PrizeAsks


def asks_of(benefit: BenefitFacts) -> PrizeAsks | None:
    """What has to be said by whoever wins it; None: it is theirs at once."""
    kind = fulfiller(benefit.kind)
    if kind.takes_number:
        return PrizeAsks.NUMBER
    try:
        kind.check_choices(benefit.terms, ())
    except ChoicesInvalid:
        return PrizeAsks.CHOICES
    return None


async def room_later(offer: PublishedOffer, most: int, *, at: datetime) -> int:
    """How many of `most` more there is something to give for, besides those that were won and still wait.

    A top-up is never used up. Of a package there have to be codes for as many parts as one may choose.
    """
    terms = offer.benefit.terms
    if not isinstance(terms, PackageTerms):
        return most
    waiting = await promised(offer.id)
    return min(max(await choosable(terms, waiting + most, now=at) - waiting, 0), most)


async def promised(offer_id: UUID) -> int:
    """How many of an offer were won and wait."""
    found = await row(statements.PROMISED, offer_id)
    return int(found["number"]) if found else 0
