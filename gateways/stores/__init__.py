"""Everything kept in Redis. It may be wiped at any moment without losing value: every key has a time to live."""

from gateways.stores.answers import RedisAnswers
from gateways.stores.codes import RedisExchangedCodes
from gateways.stores.commands import BatchedRedis, RedisUnavailable
from gateways.stores.connection import connected, open_redis, purge_expired
from gateways.stores.dialogues import RedisDialogues
from gateways.stores.limits import Limit, ProcessRateLimiter
from gateways.stores.nudge import Nudge
from gateways.stores.sessions import RedisSessions

__all__ = [
    "BatchedRedis",
    "Limit",
    "Nudge",
    "ProcessRateLimiter",
    "RedisAnswers",
    "RedisDialogues",
    "RedisExchangedCodes",
    "RedisSessions",
    "RedisUnavailable",
    "connected",
    "open_redis",
    "purge_expired",
]
