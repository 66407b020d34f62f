"""What members see of draws: which there are, the odds as they stand for them, how far the guarantee is, and results.

The page that the law wants is generated from the table that the engine uses. A spin reads for itself what is in force.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from handlers.actors import Operator, Person
from handlers.draws.commitments import units_of
from handlers.draws.draw_refusals import not_now, outside
from handlers.draws.draw_views import theirs
from handlers.draws.held import HeldDraw, moment, read, seen_by, version_of
from handlers.draws.players import load
from handlers.draws.turns import Turn, turns_of
from handlers.errors import DomainError, DrawUnknown
from handlers.offers.offers import askers
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import refusing
from handlers.rules.chi_square import Fit, fit, planned
from handlers.rules.draw_disclosure import Disclosure, disclosure
from handlers.rules.draw_rules import PrizeKind
from handlers.rules.eligibility import Asker
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import row, rows
from models.sql import as_instant, as_uuid
from models.statements import draws as statements
from models.words import DrawLook, DuePrizeState, ParcelState, SpinPaid

LAST = 2_147_483_647
PAGE = 5_000


@dataclass(frozen=True, slots=True)
class PrizeView:
    """One slice of the wheel. `ppm`: the odds of the member's next spin, pity applied. `left` None: no limit."""

    code: str
    name: str
    kind: PrizeKind
    rarity: int
    ppm: int
    left: int | None


@dataclass(frozen=True, slots=True)
class DrawSummary:
    """One draw in a list. `reason`: the code of why they cannot spin now; empty: they can."""

    id: UUID
    title: str
    keyword: str
    look: DrawLook
    opens_at: datetime
    closes_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class DrawView:
    """One draw as somebody sees it."""

    summary: DrawSummary
    prizes: tuple[PrizeView, ...]
    turn: Turn
    disclosure: Disclosure


@dataclass(frozen=True, slots=True)
class OwnSpin:
    """One spin of the member's own. `deadline_at`: until when what was won waits for an address or an answer."""

    id: UUID
    sequence: int
    day: str
    prize: str
    name: str
    kind: PrizeKind
    why: str
    paid_by: SpinPaid
    points: int
    claim_id: UUID | None
    parcel_id: UUID | None
    parcel_state: ParcelState | None
    prize_id: UUID | None
    prize_state: DuePrizeState | None
    deadline_at: datetime | None
    happened_at: datetime
    chain: str


@dataclass(frozen=True, slots=True)
class Winner:
    """Somebody who won something, as far as others may know: the last digits of a member number."""

    sequence: int
    member: str
    name: str
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class PrizeBurn:
    """One prize against the plan: `expected` is what fair rolls give on average."""

    code: str
    name: str
    rolled: int
    expected: float
    awarded: int
    left: int | None


@dataclass(frozen=True, slots=True)
class Burn:
    """A draw against its plan. The alarm looks at what was rolled, which the stock cannot bend."""

    draw_id: UUID
    spins: int
    prizes: tuple[PrizeBurn, ...]
    value_fen: int  # awarded, at the declared values
    fit: Fit
    is_alarming: bool


