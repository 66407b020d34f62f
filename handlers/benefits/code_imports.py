"""Importing a third party's codes: each row of a file comes into its pool once, however often the import is started.

A batch of rows, the counts of the file and the refused rows commit together. After a crash the import goes on behind
the last batch; the file is recognised by its content, so a renamed copy is the same import.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from handlers.benefits.code_pools import PIN_MARK
from handlers.errors import CodePoolUnknown
from handlers.import_files import ImportFile, Line
from handlers.importing import ImportOvertaken, Progress, Refusal, run, understood
from handlers.key_rotation import POOL_CODE
from handlers.ports import Clock, Vault
from handlers.rules.code_rows import ThirdPartyCode, header, read
from handlers.rules.file_rows import RowRefused
from models.benefits import CodePool
from models.claims import CodeImport
from models.database import atomic, rows
from models.ids import new_id
from models.statements import code_pools as statements
from models.words import ImportState

BATCH = 2_000
REFUSALS_AT_ONCE = 1_000


@dataclass(slots=True)
class _Batch:
    """Rows of one transaction, read and sealed before it begins."""

    codes: dict[str, dict[str, str]]  # by code hash, in the file's order
    refusals: list[tuple[int, str]]
    places: dict[str, int]
    payload: str = ""


class CodeImports:
    """Imports files; meant for a command, not for a request: there is no limit on its time."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault

    def run(self, file: ImportFile, *, pool: str) -> AsyncGenerator[Progress, None]:
        """Import, or go on; one Progress per batch, the last one done. Memory does not grow with the file.

        Raises CodePoolUnknown, HeaderRefused, ImportOvertaken.
        """
        return run(file, _Codes(self._clock, self._vault, file, pool), batch=BATCH)

    async def refusals(self, import_id: UUID) -> AsyncGenerator[Refusal, None]:
        """The lines that were not taken, in the file's order, a page at a time."""
        last = 0
        while page := await rows(statements.REFUSALS, import_id, last, REFUSALS_AT_ONCE):
            for each in page:
                yield Refusal(each["row_number"], each["code"])
            last = int(page[-1]["row_number"])


class _Codes:
    """Codes on their way into a pool."""

    def __init__(self, clock: Clock, vault: Vault, file: ImportFile, pool: str) -> None:
        self._clock = clock
        self._vault = vault
        self._file = file
        self._pool = pool
        self._ids: tuple[UUID, UUID] | None = None

    def header(self, text: str) -> tuple[str, ...]:
        return header(text)

    async def begin(self) -> Progress:
        """Raises CodePoolUnknown."""
        into = await CodePool.get_or_none(code=self._pool)
        if into is None:
            raise CodePoolUnknown
        async with atomic():
            now, name = self._clock.now(), self._file.path.name[-255:]
            await rows(statements.BEGIN_IMPORT, new_id(), now, into.id, self._file.sha256, name)
        found = await CodeImport.get(pool_id=into.id, file_hash=self._file.sha256)
        self._ids = found.id, into.id
        return _progress(found)

    async def stands(self) -> Progress:
        return _progress(await CodeImport.get(id=self._begun[0]))

    async def finish(self) -> None:
        async with atomic():
            await rows(statements.FINISH_IMPORT, self._begun[0], self._clock.now())

    @property
    def _begun(self) -> tuple[UUID, UUID]:
        assert self._ids is not None  # noqa: S101 - an import begins first
        return self._ids

    def read(self, chunk: Sequence[Line], columns: Sequence[str]) -> _Batch:
        """The next rows, read and sealed."""
        batch = _Batch({}, [], {})
        for line in chunk:
            try:
                code = read(understood(line), columns)
            except RowRefused as refusal:
                batch.refusals.append((line.number, refusal.code))
                continue
            hashed = code_hash(self._vault, code.code)
            if hashed in batch.codes:
                batch.refusals.append((line.number, "code.repeated"))
                continue
            batch.codes[hashed] = self._sealed(code, hashed)
            batch.places[hashed] = line.number
        batch.payload = orjson.dumps(list(batch.codes.values())).decode()
        return batch

    def _sealed(self, code: ThirdPartyCode, hashed: str) -> dict[str, str]:
        code_id = new_id()
        plain = f"{code.code}{PIN_MARK}{code.pin}" if code.pin else code.code
        cipher = self._vault.encrypt(plain, bound_to=POOL_CODE.bound_to(code_id))
        return {"id": str(code_id), "code_hash": hashed, "code_cipher": cipher}

    async def commit(self, batch: _Batch, done: int, count: int) -> None:
        now, (import_id, pool_id) = self._clock.now(), self._begun
        async with atomic():
            # First, because it is the lock: whoever comes second waits here and finds another count.
            if not await rows(statements.TAKE_ROWS, import_id, done, count):
                raise ImportOvertaken
            found = await rows(statements.IMPORT, batch.payload, now, pool_id, import_id)
            added = {each["code_hash"] for each in found}
            there = [hashed for hashed in batch.codes if hashed not in added]
            ours = await self._of_this_file(pool_id, import_id, there)
            refused = [*batch.refusals, *((batch.places[hashed], "code.repeated") for hashed in ours)]
            await self._refuse(import_id, refused, now)
            await rows(statements.COUNT_ROWS, import_id, len(added), len(there) - len(ours), len(refused))

    async def _of_this_file(self, pool_id: UUID, import_id: UUID, hashes: list[str]) -> set[str]:
        """Which codes an earlier line of this very file has brought; all others were there before it."""
        if not hashes:
            return set()
        found = await rows(statements.OF_THIS_IMPORT, pool_id, import_id, hashes)
        return {each["code_hash"] for each in found}

    async def _refuse(self, import_id: UUID, refused: Sequence[tuple[int, str]], now: datetime) -> None:
        if refused:
            payload = [{"id": str(new_id()), "row_number": number, "code": code} for number, code in refused]
            await rows(statements.REFUSE_ROWS, orjson.dumps(payload).decode(), now, import_id)


def code_hash(vault: Vault, code: str) -> str:
    """By what a code is recognised as one that is there already."""
    return vault.blind_index("pool_code", code)


def _progress(stands: CodeImport) -> Progress:
    return Progress(
        import_id=stands.id,
        row_count=stands.row_count,
        added_count=stands.added_count,
        repeated_count=stands.repeated_count,
        refused_count=stands.refused_count,
        share=1.0,
        is_done=stands.state is ImportState.DONE,
    )
