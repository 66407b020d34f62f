"""What can go wrong, or be made to go wrong, between the platform and our server."""

from collections import deque
from dataclasses import dataclass

from simulator.accounts import Mode


@dataclass(frozen=True, kw_only=True)
class Tampering:
    """Switches for pushes; the defaults change nothing.

    duplicates: further copies of the same request, after the first answer or `parallel` to it.
    delay: seconds before the first delivery, so that a later push overtakes it.
    lost_answers: so many answers are thrown away, as if the line broke; the platform delivers again.
    wrong_signature, wrong_app_id, old_aes_key: forged or meant for somebody else.
    stale_seconds: the query's timestamp lies so far in the past, correctly signed.
    truncated: only the first half of the body arrives.
    same_second: the push carries the CreateTime of the push before it.
    mode: travel in another mode than the account's.
    """

    duplicates: int = 0
    parallel: bool = False
    delay: float = 0.0
    lost_answers: int = 0
    wrong_signature: bool = False
    stale_seconds: int = 0
    wrong_app_id: bool = False
    truncated: bool = False
    old_aes_key: bool = False
    same_second: bool = False
    mode: Mode | None = None


class Switchboard:
    """Decides what happens to the next push: first what was ordered for single ones, then what holds until changed."""

    def __init__(self) -> None:
        self._queue: deque[Tampering] = deque()
        self.standing = Tampering()

    def once(self, tampering: Tampering, *, times: int = 1) -> None:
        """Tamper with the next `times` pushes."""
        self._queue.extend([tampering] * times)

    def always(self, tampering: Tampering) -> None:
        """Tamper with every push until told otherwise."""
        self.standing = tampering

    def clear(self) -> None:
        """Back to a platform that behaves."""
        self._queue.clear()
        self.standing = Tampering()

    def take(self) -> Tampering:
        """What to do to the push that is about to go out."""
        return self._queue.popleft() if self._queue else self.standing
