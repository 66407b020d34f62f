"""What a person sees in the conversation with one account."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

FAULT = "该公众号提供的服务出现故障，请稍后再试"
HANDED_OVER = "正在为您转接人工客服"

_KEPT = 300


class Side(StrEnum):
    """Who speaks."""

    PERSON = "person"
    ACCOUNT = "account"
    SYSTEM = "system"


@dataclass(frozen=True)
class Bubble:
    """One line of a chat. `kind` is WeChat's message type, `content` its fields; `at` in seconds since the epoch."""

    number: int
    at: float
    side: Side
    kind: str
    content: Mapping[str, object]

    @property
    def text(self) -> str:
        """The words of a text or system bubble, otherwise empty."""
        return str(self.content.get("Content", ""))


class Chat:
    """The latest bubbles, oldest first."""

    def __init__(self) -> None:
        self._bubbles: deque[Bubble] = deque(maxlen=_KEPT)
        self._count = 0

    def add(self, side: Side, kind: str, content: Mapping[str, object], at: float) -> Bubble:
        """Append one bubble."""
        self._count += 1
        bubble = Bubble(self._count, at, side, kind, content)
        self._bubbles.append(bubble)
        return bubble

    def __iter__(self) -> Iterator[Bubble]:
        return iter(self._bubbles)

    def __len__(self) -> int:
        return len(self._bubbles)

    def texts(self, side: Side = Side.ACCOUNT) -> list[str]:
        """The words one side said."""
        return [bubble.text for bubble in self._bubbles if bubble.side is side and bubble.text]
