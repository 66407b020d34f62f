"""The graph of an order at a supplier, and what may be done next. Every answer, however it came, is weighed here.

The one rule behind all of it: what may have happened is asked about, never repeated under another number. Only a
supplier's explicit "it did not happen" lets another number be made, or the unit go back.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from models.words import FulfillmentState, Heard

EDGES: dict[FulfillmentState, frozenset[FulfillmentState]] = {
    FulfillmentState.WAITING: frozenset({FulfillmentState.SENT, FulfillmentState.CANCELLED}),
    FulfillmentState.SENT: frozenset(
        {FulfillmentState.ACCEPTED, FulfillmentState.DONE, FulfillmentState.FAILED, FulfillmentState.REPLACED}
    ),
    FulfillmentState.ACCEPTED: frozenset({FulfillmentState.DONE, FulfillmentState.FAILED, FulfillmentState.REPLACED}),
    FulfillmentState.DONE: frozenset(),
    FulfillmentState.FAILED: frozenset(),
    FulfillmentState.REPLACED: frozenset(),
    FulfillmentState.CANCELLED: frozenset(),
}
OPEN = frozenset({FulfillmentState.WAITING, FulfillmentState.SENT, FulfillmentState.ACCEPTED})
UNDER_WAY = frozenset({FulfillmentState.SENT, FulfillmentState.ACCEPTED})  # the supplier may have it

# The first looks come soon, because most orders take seconds; whoever hears nothing for an hour asks by the hour.
_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (15, 15, 30, 60, 120, 300, 600, 1_200, 3_600))


SILENCE = timedelta(hours=24)  # without news of an order that is under way, operators may say what became of it
QUIET = timedelta(minutes=5)  # longer than any call takes: what was just sent is in nobody's hands


class Act(StrEnum):
    """What to do about an order that is looked at."""

    SEND = "send"
    ASK = "ask"
    LEAVE = "leave"


def next_act(state: FulfillmentState, *, is_paused: bool) -> Act:
    """What was never sent is sent, unless its supplier is paused; what may have been is asked about first, always."""
    if state is FulfillmentState.WAITING:
        return Act.LEAVE if is_paused else Act.SEND
    return Act.ASK if state in UNDER_WAY else Act.LEAVE


def may_send_again(heard: Heard, *, is_paused: bool) -> bool:
    """After a question: the supplier says it never had this number, so the same number is sent once more."""
    return heard is Heard.ABSENT and not is_paused


def is_about(order: tuple[str, int], *, order_no: str | None, face_value_fen: int | None) -> bool:
    """Whether what was said is about this order (number, amount): what names another settles nothing of ours.

    That an order is absent, or was refused, may be said without its amount.
    """
    return order_no == order[0] and face_value_fen in {None, order[1]}


def after(state: FulfillmentState, heard: Heard, *, has_fallback: bool) -> FulfillmentState | None:
    """Where an order goes when this is heard of it; None: it stays.

    Nothing is heard of what was never sent: whoever says so names a number by chance. What is closed stays closed.
    """
    if state not in UNDER_WAY:
        return None
    if heard is Heard.DONE:
        return FulfillmentState.DONE
    if heard is Heard.FAILED:
        return FulfillmentState.REPLACED if has_fallback else FulfillmentState.FAILED
    if heard is Heard.ACCEPTED and state is FulfillmentState.SENT:
        return FulfillmentState.ACCEPTED
    return None


def contradicts(state: FulfillmentState, heard: Heard) -> bool:
    """Whether a supplier takes back what it said for good: that is for people, money may have moved twice."""
    if state is FulfillmentState.DONE:
        return heard in {Heard.FAILED, Heard.ABSENT}
    return heard is Heard.DONE and state in {
        FulfillmentState.FAILED,
        FulfillmentState.REPLACED,
        FulfillmentState.CANCELLED,
    }


def pause_after(look_count: int) -> timedelta:
    """How long until the next look, after so many (1, 2, ...)."""
    return _PAUSES[min(max(look_count, 1), len(_PAUSES)) - 1]


def by_hand_from(moved_at: datetime, sent_at: datetime) -> datetime:
    """From when on operators may settle an order that is under way.

    `moved_at`: when it last came to stand elsewhere; that a supplier says the same thing again is no news. `sent_at`:
    when it was last sent, the same number again included.
    """
    return max(moved_at + SILENCE, sent_at + QUIET)
