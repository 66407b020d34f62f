"""Offers as the chat lists them: which there are for this person, what each costs, and what its number stands for."""

from collections.abc import Mapping, Sequence

from bot import offer_texts, outside_texts, texts
from bot.speaking import tap
from bot.turn import Turn
from handlers.errors import AccountUnknown
from handlers.offers.offer_sights import OfferSeen

LOOKED_AT = 100


async def on_offer(turn: Turn) -> tuple[OfferSeen, ...]:
    """The newest offers, claimable or not."""
    return (await turn.handlers.offer_catalogue.page(turn.person, limit=LOOKED_AT)).items


def word(offer: OfferSeen) -> str:
    """What is said for the offer when its number is chosen."""
    return f"领{offer.code}"


def money(offer: OfferSeen) -> str:
    """What it costs in money; empty where it costs none."""
    price = offer.price
    return offer_texts.money(price.fen, price.carrier_fen, price.points) if price.is_paid else ""


async def priced(turn: Turn, shown: Sequence[OfferSeen]) -> list[str]:
    """Each with what it costs, and whose points that are."""
    names = await accounts(turn, shown)
    return [_priced(each, names) for each in shown]


async def accounts(turn: Turn, shown: Sequence[OfferSeen]) -> Mapping[str, str]:
    """The names of the accounts outside whose points these cost."""
    codes = {each.price.outside_account for each in shown if each.price.outside_points}
    return await turn.handlers.outside_books.names(codes) if codes else {}


async def where_to_buy(turn: Turn) -> str:
    """A link to the page on which things are bought, or its name where there is no mini-program."""
    try:
        return tap(turn, await turn.handlers.chat_links.to_offers(), offer_texts.MINI_PROGRAM)
    except AccountUnknown:
        return offer_texts.MINI_PROGRAM


def _priced(offer: OfferSeen, names: Mapping[str, str]) -> str:
    price = offer.price
    if price.is_paid:
        return f"{offer.title}（{money(offer)}）"
    if price.outside_points:
        return outside_texts.priced(offer.title, price.outside_points, names[price.outside_account])
    return texts.priced(offer.title, price.points)
