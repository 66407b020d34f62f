"""Where each person stands in a dialogue with an account."""

import logging
from datetime import timedelta

import orjson

from gateways.stores.commands import BatchedRedis, RedisUnavailable
from handlers.ports import DialogueState

logger = logging.getLogger(__name__)


class RedisDialogues:
    """Implements `ports.Dialogues`. Without Redis nobody is in a dialogue: a polite restart."""

    def __init__(self, redis: BatchedRedis) -> None:
        self._redis = redis

    async def find(self, account: str, member_id: str) -> DialogueState | None:
        """The open dialogue; None when there is none, or it timed out, or cannot be read."""
        try:
            (raw,) = await self._redis.run(("GET", _key(account, member_id)))
        except RedisUnavailable:
            return None
        if raw is None:
            return None
        try:
            return DialogueState(**orjson.loads(raw))
        except (ValueError, TypeError):
            return None  # written by a version that kept other facts

    async def keep(self, account: str, member_id: str, state: DialogueState, *, lasting: timedelta) -> None:
        """Keep it for `lasting` from now; it replaces the one before. Facts are plain JSON values."""
        milliseconds = max(1, int(lasting / timedelta(milliseconds=1)))
        facts = {"name": state.name, "step": state.step, "facts": dict(state.facts)}
        try:
            await self._redis.run(("SET", _key(account, member_id), orjson.dumps(facts), "PX", milliseconds))
        except RedisUnavailable:
            logger.warning("dialogue not kept")

    async def drop(self, account: str, member_id: str) -> None:
        """End it; it was said to the end, cancelled, or overtaken."""
        try:
            await self._redis.run(("DEL", _key(account, member_id)))
        except RedisUnavailable:
            logger.warning("dialogue ends by itself")


def _key(account: str, member_id: str) -> str:
    return f"fanpiao:dialogue:{account}:{member_id}"
