"""Which prize a spin gets: pure, deterministic, in integers alone.

A roll (0..999,999) falls into the share of one prize: that one is **rolled**. Pity changes the shares before the roll
falls, never after it. When the rolled prize cannot be had, the declared chain of fallbacks is followed until one can,
at last thanks: that one is **awarded**. Nothing is ever rolled again, because that would silently change the odds of
all the others.

Everything that a decision needs comes in as plain values and goes out as plain values, so a whole batch is folded in
memory: the `left` of one outcome is the `left` of the next spin, the `member` of it the `member` of their next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from handlers.rules.draw_rules import WHOLE, DrawRules, Prize, milliseconds
from handlers.rules.prize_table import Table


class Why(StrEnum):
    """Why something else was awarded than rolled: what the rolled prize met with first."""

    AS_ROLLED = "as_rolled"
    OUT = "out"  # nothing left in total, for the day or of what is released
    CAPPED = "capped"  # this member has had all the wins that they may have
    BLOCKED = "blocked"  # block-listed: the consolation, whatever was rolled


@dataclass(frozen=True, slots=True)
class Member:
    """What one member has done in this draw so far; tuples are in the order of the prizes."""

    wins: tuple[int, ...]  # of each prize, thanks never counted
    wins_today: tuple[int, ...]  # on this business day
    spins: int = 0
    since: int = 0  # spins since the last prize that pity speaks of was awarded
    is_blocked: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What a spin finds. `left`: how many of each prize can be won now, see `left_of`; None: no limit."""

    left: tuple[int | None, ...]
    member: Member


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a spin did: places of prizes in the rules, and everything that is different afterwards."""

    rolled: int
    awarded: int
    why: Why
    is_guaranteed: bool  # pity let the roll fall on such prizes alone
    left: tuple[int | None, ...]
    member: Member


def fresh(table: Table, *, is_blocked: bool = False) -> Member:
    """A member who has never spun in this draw."""
    none = (0,) * len(table.prizes)
    return Member(none, none, is_blocked=is_blocked)


def left_of(
    rules: DrawRules, stock: Sequence[int | None], taken_today: Sequence[int], at: int
) -> tuple[int | None, ...]:
    """How many of each prize can be won, never negative; None: no limit.

    `at`: milliseconds since 1970, those of the row, so that whoever checks it sees the same ones released.
    `stock`: the units left in all, those not yet released among them (None where the stock is not limited);
    `taken_today`: awarded on this business day; both in the order of the prizes.
    """
    each = zip(rules.prizes, stock, taken_today, strict=True)
    return tuple(_left(prize, units, taken, at) for prize, units, taken in each)


def _left(prize: Prize, stock: int | None, taken_today: int, at: int) -> int | None:
    limits = []
    if stock is not None:
        limits.append(stock - sum(each.count for each in prize.releases if milliseconds(each.at) > at))
    if prize.daily is not None:
        limits.append(prize.daily - taken_today)
    return max(min(limits), 0) if limits else None


def select(table: Table, state: State, roll: int) -> Outcome:
    """The prize that this roll gives in this state, and the state after it. Raises ValueError for no roll."""
    if not 0 <= roll < WHOLE:
        raise ValueError("a roll is 0..999,999")
    member, left = state.member, state.left
    shares = table.shares(member.spins, member.since)
    rolled = shares.rolled(roll)
    awarded, why = _awarded(table, state, rolled)
    has_won = awarded != table.thanks
    after = Member(
        wins=_counted(member.wins, awarded) if has_won else member.wins,
        wins_today=_counted(member.wins_today, awarded) if has_won else member.wins_today,
        spins=member.spins + 1,
        since=0 if table.is_rare(awarded) else member.since + 1,
        is_blocked=member.is_blocked,
    )
    return Outcome(rolled, awarded, why, shares.is_guaranteed, _taken(left, awarded), after)


def _awarded(table: Table, state: State, rolled: int) -> tuple[int, Why]:
    member = state.member
    chain = table.consolations if member.is_blocked else table.chains[rolled]
    why = Why.BLOCKED if member.is_blocked else Why.AS_ROLLED
    for place in chain[:-1]:  # the last one is thanks
        refused = _refused(table, state, place)
        if refused is None:
            return place, why
        why = refused if why is Why.AS_ROLLED else why
    return table.thanks, why


def _refused(table: Table, state: State, place: int) -> Why | None:
    """Why this prize cannot be had; None: it can."""
    rules, prize, member = table.rules, table.prizes[place], state.member
    if state.left[place] == 0:
        return Why.OUT
    limits = (
        (prize.per_member, member.wins[place]),
        (prize.per_member_daily, member.wins_today[place]),
        (rules.per_member, sum(member.wins)),
        (rules.per_member_daily, sum(member.wins_today)),
    )
    if any(limit is not None and wins >= limit for limit, wins in limits):
        return Why.CAPPED
    return Why.CAPPED if prize.unlock_after > member.spins else None  # reached as a fallback only


def _counted(wins: tuple[int, ...], place: int) -> tuple[int, ...]:
    return (*wins[:place], wins[place] + 1, *wins[place + 1 :])


def _taken(left: tuple[int | None, ...], place: int) -> tuple[int | None, ...]:
    units = left[place]
    return left if units is None else (*left[:place], units - 1, *left[place + 1 :])
