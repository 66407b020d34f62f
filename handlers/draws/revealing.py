"""What anybody may check: promises as they are made, seeds once their day is over, and the log of a day.

docs/fairness/README.md tells members and auditors how.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from handlers.actors import Operator, Person
from handlers.audit import record
from handlers.draws.commitments import open_day
from handlers.draws.draw_views import theirs
from handlers.draws.held import hold, seen_by, version_of
from handlers.draws.seeds import Seeds
from handlers.errors import DrawDayNotOver, DrawDayUnknown
from handlers.offline.signing_keys import PublicKey, SigningKeys
from handlers.ports import Clock, Signer, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import again, refusing
from handlers.rules.fairness import commitment_of, genesis
from handlers.rules.fairness_log import closing_payload, header, line
from handlers.rules.roles import Capability
from handlers.rules.validity import day_of
from handlers.scopes import allowed
from models.database import atomic, row, rows
from models.sql import as_instant, as_uuid
from models.statements import draws as statements

PAGE = 1_000  # rows of a log that are read at a time
SHOWN_DAYS = 60
SHOWN_KEYS = 6  # one each half year: receipts are good for as long as records are kept


@dataclass(frozen=True, slots=True)
class DayView:
    """A business day's seed: its hash before the first spin, itself (`seed`, hex) once it is revealed."""

    day: str
    seed_hash: str
    committed_at: datetime
    revealed_at: datetime | None
    seed: str


@dataclass(frozen=True, slots=True)
class CommitmentView:
    """One promise: the text whose SHA-256 is `hash`."""

    number: int
    kind: str
    document: str
    hash: str
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Fairness:
    """All that is public of a draw: its days, the promises of one of them, and what receipts are checked with."""

    draw_id: UUID
    days: tuple[DayView, ...]
    day: str
    commitments: tuple[CommitmentView, ...]
    public_keys: tuple[PublicKey, ...]


@dataclass(frozen=True, slots=True)
class Revealed:
    """The seed of a day that is over."""

    draw_id: UUID
    day: str
    seed: str


