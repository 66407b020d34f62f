"""Importing legacy cards: a file's rows become unbound cards, once, however often the import is started.

A batch of rows, the counts of the file and the refused rows commit together. After a crash the import goes on behind
the last batch; the file is recognised by its content, so a renamed copy is the same import.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from handlers.cards.card_binding import name_hash, phone_hash, pin_hash
from handlers.cards.card_kinds import CardKinds, Kind
from handlers.cards.recognition import card_bound_to, number_hash
from handlers.errors import CardKindInvalid
from handlers.import_files import ImportFile, Line
from handlers.importing import ImportOvertaken, Progress, Refusal, run, understood
from handlers.ports import Clock, Vault
from handlers.rules.card_rows import LegacyCard, header, read
from handlers.rules.file_rows import RowRefused
from models.cards import CardImport
from models.database import atomic, rows
from models.ids import new_id
from models.programmes import Store
from models.statements import cards as statements
from models.words import ImportState

BATCH = 1_000
REFUSALS_AT_ONCE = 1_000


@dataclass(slots=True)
class _Batch:
    """Rows of one transaction, read and sealed before it begins."""

    cards: dict[str, dict[str, Any]]  # by number hash
    refusals: list[tuple[int, str]]
    places: dict[str, int]


class CardImports:
    """Imports files; meant for a command, not for a request: there is no limit on its time."""

    def __init__(self, clock: Clock, vault: Vault, kinds: CardKinds) -> None:
        self._clock = clock
        self._vault = vault
        self._kinds = kinds

    def run(self, file: ImportFile, *, kind: str) -> AsyncGenerator[Progress, None]:
        """Import, or go on; one Progress per batch, the last one done. Memory does not grow with the file.

        Raises CardKindUnknown, CardKindInvalid (an issued kind takes no numbers from outside), HeaderRefused,
        ImportOvertaken.
        """
        return run(file, _Cards(self._clock, self._vault, self._kinds, file, kind), batch=BATCH)

    async def refusals(self, import_id: UUID) -> AsyncGenerator[Refusal, None]:
        """The lines that were not taken, in the file's order, a page at a time."""
        last = 0
        while page := await rows(statements.REFUSALS, import_id, last, REFUSALS_AT_ONCE):
            for each in page:
                yield Refusal(each["row_number"], each["code"])
            last = int(page[-1]["row_number"])


class _Cards:
    """Cards on their way into a kind."""

    def __init__(self, clock: Clock, vault: Vault, kinds: CardKinds, file: ImportFile, kind: str) -> None:
        self._clock = clock
        self._vault = vault
        self._kinds = kinds
        self._file = file
        self._code = kind
        self._known: tuple[UUID, Kind, dict[str, UUID]] | None = None

    def header(self, text: str) -> tuple[str, ...]:
        return header(text)

    async def begin(self) -> Progress:
        """Raises CardKindUnknown, CardKindInvalid."""
        self._kinds.forget()
        into = await self._kinds.get(self._code)
        if into.is_issued:
            raise CardKindInvalid
        async with atomic():
            now, name = self._clock.now(), self._file.path.name[-255:]
            await rows(statements.BEGIN_IMPORT, new_id(), now, into.id, self._file.sha256, name)
        found = await CardImport.get(kind_id=into.id, file_hash=self._file.sha256)
        self._known = found.id, into, await _stores()
        return _progress(found)

    async def stands(self) -> Progress:
        return _progress(await CardImport.get(id=self._begun[0]))

    async def finish(self) -> None:
        async with atomic():
            await rows(statements.FINISH_IMPORT, self._begun[0], self._clock.now())

    @property
    def _begun(self) -> tuple[UUID, Kind, dict[str, UUID]]:
        assert self._known is not None  # noqa: S101 - an import begins first
        return self._known

    def read(self, chunk: Sequence[Line], columns: Sequence[str]) -> _Batch:
        """The next rows, read and sealed."""
        _, kind, stores = self._begun
        batch = _Batch({}, [], {})
        for line in chunk:
            try:
                card = read(understood(line), columns, kind.form)
                store_id = _store(card, stores)
            except RowRefused as refusal:
                batch.refusals.append((line.number, refusal.code))
                continue
            hashed = number_hash(self._vault, card.number)
            if hashed in batch.cards:
                batch.refusals.append((line.number, "number.repeated"))
                continue
            batch.cards[hashed] = self._sealed(card, hashed, store_id)
            batch.places[hashed] = line.number
        return batch

    def _sealed(self, card: LegacyCard, hashed: str, store_id: UUID | None) -> dict[str, Any]:
        card_id, vault = new_id(), self._vault
        return {
            "id": str(card_id),
            "number_hash": hashed,
            "number_cipher": vault.encrypt(card.number, bound_to=card_bound_to(card_id)),
            "last4": card.number[-4:],
            "phone_hash": phone_hash(vault, card.phone) if card.phone else "",
            "name_hash": name_hash(vault, card.number, card.name) if card.name else "",
            "pin_hash": pin_hash(vault, card.number, card.pin) if card.pin else "",
            "last_store_id": str(store_id) if store_id else None,
            "opening_balance": card.balance,
        }

    async def commit(self, batch: _Batch, done: int, count: int) -> None:
        now, (import_id, kind, _) = self._clock.now(), self._begun
        async with atomic():
            # First, because it is the lock: whoever comes second waits here and finds another count.
            if not await rows(statements.TAKE_ROWS, import_id, done, count):
                raise ImportOvertaken
            payload = orjson.dumps(list(batch.cards.values())).decode()
            belongs = (kind.id, kind.programme_id, import_id)
            added = {each["number_hash"] for each in await rows(statements.IMPORT, payload, now, *belongs)}
            there = [hashed for hashed in batch.cards if hashed not in added]
            ours = await self._of_this_file(kind, import_id, there)
            refused = [*batch.refusals, *((batch.places[hashed], "number.repeated") for hashed in ours)]
            await self._refuse(import_id, refused, now)
            await rows(statements.COUNT_ROWS, import_id, len(added), len(there) - len(ours), len(refused))

    async def _of_this_file(self, kind: Kind, import_id: UUID, hashes: list[str]) -> set[str]:
        """Which numbers an earlier line of this very file has brought; all others were there before it."""
        if not hashes:
            return set()
        found = await rows(statements.OF_THIS_IMPORT, kind.id, import_id, hashes)
        return {each["number_hash"] for each in found}

    async def _refuse(self, import_id: UUID, refused: Sequence[tuple[int, str]], now: datetime) -> None:
        if refused:
            payload = [{"id": str(new_id()), "row_number": number, "code": code} for number, code in refused]
            await rows(statements.REFUSE_ROWS, orjson.dumps(payload).decode(), now, import_id)


async def _stores() -> dict[str, UUID]:
    """Stores by code, and by name where only one has it."""
    known: dict[str, UUID | None] = {}
    found = await Store.all().values_list("id", "code", "name")
    for store_id, _, name in found:
        known[name] = None if name in known else store_id
    known |= {code: store_id for store_id, code, _ in found}
    return {spelling: store_id for spelling, store_id in known.items() if store_id is not None}


def _store(card: LegacyCard, stores: dict[str, UUID]) -> UUID | None:
    if not card.store:
        return None
    if card.store not in stores:
        raise RowRefused("store.unknown")
    return stores[card.store]


def _progress(stands: CardImport) -> Progress:
    return Progress(
        import_id=stands.id,
        row_count=stands.row_count,
        added_count=stands.added_count,
        repeated_count=stands.repeated_count,
        refused_count=stands.refused_count,
        share=1.0,
        is_done=stands.state is ImportState.DONE,
    )