@refusing
class Draws:
    """Reads draws. Changes nothing."""

    def __init__(self, clock: Clock, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._zone = zone

    async def listing(self, person: Person) -> tuple[DrawSummary, ...]:
        """Every draw that is published for their city or above it and is not over, the newest first."""
        now, who = self._clock.now(), await self._who(person)
        if who is None:
            return ()
        return tuple([self._summary(each, who, now) for each in await _shown(who, now)])

    async def turns(self, person: Person) -> tuple[tuple[DrawSummary, Turn], ...]:
        """The same, each with what they have to spin with; as many statements for eight as for one."""
        now, who = self._clock.now(), await self._who(person)
        if who is None:
            return ()
        found = await _shown(who, now)
        theirs = await turns_of(who.member_id, found, now=now, zone=self._zone)
        return tuple([(self._summary(each, who, now), theirs[each.id]) for each in found])

    async def view(self, person: Person, draw_id: UUID) -> DrawView:
        """Raises DrawUnknown."""
        now = self._clock.now()
        held, who = await seen_by(person, draw_id)
        day, _ = moment(held, now, self._zone)
        player = (await load(held, {who.member_id: ""}, day))[who.member_id]
        units = await units_of(draw_id)
        left = [units[code].left if code in units else None for code in held.version.codes]
        shares = held.version.table.shares(player.member.spins, player.member.since)
        prizes = tuple(
            PrizeView(prize.code, prize.name, prize.kind, prize.rarity, ppm, count)
            for prize, ppm, count in zip(held.version.table.prizes, shares.ppm, left, strict=True)
        )
        shown = disclosure(held.version.table, self._zone, left)
        theirs = await turns_of(who.member_id, [held], now=now, zone=self._zone)
        return DrawView(self._summary(held, who, now), prizes, theirs[held.id], shown)

    async def spins(self, person: Person, draw_id: UUID, *, before: int | None, limit: int) -> tuple[OwnSpin, ...]:
        """Their own, the newest first; `before` is the last sequence of the page before. Raises DrawUnknown."""
        held, _ = await seen_by(person, draw_id)
        found = await rows(statements.OWN_SPINS, draw_id, person.member_id, LAST if before is None else before, limit)
        return tuple([_own(held, each) for each in found])

    async def winners(self, person: Person, draw_id: UUID, *, before: int | None, limit: int) -> tuple[Winner, ...]:
        """Everybody's, the newest first. Raises DrawUnknown."""
        held, _ = await seen_by(person, draw_id)
        thanks = held.version.table.prizes[held.version.table.thanks].code
        found = await rows(statements.WINNERS, draw_id, thanks, LAST if before is None else before, limit)
        names = {prize.code: prize.name for prize in held.version.table.prizes}
        return tuple(
            Winner(
                int(each["sequence"]),
                f"尾号{each['number'][-4:]}" if each["number"] else "会员",
                names.get(each["awarded"], each["awarded"]),
                as_instant(each["happened_at"]),
            )
            for each in found
        )

    async def burn(self, operator: Operator, draw_id: UUID) -> Burn:
        """Observed against planned, version by version, row by row. Raises RoleMissing, DrawUnknown."""
        await theirs(await allowed(operator, Capability.DRAWS), draw_id)
        return await self.burnt(draw_id)

    async def burnt(self, draw_id: UUID) -> Burn:
        """The same for the house itself. Raises DrawUnknown: nothing was ever published."""
        found = await row(statements.PUBLISHED, draw_id)
        if found is None:
            raise DrawUnknown
        held = await read(found)
        expected, rolled = await self._expected(held)
        units = await units_of(draw_id)
        prizes = tuple(
            PrizeBurn(
                prize.code,
                prize.name,
                rolled.get(prize.code, 0),
                expected.get(prize.code, 0.0),
                units[prize.code].awarded if prize.code in units else 0,
                units[prize.code].left if prize.code in units else None,
            )
            for prize in held.version.table.prizes
        )
        value = sum(
            prize.value_fen * burnt.awarded for prize, burnt in zip(held.version.table.prizes, prizes, strict=True)
        )
        how = fit([each.rolled for each in prizes], [each.expected for each in prizes])
        return Burn(draw_id, held.last_sequence, prizes, value, how, how.is_alarming)

    async def _expected(self, held: HeldDraw) -> tuple[Mapping[str, float], Mapping[str, int]]:
        """What the rows lead one to expect, by code, and what was rolled: no prize ever leaves a draw."""
        ruled = [orjson.loads(each["document"]) for each in await rows(statements.RULED, held.id)]
        versions = {int(each["number"]): int(each["version"]) for each in ruled}
        points: dict[int, dict[tuple[int, int], int]] = {}
        rolled: dict[str, int] = {}
        after = 0
        while page := await rows(statements.ROWS, held.id, after, PAGE):
            for each in page:
                found = orjson.loads(each["row"])
                counts = points.setdefault(versions[found[1]], {})
                counts[found[6], found[7]] = counts.get((found[6], found[7]), 0) + 1
                rolled[found[11]] = rolled.get(found[11], 0) + 1
            after = int(page[-1]["sequence"])
        expected: dict[str, float] = {}
        for number, counts in points.items():
            version = await version_of(held.id, number)
            listed = [(spins, since, count) for (spins, since), count in counts.items()]
            for code, much in zip(version.codes, planned(version.table, listed), strict=True):
                expected[code] = expected.get(code, 0.0) + much
        return expected, rolled

    async def _who(self, person: Person) -> Asker | None:
        return (await askers([person.member_id])).get(person.member_id)

    def _summary(self, held: HeldDraw, who: Asker, now: datetime) -> DrawSummary:
        refusal: DomainError | None = outside(held, who, now, self._zone) or not_now(held, now)
        rules = held.version.terms.rules
        return DrawSummary(
            held.id,
            rules.title,
            held.keyword,
            held.version.terms.look,
            rules.opens_at,
            rules.closes_at,
            refusal.code if refusal else "",
        )


async def _shown(who: Asker, now: datetime) -> list[HeldDraw]:
    found = [await read(each) for each in await rows(statements.SHOWN, now)]
    return [each for each in found if each.organization_id in who.organization_path]


def _own(held: HeldDraw, found: Mapping[str, Any]) -> OwnSpin:
    row_: Sequence[Any] = orjson.loads(found["row"])
    place = held.version.table.places.get(found["awarded"])
    prize = held.version.table.prizes[place if place is not None else held.version.table.thanks]
    return OwnSpin(
        id=as_uuid(found["id"]),
        sequence=int(found["sequence"]),
        day=found["day"],
        prize=found["awarded"],
        name=prize.name,
        kind=prize.kind,
        why=row_[13],
        paid_by=SpinPaid(found["paid_by"]),
        points=int(found["points"]),
        claim_id=as_uuid(found["claim_id"]) if found["claim_id"] else None,
        parcel_id=as_uuid(found["parcel_id"]) if found["parcel_id"] else None,
        parcel_state=ParcelState(found["parcel_state"]) if found["parcel_state"] else None,
        prize_id=as_uuid(found["prize_id"]) if found["prize_id"] else None,
        prize_state=DuePrizeState(found["prize_state"]) if found["prize_state"] else None,
        deadline_at=as_instant(found["deadline_at"]) if found["deadline_at"] else None,
        happened_at=as_instant(found["happened_at"]),
        chain=found["chain_hash"],
    )
