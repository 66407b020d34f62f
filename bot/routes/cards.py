"""绑卡 and 会员码. Kind and number are said here; the proof, which is a secret, is given in the mini-program."""

from bot import texts
from bot.router import Router
from bot.speaking import tap
from bot.turn import LIST_MAX, Turn
from handlers.cards.card_kinds import BindableKind
from handlers.errors import AccountUnknown, CardKindUnknown, CardNumberWrong
from handlers.ports import DialogueState

router = Router()
BINDING, KIND, NUMBER = "bind_card", "kind", "number"


@router.text("绑卡", "绑定会员卡", "绑定卡", "我要绑卡")
async def bind(turn: Turn) -> str:
    """Ask which kind; when there is only one, ask for the number at once."""
    if not turn.person.is_member:
        return texts.NOT_YET_MEMBER
    kinds = [kind for kind in await turn.handlers.card_kinds.bindable() if kind.is_in_chat][:LIST_MAX]
    if not kinds:
        return texts.NO_KIND_TO_BIND
    if len(kinds) == 1:
        return await _ask_number(turn, kinds[0])
    await turn.ask(BINDING, KIND, **{str(place): kind.code for place, kind in enumerate(kinds, start=1)})
    return texts.which_kind([kind.name for kind in kinds])


@router.step(BINDING, KIND)
async def kind_chosen(turn: Turn, question: DialogueState) -> str:
    """A number of the list, or the kind's own name."""
    said, kinds = turn.inbound.content.strip(), await turn.handlers.card_kinds.bindable()
    chosen = question.facts.get(said)
    for kind in kinds:
        if kind.code == chosen or kind.name == said:
            return await _ask_number(turn, kind)
    return texts.WHICH_NUMBER


@router.step(BINDING, NUMBER)
async def number_given(turn: Turn, question: DialogueState) -> str:
    """A number of the right form opens the link; whether the card exists is not said here."""
    try:
        begun = await turn.handlers.card_binding.begin(
            turn.person, kind=str(question.facts["kind"]), number=turn.inbound.content
        )
    except CardNumberWrong:
        return texts.CARD_NUMBER_WRONG
    except CardKindUnknown:
        await turn.finish()
        return texts.BIND_LOST
    except AccountUnknown:
        await turn.finish()
        return texts.NO_MINI_PROGRAM
    await turn.finish()
    return texts.prove_card(tap(turn, begun.link), begun.minutes)


@router.text("会员码", "我的会员码")
async def member_code(turn: Turn) -> str:
    """The code changes every minute, so chat gives the way to it."""
    if not turn.person.is_member:
        return texts.NOT_YET_MEMBER
    try:
        return texts.member_code(tap(turn, await turn.handlers.member_codes.link(turn.person)))
    except AccountUnknown:
        return texts.NO_MEMBER_CODE


async def _ask_number(turn: Turn, kind: BindableKind) -> str:
    await turn.ask(BINDING, NUMBER, kind=kind.code)
    return texts.which_number(kind.name, kind.digit_count)