@refusing
class Revealing:
    """Commits ahead, reveals afterwards, and hands out the log."""

    def __init__(
        self, clock: Clock, vault: Vault, signer: Signer, seeds: Seeds, zone: ZoneInfo = BUSINESS_ZONE
    ) -> None:
        self._clock = clock
        self._seeds = seeds
        self._zone = zone
        self._keys = SigningKeys(clock, vault, signer)

    async def commit_ahead(self) -> int:
        """The seeds of today and tomorrow of every draw that can be spun by then, and today's promise; how many draws.

        Again, nothing.
        """
        now = self._clock.now()
        tomorrow = now + timedelta(days=1)
        live = await rows(statements.LIVE, tomorrow + timedelta(days=1), now)
        for each in live:
            draw_id = as_uuid(each["id"])

            async def attempt(draw_id: UUID = draw_id) -> None:
                async with atomic():
                    held = await hold(draw_id)
                    if held is not None:
                        await open_day(held, self._seeds, now=now, zone=self._zone)
                        await self._seeds.keep(draw_id, day_of(tomorrow, self._zone).isoformat(), at=now)

            await again(attempt)
        return len(live)

    async def reveal_due(self) -> int:
        """The seeds of all days that are over; how many."""
        today, revealed = day_of(self._clock.now(), self._zone).isoformat(), 0
        for each in await rows(statements.UNREVEALED, today):
            draw_id, day = as_uuid(each["draw_id"]), each["day"]

            async def attempt(draw_id: UUID = draw_id, day: str = day) -> None:
                async with atomic():
                    await self._reveal(draw_id, day)

            await again(attempt)
            revealed += 1
        return revealed

    async def reveal(self, operator: Operator, draw_id: UUID, *, day: str, request_id: str) -> Answer[Revealed]:
        """The seed of a day that is over.

        Raises RoleMissing, DrawUnknown, DrawDayUnknown, DrawDayNotOver, KeyReused.
        """
        scope = await allowed(operator, Capability.DRAWS)

        async def effect() -> Revealed:
            draw = await theirs(scope, draw_id)
            seed = await self._reveal(draw_id, day)
            place: UUID = draw.organization_id  # type: ignore[attr-defined]
            now = self._clock.now()
            await record(operator, "draw.revealed", "draw", draw_id, at=now, organization_id=place, day=day)
            return Revealed(draw_id, day, seed)

        facts = {"id": draw_id, "day": day}
        return await once(operator, "draw.reveal", request_id, facts=facts, result=Revealed, effect=effect)

    async def _reveal(self, draw_id: UUID, day: str) -> str:
        """A later day is opened first: whatever the clock does, nobody ever spins on a seed that is known."""
        held, now = await hold(draw_id), self._clock.now()
        if held is None or await row(statements.DAY, draw_id, day) is None:
            raise DrawDayUnknown
        if day_of(now, self._zone).isoformat() <= day:
            raise DrawDayNotOver
        await open_day(held, self._seeds, now=now, zone=self._zone)
        seed = (await self._seeds.of(draw_id, day)).hex()
        await rows(statements.REVEAL, draw_id, day, seed, now)
        return seed

    async def fairness(self, person: Person, draw_id: UUID, *, day: str | None = None) -> Fairness:
        """Raises DrawUnknown."""
        held, _ = await seen_by(person, draw_id)
        days = tuple(
            DayView(
                each["day"],
                each["seed_hash"],
                as_instant(each["committed_at"]),
                as_instant(each["revealed_at"]) if each["revealed_at"] else None,
                each["seed"],
            )
            for each in await rows(statements.DAYS, draw_id, SHOWN_DAYS)
        )
        wanted = day or held.day
        commitments = tuple(
            CommitmentView(
                int(each["number"]), each["kind"], each["document"], each["hash"], as_instant(each["committed_at"])
            )
            for each in await rows(statements.COMMITMENTS, draw_id, wanted)
        )
        return Fairness(draw_id, days, wanted, commitments, await self._keys.shown(SHOWN_KEYS))

    async def log(self, person: Person, draw_id: UUID, *, day: str | None = None) -> AsyncIterator[bytes]:
        """A revealed day as JSON lines, for `docs/fairness/verify_draw.py`; the newest when none is named.

        Raises DrawUnknown, DrawDayUnknown.
        """
        await seen_by(person, draw_id)
        return await self._log(draw_id, day)

    async def exported(self, operator: Operator, draw_id: UUID, *, day: str | None = None) -> AsyncIterator[bytes]:
        """The same for operators, who keep it for two years. Raises RoleMissing, DrawUnknown, DrawDayUnknown."""
        await theirs(await allowed(operator, Capability.DRAWS), draw_id)
        return await self._log(draw_id, day)

    async def _log(self, draw_id: UUID, day: str | None) -> AsyncIterator[bytes]:
        if day is None:
            newest = await row(statements.REVEALED, draw_id)
            if newest is None:
                raise DrawDayUnknown
            day = str(newest["day"])
        return self._lines(draw_id, day, await self._header(draw_id, day))

    async def _lines(self, draw_id: UUID, day: str, head: bytes) -> AsyncIterator[bytes]:
        """A page of rows at a time."""
        yield head + b"\n"
        after = 0
        while found := await rows(statements.LOG, draw_id, day, after, PAGE):
            yield b"".join(line(each["row"].encode(), each["chain_hash"]) + b"\n" for each in found)
            after = int(found[-1]["sequence"])

    async def _header(self, draw_id: UUID, day: str) -> bytes:
        stored = await row(statements.DAY, draw_id, day)
        found = await rows(statements.COMMITMENTS, draw_id, day)
        if stored is None or not stored["seed"] or not found:
            raise DrawDayUnknown
        commitments = [commitment_of(orjson.loads(each["document"])) for each in found]
        ends = await row(statements.ENDS_OF_DAY, draw_id, day)
        if ends is not None and ends["first"] is not None:
            first, last = int(ends["first"]), int(ends["last"])
        else:
            first = commitments[0].sequence
            last = first - 1
        chain, head = await self._chain(draw_id, first - 1), await self._chain(draw_id, last)
        committed, key = found[-1]["hash"], str(draw_id)
        signing = await self._keys.current()
        public = next(each.public_key for each in await self._keys.shown() if each.key_id == signing.key_id)
        closing = closing_payload(key, day, last_sequence=last, head=head, committed=committed)
        numbers = {each.version for each in commitments}
        return header(
            commitments,
            {number: (await version_of(draw_id, number)).terms.rules for number in sorted(numbers)},
            seed=bytes.fromhex(stored["seed"]),
            first_sequence=first,
            last_sequence=last,
            chain=chain,
            head=head,
            public_key=public,
            signature=self._keys.sign(signing, closing),
        )

    async def _chain(self, draw_id: UUID, sequence: int) -> str:
        found = await row(statements.CHAIN_AT, draw_id, sequence)
        return found["chain_hash"] if found is not None else genesis(str(draw_id))
