"""The lane of spins: each draw is decided batch by batch under the lock of its row, whichever process it is.

Everything about a spin is decided and written in one transaction: who they are, what it costs, what the seed of the
day rolls, what they get. So a failure takes nothing, and a win is never without its prize. docs/adr/0025.
"""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Person
from handlers.claims.claimants import lock, standing
from handlers.draws.commitments import STOCK, Units, commit, open_day, units_of
from handlers.draws.draw_launching import note_changes
from handlers.draws.draw_refusals import not_now, outside
from handlers.draws.held import HeldDraw, hold
from handlers.draws.players import Player, load
from handlers.draws.prizes import Shelf
from handlers.draws.seeds import Seeds
from handlers.draws.spin_folding import Folded, Folding
from handlers.draws.spin_paying import open_till
from handlers.draws.spin_results import Spun, results
from handlers.draws.spin_writing import write
from handlers.errors import DomainError, DrawUnknown, KeyReused, NonceInvalid, TimesInvalid
from handlers.group_commit import GroupCommit
from handlers.offline.signing_keys import Signing, SigningKeys
from handlers.points.points_terms import TermsHeld, terms
from handlers.ports import Clock, Signer, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, Asked, recall, record, settle
from handlers.retrying import again, refusing
from handlers.rules.eligibility import Asker
from handlers.rules.fairness import is_nonce, pseudonym
from handlers.rules.validity import begins
from models.database import atomic, rows, together
from models.ids import new_id
from models.statements import draws as statements

TIMES = (1, 10)
KEY_KNOWN_FOR = 60.0  # seconds that the signing key is remembered

Outcome = Answer[Spun]


