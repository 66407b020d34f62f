"""Single-use codes a mini-program's client gets and its server exchanges: wx.login and getPhoneNumber."""

from dataclasses import dataclass
from enum import StrEnum

from simulator.clock import Clock
from simulator.identifiers import login_code

LIFE_SECONDS = 300
_FORGOTTEN_AFTER = 86_400
_KEPT = 50_000


class Purpose(StrEnum):
    """What a code may be exchanged for; one is never good for the other."""

    LOGIN = "login"
    PHONE = "phone"


@dataclass
class Code:
    """One code in somebody's hands."""

    value: str
    purpose: Purpose
    app_id: str
    person_id: str
    issued_at: float
    is_used: bool = False


class CodeDesk:
    """Issues codes and finds them again; what a wrong one is called is the interface's business."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._codes: dict[str, Code] = {}

    def issue(self, purpose: Purpose, app_id: str, person_id: str) -> str:
        """A fresh code, good for five minutes and one exchange."""
        now = self._clock.now()
        while self._codes and self._is_forgotten(next(iter(self._codes.values())), now):
            del self._codes[next(iter(self._codes))]
        code = Code(login_code(), purpose, app_id, person_id, now)
        self._codes[code.value] = code
        return code.value

    def find(self, purpose: Purpose, value: str) -> Code | None:
        """The code, used or not, unless it is unknown, of the other purpose or expired."""
        code = self._codes.get(value)
        if code is None or code.purpose is not purpose or self._clock.now() - code.issued_at >= LIFE_SECONDS:
            return None
        return code

    def _is_forgotten(self, oldest: Code, now: float) -> bool:
        return now - oldest.issued_at >= _FORGOTTEN_AFTER or len(self._codes) >= _KEPT
