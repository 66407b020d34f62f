"""The lane: many concurrent decisions about one hot thing, one transaction for all of them.

A row that everybody changes allows one commit after another. So whoever arrives while a batch commits forms the next
batch: no timer, no added wait, and a batch of one is the quiet case. Each key (an offer, a draw) has its own lane,
which exists only while somebody waits in it. Several processes need no owner: `decide` locks the row it decides on.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from prometheus_client import Counter, Gauge, Histogram

from handlers.errors import DomainError, OutcomeUnknown
from handlers.retrying import TRIES, DatabaseBusy, again, overloaded
from models.database import CommitUnknown, atomic, in_atomic
from models.failures import SerializationConflict

Item = TypeVar("Item")
Result = TypeVar("Result")

Decide = Callable[[Sequence[Item]], Awaitable[Sequence[Result | DomainError]]]
Settle = Callable[[Sequence[Item]], Awaitable[Sequence[Result | DomainError | None]]]

LONGEST_WAIT = 1.5  # seconds; whoever would wait longer is refused at once
BATCHES_AT_ONCE = 4  # lanes of one kind that hold a connection at the same time

WAITING = Gauge("fanpiao_lane_waiting", "Requests waiting for a batch", ["lane"])
LAG = Histogram("fanpiao_lane_lag_seconds", "Wait of a batch's oldest request", ["lane"])
SIZE = Histogram("fanpiao_lane_batch_size", "Requests per batch", ["lane"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256))
SECONDS = Histogram("fanpiao_lane_batch_seconds", "Time of a batch from begin to commit", ["lane"])
FAILED = Counter("fanpiao_lane_failures_total", "What went wrong in a lane", ["lane", "what"])

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Entry(Generic[Item, Result]):
    item: Item
    deadline: float | None
    answer: "asyncio.Future[Result]"
    arrived_at: float  # loop time, like the deadline
    twins: "list[_Entry[Item, Result]]" = field(default_factory=list)

    def tell(self, outcome: "Result | BaseException") -> None:
        for entry in (self, *self.twins):
            if entry.answer.done():  # its waiter left; the effect stands and its key finds it
                continue
            if isinstance(outcome, BaseException):
                entry.answer.set_exception(outcome)
            else:
                entry.answer.set_result(outcome)


class GroupCommit(Generic[Item, Result]):
    """Lanes of one kind.

    `decide` gets the items of a batch in order of arrival inside one open transaction, writes with set-based
    statements, and returns one outcome per item: a result, or a DomainError for an item that changed nothing. It may
    run several times (deadlock, poisoned neighbour) and calls nobody outside.

    `key` names what must not be decided twice in a batch (the idempotency key): an equal item shares the outcome, an
    unequal one with the same key waits for the next batch, where the first is on record.

    `settle` says after an interrupted commit what became of each item, None where nothing happened and nothing will
    (`requests.settle`); without it such items end in OutcomeUnknown.
    """

    def __init__(
        self,
        name: str,
        decide: Decide[Item, Result],
        *,
        cap: int = 256,
        max_waiting: int = 2_000,
        key: Callable[[Item], Hashable] | None = None,
        settle: Settle[Item, Result] | None = None,
    ) -> None:
        self._name = name
        self._decide = decide
        self._cap = cap
        self._max_waiting = max_waiting
        self._key = key
        self._settle = settle
        self._lanes: dict[Hashable, deque[_Entry[Item, Result]]] = {}
        self._leaders: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(BATCHES_AT_ONCE)
        self._usual_seconds = 0.0
        self._closed = False
        WAITING.labels(name).set_function(lambda: sum(map(len, self._lanes.values())))
        self._lag = LAG.labels(name)
        self._size = SIZE.labels(name)
        self._seconds = SECONDS.labels(name)

    async def submit(self, lane: Hashable, item: Item, *, deadline: float | None = None) -> Result:
        """The outcome of `item`, once its batch is committed. Not inside a transaction.

        `deadline` in event-loop time: an item that is still waiting then is dropped, and so is one whose waiter was
        cancelled; once it is in a transaction nothing recalls it. Raises Overloaded (nothing happened), OutcomeUnknown
        (its key finds out), and the DomainError that `decide` gave or the error that the item alone caused.
        """
        if in_atomic():
            raise RuntimeError("a lane has its own transaction; submitting from within another would wait for itself")
        queue = self._lanes.get(lane)
        if self._closed or (queue is not None and self._is_too_long(len(queue))):
            FAILED.labels(self._name, "overloaded").inc()
            raise overloaded()
        loop = asyncio.get_running_loop()
        entry: _Entry[Item, Result] = _Entry(item, deadline, loop.create_future(), loop.time())
        if queue is None:
            queue = self._lanes[lane] = deque()
            leader = asyncio.create_task(self._lead(lane, queue), name=f"lane:{self._name}")
            self._leaders.add(leader)
            leader.add_done_callback(self._leaders.discard)
        queue.append(entry)
        return await entry.answer

    async def close(self, grace: float = 3.0) -> None:
        """Take nobody more, let those who wait be answered for `grace` seconds, then drop the rest."""
        self._closed = True
        if leaders := tuple(self._leaders):
            _, late = await asyncio.wait(leaders, timeout=grace)
            for leader in late:
                leader.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _is_too_long(self, waiting: int) -> bool:
        # The time of one batch says little when no full batch is ahead: a single slow one must not shut the lane.
        batches = waiting // self._cap
        return waiting >= self._max_waiting or (batches > 0 and (batches + 1) * self._usual_seconds > LONGEST_WAIT)

    async def _lead(self, lane: Hashable, queue: deque[_Entry[Item, Result]]) -> None:
        try:
            while True:
                await asyncio.sleep(0)  # whoever is on the way in this round of the loop comes along
                if not queue:
                    return
                async with self._slots:
                    await self._batch(queue)
        except Exception:
            log.exception("lane_failed", extra={"lane": self._name})
            FAILED.labels(self._name, "crash").inc()
        finally:
            # No await since the queue was seen empty, so nobody was overlooked; after a crash the next one starts anew.
            del self._lanes[lane]
            for entry in self._take(queue, len(queue)):
                entry.tell(overloaded())

    async def _batch(self, queue: deque[_Entry[Item, Result]]) -> None:
        entries: list[_Entry[Item, Result]] = []

        async def attempt() -> Sequence[Result | DomainError]:
            async with atomic():
                if not entries:  # taken as late as possible: waiting for a connection fills the batch
                    entries.extend(self._take(queue, self._cap))
                return await self._outcomes(entries)

        try:
            await self._run(attempt, entries, queue)
        except Exception:
            _tell_all(entries, OutcomeUnknown(retry_after=1))
            raise

    async def _alone(self, entries: list[_Entry[Item, Result]], tries: int) -> None:
        async def attempt() -> Sequence[Result | DomainError]:
            async with atomic():
                return await self._outcomes(entries)

        await self._run(attempt, entries, deque(), tries)

    async def _outcomes(self, entries: Sequence[_Entry[Item, Result]]) -> Sequence[Result | DomainError]:
        if not entries:
            return ()
        outcomes = await self._decide([entry.item for entry in entries])
        if len(outcomes) != len(entries):
            raise RuntimeError(f"{self._name} decided {len(outcomes)} of {len(entries)} items")
        return outcomes

    async def _run(
        self,
        attempt: Callable[[], Awaitable[Sequence[Result | DomainError]]],
        entries: list[_Entry[Item, Result]],
        queue: deque[_Entry[Item, Result]],
        tries: int = TRIES,
    ) -> None:
        """One transaction and its answers. It fills `entries`; when it could not even open, those waiting are told."""
        begun = asyncio.get_running_loop().time()
        try:
            outcomes = await again(attempt)
        except CommitUnknown:
            await self._after_interruption(entries, tries)
        except DatabaseBusy as refusal:
            FAILED.labels(self._name, "database").inc()
            if len(entries) > 1 and isinstance(refusal.__cause__, SerializationConflict):
                await self._apart(entries, refusal, tries)  # one of them conflicts whenever it is tried
            else:
                _tell_all(entries or self._take(queue, len(queue)), refusal)
        except asyncio.CancelledError:
            _tell_all(entries, OutcomeUnknown())
            raise
        except Exception as error:
            await self._apart(entries or self._take(queue, len(queue)), error, tries)
        else:
            self._measure(entries, begun)
            for entry, outcome in zip(entries, outcomes, strict=True):
                entry.tell(outcome)

    async def _apart(self, entries: list[_Entry[Item, Result]], error: Exception, tries: int) -> None:
        """Something in the batch broke it: halve it until the culprit stands alone; its neighbours get their due."""
        if len(entries) <= 1:
            if not isinstance(error, DomainError):
                log.error("lane_item_failed", exc_info=error, extra={"lane": self._name})
                FAILED.labels(self._name, "item").inc()
            _tell_all(entries, error)
            return
        middle = len(entries) // 2
        await self._alone(entries[:middle], tries)
        await self._alone(entries[middle:], tries)

    async def _after_interruption(self, entries: list[_Entry[Item, Result]], tries: int) -> None:
        """The connection broke during the commit: look, then answer; never guess."""
        FAILED.labels(self._name, "commit_unknown").inc()
        outcomes: Sequence[Result | DomainError | None] | None = None
        if self._settle is not None:
            try:
                outcomes = await self._settle([entry.item for entry in entries])
            except Exception:
                log.exception("lane_settle_failed", extra={"lane": self._name})
        if outcomes is None or len(outcomes) != len(entries):
            _tell_all(entries, OutcomeUnknown(retry_after=1))
            return
        undone = [entry for entry, outcome in zip(entries, outcomes, strict=True) if outcome is None]
        for entry, outcome in zip(entries, outcomes, strict=True):
            if outcome is not None:
                entry.tell(outcome)
        if undone and tries > 1:
            await self._alone(undone, tries - 1)
        else:
            _tell_all(undone, overloaded())

    def _take(self, queue: deque[_Entry[Item, Result]], cap: int) -> list[_Entry[Item, Result]]:
        """The next batch, in order of arrival, without those who left or are too late, twins folded."""
        now = asyncio.get_running_loop().time()
        batch: list[_Entry[Item, Result]] = []
        first_with: dict[Hashable, _Entry[Item, Result]] = {}
        another_time: list[_Entry[Item, Result]] = []
        while queue and len(batch) < cap:
            entry = queue.popleft()
            if entry.answer.done():
                continue
            if entry.deadline is not None and entry.deadline <= now:
                entry.tell(overloaded())
                continue
            try:
                first = entry if self._key is None else first_with.setdefault(self._key(entry.item), entry)
            except Exception as error:
                entry.tell(error)
                continue
            if first is entry:
                batch.append(entry)
            elif first.item == entry.item:
                first.twins.append(entry)
            else:
                another_time.append(entry)
        queue.extendleft(reversed(another_time))
        return batch

    def _measure(self, entries: Sequence[_Entry[Item, Result]], begun: float) -> None:
        if not entries:
            return
        seconds = asyncio.get_running_loop().time() - begun
        self._usual_seconds += (seconds - self._usual_seconds) / 5
        self._seconds.observe(seconds)
        self._size.observe(len(entries))
        self._lag.observe(max(begun - entries[0].arrived_at, 0.0))


def _tell_all(entries: Sequence[_Entry[Item, Result]], error: BaseException) -> None:
    for entry in entries:
        entry.tell(error)
