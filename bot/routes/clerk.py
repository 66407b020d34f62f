"""A clerk's typed codes, 核销 <code>, 确认 and 撤销: redeeming by chat, in the store where the clerk serves."""

from collections.abc import Sequence
from datetime import datetime

from bot import counter_texts
from bot.counter_words import fen_said, is_like_a_code, uses_said
from bot.on_counter import PREVIEWED, REDEEMING, OnCounter
from bot.router import Router
from bot.turn import Turn
from handlers.actors import Clerk
from handlers.claims.typed_codes import codes_of
from handlers.errors import (
    AlreadyRedeemed,
    BelowThreshold,
    DailyRedemptionsReached,
    NeedsConfirm,
    NotReversible,
    RedemptionRefused,
    UsesExceeded,
    WrongStore,
)
from handlers.ports import DialogueState
from handlers.recurring import BUSINESS_ZONE
from handlers.redemptions.counter import Scan
from handlers.redemptions.redemption_answers import Receipt
from handlers.rules.redemption import MOST_CODES

router = Router()
REDEEM = "核销"


def are_typed_codes(said: str) -> bool:
    """Whether this is one typed code or several, at least one of them with its check symbol right."""
    return any(codes_of(said))


@router.shaped(are_typed_codes)
async def bare_codes(turn: Turn) -> str:
    """Codes alone: from a clerk they preview, a customer hears how to use them."""
    clerk = await turn.handlers.clerk_sessions.serving(turn.person)
    if clerk is None:
        return counter_texts.HOW_TO_USE_CODE
    return await _preview(turn, clerk, turn.inbound.content)


@router.opening(REDEEM)
async def redeem_codes(turn: Turn, said: str) -> str:
    """核销 <code> always means redeem, which is for clerks."""
    clerk = await turn.handlers.clerk_sessions.serving(turn.person)
    if clerk is None:
        return counter_texts.CLERKS_REDEEM
    return await _preview(turn, clerk, said)


@router.step(REDEEMING, PREVIEWED)
async def answered(turn: Turn, question: DialogueState) -> str:
    """确认 redeems what was previewed, after the amount of the bill where one is needed; another code replaces it."""
    said = turn.inbound.content
    clerk = await turn.handlers.clerk_sessions.serving(turn.person)
    if clerk is None:
        await turn.finish()
        return counter_texts.CLERKS_REDEEM
    code, counter = said.removeprefix(REDEEM).strip(), OnCounter.of(question)
    if are_typed_codes(code) or (code and code != said):
        return await _preview(turn, clerk, code)
    if counter.needs_bill and (fen := fen_said(said)) is not None:
        # Previewed anew: whoever is asked for an amount takes their time, and a preview is good for two minutes.
        return await _show(turn, clerk, [Scan(claim_id=each) for each in counter.claims], bill_fen=fen)
    if is_like_a_code(said):
        await turn.finish()  # they meant another code: a 确认 after this must not redeem the one before
        return counter_texts.CODE_WRONG
    # Several go together with one use each, and a coupon on a bill is used once.
    uses = None if counter.lacks_bill else uses_said(said, counts=len(counter.claims) > 1 or counter.uses_left > 1)
    if uses is None:
        return counter_texts.confirm_or_cancel(counter.named, lacks_bill=counter.lacks_bill)
    if uses > 1 and len(counter.claims) > 1:
        return counter_texts.ONE_USE_EACH
    return await _redeem(turn, clerk, counter, uses)


@router.text("撤销")
async def take_back(turn: Turn) -> str:
    """Take back what this clerk redeemed last in chat, within its 15 minutes; of several codes the last one."""
    clerk = await turn.handlers.clerk_sessions.serving(turn.person)
    if clerk is None:
        return counter_texts.CLERKS_REDEEM
    last = await turn.handlers.reversals.last(clerk, device_id=device_of(turn))
    if last is None:
        return counter_texts.NOTHING_TO_REVERSE
    try:
        answer = await turn.handlers.reversals.reverse(
            clerk,
            last.id,
            reason="店员撤销",
            device_id=device_of(turn),
            request_id=turn.request_id or f"chat:{turn.act}",
        )
    except NotReversible:
        return counter_texts.NOTHING_TO_REVERSE
    return counter_texts.reversed_by_clerk(last.benefit, answer.value.uses_left)


async def _preview(turn: Turn, clerk: Clerk, said: str) -> str:
    await turn.finish()
    codes = codes_of(said)
    if len(codes) > MOST_CODES:
        return counter_texts.too_many_codes(MOST_CODES)
    if len(codes) > 1 and None in codes:
        return counter_texts.wrong_code_of_several(codes.index(None) + 1)
    # The same code twice is one: how often is said after 确认. What is no code at all counts as a wrong guess.
    scans = [Scan(code=code) for code in dict.fromkeys(codes) if code] or [Scan(code=said)]
    return await _show(turn, clerk, scans)


