"""The graph of points that an account outside holds, and what an answer of that account means. Pure.

The one rule behind it: whatever may have happened there is asked about, never asked for again. What is to be let go is
let go by its number even where the account may never have heard of it, so that a late call finds it over.
"""

from datetime import timedelta
from enum import StrEnum

from models.words import OutsideHeard, OutsideHoldState

EDGES: dict[OutsideHoldState, frozenset[OutsideHoldState]] = {
    OutsideHoldState.BEGUN: frozenset({OutsideHoldState.HELD, OutsideHoldState.REFUSED, OutsideHoldState.VOIDING}),
    OutsideHoldState.HELD: frozenset({OutsideHoldState.POSTING, OutsideHoldState.VOIDING}),
    OutsideHoldState.POSTING: frozenset({OutsideHoldState.POSTED, OutsideHoldState.LOST}),
    OutsideHoldState.POSTED: frozenset(),
    OutsideHoldState.VOIDING: frozenset({OutsideHoldState.VOIDED, OutsideHoldState.REFUSED}),
    OutsideHoldState.VOIDED: frozenset(),
    OutsideHoldState.REFUSED: frozenset(),
    OutsideHoldState.LOST: frozenset(),
}
CLOSED = frozenset(state for state, after in EDGES.items() if not after)
UNDECIDED = frozenset({OutsideHoldState.BEGUN, OutsideHoldState.HELD})  # a claim may still come of it
GIVEN = frozenset({OutsideHoldState.POSTING, OutsideHoldState.POSTED, OutsideHoldState.LOST})  # a claim came of it

PATIENCE = timedelta(minutes=2)  # longer than a call and a claim take: whoever began it is gone
MOST_LOOKS = 48  # after so many, most of a day, somebody has to look
_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (15, 15, 30, 60, 120, 300, 600, 1_800))


class Act(StrEnum):
    """What to ask of the account about a hold that is looked at."""

    POST = "post"
    VOID = "void"
    LEAVE = "leave"


def next_act(state: OutsideHoldState) -> Act:
    """For a hold whose time has come. One that nobody decided about was left by a crash: it is let go."""
    if state is OutsideHoldState.POSTING:
        return Act.POST
    return Act.LEAVE if state in CLOSED else Act.VOID


def after(state: OutsideHoldState, heard: OutsideHeard) -> OutsideHoldState | None:
    """Where a hold goes when this is heard of it; None: it stays, and is asked about again."""
    if state is OutsideHoldState.BEGUN:
        return {
            OutsideHeard.HELD: OutsideHoldState.HELD,
            OutsideHeard.REFUSED: OutsideHoldState.REFUSED,
            OutsideHeard.VOIDED: OutsideHoldState.REFUSED,
        }.get(heard)
    if state is OutsideHoldState.POSTING:
        over = {OutsideHeard.VOIDED, OutsideHeard.REFUSED, OutsideHeard.ABSENT}
        if heard in over:
            return OutsideHoldState.LOST
        return OutsideHoldState.POSTED if heard is OutsideHeard.POSTED else None
    if state is OutsideHoldState.VOIDING:
        return {
            OutsideHeard.VOIDED: OutsideHoldState.VOIDED,
            OutsideHeard.REFUSED: OutsideHoldState.REFUSED,
        }.get(heard)
    return None


def contradicts(state: OutsideHoldState, heard: OutsideHeard) -> bool:
    """Whether the account took for good what we never asked it to take: that is for people."""
    return heard is OutsideHeard.POSTED and state not in GIVEN


def pause_after(look_count: int) -> timedelta:
    """How long until the next look, after so many (1, 2, ...)."""
    return _PAUSES[min(max(look_count, 1), len(_PAUSES)) - 1]
