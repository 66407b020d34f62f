"""What comes back of a term before anybody asks for it, and taking it: the end is cut, unused rights are revoked.

By time: what was paid for the seconds that are left. Less the value of every right of the term that was used, or that
whoever has seen it has (a third party's code): the offer's shown original price, or what it is settled at.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from handlers.grants.taking_back import family, take_back
from handlers.levels.floors import Floor
from handlers.levels.levels import fall_back
from handlers.offers.offers import terms_of as offer_terms_of
from handlers.offline.holding import held
from handlers.paid_terms.having import TermHeld, stretch_from, terms_of
from handlers.requests import Actor
from handlers.rules.claim_states import USABLE, stands
from handlers.rules.plans import blocks_refund, unused_fen
from handlers.standing import canonical, ids_of
from models.database import require_atomic, row, rows
from models.failures import SerializationConflict
from models.sql import as_instant, as_uuid
from models.statements import plans as statements
from models.words import ClaimState, TermCause

REASON = "membership_refunded"  # of the claims' edges
NEWER_FIRST, OVER, NEVER = "membership.newer_first", "membership.over", "order.closed"


@dataclass(frozen=True, slots=True)
class RightLine:
    """One thing that the term brought: it goes, or its value stays with the house."""

    claim_id: UUID
    name: str
    value_fen: int
    is_used: bool
    levels: tuple[str, ...] = ()  # that bring it


@dataclass(frozen=True, slots=True)
class TermQuote:
    """`unused_fen`: of what was paid, the part of the time that is left; `used_fen`: the rights that were used.

    `ends_at`: of the term, `cut_at`: where it would end. `reason`: why nothing can come back (null: it can).
    """

    unused_fen: int
    used_fen: int
    starts_at: datetime
    ends_at: datetime
    cut_at: datetime
    rights: tuple[RightLine, ...]
    reason: str | None

    @property
    def amount_fen(self) -> int:
        """What comes back of the term."""
        return 0 if self.reason else max(self.unused_fen - self.used_fen, 0)


async def quote_term(order_id: UUID, *, at: datetime) -> TermQuote | None:
    """What would come back of the term that an order became; None: it became none."""
    found = await row(statements.OF_ORDER, order_id)
    return await _quote(found, at.replace(microsecond=0)) if found else None


async def cut_term(order_id: UUID, *, actor: Actor, at: datetime) -> TermQuote:
    """Take it back as it is quoted now: by the time that is left, everything unused that came with it goes.

    Inside the open transaction, the member's row locked; what was used in the meantime is counted, because what came
    with the term is locked before it is looked at. Raises NotInTransaction, SerializationConflict (decide again).
    """
    require_atomic()
    at = at.replace(microsecond=0)
    found = await row(statements.OF_ORDER, order_id)
    if found is None:
        raise LookupError(f"order {order_id} became no term")
    programme_id, member_id = as_uuid(found["programme_id"]), as_uuid(found["member_id"])
    before = await row(statements.LOCK, programme_id, member_id)
    found = await row(statements.OF_ORDER, order_id)  # as it stands now that nobody else moves it
    if before is None or found is None:
        raise LookupError(f"order {order_id} became a term without a membership")
    await family([line.claim_id for line in (await _quote(found, at)).rights])
    told = await _quote(found, at)
    if told.reason:
        return told
    counted = [line.claim_id for line in told.rights if line.is_used]
    level = await _cut(found, before, told.cut_at, counted, at)
    await _revoke(told.rights, level, actor, at)
    return told


async def end_term(term_id: UUID, *, at: datetime) -> bool:
    """Cut one for which nobody paid, because what it was given for has ended; what came with it stays theirs.

    False: nothing of it is left, or an upgrade that was paid for lies upon it. Inside the open transaction, the
    member's row locked. Raises NotInTransaction, SerializationConflict (decide again).
    """
    require_atomic()
    at = at.replace(microsecond=0)
    found = await row(statements.OF_TERM, term_id)
    if found is None:
        raise LookupError(f"no term {term_id}")
    member_id = as_uuid(found["member_id"])
    before = await row(statements.LOCK, as_uuid(found["programme_id"]), member_id)
    found = await row(statements.OF_TERM, term_id)  # as it stands now that nobody else moves it
    if before is None or found is None:
        raise LookupError(f"term {term_id} without a membership")
    stretch = stretch_from(found)
    terms = [each.stretch for each in await terms_of(await canonical(member_id)) if each.member_id == member_id]
    if not stretch.is_alive(at) or blocks_refund(stretch, terms, at):
        return False
    await _cut(found, before, max(at, stretch.starts_at), (), at)
    return True


async def _cut(
    found: Mapping[str, Any], before: Mapping[str, Any], cut_at: datetime, counted: Iterable[UUID], at: datetime
) -> str:
    """The term ends at `cut_at`, what comes behind it earlier by as much; the level that they then stand on."""
    programme_id, member_id = as_uuid(found["programme_id"]), as_uuid(found["member_id"])
    if not await rows(statements.CUT, as_uuid(found["id"]), cut_at, orjson.dumps([*map(str, counted)]).decode()):
        raise SerializationConflict("a term was cut meanwhile")
    sequence = int(before["sequence"])
    if found["cause"] == TermCause.UPGRADED:
        moved = await rows(statements.LOWER, programme_id, member_id, found["from_level"], sequence)
    else:
        seconds = (as_instant(found["ends_at"]) - cut_at) // timedelta(seconds=1)
        moved = await rows(statements.SHORTEN, programme_id, member_id, seconds, sequence)
        await rows(statements.MOVE_UP, programme_id, member_id, seconds, int(found["number"]))
    if not moved:
        raise SerializationConflict("a membership moved meanwhile")
    today, was = await canonical(member_id), Floor(before["level"], as_instant(before["ends_at"]))
    return (await fall_back(today, was, at=at, cause_id=str(as_uuid(found["id"])))).code


async def _revoke(lines: Sequence[RightLine], stands_on: str, actor: Actor, at: datetime) -> None:
    """Everything unused goes, but for what the level that they still have brings too."""
    gone = {line.claim_id for line in lines if not line.is_used and stands_on not in line.levels}
    if gone:
        await take_back(gone, actor=actor, at=at, only_unused=True, is_told=False, reason=REASON)


async def _quote(found: Mapping[str, Any], at: datetime) -> TermQuote:
    stretch, member_id = stretch_from(found), as_uuid(found["member_id"])
    terms = [each for each in await terms_of(await canonical(member_id)) if each.member_id == member_id]
    reason = None
    if stretch.cut_at is not None:
        reason = "order.refunded"
    elif stretch.ends_at <= at:
        reason = OVER
    elif blocks_refund(stretch, [each.stretch for each in terms], at):
        reason = NEWER_FIRST
    rights = await _rights(found, terms, at)
    return TermQuote(
        unused_fen=unused_fen(stretch.paid_fen, stretch.starts_at, stretch.ends_at, at),
        used_fen=sum(line.value_fen for line in rights if line.is_used),
        starts_at=stretch.starts_at,
        ends_at=stretch.ends_at,
        cut_at=max(at, stretch.starts_at),
        rights=rights,
        reason=reason,
    )


async def _rights(found: Mapping[str, Any], terms: Sequence[TermHeld], at: datetime) -> tuple[RightLine, ...]:
    """What the level brought within the term so far; of those cut right before it, what did not count then."""
    since, counted = as_instant(found["starts_at"]), set[UUID]()
    before = [each for each in terms if each.stretch.number < int(found["number"])]
    for term in sorted(before, key=lambda one: -one.stretch.number):
        if term.stretch.cut_at is None or term.level != found["level"]:
            break
        since, counted = min(since, term.stretch.starts_at), counted | term.counted
    ids = await ids_of(await canonical(as_uuid(found["member_id"])))
    until = min(as_instant(found["ends_at"]), at + timedelta(seconds=1))
    came = [
        each
        for each in await rows(statements.RIGHTS, ids, found["level"], since, until)
        if as_uuid(each["claim_id"]) not in counted
    ]
    versions = {(as_uuid(each["offer_id"]), int(each["offer_version"])) for each in came}
    offers = await offer_terms_of(versions) if versions else {}
    waiting = await held([as_uuid(each["claim_id"]) for each in came], at=at)
    lines = []
    for each in came:
        offer = offers[as_uuid(each["offer_id"]), int(each["offer_version"])]
        # What may have been redeemed without a network counts, and stays theirs: at the cut-off more may come back.
        is_used = as_uuid(each["claim_id"]) in waiting or _is_used(each, at)
        if is_used is not None:
            value, levels = offer.original_price_fen or int(each["settlement_price_fen"]), orjson.loads(each["levels"])
            lines.append(RightLine(as_uuid(each["claim_id"]), each["name"], value, is_used, tuple(levels)))
    return tuple(lines)


def _is_used(each: Mapping[str, Any], at: datetime) -> bool | None:
    """None: it is over without ever having been used, and counts for nothing."""
    expires_at = as_instant(each["expires_at"]) if each["expires_at"] else None
    state = stands(ClaimState(each["state"]), expires_at, at)
    if each["uses_left"] < each["uses_total"] or each["is_had"] or state in {ClaimState.USED, ClaimState.PENDING}:
        return True
    return False if state in USABLE else None
