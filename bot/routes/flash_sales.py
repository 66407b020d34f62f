"""限时抢购: what is given out at a certain time, with what is left until then."""

from bot import offer_texts, texts
from bot.on_offer import on_offer, priced, word
from bot.router import Router
from bot.turn import LIST_MAX, Turn
from handlers.errors import OfferClosed, OfferNotForYou, OfferPaused, OfferSoldOut
from handlers.offers.offer_refusals import shown_time
from handlers.offers.offer_sights import OfferSeen

router = Router()
_NOT_SHOWN = {OfferClosed.code, OfferNotForYou.code}


@router.text("限时抢购", "抢购", "秒杀")
async def flash_sales(turn: Turn) -> str:
    """What goes on first, then what begins soonest; answerable by number, and early ones say when to come back."""
    found = [each for each in await on_offer(turn) if each.is_flash_sale and each.reason not in _NOT_SHOWN]
    found.sort(key=lambda each: (not each.claimable, each.opens_at or turn.now, each.code))
    found = found[:LIST_MAX]
    if not found:
        return offer_texts.NO_FLASH_SALE if turn.person.is_member else texts.NOT_YET_MEMBER
    await turn.offer([word(each) for each in found])
    titles = await priced(turn, found)
    return offer_texts.flash_sales([(title, _when(turn, each)) for title, each in zip(titles, found, strict=True)])


def _when(turn: Turn, offer: OfferSeen) -> str:
    """How it stands by our own clock."""
    if offer.claimable:
        ends = offer.closes_at
        return offer_texts.goes_on(shown_time(ends) if ends else "", ends - turn.now if ends else None)
    if offer.opens_at is not None and offer.opens_at > turn.now:
        begins = offer_texts.starts(shown_time(offer.opens_at), offer.opens_at - turn.now)
        return f"{offer_texts.SOLD_OUT}，下一批{begins}" if offer.reason == OfferSoldOut.code else begins
    if offer.reason == OfferPaused.code:
        return offer_texts.PAUSED
    return offer_texts.SOLD_OUT if offer.reason == OfferSoldOut.code else offer_texts.HAD