async def _show(turn: Turn, clerk: Clerk, scans: Sequence[Scan], *, bill_fen: int | None = None) -> str:
    """Preview all of them, or say why one cannot be redeemed: then none is."""
    shown = []
    for place, scan in enumerate(scans, start=1):
        try:
            shown.append(await turn.handlers.redemptions.preview(clerk, scan, device_id=device_of(turn)))
        except RedemptionRefused as refusal:
            await turn.finish()
            reason = _why_not(refusal)
            return counter_texts.of_several(place, reason) if len(scans) > 1 else reason
    needs_bill = any(each.needs_bill for each in shown)
    only = shown[0] if len(shown) == 1 else None
    counter = OnCounter(
        claims=tuple(each.claim_id for each in shown),
        tokens=" ".join(each.confirm_token for each in shown),
        named="、".join(each.benefit for each in shown),
        uses_left=only.uses_left if only and not needs_bill else 1,
        needs_bill=needs_bill,
        bill_fen=bill_fen,
    )
    await counter.keep(turn)
    if bill_fen is not None:
        return counter_texts.confirm_bill(bill_fen)
    if only is not None:
        return counter_texts.clerk_preview(only.benefit, only.member, only.uses_left, needs_bill=needs_bill)
    lines = [(each.benefit, each.member, each.uses_left) for each in shown]
    return counter_texts.clerk_previews(lines, needs_bill=needs_bill)


async def _redeem(turn: Turn, clerk: Clerk, counter: OnCounter, uses: int) -> str:
    try:
        answer = await turn.handlers.redemptions.redeem(
            clerk,
            [Scan(claim_id=each, uses=uses) for each in counter.claims],
            device_id=device_of(turn),
            confirm=counter.tokens,
            bill_fen=counter.bill_fen,
            request_id=turn.request_id or f"chat:{turn.act}",
        )
    except UsesExceeded as refusal:
        if len(counter.claims) == 1:  # the question stays open: fewer can be said
            return counter_texts.only_left(int(str(refusal.facts["uses_left"])))
        await turn.finish()
        return _of_one(refusal)
    except BelowThreshold as refusal:  # so does this one: the amount can be said anew
        return counter_texts.below_threshold(int(str(refusal.facts["threshold_fen"])))
    except RedemptionRefused as refusal:
        await turn.finish()
        return _of_one(refusal)
    except DailyRedemptionsReached as refusal:  # nothing of theirs is redeemed today: 撤销 is to be heard
        await turn.finish()
        return refusal.sentence
    await turn.finish()
    return _told(answer.value)


def _told(receipt: Receipt) -> str:
    at, until, lines = _clock(receipt.redeemed_at), _clock(receipt.reversible_until), receipt.lines
    if len(lines) > 1:
        told = [(each.benefit, each.uses_left, each.deducted_fen) for each in lines]
        return counter_texts.all_redeemed(told, at, receipt.number, until)
    line = lines[0]
    return counter_texts.redeemed(
        line.benefit, at, receipt.number, line.uses_left, until, uses=line.uses, deducted=line.deducted_fen
    )


def _of_one(refusal: RedemptionRefused) -> str:
    """Why nothing was redeemed; of several codes which one it was."""
    codes, reason = refusal.facts.get("codes"), _why_not(refusal)
    if not isinstance(codes, list):
        return reason
    place = next(each["index"] for each in codes if each["code"] == refusal.code) + 1
    return counter_texts.of_several(place, reason)


def _why_not(refusal: RedemptionRefused) -> str:
    if isinstance(refusal, NeedsConfirm):
        return counter_texts.PREVIEW_AGAIN
    if isinstance(refusal, WrongStore):
        stores = refusal.facts.get("stores")
        names = [str(name) for name in stores] if isinstance(stores, list) else []
        return counter_texts.wrong_store(names) if names else refusal.sentence
    first = refusal.facts.get("first") if isinstance(refusal, AlreadyRedeemed) else None
    if not isinstance(first, dict):
        return refusal.sentence
    if first["same_device"] and first["within_60s"]:
        return counter_texts.JUST_REDEEMED
    when = datetime.fromisoformat(first["redeemed_at"]).astimezone(BUSINESS_ZONE).strftime("%m月%d日%H:%M")
    if first["store"] is None:
        return counter_texts.duplicate_elsewhere(when)
    return counter_texts.duplicate(when, first["store"], first["clerk"])


def device_of(turn: Turn) -> str:
    """In chat the person's own account is the device."""
    return f"chat:{turn.person.member_id}"


def _clock(at: datetime) -> str:
    return at.astimezone(BUSINESS_ZONE).strftime("%H:%M")
