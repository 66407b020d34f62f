"""Idempotency: asking again with the same key gets the first answer, and nothing happens twice.

The request row is written in the effect's own transaction, so that a crash can leave neither an effect without its
row nor a row without its effect. It is kept 72 hours (WeChat Pay repeats notices for 24 h 4 min); beneath it natural
constraints hold for ever. A refusal rolls everything back, its row too, and is evaluated again next time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import orjson

from handlers.actors import Person
from handlers.codec import dumps, fingerprint, from_json
from handlers.errors import DomainError, KeyReused, OutcomeUnknown, StillRunning
from handlers.ports import Vault
from handlers.retrying import DatabaseBusy, again
from handlers.standing import canonical, canonicals
from models.database import CommitUnknown, atomic, put, require_atomic, row, rows
from models.failures import LockTimeout, StatementTimeout
from models.ids import new_id
from models.statements import requests as statements

T = TypeVar("T")

KEPT = timedelta(hours=72)
TWIN_PATIENCE = 3.0  # seconds a concurrent twin waits for the first; the database's lock_timeout is the same
SETTLE_PAUSES = (0.05, 0.2, 0.5, 1.0, 1.5)  # seconds between looks at a database that does not answer


class Actor(Protocol):
    """Whoever asks; one actor's keys never meet another's."""

    @property
    def kind(self) -> str: ...

    @property
    def actor_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a request led to; `replayed` when it had been answered before."""

    value: T
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it is stored: who asked for what under which key, and the fingerprint of its facts."""

    actor_kind: str
    actor_id: str
    operation: str
    key: str
    fingerprint: str

    @classmethod
    def of(cls, actor: Actor, operation: str, key: str, facts: object) -> "Asked":
        """`facts` are the validated ones, as plain values or dataclasses. Raises TypeError for anything else."""
        return cls(actor.kind, actor.actor_id, operation, key, fingerprint(facts))

    @property
    def scope(self) -> tuple[str, str, str, str]:
        """What is unique: everything but the facts."""
        return self.actor_kind, self.actor_id, self.operation, self.key


class Asking(Generic[T]):
    """An open request: answered before (`replay`), or waiting for its result (`give`)."""

    def __init__(self, replay: Answer[T] | None) -> None:
        self.replay = replay
        self.given: Answer[T] | None = None

    def give(self, value: T) -> Answer[T]:
        """The result to store when the block ends."""
        self.given = Answer(value)
        return self.given


@asynccontextmanager
async def answering(
    actor: Actor, operation: str, key: str, *, facts: object, result: type[T]
) -> AsyncIterator[Asking[T]]:
    """One request inside an open `atomic()`: `if asking.replay: return it`, otherwise `return asking.give(...)`.

    Raises KeyReused (same key, other facts), StillRunning (a concurrent twin took more than 3 s).
    """
    require_atomic()
    asked = Asked.of(actor, operation, key, facts)
    request_id = new_id()
    try:
        won = await row(statements.ASK, request_id, *asked.scope, asked.fingerprint)
    except (LockTimeout, StatementTimeout) as error:
        raise StillRunning(retry_after=1) from error
    if won is None:
        yield Asking(await _stored(asked, result))
        return
    asking: Asking[T] = Asking(None)
    yield asking
    if asking.given is None:
        raise RuntimeError(f"{operation} ended without giving its result")
    await put(statements.GIVE, request_id, dumps(asking.given.value), count=1, conflict="the request is gone")


async def _stored(asked: Asked, result: type[T]) -> Answer[T]:
    found = await row(statements.RECALL, *asked.scope)
    if found is None:  # purged between the two statements: as good as new, but this transaction cannot see that
        raise StillRunning(retry_after=1)
    return _answer(asked, found, result)


def _answer(asked: Asked, found: Mapping[str, Any], result: type[T]) -> Answer[T]:
    if found["fingerprint"] != asked.fingerprint:
        raise KeyReused
    return Answer(from_json(result, orjson.loads(found["result"])), replayed=True)


async def once(
    actor: Actor, operation: str, key: str | None, *, facts: object, result: type[T], effect: Callable[[], Awaitable[T]]
) -> Answer[T]:
    """Run `effect` in one transaction, at most once per key; this is what handlers use.

    `effect` touches only the database and may run up to three times: deadlocks and serialization failures rolled it
    back. An interrupted commit is settled by asking again under the same key: the insert waits for the old transaction
    to end, then finds its row, or proves that nothing happened. Without a key (None) there is nothing to recognise.

    Raises KeyReused, StillRunning, Overloaded (nothing was changed), OutcomeUnknown (ask again with the same key),
    and whatever `effect` raises.
    """
    if key is None:
        return await _unkeyed(effect)

    async def attempt() -> Answer[T]:
        async with atomic(), answering(actor, operation, key, facts=facts, result=result) as asking:
            if asking.replay:
                return asking.replay
            return asking.give(await effect())

    async def attempt_again() -> Answer[T]:
        """An interrupted act that merged the person took its answer along: it is not under the id that asked."""
        if known := await _moved(actor, operation, key, facts, result):
            return known
        try:
            return await attempt()
        except DomainError:  # perhaps because it was done while this one waited
            if known := await _moved(actor, operation, key, facts, result):
                return known
            raise

    async with alone((actor.kind, actor.actor_id, operation, key)):
        try:
            return await again(attempt)
        except CommitUnknown as error:
            return await _settled(attempt_again, error)


async def _moved(actor: Actor, operation: str, key: str, facts: object, result: type[T]) -> Answer[T] | None:
    """The answer to a person's request under the id by which they are known now."""
    if not isinstance(actor, Person):
        return None
    today = replace(actor, member_id=await canonical(actor.member_id))
    known = (await recall([Asked.of(today, operation, key, facts)], result)).values()
    return next((each for each in known if isinstance(each, Answer)), None)


