"""抽奖: what can be drawn, one spin by its number or word, ten by 十连. What comes of a spin is the engine's alone.

Free spins and chances are used as they are; points are spent only after 确认 to the number that was named.
"""

import logging
from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from bot import draw_texts, texts
from bot.router import Router
from bot.turn import LIST_MAX, Turn
from bot.wording import normalise
from handlers.draws.draws import DrawSummary, DrawView
from handlers.draws.spin_results import SpinResult
from handlers.draws.turns import Turn as DrawTurn
from handlers.errors import (
    DomainError,
    DrawNotForYou,
    DrawNotOpen,
    DrawPaused,
    Overloaded,
    SpinCostsMore,
    SpinsUsedUp,
)
from handlers.offers.offers import shown_time
from handlers.ports import DialogueState
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.draw_rules import PrizeKind
from handlers.rules.odds import Why

router = Router()
log = logging.getLogger(__name__)
PAYING, CONFIRMATION = "spinning", "confirmation"
ONE, TEN = "抽", "十连"  # what a list's numbers stand for, each with the draw's id


@dataclass(frozen=True, slots=True)
class _Wish:
    draw_id: UUID
    times: int
    agreed_to: int = 0  # points


@router.text("抽奖", "抽奖活动", "大转盘", "抽奖次数")
async def draws(turn: Turn) -> str:
    """What can be drawn, with what they have to spin with, answerable by number."""
    listed = await turn.handlers.draws.turns(turn.person)
    found = [(draw, has) for draw, has in listed if draw.reason != DrawNotForYou.code][:LIST_MAX]
    if not found:
        return draw_texts.NO_DRAWS if turn.person.is_member else texts.NOT_YET_MEMBER
    await turn.offer([f"{ONE}{draw.id}" for draw, _ in found])
    return draw_texts.draws([(draw.title, _remark(draw, has)) for draw, has in found])


@router.text("十连", "十连抽", "抽十次", "抽10次")
async def ten(turn: Turn) -> str:
    """Ten at once: of the only draw, or of one of them by number."""
    return await _which(turn, await _shown(turn), 10)


@router.opening("抽奖", "抽")
async def spin(turn: Turn, said: str) -> str:
    """抽 <word>: once, by the draw's keyword or title."""
    return await _named(turn, said, 1)


@router.opening("十连抽", "十连", "抽十次", "抽10次")
async def spin_ten(turn: Turn, said: str) -> str:
    """十连 <word>: ten times, all or none."""
    return await _named(turn, said, 10)


@router.step(PAYING, CONFIRMATION)
async def confirmed(turn: Turn, question: DialogueState) -> str:
    """确认 spends the points that were named; whatever else is said spends none."""
    title, times, points = str(question.facts["title"]), int(question.facts["times"]), int(question.facts["points"])
    if turn.inbound.content not in {"确认", "确定"}:
        return draw_texts.worth_points(title, times, points)
    await turn.finish()
    return await _ask_or_spin(turn, _Wish(UUID(question.facts["draw_id"]), times, points))


async def _shown(turn: Turn) -> list[DrawSummary]:
    listed = await turn.handlers.draws.listing(turn.person)
    return [each for each in listed if each.reason != DrawNotForYou.code][:LIST_MAX]


async def _named(turn: Turn, said: str, times: int) -> str:
    try:
        return await _ask_or_spin(turn, _Wish(UUID(said), times))
    except ValueError:
        pass
    wanted, listed = normalise(said).lower(), await _shown(turn)
    found = [each for each in listed if wanted in {each.keyword.lower(), each.title.lower()}]
    found = found or [each for each in listed if wanted in each.title.lower()]
    return await _which(turn, found, times) if found else draw_texts.nothing_found(said)


async def _which(turn: Turn, found: list[DrawSummary], times: int) -> str:
    if not found:
        return draw_texts.NO_DRAWS if turn.person.is_member else texts.NOT_YET_MEMBER
    if len(found) == 1:
        return await _ask_or_spin(turn, _Wish(found[0].id, times))
    await turn.offer([f"{ONE if times == 1 else TEN}{each.id}" for each in found])
    return draw_texts.which_draw([each.title for each in found], times)


