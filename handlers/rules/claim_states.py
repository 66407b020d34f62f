"""The graph of a claim's states. Every edge that is gone along leaves a `ClaimEvent`; there is no other way."""

from datetime import datetime

from models.words import ClaimState

EDGES: dict[ClaimState, frozenset[ClaimState]] = {
    ClaimState.PENDING: frozenset({ClaimState.ISSUED, ClaimState.EXPIRED, ClaimState.REVOKED}),
    ClaimState.ISSUED: frozenset(
        {
            ClaimState.PARTLY_USED,
            ClaimState.USED,
            ClaimState.EXPIRED,
            ClaimState.REVOKED,
            ClaimState.TRANSFERRED,
        }
    ),
    ClaimState.PARTLY_USED: frozenset(
        {ClaimState.USED, ClaimState.ISSUED, ClaimState.EXPIRED, ClaimState.REVOKED}  # issued: its only use taken back
    ),
    # What was used goes back when the redemption is reversed, or expires if its time is over by then.
    ClaimState.USED: frozenset({ClaimState.ISSUED, ClaimState.PARTLY_USED, ClaimState.EXPIRED}),
    ClaimState.EXPIRED: frozenset(),
    ClaimState.REVOKED: frozenset(),
    ClaimState.TRANSFERRED: frozenset(),
}
FIRST = frozenset({ClaimState.PENDING, ClaimState.ISSUED})
USABLE = frozenset({ClaimState.ISSUED, ClaimState.PARTLY_USED})
OPEN = USABLE | {ClaimState.PENDING}  # what time can still expire


class IllegalEdge(Exception):
    """A change that the graph does not have: a mistake of ours, never of the person."""


def require_edge(before: ClaimState, after: ClaimState) -> None:
    """Raises IllegalEdge."""
    if after not in EDGES[before]:
        raise IllegalEdge(f"{before} -> {after}")


def stands(state: ClaimState, expires_at: datetime | None, now: datetime) -> ClaimState:
    """The state by the clock: a claim whose time is over is expired, whether or not anybody has swept it yet."""
    return ClaimState.EXPIRED if state in OPEN and expires_at is not None and now >= expires_at else state


def after_uses(uses_total: int, uses_left: int, *, is_over: bool = False) -> ClaimState:
    """The state of a claim by its uses, once one was made or taken back; `is_over`: its time is over.

    Raises ValueError where the numbers cannot be a claim's.
    """
    if not 0 <= uses_left <= uses_total:
        raise ValueError(f"{uses_left} of {uses_total} uses")
    if uses_left == 0:
        return ClaimState.USED
    if is_over:
        return ClaimState.EXPIRED
    return ClaimState.ISSUED if uses_left == uses_total else ClaimState.PARTLY_USED
