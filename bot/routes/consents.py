"""撤回授权: a consent is taken back as easily as it was given (PIPL art. 15)."""

from bot import texts
from bot.consents import CONSENT_NAMES
from bot.router import Router
from bot.turn import Turn
from handlers.ports import DialogueState
from models.words import ConsentPurpose

router = Router()
CONSENTS, WHICH = "consents", "which"


@router.text("撤回授权", "撤回同意", "取消授权")
async def which(turn: Turn) -> str:
    """List what was agreed to and may be taken back alone, with what follows from it."""
    if not turn.person.is_member:
        return texts.NOT_YET_MEMBER
    free = {terms.purpose: terms.consequence for terms in turn.handlers.consents.terms() if not terms.required}
    view = await turn.handlers.membership.view(turn.person)
    given = [consent.purpose for consent in view.consents if consent.purpose in free]
    if not given:
        return texts.NOTHING_TO_WITHDRAW
    await turn.ask(CONSENTS, WHICH, **{str(place): purpose.value for place, purpose in enumerate(given, start=1)})
    return texts.which_consent([(CONSENT_NAMES[purpose], free[purpose]) for purpose in given])


@router.step(CONSENTS, WHICH)
async def withdraw(turn: Turn, question: DialogueState) -> str:
    """A number of the list takes that consent back; anything else is asked again."""
    chosen = question.facts.get(turn.inbound.content)
    if chosen is None:
        return texts.WHICH_CONSENT
    purpose = ConsentPurpose(str(chosen))
    await turn.handlers.consents.withdraw(turn.person, purpose=purpose)
    await turn.finish()
    return texts.withdrawn(CONSENT_NAMES[purpose])
