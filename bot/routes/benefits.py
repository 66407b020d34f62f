"""权益, 我的权益 and 领 <keyword>. Codes are secrets and are shown in the mini-program, never here."""

from uuid import UUID

from bot import offer_texts, on_prizes, outside_texts, texts
from bot.on_offer import accounts, money, on_offer, priced, where_to_buy, word
from bot.router import Router
from bot.speaking import tap
from bot.turn import LIST_MAX, Turn
from bot.wording import normalise
from handlers.claims.issuing import Issued
from handlers.claims.wallet import Section, WalletItem
from handlers.errors import AccountUnknown, OfferNotForYou, RechargeToMissing
from handlers.errors.benefits import ChoicesInvalid
from handlers.offers.offer_sights import OfferSeen
from handlers.ports import DialogueState
from handlers.recurring import BUSINESS_ZONE
from models.words import BenefitKind, ClaimState

router = Router()
AT_THE_COUNTER = frozenset({BenefitKind.VOUCHER, BenefitKind.PARTNER_COUPON})
PAYING, CONFIRMATION = "points", "confirmation"


@router.text("权益", "领权益", "今日可领", "领取")
async def offers(turn: Turn) -> str:
    """What they can claim now, answerable by number; and apart from it what they can buy, which is not done here."""
    listed = await on_offer(turn)
    claimable = [each for each in listed if each.claimable]
    found = [each for each in claimable if not each.price.is_paid][:LIST_MAX]
    paid = [(each.title, money(each)) for each in claimable if each.price.is_paid][:LIST_MAX]
    said = []
    if found:
        await turn.offer([word(each) for each in found])
        said.append(texts.claimable(await priced(turn, found)))
    if paid:
        said.append(offer_texts.to_buy(paid, await where_to_buy(turn)))
    if not turn.person.is_member:
        theirs = [each.title for each in listed if each.reason == OfferNotForYou.code][:LIST_MAX]
        said.append(offer_texts.for_members(theirs) if theirs else texts.NOT_YET_MEMBER)
    return "\n".join(said) or texts.NOTHING_TO_CLAIM


@router.text("我的权益", "卡包", "我的券")
async def mine(turn: Turn) -> str:
    """What they hold, and apart from it what they won and have not answered for; what ends first first."""
    sections = await turn.handlers.wallet.sections(turn.person, limit=LIST_MAX)
    held = sections[Section.HELD]
    items = [(each.name, _remark(each)) for each in held.items]
    at_counter = any(each.kind in AT_THE_COUNTER for each in held.items)
    said = texts.wallet(items, held.count, sections[Section.EXPIRING].count, at_counter=at_counter)
    waiting = await _waiting(turn)
    return "\n".join(filter(None, [said if items or not waiting else "", waiting]))


async def _waiting(turn: Turn) -> str:
    seen = await turn.handlers.waiting_prizes.seen(turn.person, limit=LIST_MAX)
    return on_prizes.told(seen, tap(turn, seen.link) if seen.link else None) if seen.items else ""


@router.opening("领取", "领")
async def claim(turn: Turn, said: str) -> str:
    """领 <keyword>: by its keyword, its code or its name; several are listed and answered by number."""
    listed = await on_offer(turn)
    wanted = normalise(said).lower()
    found = [each for each in listed if wanted in _names(each)] or [
        each for each in listed if wanted in each.title.lower()
    ]
    if not found:
        return texts.nothing_found(said)
    if len(found) > 1:
        shown = found[:LIST_MAX]
        await turn.offer([word(each) for each in shown])
        return texts.several_found(len(found), await priced(turn, shown))
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
        name = (await accounts(turn, [offer]))[offer.price.outside_account]
        return outside_texts.in_mini_program(offer.title, offer.price.outside_points, name)
    if offer.claimable and offer.price.points > agreed_to and not offer.price.is_paid:
        facts = {"offer_id": str(offer.id), "title": offer.title, "points": str(offer.price.points)}
        await turn.ask(PAYING, CONFIRMATION, **facts)
        return texts.worth_points(offer.title, offer.price.points)
    return await _claim(turn, offer)


async def _claim(turn: Turn, offer: OfferSeen) -> str:
    await turn.finish()
    if offer.claimable and offer.price.is_paid:
        return offer_texts.pay_in_mini_program(offer.title, money(offer), await where_to_buy(turn))
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
    return await _told(turn, offer.title, answer.value.claims[0])


async def _told(turn: Turn, title: str, claimed: Issued) -> str:
    """What to do with what they have now: a third party's code is no word for a chat."""
    until = texts.until(claimed.expires_at, BUSINESS_ZONE)
    if claimed.kind is BenefitKind.CODE_COUPON:
        try:
            shown = await turn.handlers.chat_links.to_code(turn.person, claimed.id)
        except AccountUnknown:
            return offer_texts.code_in_wallet(title, until)
        return offer_texts.code_ready(title, until, tap(turn, shown.link), shown.minutes)
    if claimed.kind is BenefitKind.POINTS:
        return offer_texts.points_claimed(title)
    if claimed.kind is BenefitKind.PACKAGE:
        return offer_texts.package_claimed(title, until)
    return texts.claimed(title, until)


def _remark(item: WalletItem) -> str:
    if item.state is ClaimState.PENDING and item.recharge_tail:
        return texts.being_topped_up(item.recharge_tail)
    return texts.valid(texts.until(item.expires_at, BUSINESS_ZONE))


def _names(offer: OfferSeen) -> set[str]:
    return {normalise(name).lower() for name in (offer.keyword, offer.code, offer.title) if name}
