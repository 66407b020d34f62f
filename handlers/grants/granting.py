"""Going through a list that was approved, a batch per transaction: whatever dies in between, nobody is missed or twice.

What a batch did, its rows' outcomes and the job of the next batch commit together. The list's row is locked first, so
that stopping it holds with the next batch; the offer is read in the same transaction as in every claim, so that a pause
holds too: the list then waits until it is resumed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from handlers.audit import record
from handlers.benefits.kinds import fulfiller
from handlers.claims.claims import take_units
from handlers.claims.counters import slots_of
from handlers.claims.issuing import Issued, Wanted, issue
from handlers.errors import OfferPaused
from handlers.grants.grant_lists import LIMIT, STOCK
from handlers.grants.grant_stock import counters, left_of, periods_of
from handlers.grants.grant_views import figures_of
from handlers.grants.recharge_numbers import MISSING, drop, numbers_of
from handlers.grants.taking_back import OVER, take_back
from handlers.offers.offers import published
from handlers.outbox import JobContext, later
from handlers.ports import Clock, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import again, refusing
from handlers.rules.claim_slots import LimitFull, Slots, free_slots
from handlers.rules.eligibility import PublishedOffer
from models.database import atomic, row, rows
from models.failures import SerializationConflict
from models.grants import GrantBatch, GrantedClaim, GrantRow
from models.identity import Member
from models.sql import as_uuid
from models.statements import claims as claim_statements
from models.statements import grants as statements
from models.words import ClaimSource, GrantKind, GrantRowState, GrantState, MemberStatus, OfferState

BATCH = 200
LOOK_AGAIN = timedelta(seconds=30)  # after this a list looks whether its offer was resumed
JOB = "run_grant"
CLOSED = "offer.closed"


@dataclass(frozen=True, slots=True)
class ListActor:
    """A list, as events and audit name who gave or took: who asked and who approved stand with the list."""

    actor_id: str
    kind: str = "grant"


async def begin(grant_id: UUID, *, at: datetime, round_number: int = 0, step: int = 1) -> None:
    """The job of a batch: of the first one, inside the transaction that approves the list or resumes it."""
    key = f"grant:{grant_id}:{round_number}.{step}" if round_number else f"grant:{grant_id}:{step}"
    facts = {"grant_id": grant_id, "step": step, "round": round_number}
    await later(JOB, key=key, at=at, order_key=f"grant:{grant_id}", **facts)


async def round_of(grant_id: UUID) -> int:
    """How often a list was resumed; whoever asks holds the list's row."""
    found = await row(statements.ROUND, grant_id)
    return int(found["number"]) if found else 0


