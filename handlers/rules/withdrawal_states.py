"""The graph of a withdrawal, and what is done next about one that the payment service has, or may have.

The rule behind it: money is sent under one number alone, and it comes back to the balance only when the payment service
says that it stayed, or can no longer take what it was sent.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from models.words import TransferHeard, WithdrawalState

CONFIRMED_WITHIN = timedelta(hours=24)  # the payee takes it, or it comes back
# A call carries the time at which it was signed and is refused 300 s later; after twice that no call of ours is on its
# way any more, and a service that says it has none will never have it.
NEVER_ARRIVES_AFTER = timedelta(minutes=10)
SENT_FOR = timedelta(hours=24)  # how long it is tried while the service says that it has none

_S = WithdrawalState
EDGES: dict[WithdrawalState, frozenset[WithdrawalState]] = {
    _S.REVIEW: frozenset({_S.WAITING, _S.REFUSED, _S.RETURNED}),
    _S.WAITING: frozenset({_S.SENT, _S.RETURNED}),
    _S.SENT: frozenset({_S.CONFIRM, _S.MOVING, _S.ARRIVED, _S.RETURNED}),
    _S.CONFIRM: frozenset({_S.MOVING, _S.ARRIVED, _S.RETURNED}),
    _S.MOVING: frozenset({_S.ARRIVED, _S.RETURNED}),
    _S.ARRIVED: frozenset(),
    _S.RETURNED: frozenset(),
    _S.REFUSED: frozenset(),
}
OPEN = frozenset({_S.REVIEW, _S.WAITING, _S.SENT, _S.CONFIRM, _S.MOVING})  # the money is set aside
HERE = frozenset({_S.REVIEW, _S.WAITING})  # the payment service has never heard of it
THERE = frozenset({_S.SENT, _S.CONFIRM, _S.MOVING})

_AFTER = {
    TransferHeard.TO_CONFIRM: _S.CONFIRM,
    TransferHeard.MOVING: _S.MOVING,
    TransferHeard.DONE: _S.ARRIVED,
    TransferHeard.FAILED: _S.RETURNED,
}
_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60, 180, 600, 1_800, 3_600))


class IllegalEdge(Exception):
    """A change that the graph does not have: a mistake of ours, never of the payee."""


def require_edge(before: WithdrawalState, after: WithdrawalState) -> None:
    """Raises IllegalEdge."""
    if after not in EDGES[before]:
        raise IllegalEdge(f"{before} -> {after}")


def after(state: WithdrawalState, heard: TransferHeard) -> WithdrawalState | None:
    """Where it goes when this is heard of it; None: it stays. What comes late or twice changes nothing.

    Nothing is heard of what was never sent.
    """
    target = _AFTER.get(heard)
    return target if state in THERE and target in EDGES[state] else None


def contradicts(state: WithdrawalState, heard: TransferHeard) -> bool:
    """Whether money moved otherwise than we have booked, or may have: that is for people."""
    if heard is TransferHeard.DONE:
        return state not in THERE and state is not _S.ARRIVED
    if heard is TransferHeard.FAILED:
        return state is _S.ARRIVED or state in HERE
    return heard is TransferHeard.ABSENT and state in {_S.CONFIRM, _S.MOVING, _S.ARRIVED}


class Next(StrEnum):
    """What follows on an answer to our question."""

    WAIT = "wait"
    SEND = "send"  # again, under the same number
    GIVE_BACK = "give_back"  # they have none, and never will


def next_act(
    state: WithdrawalState,
    heard: TransferHeard,
    *,
    has_package: bool,
    is_ending: bool,
    first_sent_at: datetime,
    sent_at: datetime,
    now: datetime,
) -> Next:
    """What to do about one that was sent, once this was heard. What is unclear is asked about again, and not sent."""
    if state is _S.SENT and heard is TransferHeard.ABSENT:
        if not is_ending and now < first_sent_at + SENT_FOR:
            return Next.SEND
        return Next.GIVE_BACK if now >= sent_at + NEVER_ARRIVES_AFTER else Next.WAIT
    if state is _S.CONFIRM and heard is TransferHeard.TO_CONFIRM and not has_package and not is_ending:
        return Next.SEND  # its answer was lost: the same number tells the package again
    return Next.WAIT


def look_pause(look_count: int) -> timedelta:
    """How long until the next look, after so many (1, 2, ...)."""
    return _PAUSES[min(max(look_count, 1), len(_PAUSES)) - 1]
