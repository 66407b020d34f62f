"""权益, 我的权益 and 领 <keyword>. Codes are secrets and are shown in the mini-program, never here."""

from collections.abc import Mapping, Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from bot import outside_texts, texts
from bot.router import Router
from bot.turn import LIST_MAX, Turn
from bot.wording import normalise
from handlers.claims.wallet import Section, WalletItem
from handlers.errors import RechargeToMissing
from handlers.errors.benefits import ChoicesInvalid
from handlers.offers.offer_sights import OfferSeen
from handlers.ports import DialogueState
from models.words import BenefitKind, ClaimState

router = Router()
ZONE = ZoneInfo("Asia/Shanghai")
LOOKED_AT = 100
PAYING, CONFIRMATION = "points", "confirmation"


@router.text("权益", "领权益", "今日可领", "领取")
async def offers(turn: Turn) -> str:
    """What they can claim now, answerable by number."""
    found = [each for each in await _offers(turn) if each.claimable][:LIST_MAX]
    if not found:
        return texts.NOTHING_TO_CLAIM if turn.person.is_member else texts.NOT_YET_MEMBER
    await turn.offer([_word(each) for each in found])
    return texts.claimable(await _priced(turn, found))


@router.text("我的权益", "卡包", "我的券")
async def mine(turn: Turn) -> str:
    """What they hold, what ends first first."""
    sections = await turn.handlers.wallet.sections(turn.person, limit=LIST_MAX)
    held = sections[Section.HELD]
    items = [(each.name, _remark(each)) for each in held.items]
    return texts.wallet(items, held.count, sections[Section.EXPIRING].count)


@router.opening("领取", "领")
async def claim(turn: Turn, said: str) -> str:
    """领 <keyword>: by its keyword, its code or its name; several are listed and answered by number."""
    listed = await _offers(turn)
    wanted = normalise(said).lower()
    found = [each for each in listed if wanted in _names(each)] or [
        each for each in listed if wanted in each.title.lower()
    ]
    if not found:
        return texts.nothing_found(said)
    if len(found) > 1:
        shown = found[:LIST_MAX]
        await turn.offer([_word(each) for each in shown])
        return texts.several_found(len(found), await _priced(turn, shown))
    return await _ask_or_claim(turn, found[0])


@router.step(PAYING, CONFIRMATION)
async def confirmed(turn: Turn, question: DialogueState) -> str:
    """确认 spends the points that were named; whatever else is said spends none."""
    title, points = str(question.facts["title"]), int(question.facts["points"])
    if turn.inbound.content not in {"确认", "确定"}:
        return texts.worth_points(title, points)
    await turn.finish()
    page = await turn.handlers.offer_catalogue.one(turn.person, UUID(question.facts["offer_id"]))
    return await _ask_or_claim(turn, page.items[0], agreed_to=points)


async def _ask_or_claim(turn: Turn, offer: OfferSeen, *, agreed_to: int = 0) -> str:
    """Claim what costs no points, or what was agreed to; a price that rose meanwhile is asked about anew."""
    if offer.claimable and offer.price.outside_points:
        await turn.finish()
        name = (await _accounts(turn, [offer]))[offer.price.outside_account]
        return outside_texts.in_mini_program(offer.title, offer.price.outside_points, name)
    if offer.claimable and offer.price.points > agreed_to:
        facts = {"offer_id": str(offer.id), "title": offer.title, "points": str(offer.price.points)}
        await turn.ask(PAYING, CONFIRMATION, **facts)
        return texts.worth_points(offer.title, offer.price.points)
    return await _claim(turn, offer)


async def _claim(turn: Turn, offer: OfferSeen) -> str:
    await turn.finish()
    own = await turn.handlers.top_up_orders.login_phone(turn.person) if offer.kind is BenefitKind.TOP_UP else None
    try:
        answer = await turn.handlers.claiming.claim(
            turn.person,
            offer_id=offer.id,
            recharge_to=own.number if own else None,
            request_id=turn.request_id or f"chat:{turn.act}",
        )
    except ChoicesInvalid:  # a package k of n
        return texts.choose_in_mini_program(offer.title)
    except RechargeToMissing:
        return texts.number_in_mini_program(offer.title)
    if own is not None:
        return texts.topping_up(offer.title, own.masked)
    claimed = answer.value.claims[0]
    return texts.claimed(offer.title, texts.until(claimed.expires_at, ZONE))


def _remark(item: WalletItem) -> str:
    if item.state is ClaimState.PENDING and item.recharge_tail:
        return texts.being_topped_up(item.recharge_tail)
    return texts.valid(texts.until(item.expires_at, ZONE))


async def _offers(turn: Turn) -> tuple[OfferSeen, ...]:
    return (await turn.handlers.offer_catalogue.page(turn.person, limit=LOOKED_AT)).items


async def _priced(turn: Turn, shown: Sequence[OfferSeen]) -> list[str]:
    """Each with what it costs, and whose points that are."""
    names = await _accounts(turn, shown)
    return [
        outside_texts.priced(each.title, each.price.outside_points, names[each.price.outside_account])
        if each.price.outside_points
        else texts.priced(each.title, each.price.points)
        for each in shown
    ]


async def _accounts(turn: Turn, shown: Sequence[OfferSeen]) -> Mapping[str, str]:
    codes = {each.price.outside_account for each in shown if each.price.outside_points}
    return await turn.handlers.outside_books.names(codes) if codes else {}


def _names(offer: OfferSeen) -> set[str]:
    return {normalise(name).lower() for name in (offer.keyword, offer.code, offer.title) if name}


def _word(offer: OfferSeen) -> str:
    return f"领{offer.code}"