@refusing
class Granting:
    """Does what lists ask for; called by the worker."""

    def __init__(self, clock: Clock, vault: Vault, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._vault = vault
        self._zone = zone

    async def go_on(self, job: JobContext) -> None:
        """One batch, and the job of the next. Raises LeaseLost."""
        grant_id, step = UUID(job.payload["grant_id"]), int(job.payload["step"])
        of_round = int(job.payload.get("round", 0))

        async def batch() -> None:
            async with atomic():
                now = self._clock.now()
                grant = await GrantBatch.filter(id=grant_id).select_for_update(no_key=True).first()
                # A job that was still waiting when the list was stopped and resumed is not a second runner.
                is_ours = grant is not None and grant.state is GrantState.RUNNING
                if is_ours and of_round == await round_of(grant_id):
                    is_over = await self._batch(grant, now)
                    if is_over:
                        await self._end(grant, GrantState.DONE, now)
                    else:
                        await begin(grant_id, at=now, round_number=of_round, step=step + 1)
                await job.finish()

        try:
            await again(batch)
        except OfferPaused:
            async with atomic():
                at = self._clock.now() + LOOK_AGAIN
                await begin(grant_id, at=at, round_number=of_round, step=step + 1)
                await job.finish()

    async def _end(self, grant: Any, state: GrantState, now: datetime) -> None:
        await rows(statements.END, grant.id, state, now)
        figures = await figures_of(grant.id)
        told = {
            "state": state,
            "done": figures.done_count,
            "refused": sum(each.count for each in figures.refused),
            "waiting": figures.would_count + sum(each.count for each in figures.expected),
        }
        actor = ListActor(str(grant.id))
        await record(actor, "grant.ended", "grant", grant.id, at=now, organization_id=grant.organization_id, **told)

    async def _batch(self, grant: Any, now: datetime) -> bool:
        """Whether that was the last one. Raises OfferPaused (nothing was done), SerializationConflict."""
        waiting = GrantRow.filter(grant_id=grant.id, state=GrantRowState.WAITING).order_by("row_number").limit(BATCH)
        listed: list[Any] = await waiting
        if not listed:
            return True
        if grant.kind is GrantKind.UNDO:
            outcomes = await self._take(grant, listed, now)
        else:
            outcomes = await self._give(grant, listed, now)
        settled = [
            {"id": str(each.id), "state": GrantRowState.REFUSED if code else GrantRowState.DONE, "code": code}
            for each, code in zip(listed, outcomes, strict=True)
        ]
        if len(await rows(statements.SETTLE, orjson.dumps(settled).decode(), now)) < len(settled):
            raise SerializationConflict("a row was settled meanwhile")
        await drop([each.id for each in listed])
        return len(listed) < BATCH

    async def _take(self, grant: Any, listed: Sequence[Any], now: datetime) -> list[str]:
        taken = await take_back(
            [each.claim_id for each in listed],
            actor=ListActor(str(grant.id)),
            at=now,
            to_stock=bool(grant.returns_to_stock),
            only_unused=True,
            is_told=bool(grant.is_told),
            reason="grant_undone",
        )
        return ["" if each.claim_id in taken.claim_ids else taken.refused.get(each.claim_id, OVER) for each in listed]

    async def _give(self, grant: Any, listed: Sequence[Any], now: datetime) -> list[str]:
        """The claims of these rows; for each row why there are none, or nothing."""
        people, refused = await self._people(listed)
        offer = (await published([grant.offer_id])).get(grant.offer_id)
        if offer is None or offer.state is OfferState.ENDED:
            return [CLOSED] * len(listed)
        if offer.state is not OfferState.PUBLISHED or offer.benefit.is_paused:
            raise OfferPaused(title=offer.title)
        left = await left_of(offer, now, self._zone)
        numbers: dict[UUID, str] = {}
        if fulfiller(offer.benefit.kind).takes_number:
            numbers = await numbers_of(people, vault=self._vault)
            for row_id in [each for each in people if each not in numbers]:
                refused[row_id] = MISSING
                del people[row_id]
        slots = await self._slots(grant, offer, [each for each in listed if each.id in people], people, refused, now)
        choices = tuple(sorted(grant.choices))
        units = [choices for each in slots.values() for _ in each]
        fits = Counter(await fulfiller(offer.benefit.kind).room(offer.benefit.terms, units, now=now))[True]
        given: list[tuple[Any, Slots]] = []
        for each in listed:
            if each.id not in slots:
                continue
            if fits < each.quantity or (left is not None and left < each.quantity):
                refused[each.id] = STOCK
                continue
            fits -= each.quantity
            left = left if left is None else left - each.quantity
            given += [(each, one) for one in slots[each.id]]
        await self._write(grant, offer, given, people, numbers, choices, now)
        return [refused.get(each.id, "") for each in listed]

    async def _people(self, listed: Sequence[Any]) -> tuple[dict[UUID, UUID], dict[UUID, str]]:
        """Whom each row means today, their rows locked in the order of ids; and why not. By the row's id."""
        asked = {each.member_id for each in listed}
        today = {
            member_id: canonical or member_id
            for member_id, canonical in await Member.filter(id__in=sorted(asked)).values_list("id", "canonical_id")
        }
        found = await rows(claim_statements.CLAIMANTS, sorted(set(today.values())))
        stand = {as_uuid(each["id"]): MemberStatus(each["status"]) for each in found}
        if MemberStatus.MERGED in stand.values():
            raise SerializationConflict("merged while we waited")
        people, refused = {}, {}
        for each in listed:
            status = stand.get(today[each.member_id])
            if status is MemberStatus.ACTIVE:
                people[each.id] = today[each.member_id]
            else:
                refused[each.id] = "member.frozen" if status is MemberStatus.FROZEN else "member.unknown"
        return people, refused

    async def _slots(
        self,
        grant: Any,
        offer: PublishedOffer,
        listed: Sequence[Any],
        people: dict[UUID, UUID],
        refused: dict[UUID, str],
        now: datetime,
    ) -> dict[UUID, list[Slots]]:
        if grant.is_beyond_limits:  # approved as such: what one member may have is not touched
            return {each.id: [()] * each.quantity for each in listed}
        periods = periods_of(offer, now, self._zone)
        taken = await slots_of([offer.id], list(people.values()), list(periods.values()))
        slots: dict[UUID, list[Slots]] = {}
        for each in listed:
            member_id = people[each.id]
            held = {period: taken.get((offer.id, member_id, period), []) for period in periods.values()}
            try:
                slots[each.id] = free_slots(periods, held, each.quantity)
            except LimitFull:
                refused[each.id] = LIMIT
                continue
            for period, number in (slot for one in slots[each.id] for slot in one):
                taken.setdefault((offer.id, member_id, period), []).append(number)
        return slots

    async def _write(
        self,
        grant: Any,
        offer: PublishedOffer,
        given: Sequence[tuple[Any, Slots]],
        people: dict[UUID, UUID],
        numbers: dict[UUID, str],
        choices: tuple[str, ...],
        now: datetime,
    ) -> None:
        if not given:
            return
        names = tuple(bucket.name for bucket in counters(offer, now, self._zone))
        await take_units(offer.id, names, len(given))
        actor = ListActor(str(grant.id))
        wanted = [
            Wanted(people[each.id], ClaimSource.GRANT, actor, choices, slots, recharge_to=numbers.get(each.id, ""))
            for each, slots in given
        ]
        issued = await issue(offer, wanted, at=now, zone=self._zone, vault=self._vault, buckets=names, reason="granted")
        nth: Counter[UUID] = Counter()
        brought, first = [], dict[UUID, tuple[Any, Issued]]()
        for (each, _), claims in zip(given, issued, strict=True):
            nth[each.id] += 1
            first.setdefault(each.id, (each, claims[0]))
            brought.append(GrantedClaim(grant_row_id=each.id, number=nth[each.id], claim_id=claims[0].id))
        await GrantedClaim.bulk_create(brought)
        for each, claim in first.values() if grant.is_told else ():
            owner = str(people[each.id])
            facts = {"member_id": owner, "title": claim.name, "count": each.quantity, "until": claim.expires_at}
            await later("say_granted", key=f"granted:{each.id}", at=now, order_key=f"chat:{owner}", **facts)