async def _ask_or_spin(turn: Turn, wish: _Wish) -> str:
    """Spin what costs no points, or what was agreed to; what costs more by now is asked about anew."""
    await turn.finish()
    seen = await turn.handlers.draws.view(turn.person, wish.draw_id)
    if not seen.summary.reason and (cost := _points(seen, wish.times)) > wish.agreed_to:
        return await _ask(turn, wish, seen.summary.title, cost)
    try:
        answer = await turn.handlers.spinning.spin(
            turn.person,
            draw_id=wish.draw_id,
            times=wish.times,
            most_points=wish.agreed_to,
            request_id=turn.request_id or f"chat:{turn.act}",
        )
    except SpinsUsedUp as refusal:
        if left := int(str(refusal.facts["left"])):
            return draw_texts.too_few(wish.times, left)
        return refusal.sentence if refusal.facts["next_at"] else draw_texts.CHANCES_USED_UP
    except SpinCostsMore as refusal:  # what was free was used on another phone meanwhile
        return await _ask(turn, wish, seen.summary.title, int(str(refusal.facts["needed"])))
    except Overloaded:  # nothing happened
        return draw_texts.FAILED
    except DomainError:
        raise
    except Exception:
        # A spin takes and gives in one transaction, and one whose commit is in doubt is an OutcomeUnknown: all of it
        # was rolled back (docs/adr/0025).
        log.exception("spin_failed", extra={"draw": str(wish.draw_id)})
        return draw_texts.FAILED
    return _told(await turn.handlers.draws.view(turn.person, wish.draw_id), answer.value.title, answer.value.spins)


async def _ask(turn: Turn, wish: _Wish, title: str, cost: int) -> str:
    has = (await turn.handlers.points.view(turn.person)).available
    if has < cost:
        return draw_texts.short_of_points(cost, has)
    facts = {"draw_id": str(wish.draw_id), "title": title, "times": str(wish.times), "points": str(cost)}
    await turn.ask(PAYING, CONFIRMATION, **facts)
    return draw_texts.worth_points(title, wish.times, cost)


def _points(seen: DrawView, times: int) -> int:
    """What so many spins cost in points, after what is free."""
    return max(times - seen.turn.free_left - seen.turn.chances, 0) * (seen.turn.points_price or 0)


def _told(seen: DrawView, title: str, spins: tuple[SpinResult, ...]) -> str:
    names = {prize.code: prize.name for prize in seen.prizes}
    below = draw_texts.after(_has(seen.turn), spins[0].sequence, spins[-1].sequence)
    if len(spins) == 1:
        (only,) = spins
        why = draw_texts.instead(names.get(only.rolled, only.rolled)) if only.why in {Why.OUT, Why.CAPPED} else ""
        return f"{_won(only)}{why}\n{below}"
    by_prize = {each.prize: each for each in spins if each.kind is not PrizeKind.THANKS}
    counts = Counter(each.prize for each in spins)
    counted = [(names.get(code, code), count) for code, count in counts.most_common()]
    nexts = [_won(each, counts[each.prize]) for each in by_prize.values()]
    return draw_texts.many(title, counted, [*nexts, below])


def _won(spin: SpinResult, count: int = 1) -> str:
    until = texts.until(spin.until, BUSINESS_ZONE)
    return draw_texts.won(spin.kind, spin.name, spin.amount * count, until, spin.asks)


def _has(turn: DrawTurn) -> str:
    return draw_texts.turn(turn.free_left, turn.chances, turn.points_price, turn.guaranteed_in)


def _remark(draw: DrawSummary, has: DrawTurn) -> str:
    if draw.reason == DrawNotOpen.code:
        return draw_texts.opens(shown_time(draw.opens_at))
    if draw.reason == DrawPaused.code:
        return draw_texts.PAUSED
    return _has(has)
