"""Hot reads by key: whoever asks while the previous statement is under way travels in the next one.

No timer and no cache: a quiet read goes out at once, every statement begins after its readers asked, and at 32 readers
a row costs a fraction of a statement of its own. Inside a transaction the reader's own connection is asked alone.
"""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from contextvars import Context
from typing import Any, Generic, TypeVar

from models.database import in_atomic, rows
from models.sql import Both

Key = TypeVar("Key", bound=Hashable)
Row = Mapping[str, Any]

AT_ONCE = 2  # statements under way: with one, a slow statement would hold up everybody
LARGEST = 200


class Gathered(Generic[Key]):
    """Reads one row by key. The statement takes an array (`$1`) and returns rows for any of its values.

    `value_of` is what of a key goes into the array; `key_of` is the key that a row answers.
    """

    def __init__(
        self, statement: str | Both, *, value_of: Callable[[Key], object], key_of: Callable[[Row], Key]
    ) -> None:
        self._statement = statement
        self._value_of = value_of
        self._key_of = key_of
        self._waiting: dict[Key, list[asyncio.Future[Row | None]]] = {}
        self._readers: set[asyncio.Task[None]] = set()  # the event loop itself keeps only weak references
        self._reading = 0

    async def row(self, key: Key) -> Row | None:
        """The row of this key, or None. Raises what the database raises, to each reader of the statement."""
        if in_atomic():
            return (await self._read([key])).get(key)
        answer: asyncio.Future[Row | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        if self._reading < AT_ONCE:
            self._reading += 1
            # An empty context: nobody's transaction, open or ended, may be the one that reads for the others.
            reader = asyncio.create_task(self._serve(), context=Context())
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)
        return await answer

    async def _serve(self) -> None:
        try:
            await self._serve_all()
        finally:
            # In the same step in which nobody was found waiting: a reader that is still counted while it is on its way
            # out would be taken for one that comes round again, and whoever asks then would wait for ever.
            self._reading -= 1

    async def _serve_all(self) -> None:
        await asyncio.sleep(0)  # whoever asks in this round of the loop comes along
        while self._waiting:
            batch = {key: self._waiting.pop(key) for key in list(self._waiting)[:LARGEST]}
            try:
                found = await self._read(list(batch))
            except BaseException as error:
                for answers in batch.values():
                    for answer in answers:
                        _settle(answer, error)
                if not isinstance(error, Exception):
                    raise
            else:
                for key, answers in batch.items():
                    for answer in answers:
                        _settle(answer, found.get(key))

    async def _read(self, keys: list[Key]) -> dict[Key, Row]:
        found = await rows(self._statement, [self._value_of(key) for key in keys])
        return {self._key_of(each): each for each in found}


def _settle(answer: asyncio.Future[Row | None], outcome: Row | BaseException | None) -> None:
    if answer.done():  # its reader left
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
