"""A long list out of a file: read by batches, gone on with after a crash, then gone through by the dry run.

The file is recognised by its content while it is being read; once it was read, the same content is another list only
for whoever says so.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from handlers.actors import CommandLine
from handlers.audit import record
from handlers.codec import dumps
from handlers.errors import OfferUnknown
from handlers.grants.grant_drafts import understood_line
from handlers.grants.grant_lists import DryRun, Read, add_rows, grantable
from handlers.grants.grants import LIST_HASH, refuse_repeated
from handlers.import_files import ImportFile, Line
from handlers.importing import ImportOvertaken, Progress, Refusal, run
from handlers.ports import Clock, Vault
from handlers.rules.grant_rows import header
from models.benefits import Offer
from models.database import atomic, rows
from models.grants import GrantBatch, GrantRow
from models.ids import new_id
from models.statements import grants as statements
from models.words import GrantKind, GrantRowState, GrantState

BATCH = 1_000
REFUSALS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class ListOrder:
    """What a file's list is for; the offer by its code."""

    offer: str
    reason: str
    choices: tuple[str, ...] = ()
    is_beyond_limits: bool = False
    is_told: bool = False
    is_again: bool = False


class GrantImports:
    """Reads files; meant for a command, not for a request: there is no limit on its time."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault

    def run(self, file: ImportFile, order: ListOrder, by: CommandLine) -> AsyncGenerator[Progress, None]:
        """Read, or go on, then the dry run. Memory does not grow with the file. Nothing is given.

        Raises OfferUnknown, GrantNotForOffer, ChoicesInvalid, GrantRepeated, HeaderRefused, ImportOvertaken.
        """
        return run(file, _List(self._clock, self._vault, file, order, by), batch=BATCH)

    async def refusals(self, grant_id: UUID) -> AsyncGenerator[Refusal, None]:
        """The lines that get nothing as things stand, in the file's order, a page at a time."""
        last = 0
        while (
            page := await GrantRow.filter(grant_id=grant_id, row_number__gt=last)
            .exclude(code="")
            .order_by("row_number")
            .limit(REFUSALS_AT_ONCE)
            .values_list("row_number", "code")
        ):
            for number, code in page:
                yield Refusal(number, code)
            last = int(page[-1][0])


class _List:
    """A list on its way in."""

    def __init__(self, clock: Clock, vault: Vault, file: ImportFile, order: ListOrder, by: CommandLine) -> None:
        self._clock = clock
        self._vault = vault
        self._file = file
        self._order = order
        self._by = by
        self._hashed = vault.blind_index(LIST_HASH, file.sha256)
        self._grant: Any = None
        self._offer: Any = None

    def header(self, text: str) -> tuple[str, ...]:
        return header(text)

    async def begin(self) -> Progress:
        order, now = self._order, self._clock.now()
        stored: Any = await Offer.get_or_none(code=order.offer)
        if stored is None:
            raise OfferUnknown
        self._offer = await grantable(stored.id, order.choices)
        async with atomic():
            if not order.is_again:
                await refuse_repeated(stored.id, self._hashed)
            grant_id = new_id()
            told = (order.reason, dumps(sorted(order.choices)), order.is_beyond_limits, order.is_told)
            what = (self._hashed, self._file.path.name[-255:], self._by.kind, self._by.actor_id)
            if await rows(statements.BEGIN, grant_id, now, stored.id, stored.organization_id, *told, *what):
                place, facts = stored.organization_id, {"offer": order.offer, "reason": order.reason}
                await record(self._by, "grant.made", "grant", grant_id, at=now, organization_id=place, **facts)
        self._grant = await GrantBatch.get(
            kind=GrantKind.GRANT, offer_id=stored.id, file_hash=self._hashed, state=GrantState.READING
        )
        return await self.stands()

    def read(self, chunk: Sequence[Line], columns: Sequence[str]) -> list[Read]:
        return [(line.number, line.fault or understood_line(line.text, columns)) for line in chunk]

    async def commit(self, batch: list[Read], done: int, count: int) -> None:
        async with atomic():
            # First, because it is the lock: whoever comes second waits here and finds another count.
            if not await rows(statements.TAKE_ROWS, self._grant.id, done, count):
                raise ImportOvertaken
            await add_rows(self._grant.id, self._offer, batch, scope=None, vault=self._vault, now=self._clock.now())

    async def stands(self) -> Progress:
        """`added_count`: rows that would be given; those that get nothing count as refused."""
        grant = await GrantBatch.get(id=self._grant.id)
        all_rows = GrantRow.filter(grant_id=grant.id)
        would = await all_rows.filter(state=GrantRowState.WAITING, code="").count()
        is_done = grant.state is not GrantState.READING
        return Progress(grant.id, grant.row_count, would, 0, await all_rows.exclude(code="").count(), 1.0, is_done)

    async def finish(self) -> None:
        grant = await GrantBatch.get(id=self._grant.id)
        offer = await grantable(self._grant.offer_id, self._order.choices)
        await DryRun(grant, offer, now=self._clock.now()).all()
        async with atomic():
            await rows(statements.MOVE, grant.id, GrantState.READING, GrantState.CHECKED)
