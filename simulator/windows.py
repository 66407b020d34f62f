"""When an account may write to a person of its own accord: customer-service windows."""

from dataclasses import dataclass
from enum import Enum

from simulator.errors import WeChatError

_TWO_DAYS = 48 * 3600.0
_A_MINUTE = 60.0


class Trigger(Enum):
    """What opened a window: how many messages it allows, for how many seconds."""

    MESSAGE = ("message", 5, _TWO_DAYS)
    TAP = ("tap", 3, _A_MINUTE)
    FOLLOW = ("follow", 3, _A_MINUTE)
    SCAN = ("scan", 3, _A_MINUTE)
    ENTER_SESSION = ("enter_session", 2, _A_MINUTE)

    @property
    def allowance(self) -> int:
        """Messages per window."""
        return self.value[1]

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self.value[2]


@dataclass
class _Window:
    closes_at: float
    left: int


class Windows:
    """The windows of one person towards one account. A trigger resets its own window; allowances do not add up."""

    def __init__(self) -> None:
        self._open: dict[Trigger, _Window] = {}

    def opened(self, trigger: Trigger, now: float) -> None:
        """The person did something that allows answers."""
        self._open[trigger] = _Window(now + trigger.seconds, trigger.allowance)

    def closed(self) -> None:
        """The person left."""
        self._open.clear()

    def spend(self, now: float) -> None:
        """Use up one message, from the window that closes first; 45015 if none is open, 45047 if all are used up."""
        still_open = sorted((one for one in self._open.values() if one.closes_at > now), key=lambda one: one.closes_at)
        if not still_open:
            raise WeChatError(45015)
        for window in still_open:
            if window.left:
                window.left -= 1
                return
        raise WeChatError(45047)

    def left(self, now: float) -> int:
        """How many messages could be sent now."""
        return sum(one.left for one in self._open.values() if one.closes_at > now)
