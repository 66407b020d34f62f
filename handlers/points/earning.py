"""Earning by rules: many in one go, each cut to what is left of its cap and of the programme's budget.

Called inside an open transaction; whoever has something that earns (a purchase, a check-in, a task) calls this.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.errors import EarningRuleUnknown
from handlers.ledger.posting import known_transfers, post
from handlers.points.points_terms import EarningTerms, RuleView, TermsHeld, earning_terms
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.ledger import POINTS, Cause, Move, Side, Unit
from handlers.rules.offer_terms import Period
from handlers.rules.points import Allotted, CutBy, allot, available_at, ends_at
from handlers.rules.validity import period_key
from models.database import put, require_atomic, row, rows
from models.ids import new_id
from models.sql import as_uuid, dump_rows
from models.statements import points as statements
from models.words import LedgerAccountKind

EARNED = "earned"  # the kind of cause; its id begins with the rule's code


@dataclass(frozen=True, slots=True)
class Earning:
    """`amount` points for a member (by the canonical id), by a rule, once for `key`: the act's own row."""

    member_id: UUID
    rule: str
    amount: int
    key: str

    @property
    def cause(self) -> Cause:
        """What makes it happen once."""
        return Cause(EARNED, f"{self.rule}:{self.key}")


@dataclass(frozen=True, slots=True)
class Earned:
    """How many there were. `transfer_id` is None where there were none."""

    amount: int
    transfer_id: UUID | None
    cut_by: CutBy | None = None
    replayed: bool = False


_Count = tuple[UUID, UUID, str]  # rule, member, period


async def earn(
    earnings: Sequence[Earning],
    *,
    at: datetime,
    zone: ZoneInfo = BUSINESS_ZONE,
    by: EarningTerms | None = None,
) -> dict[Earning, Earned]:
    """Give what was earned, in the order in which it comes; what happened before is told again and counts once.

    `by`: where the caller has read it already, in this transaction. Raises EarningRuleUnknown, CauseReused,
    NotInTransaction, SerializationConflict (decide again).
    """
    require_atomic()
    by = by or await earning_terms()
    held, rules = by.held, by.rules
    if any(each.rule not in rules for each in earnings):
        raise EarningRuleUnknown
    counts = {each: _count(rules[each.rule], each, at, zone) for each in earnings}
    capped = {counts[each] for each in earnings if rules[each.rule].cap_amount is not None}
    used = await _locked_counts(capped, at) if capped else {}
    # After the locks: whoever did the same act first has counted by now.
    known = await known_transfers(each.cause for each in earnings)
    budget_left = await _budget_left(held)
    decided: dict[Earning, Earned] = {}
    moves: dict[Earning, Move] = {}
    for each in earnings:
        if done := known.get(each.cause):
            decided[each] = Earned(int(done[0]["amount"]), as_uuid(done[0]["id"]), replayed=True)
            continue
        allotted = _allot(each, rules[each.rule], used.get(counts[each], 0), budget_left)
        decided[each] = Earned(allotted.amount, None, allotted.cut_by)
        if allotted.amount:
            moves[each] = _move(each, allotted.amount, rules[each.rule], held, at, zone)
            used[counts[each]] = used.get(counts[each], 0) + allotted.amount
            budget_left = None if budget_left is None else budget_left - allotted.amount
    if moves:
        await _use_budget(held, sum(move.amount for move in moves.values()))
        posted = await post(list(moves.values()), at=at, known={})
        # After the accounts, which are locked by now: counts of rules without a cap are locked by counting.
        await _count_up([(counts[each], move.amount) for each, move in moves.items()], capped, at)
        for each, move in moves.items():
            transfer_id = posted[each.cause].transfer_ids[0]
            decided[each] = Earned(move.amount, transfer_id, decided[each].cut_by)
    return decided


def _count(rule: RuleView, each: Earning, at: datetime, zone: ZoneInfo) -> _Count:
    return rule.id, each.member_id, period_key(Period(rule.cap_period), at, zone)


def _allot(each: Earning, rule: RuleView, used: int, budget_left: int | None) -> Allotted:
    if not rule.is_active:
        return Allotted(0, CutBy.RULE)
    cap_left = None if rule.cap_amount is None else rule.cap_amount - used
    return allot(each.amount, cap_left=cap_left, budget_left=budget_left)


def _move(each: Earning, amount: int, rule: RuleView, held: TermsHeld, at: datetime, zone: ZoneInfo) -> Move:
    since = available_at(rule.pending_days, at, zone)
    kind = LedgerAccountKind.PENDING if since else LedgerAccountKind.MEMBER
    return Move(
        Unit(held.programme_id, POINTS),
        Side(LedgerAccountKind.ISSUED),
        Side(kind, each.member_id),
        amount,
        each.cause,
        expires_at=ends_at(held.expiry, held.expiry_count, since or at, zone),
        available_at=since,
    )


async def _locked_counts(counts: Iterable[_Count], at: datetime) -> dict[_Count, int]:
    text = _rows(dict.fromkeys(counts, 0))
    await put(statements.KEEP_COUNTS, text, at)
    return {
        (as_uuid(each["rule_id"]), as_uuid(each["member_id"]), each["period"]): int(each["amount"])
        for each in await rows(statements.LOCKED_COUNTS, text)
    }


async def _count_up(given: Iterable[tuple[_Count, int]], capped: Collection[_Count], at: datetime) -> None:
    within: defaultdict[_Count, int] = defaultdict(int)
    beyond: defaultdict[_Count, int] = defaultdict(int)
    for count, amount in given:
        (within if count in capped else beyond)[count] += amount
    moved = "a cap moved while it was locked"
    if within:
        await put(statements.COUNT, _rows(within), count=len(within), conflict=moved)
    if beyond:
        await put(statements.COUNT_UNCAPPED, _rows(beyond), at, count=len(beyond), conflict=moved)


async def _budget_left(held: TermsHeld) -> int | None:
    """The row is locked where there is a budget: it is the one that everybody who earns needs."""
    if held.budget is None:
        return None
    found = await row(statements.LOCK_BUDGET, held.programme_id)
    return int(found["budget"]) - int(found["budget_used"]) if found and found["budget"] is not None else None


async def _use_budget(held: TermsHeld, amount: int) -> None:
    if held.budget is not None:
        moved = "the budget moved while it was locked"
        await put(statements.USE_BUDGET, held.programme_id, amount, count=1, conflict=moved)


def _rows(counts: Mapping[_Count, int]) -> str:
    return dump_rows(
        [
            {"id": new_id(), "rule_id": rule_id, "member_id": member_id, "period": period, "amount": amount}
            for (rule_id, member_id, period), amount in counts.items()
        ]
    )
