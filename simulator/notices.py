"""Template messages already sent, by the number their sender gave them (`client_msg_id`)."""

from simulator.accounts import Account
from simulator.clock import Clock

_REMEMBERED_SECONDS = 600


class Notices:
    """The platform drops a repetition for ten minutes and answers with the first message's id."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: dict[tuple[str, str], tuple[float, int]] = {}

    def remember(self, account: Account, client_id: str, message_id: int) -> int:
        """The id of the first message with this `client_id`, which is `message_id` unless it was sent before."""
        now = self._clock.now()
        self._sent = {key: one for key, one in self._sent.items() if now - one[0] < _REMEMBERED_SECONDS}
        return self._sent.setdefault((account.app_id, client_id), (now, message_id))[1]
