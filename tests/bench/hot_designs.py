"""The same claim of a hot row in several designs. Each writes the same rows, durably, and knows a key that it has seen.

The sixth is the lane: `hot_lane.py`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from tortoise.exceptions import IntegrityError

from gateways.stores.commands import BatchedRedis
from handlers.errors import DomainError
from models.database import atomic, row
from models.ids import new_id
from models.sql import as_uuid
from tests.bench.hot_rows import STOCK, THE_STOCK, HotClaim, HotJob, HotRequest, HotStock
from tests.bench.lane import SoldOut, TakenAlready

LEFT, TAKERS = "bench:left", "bench:takers"


@dataclass(frozen=True)
class Wish:
    """One member's claim under one key, with the ids of the rows that it would make."""

    member: int
    key: str
    claim_id: UUID = field(default_factory=new_id, compare=False)
    request_id: UUID = field(default_factory=new_id, compare=False)
    job_id: UUID = field(default_factory=new_id, compare=False)
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)

    @property
    def job_key(self) -> str:
        """Named after the act's row."""
        return f"claimed:{self.claim_id}"

    @property
    def payload(self) -> dict[str, str]:
        """What the job is told."""
        return {"claim": str(self.claim_id)}


Take = Callable[[Wish], Awaitable[UUID]]

_KNOWN = "SELECT claim_id FROM hot_request WHERE member = $1 AND key = $2"
_ASK = "INSERT INTO hot_request VALUES ($1, $2, $3, $4, $5) ON CONFLICT (member, key) DO NOTHING RETURNING id"
_CLAIM = f"INSERT INTO hot_claim VALUES ($1, $2, {THE_STOCK}, $3) ON CONFLICT DO NOTHING RETURNING id"
_JOB = "INSERT INTO hot_job VALUES ($1, $2, 'say_claimed', $3, $4, $2) RETURNING id"
TAKE = f"UPDATE hot_stock SET units_left = units_left - $1 WHERE id = {THE_STOCK} AND units_left >= $1 RETURNING id"
# $1 member, $2 key, $3 $4 $5 the ids of claim, request and job, $6 now. What is taken already, and a stock below zero,
# are refused by the constraints.
_ROWS = f"""
    WITH asked AS (INSERT INTO hot_request VALUES ($4, $6, $1, $2, $3)
        ON CONFLICT (member, key) DO NOTHING RETURNING id),
    made AS (INSERT INTO hot_claim SELECT $3, $6, {THE_STOCK}, $1 FROM asked RETURNING id),
    job AS (INSERT INTO hot_job SELECT $5, $6, 'say_claimed', 'claimed:' || id, jsonb_build_object('claim', id), $6
        FROM made RETURNING id)
"""
_CTE = (
    _ROWS
    + """
    , taken AS (UPDATE hot_stock SET units_left = units_left - 1 WHERE EXISTS (SELECT 1 FROM job) RETURNING id)
    SELECT id FROM taken
"""
)
_CTE_WITHOUT_STOCK = _ROWS + "SELECT id FROM job"
_FUNCTION = "SELECT hot_take($1, $2, $3, $4, $5) AS id"
_GATE = """
    if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then return 1 end
    if tonumber(redis.call('GET', KEYS[1])) < 1 then return 2 end
    redis.call('DECR', KEYS[1])
    redis.call('SADD', KEYS[2], ARGV[1])
    return 0
"""


async def by_orm(wish: Wish) -> UUID:
    """A transaction as it is first written: lock, check, three rows, save."""
    try:
        async with atomic():
            stock = await HotStock.select_for_update().get(id=THE_STOCK)
            if stock.units_left < 1:
                raise SoldOut
            at = {"made_at": wish.made_at}
            await HotRequest.create(id=wish.request_id, member=wish.member, key=wish.key, claim_id=wish.claim_id, **at)
            await HotClaim.create(id=wish.claim_id, stock_id=THE_STOCK, member=wish.member, **at)
            told = {"kind": "say_claimed", "key": wish.job_key, "payload": wish.payload, "run_at": wish.made_at}
            await HotJob.create(id=wish.job_id, **told, **at)
            stock.units_left -= 1
            await stock.save(update_fields=["units_left"])
    except IntegrityError:
        return await _known(wish)
    return wish.claim_id


async def by_statements(wish: Wish) -> UUID:
    """An interactive transaction of plain SQL, the stock last, so that its lock is as short as it can be."""
    async with atomic():
        if not await row(_ASK, wish.request_id, wish.made_at, wish.member, wish.key, wish.claim_id):
            return await _known(wish)
        if not await row(_CLAIM, wish.claim_id, wish.made_at, wish.member):
            raise TakenAlready
        await row(_JOB, wish.job_id, wish.made_at, wish.job_key, wish.payload)
        if not await row(TAKE, 1):
            raise SoldOut
    return wish.claim_id


async def by_one_statement(wish: Wish) -> UUID:
    """Everything in one round trip."""
    return await _in_one(_CTE, wish)


async def by_function(wish: Wish) -> UUID:
    """One call of a stored function."""
    ids = wish.claim_id, wish.request_id, wish.job_id
    try:
        found = await row(_FUNCTION, wish.member, wish.key, *ids)
    except IntegrityError as error:
        raise _refusal(error) from error
    assert found is not None  # a function's call has one row
    return as_uuid(found["id"])


class Gate:
    """Redis gives units out, the database has no stock row. Two truths: see the note in the table."""

    def __init__(self, redis: BatchedRedis) -> None:
        self._redis = redis
        self._script = b""

    async def open(self) -> None:
        """All units are there."""
        _, self._script = await self._redis.run(("SET", LEFT, STOCK), ("SCRIPT", "LOAD", _GATE))

    async def left(self) -> int:
        """How many Redis thinks there are."""
        return int((await self._redis.run(("GET", LEFT)))[0])

    async def take(self, wish: Wish) -> UUID:
        """The unit first, then the rows; given back where these are refused."""
        (outcome,) = await self._redis.run(("EVALSHA", self._script, 2, LEFT, TAKERS, wish.member))
        if outcome == 1:
            return await _known(wish)
        if outcome == 2:
            raise SoldOut
        try:
            return await _in_one(_CTE_WITHOUT_STOCK, wish)
        except DomainError:
            await self._redis.run(("INCR", LEFT), ("SREM", TAKERS, wish.member))
            raise


async def _in_one(sql: str, wish: Wish) -> UUID:
    values = (wish.member, wish.key, wish.claim_id, wish.request_id, wish.job_id, wish.made_at)
    try:
        found = await row(sql, *values)
    except IntegrityError as error:
        raise _refusal(error) from error
    return wish.claim_id if found else await _known(wish)


def _refusal(error: IntegrityError) -> DomainError:
    return SoldOut() if "units_left" in str(error) else TakenAlready()


async def _known(wish: Wish) -> UUID:
    found = await row(_KNOWN, wish.member, wish.key)
    if found is None:
        raise TakenAlready
    return as_uuid(found["claim_id"])