async def _unkeyed(effect: Callable[[], Awaitable[T]]) -> Answer[T]:
    async def attempt() -> Answer[T]:
        async with atomic():
            return Answer(await effect())

    try:
        return await again(attempt)
    except CommitUnknown as error:
        raise OutcomeUnknown from error


async def _settled(attempt: Callable[[], Awaitable[Answer[T]]], cause: CommitUnknown) -> Answer[T]:
    for pause in SETTLE_PAUSES:
        with suppress(CommitUnknown, DatabaseBusy, StillRunning):
            return Answer((await again(attempt)).value)  # its own first answer, whichever attempt made it
        await asyncio.sleep(pause)
    raise OutcomeUnknown(retry_after=3) from cause


_alone_now: dict[tuple[str, ...], asyncio.Event] = {}


@asynccontextmanager
async def alone(scope: tuple[str, ...]) -> AsyncIterator[None]:
    """Twins within the process wait here, without holding a connection. Raises StillRunning after 3 s."""
    try:
        async with asyncio.timeout(TWIN_PATIENCE):
            while first := _alone_now.get(scope):
                await first.wait()
    except TimeoutError:
        raise StillRunning(retry_after=1) from None
    done = _alone_now[scope] = asyncio.Event()
    try:
        yield
    finally:
        del _alone_now[scope]
        done.set()


# --- many at once: the lanes record whole batches


async def recall(asked: Iterable[Asked], result: type[T]) -> dict[Asked, Answer[T] | KeyReused]:
    """Those that were answered before, with their answer, or the refusal where the facts differ."""
    by_scope: dict[tuple[str, ...], list[Asked]] = {}
    for one in asked:
        by_scope.setdefault(one.scope, []).append(one)
    known: dict[Asked, Answer[T] | KeyReused] = {}
    for found in await rows(statements.RECALL_MANY, _as_json({each[0]: None for each in by_scope.values()})):
        for one in by_scope[_scope(found)]:
            try:
                known[one] = _answer(one, found, result)
            except KeyReused as refusal:
                known[one] = refusal
    return known


async def recalled(asked: Asked, result: type[T]) -> Answer[T] | None:
    """What one request led to before, for whoever does something outside before it is recorded. Raises KeyReused."""
    found = (await recall([asked], result)).get(asked)
    if isinstance(found, KeyReused):
        raise found
    return found


def hidden(vault: Vault, facts: object) -> str:
    """Stands for facts that could be found out of the bare hash in the table: six digits, a birthday."""
    return vault.blind_index("request_facts", fingerprint(facts))


async def record(results: Mapping[Asked, object]) -> None:
    """Store the results of a batch in its own transaction.

    Where another transaction took a key meanwhile, this one ends in SerializationConflict, and is decided again.
    """
    require_atomic()
    if results:
        taken = "a key was taken meanwhile"
        await put(statements.RECORD_MANY, _as_json(results), count=len(results), conflict=taken)


async def settle(asked: Iterable[Asked], result: type[T]) -> dict[Asked, Answer[T] | KeyReused]:
    """After CommitUnknown: the requests that did happen; a missing one did not, and will not.

    A person who has become another member meanwhile took the answer along: it is looked for there too.
    Inserting the keys waits for the interrupted transaction to end; what could be inserted is rolled back.
    Raises OutcomeUnknown when the database cannot be reached within 3 s.
    """
    wanted = list(asked)

    async def look() -> dict[Asked, Answer[T] | KeyReused]:
        found: dict[Asked, Answer[T] | KeyReused] = {}
        with suppress(_Undo):
            async with atomic():
                absent = {_scope(each) for each in await rows(statements.RECORD_MANY, _as_json(dict.fromkeys(wanted)))}
                found = await recall([one for one in wanted if one.scope not in absent], result)
                found |= await _taken_along([one for one in wanted if one not in found], result)
                raise _Undo
        return found

    for pause in SETTLE_PAUSES:
        with suppress(DatabaseBusy, CommitUnknown):
            return await again(look)
        await asyncio.sleep(pause)
    raise OutcomeUnknown(retry_after=3)


async def _taken_along(asked: Iterable[Asked], result: type[T]) -> dict[Asked, Answer[T] | KeyReused]:
    """What was answered to people who have become somebody else since: under the id by which they are known now."""
    of_people = {one: UUID(one.actor_id) for one in asked if one.actor_kind == "person"}
    today = await canonicals(of_people.values())
    moved = {
        one: replace(one, actor_id=str(today[member_id]))
        for one, member_id in of_people.items()
        if today.get(member_id, member_id) != member_id
    }
    known = await recall(moved.values(), result) if moved else {}
    return {one: known[there] for one, there in moved.items() if there in known}


class _Undo(Exception):
    """Leaves a transaction that only looked."""


def _scope(found: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return found["actor_kind"], found["actor_id"], found["operation"], found["key"]


def _as_json(results: Mapping[Asked, object]) -> str:
    return orjson.dumps(
        [
            {
                "id": new_id(),
                "actor_kind": asked.actor_kind,
                "actor_id": asked.actor_id,
                "operation": asked.operation,
                "key": asked.key,
                "fingerprint": asked.fingerprint,
                "result": dumps(value),
            }
            for asked, value in results.items()
        ]
    ).decode()


async def purge_requests(now: datetime, *, batch: int = 1_000) -> int:
    """Forget requests older than 72 hours, a batch per transaction; how many there were."""
    purged = 0
    while True:
        async with atomic():
            gone = len(await rows(statements.PURGE, now - KEPT, batch))
        purged += gone
        if gone < batch:
            return purged
