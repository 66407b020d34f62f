"""Where each person stands in a dialogue with an account; a key shows no openid."""

import asyncio
import hashlib
import logging
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import orjson

from gateways.stores.commands import BatchedRedis, RedisUnavailable
from handlers.ports import DialogueState

logger = logging.getLogger(__name__)


class RedisDialogues:
    """Implements `ports.Dialogues`. Without Redis nobody is in a dialogue: a polite restart."""

    def __init__(self, redis: BatchedRedis) -> None:
        self._redis = redis

    def look(self, account: str, openid: str) -> "_Looked":
        """The open dialogue, asked for at once; None when there is none, or it timed out, or cannot be read."""
        try:
            return _Looked(self._redis.ask(("GET", _key(account, openid))))
        except RedisUnavailable:
            return _Looked(None)

    async def keep(self, account: str, openid: str, state: DialogueState, *, lasting: timedelta) -> None:
        """Keep it for `lasting` from now; it replaces the one before. Facts are plain JSON values."""
        milliseconds = max(1, int(lasting / timedelta(milliseconds=1)))
        facts = {"name": state.name, "step": state.step, "facts": dict(state.facts), "member_id": state.member_id}
        try:
            await self._redis.run(("SET", _key(account, openid), orjson.dumps(facts), "PX", milliseconds))
        except RedisUnavailable:
            logger.warning("dialogue not kept")

    async def drop(self, account: str, openid: str) -> None:
        """End it; it was said to the end, cancelled, or overtaken."""
        try:
            await self._redis.run(("DEL", _key(account, openid)))
        except RedisUnavailable:
            logger.warning("dialogue ends by itself")


class _Looked:
    """What Redis was asked, to be awaited by whoever wants it, or by nobody."""

    __slots__ = ("_answers",)

    def __init__(self, answers: "asyncio.Future[list[Any]] | None") -> None:
        self._answers = answers

    def __await__(self) -> Generator[Any, None, DialogueState | None]:
        if self._answers is None:
            return None
        try:
            (raw,) = yield from self._answers.__await__()
            return DialogueState(**orjson.loads(raw)) if raw is not None else None
        except (RedisUnavailable, ValueError, TypeError):  # the last two: written by a version that kept other facts
            return None


def _key(account: str, openid: str) -> str:
    return f"fanpiao:dialogue:{account}:{hashlib.blake2b(openid.encode(), digest_size=16).hexdigest()}"