@dataclass(frozen=True, slots=True)
class Wish:
    """One person's wish to spin, under one key."""

    person: Person
    draw_id: UUID
    times: int
    nonce: str
    asked: Asked
    most_points: int | None = None  # that may be spent on it; None: whatever it costs


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a batch is decided on besides its people, read under the lock of the draw."""

    terms: TermsHeld
    units: Mapping[str, Units]
    shelf: Shelf


@refusing
class Spinning:
    """Spins, each at most once per key."""

    def __init__(
        self, clock: Clock, vault: Vault, signer: Signer, seeds: Seeds, zone: ZoneInfo = BUSINESS_ZONE
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._seeds = seeds
        self._zone = zone
        self._keys = SigningKeys(clock, vault, signer)
        self._signing: tuple[float, Signing] | None = None
        self._opened: dict[UUID, str] = {}
        self._pseudonym_keys: dict[UUID, bytes] = {}
        self._lane: GroupCommit[Wish, Outcome] = GroupCommit("spins", self._decide, key=_request, settle=self._settle)

    async def spin(
        self,
        person: Person,
        *,
        draw_id: UUID,
        times: int = 1,
        client_nonce: str | None = None,
        most_points: int | None = None,
        request_id: str,
    ) -> Answer[Spun]:
        """抽奖: one spin or ten, all or none, paid in the declared order, with a receipt.

        `client_nonce`: chosen by the device before anybody knows the result; without one the key stands for it.
        `most_points`: what the person agreed to; what costs more is refused. None: whatever it costs.
        Raises TimesInvalid, NonceInvalid, DrawUnknown, DrawClosed, DrawPaused, DrawNotForYou, DrawNotOpen, SpinsUsedUp,
        PointsShort, SpinCostsMore, NotSignedIn, MemberFrozen, KeyReused, Overloaded (nothing happened), OutcomeUnknown
        (the key finds out).
        """
        if times not in TIMES:
            raise TimesInvalid(allowed=list(TIMES))
        nonce = request_id if client_nonce is None else client_nonce
        if not is_nonce(nonce):
            raise NonceInvalid
        facts = {"draw": draw_id, "times": times, "nonce": client_nonce, "most_points": most_points}
        asked = Asked.of(person, "spin", request_id, facts)
        await self._key()
        await self.open(draw_id)
        return await self._lane.submit(draw_id, Wish(person, draw_id, times, nonce, asked, most_points))

    async def open(self, draw_id: UUID) -> None:
        """Commit to the seed of today before anybody spins on it, in a transaction of its own. Again, nothing."""
        now = self._clock.now()
        today = now.astimezone(self._zone).date().isoformat()
        if self._opened.get(draw_id, "") >= today:
            return

        async def attempt() -> str:
            async with atomic():
                held = await hold(draw_id)
                if held is None:
                    return ""
                if not_now(held, now) is None:
                    await open_day(held, self._seeds, now=now, zone=self._zone)
                return held.day

        if day := await again(attempt):  # ids that are made up are not remembered
            self._opened[draw_id] = day

    async def close(self) -> None:
        """Let those who wait be answered."""
        await self._lane.close()

    async def _decide(self, batch: Sequence[Wish]) -> list[Outcome | DomainError]:
        # Locked before it is asked what was answered: a twin at another process is waited for, and found.
        held = await hold(batch[0].draw_id)
        if held is None:
            known = await recall([each.asked for each in batch], Spun)
            return [known.get(each.asked) or DrawUnknown() for each in batch]
        ids = {each.person.member_id for each in batch}
        locked = await lock(ids)
        known, people, held_terms, units, shelf = await together(
            recall([each.asked for each in batch], Spun),
            standing(ids, locked),
            terms(),
            units_of(held.id),
            Shelf.open(held.version.table.prizes, self._zone, self._vault),
        )
        fresh = [each for each in batch if each.asked not in known]
        decided = await self._spin(held, fresh, people, _Ground(held_terms, units, shelf)) if fresh else {}
        await record({asked: answer.value for asked, answer in decided.items() if isinstance(answer, Answer)})
        return [known.get(each.asked) or decided[each.asked] for each in batch]

    async def _spin(
        self, held: HeldDraw, fresh: Sequence[Wish], people: Mapping[UUID, Asker | DomainError], ground: _Ground
    ) -> dict[Asked, Outcome | DomainError]:
        # After the lock: a batch that waited for another one comes after it.
        now = self._clock.now()
        decided: dict[Asked, Outcome | DomainError] = {}
        closed = not_now(held, now)
        may: list[tuple[Wish, Asker]] = []
        for each in fresh:
            asker = people[each.person.member_id]
            refusal = asker if isinstance(asker, DomainError) else outside(held, asker, now, self._zone) or closed
            if refusal is not None:
                decided[each.asked] = refusal
            elif not isinstance(asker, DomainError):
                may.append((each, asker))
        if may:
            decided |= await self._turn(held, may, ground, now)
        return decided

    async def _turn(
        self, held: HeldDraw, may: Sequence[tuple[Wish, Asker]], ground: _Ground, now: datetime
    ) -> dict[Asked, Outcome | DomainError]:
        day, at = await open_day(held, self._seeds, now=now, zone=self._zone)
        players = await load(held, {asker.member_id: self._pseudonym(held, asker.member_id) for _, asker in may}, day)
        wants: dict[UUID, int] = {}
        for each, asker in may:
            wants[asker.member_id] = wants.get(asker.member_id, 0) + each.times
        next_free_at = begins(date.fromisoformat(day) + timedelta(days=1), self._zone)
        till = await open_till(held, players, wants, ground.terms, at=at, next_free_at=next_free_at, zone=self._zone)
        units = await self._stock(held, ground, sum(wants.values()), day, at)
        folding = Folding.begin(held, units, await self._seeds.of(held.id, day), day, at, till)
        done: dict[Asked, tuple[Wish, Player, list[Folded]]] = {}
        decided: dict[Asked, Outcome | DomainError] = {}
        for each, asker in may:
            player, act_id = players[asker.member_id], new_id()
            payments = till.pay(player, each.times, act_id, most_points=each.most_points)
            if isinstance(payments, DomainError):
                decided[each.asked] = payments
                continue
            folded = folding.spin(player, each.person, act_id, each.nonce, payments)
            done[each.asked] = each, player, folded
        if done:
            given = await write(folding, ground.shelf, [each for _, each, _ in done.values()])
            for asked, (_, player, folded) in done.items():
                decided[asked] = Answer(results(held, player, folded, given, till, await self._key(), self._keys))
        return decided

    async def _stock(self, held: HeldDraw, ground: _Ground, most: int, day: str, at: datetime) -> Mapping[str, Units]:
        """What there is of each prize. Of codes that ran out elsewhere the stock says so from now on, by a promise of
        its own, before anybody can roll them."""
        units, change = ground.units, dict[str, int]()
        for prize in held.version.table.prizes:
            left = units[prize.code].left if prize.code in units else None
            wanted = most if left is None else min(left, most)
            if (there := await ground.shelf.room(prize, wanted, at=at)) < wanted and left is not None:
                change[prize.code] = there - left
        if not change:
            return units
        for code, delta in change.items():
            await rows(statements.CHANGE_STOCK, held.id, code, delta)
        await note_changes(held.id, change, "dry", None, now=at)
        await commit(held, STOCK, change, day=day, at=at, zone=self._zone)
        return await units_of(held.id)

    def _pseudonym(self, held: HeldDraw, member_id: UUID) -> str:
        key = self._pseudonym_keys.get(held.id)
        if key is None:
            key = bytes.fromhex(self._vault.blind_index("draw_pseudonym", held.key))
            self._pseudonym_keys[held.id] = key
        return pseudonym(key, draw=held.key, member=str(member_id))

    async def _key(self) -> Signing:
        """Remembered, so that a batch does not read it: a new one is made half a year before the old one is needed."""
        now = asyncio.get_running_loop().time()
        if self._signing is None or self._signing[0] < now:
            self._signing = now + KEY_KNOWN_FOR, await self._keys.current()
        return self._signing[1]

    async def _settle(self, batch: Sequence[Wish]) -> list[Outcome | DomainError | None]:
        happened: Mapping[Asked, Outcome | KeyReused] = await settle([each.asked for each in batch], Spun)
        return [happened.get(each.asked) for each in batch]


def _request(wanted: Wish) -> Hashable:
    return wanted.asked.scope
