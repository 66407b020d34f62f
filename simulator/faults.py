"""Ordered failures of the platform's own interfaces."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """How an interface fails."""

    FAIL = "fail"  # answers errcode, does nothing
    HTTP_STATUS = "http_status"  # answers an HTTP error from somewhere in between, does nothing
    HANG = "hang"  # answers 504 after so many seconds, does nothing
    HANG_AFTER_DOING = "hang_after_doing"  # does it, and answers after so many seconds


@dataclass
class Fault:
    """One ordered failure; `amount` is the errcode, the HTTP status or the seconds; without `times` until cleared."""

    endpoint: str
    kind: FaultKind
    amount: float
    times: int | None = 1


@dataclass
class Faults:
    """Failures by endpoint path (`/cgi-bin/token`) or `*` for all, used up in the order they were asked for."""

    ordered: deque[Fault] = field(default_factory=deque)

    def order(self, endpoint: str, kind: FaultKind, amount: float, times: int | None) -> None:
        """One failure, for the next `times` calls, or until cleared."""
        self.ordered.append(Fault(endpoint, kind, amount, times))

    def fail(self, endpoint: str, errcode: int, *, times: int | None = 1) -> None:
        """Answer `errcode` (-1 busy, 45009 quota, 40164 address, 40001 token) without doing anything."""
        self.order(endpoint, FaultKind.FAIL, errcode, times)

    def http_status(self, endpoint: str, status: int, *, times: int | None = 1) -> None:
        """Answer an HTTP error page without doing anything."""
        self.order(endpoint, FaultKind.HTTP_STATUS, status, times)

    def hang(self, endpoint: str, seconds: float, *, times: int | None = 1) -> None:
        """Answer 504 after `seconds`, without doing anything."""
        self.order(endpoint, FaultKind.HANG, seconds, times)

    def hang_after_doing(self, endpoint: str, seconds: float, *, times: int | None = 1) -> None:
        """Do the work, then answer `seconds` too late."""
        self.order(endpoint, FaultKind.HANG_AFTER_DOING, seconds, times)

    def clear(self) -> None:
        """Everything works again."""
        self.ordered.clear()

    def take(self, endpoint: str) -> Fault | None:
        """The failure meant for this call, if any."""
        for fault in self.ordered:
            if fault.endpoint in {endpoint, "*"}:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.ordered.remove(fault)
                return fault
        return None
