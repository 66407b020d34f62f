"""A clerk's typed code, 核销 <code>, 确认 and 撤销: redeeming by chat, in the store where the clerk serves."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from bot import texts
from bot.router import Router
from bot.turn import Turn
from handlers.actors import Clerk
from handlers.claims.typed_codes import normalise
from handlers.errors import AlreadyRedeemed, NotReversible, WrongStore
from handlers.ports import DialogueState
from handlers.redemptions.counter import Scan

router = Router()
REDEEMING, CONFIRM = "redeem", "confirm"
ZONE = ZoneInfo("Asia/Shanghai")


def is_typed_code(said: str) -> bool:
    """Whether this is a claim's typed code, its check symbol right."""
    return normalise(said) is not None


@router.shaped(is_typed_code)
async def bare_code(turn: Turn) -> str:
    """A code alone: from a clerk it previews, a customer hears how to use it."""
    clerk = await turn.handlers.clerk_sessions.serving(turn.person)
    if clerk is None:
        return texts.HOW_TO_USE_CODE
    return await _preview(turn, clerk, turn.inbound.content)


@router.opening("核销")
async def redeem_code(turn: Turn, said: str) -> str:
    """核销 <code> always means redeem, which is for clerks."""
    clerk = await turn.handlers.clerk_sessions.serving(turn.person)
    if clerk is None:
        return texts.CLERKS_REDEEM
    return await _preview(turn, clerk, said)


@router.step(REDEEMING, CONFIRM)
async def confirmed(turn: Turn, question: DialogueState) -> str:
    """确认 redeems what was previewed; another code previews that one."""
    said = turn.inbound.content
    clerk = await turn.handlers.clerk_sessions.serving(turn.person)
    if clerk is None:
        await turn.finish()
        return texts.CLERKS_REDEEM
    if said != "确认":
        return await _preview(turn, clerk, said) if is_typed_code(said) else texts.CONFIRM_OR_CANCEL
    facts = question.facts
    try:
        answer = await turn.handlers.redemptions.redeem(
            clerk,
            [Scan(claim_id=UUID(str(facts["claim"])))],
            device_id=device_of(turn),
            confirm=str(facts["token"]),
            request_id=turn.request_id or f"chat:{turn.act}",
        )
    except (AlreadyRedeemed, WrongStore) as refusal:
        await turn.finish()
        return _why_not(refusal)
    await turn.finish()
    receipt, line = answer.value, answer.value.lines[0]
    return texts.redeemed(
        line.benefit,
        _clock(receipt.redeemed_at),
        receipt.number,
        line.uses_left,
        _clock(receipt.reversible_until),
    )


@router.text("撤销")
async def take_back(turn: Turn) -> str:
    """Take back what this clerk redeemed last in chat, within its 15 minutes."""
    clerk = await turn.handlers.clerk_sessions.serving(turn.person)
    if clerk is None:
        return texts.CLERKS_REDEEM
    last = await turn.handlers.reversals.last(clerk, device_id=device_of(turn))
    if last is None:
        return texts.NOTHING_TO_REVERSE
    try:
        answer = await turn.handlers.reversals.reverse(
            clerk,
            last,
            reason="店员撤销",
            device_id=device_of(turn),
            request_id=turn.request_id or f"chat:{turn.act}",
        )
    except NotReversible:
        return texts.NOTHING_TO_REVERSE
    return texts.reversed_by_clerk(answer.value.uses_left)


async def _preview(turn: Turn, clerk: Clerk, said: str) -> str:
    await turn.finish()
    try:
        shown = await turn.handlers.redemptions.preview(clerk, Scan(code=said), device_id=device_of(turn))
    except (AlreadyRedeemed, WrongStore) as refusal:
        return _why_not(refusal)
    await turn.ask(REDEEMING, CONFIRM, claim=str(shown.claim_id), token=shown.confirm_token)
    return texts.clerk_preview(shown.benefit, shown.member, shown.uses_left)


def _why_not(refusal: AlreadyRedeemed | WrongStore) -> str:
    if isinstance(refusal, WrongStore):
        stores = refusal.facts.get("stores")
        names = [str(name) for name in stores] if isinstance(stores, list) else []
        return texts.wrong_store(names) if names else refusal.sentence
    first = refusal.facts.get("first")
    if not isinstance(first, dict):
        return refusal.sentence
    if first["same_device"] and first["within_60s"]:
        return texts.JUST_REDEEMED
    when = datetime.fromisoformat(first["redeemed_at"]).astimezone(ZONE).strftime("%m月%d日%H:%M")
    if first["store"] is None:
        return texts.duplicate_elsewhere(when)
    return texts.duplicate(when, first["store"], first["clerk"])


def device_of(turn: Turn) -> str:
    """In chat the person's own account is the device."""
    return f"chat:{turn.person.member_id}"


def _clock(at: datetime) -> str:
    return at.astimezone(ZONE).strftime("%H:%M")
