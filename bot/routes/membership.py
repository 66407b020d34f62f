"""入会 and 我的."""

from bot import texts
from bot.consents import CONSENT_NAMES
from bot.router import Router
from bot.turn import Turn
from handlers.errors import ConsentOutdated
from handlers.identity.consents import Agreed, current_terms
from handlers.ports import DialogueState
from handlers.recurring import BUSINESS_ZONE
from models.words import CardStatus, ConsentPurpose

router = Router()
JOINING, CONSENT = "join", "consent"
CARDS_SHOWN = 8


@router.text("入会", "我要入会", "注册")
async def join(turn: Turn) -> str:
    """Show the terms and wait for 同意; a member hears their number."""
    if turn.person.is_member and turn.person.number:
        return texts.already_member(turn.person.number)
    return await _show_terms(turn)


@router.step(JOINING, CONSENT)
async def consent(turn: Turn, question: DialogueState) -> str:
    """同意 is the act of consent: version, time and channel are stored with the membership."""
    if turn.inbound.content not in {"同意", "我同意"}:
        return texts.AGREE_OR_CANCEL
    try:
        answer = await turn.handlers.membership.join(
            turn.person,
            agreed=[Agreed(ConsentPurpose.MEMBERSHIP, str(question.facts["version"]))],
            request_id=turn.request_id,
        )
    except ConsentOutdated:  # the text changed while they read: ask about the new one
        return await _show_terms(turn)
    await turn.finish()
    member = answer.value.member
    if answer.value.already_member:
        return texts.already_member(member.number or "")
    return texts.joined(member.number or "", has_phone=bool(member.phone_tail))


@router.text("同意", "我同意")
async def consent_to_nothing(turn: Turn) -> str:
    """同意 without a question: it timed out, or was lost; a member has nothing to agree to any more."""
    if turn.person.is_member and turn.person.number:
        return texts.already_member(turn.person.number)
    return texts.JOIN_LOST


@router.text("我的", "我的会员", "会员号")
async def mine(turn: Turn) -> str:
    """What the member asked to see of themselves."""
    if not turn.person.is_member:
        return texts.NOT_YET_MEMBER
    view = await turn.handlers.membership.view(turn.person)
    joined_on = view.joined_at.astimezone(BUSINESS_ZONE).strftime("%Y年%m月%d日") if view.joined_at else ""
    cards = [
        texts.a_card(card.kind_name, card.last4, is_lost=card.status is CardStatus.LOST)
        for card in await turn.handlers.cards.mine(turn.person)
        if card.is_primary or not card.is_issued
    ]
    consents = [CONSENT_NAMES[given.purpose] for given in view.consents]
    return texts.mine(view.number or "", joined_on, view.phone_tail, cards[:CARDS_SHOWN], consents)


async def _show_terms(turn: Turn) -> str:
    await turn.ask(JOINING, CONSENT, version=current_terms(ConsentPurpose.MEMBERSHIP).version)
    return texts.terms(turn.public_url)
