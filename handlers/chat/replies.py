"""Replies of operators as the chat hears them: to keywords, to scenes, on follow.

Server mode switches off the platform's own automatic replies, so they live here. Every process remembers an account's
replies for at most two seconds. How they are edited: `handlers/chat/reply_editing.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from uuid import UUID

from handlers.ports import Clock
from handlers.retrying import refusing
from handlers.rules.replies import RESERVED, SaidArticle, SaidContent, SaidMiniProgram, SaidText, is_open
from models.replies import Reply
from models.words import ReplyKind, ReplyTrigger

REMEMBERED_SECONDS = 2.0  # a changed reply is heard everywhere within this time

KINDS: Mapping[type[SaidContent], ReplyKind] = {
    SaidText: ReplyKind.TEXT,
    SaidArticle: ReplyKind.ARTICLE,
    SaidMiniProgram: ReplyKind.MINI_PROGRAM,
}
_CONTENTS: Mapping[ReplyKind, type[SaidContent]] = {kind: content for content, kind in KINDS.items()}


def content_of(row: Reply) -> SaidContent:
    """What a stored reply says."""
    return _CONTENTS[row.kind](**row.content)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """One reply, ready to be compared."""

    trigger: ReplyTrigger
    pattern: str
    content: SaidContent
    starts_at: datetime | None
    ends_at: datetime | None


@refusing
class Replies:
    """Finds the reply that answers: the one of highest priority, among equals the oldest."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._remembered: dict[UUID, tuple[float, tuple[_Spoken, ...]]] = {}

    async def exact(self, account_id: UUID, said: str) -> SaidContent | None:
        """The reply to exactly these words, which are comparable already; nothing for reserved ones."""
        if said in RESERVED:
            return None
        said = said.lower()
        return await self._first(account_id, ReplyTrigger.EXACT, lambda pattern: pattern == said)

    async def containing(self, account_id: UUID, said: str) -> SaidContent | None:
        """The reply to a sentence that holds a keyword."""
        said = said.lower()
        return await self._first(account_id, ReplyTrigger.CONTAINS, lambda pattern: pattern in said)

    async def on_scene(self, account_id: UUID, scene: str) -> SaidContent | None:
        """The reply to whoever scans a code with this scene."""
        return await self._first(account_id, ReplyTrigger.SCENE, lambda pattern: pattern == scene)

    async def on_follow(self, account_id: UUID) -> SaidContent | None:
        """The reply to whoever follows."""
        return await self._first(account_id, ReplyTrigger.FOLLOW, lambda _: True)

    def forget(self) -> None:
        """Look again at the next message: something was changed here."""
        self._remembered.clear()

    async def _first(
        self, account_id: UUID, trigger: ReplyTrigger, matches: Callable[[str], bool]
    ) -> SaidContent | None:
        now = self._clock.now()
        for reply in await self._spoken(account_id):
            if reply.trigger is trigger and matches(reply.pattern) and is_open(reply.starts_at, reply.ends_at, now):
                return reply.content
        return None

    async def _spoken(self, account_id: UUID) -> tuple[_Spoken, ...]:
        hit = self._remembered.get(account_id)
        if hit is not None and hit[0] > monotonic():
            return hit[1]
        asked = monotonic()  # before the read: what is read may be older than the answer, never than this
        found = await Reply.filter(account_id=account_id, is_enabled=True).order_by("-priority", "created_at", "id")
        spoken = tuple(
            _Spoken(row.trigger, row.pattern, content_of(row), row.starts_at, row.ends_at)
            for row in found
            if row.trigger is not ReplyTrigger.EXACT or row.pattern not in RESERVED
        )
        self._remembered[account_id] = (asked + REMEMBERED_SECONDS, spoken)
        return spoken
