"""What levels bring: given to whoever stands on them, once per member, right and period, by a job and at first touch.

The unique row of (right, member, period) is written with the claim: whatever runs twice or dies in between, nobody is
given twice or missed. Falling stops what would come; what was given stays.
"""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from handlers.benefits.kinds import fulfiller
from handlers.claims.claims import take_units
from handlers.claims.issuing import Issued, Wanted, issue
from handlers.errors import OfferPaused, OfferSoldOut
from handlers.grants.grant_stock import counters, left_of
from handlers.levels.ladders import ladder_now
from handlers.levels.levels import Place, settle
from handlers.membership.member_views import opened_profile
from handlers.offers.offers import published
from handlers.outbox import JobContext, later
from handlers.ports import Clock, Vault, VaultError
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import again, refusing
from handlers.rules.eligibility import PublishedOffer
from handlers.rules.level_rights import due_period
from handlers.rules.offer_terms import Period
from handlers.rules.validity import period_key
from handlers.standing import canonical
from models.database import atomic, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_uuid, dump_rows
from models.statements import claims as claim_statements
from models.statements import level_rights as statements
from models.words import ClaimSource, MemberStatus, OfferState, RightPeriod

CHUNK = 200  # members per transaction
JOB = "give_level_right"
LOOK_AGAIN = timedelta(hours=1)  # after this a chunk is tried anew where a part of a package could not be given

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Right:
    """One right that is given now: to whoever stands on one of `levels`."""

    id: UUID
    code: str
    name: str
    offer_id: UUID
    levels: frozenset[str]
    period: RightPeriod


@dataclass(frozen=True, slots=True)
class RightActor:
    """A right, as the events of claims name who gave."""

    actor_id: str
    kind: str = "level_right"


async def active_rights(programme_id: UUID) -> list[Right]:
    """Those that are given now."""
    return [
        Right(
            id=as_uuid(each["id"]),
            code=each["code"],
            name=each["name"],
            offer_id=as_uuid(each["offer_id"]),
            levels=frozenset(orjson.loads(each["levels"]) if isinstance(each["levels"], str) else each["levels"]),
            period=RightPeriod(each["period"]),
        )
        for each in await rows(statements.ACTIVE, programme_id)
    ]


async def give_later(right_id: UUID, run: str, *, at: datetime, after: int = 0) -> None:
    """The job that gives a right to those behind the ordinal `after`, inside the open transaction.

    Keys of jobs are used up for ever: `run` tells apart what begins anew, as each month.
    """
    key = f"level_right:{right_id}:{run}:{after}"
    await later(JOB, key=key, at=at, order_key=f"level_right:{right_id}", right_id=right_id, run=run, after=after)


@refusing
class LevelRightsGiving:
    """Gives rights; called by the worker, and by whatever a member touches first."""

    def __init__(self, clock: Clock, vault: Vault, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._vault = vault
        self._zone = zone

    async def plan(self, slot: datetime) -> int:
        """A job for every right that comes with the month, once a month; how many rights that are."""
        run = period_key(Period.MONTH, slot, self._zone)
        async with atomic():
            active = await active_rights((await ladder_now()).programme_id)
            recurring = [right for right in active if right.period is not RightPeriod.ONCE]
            for right in recurring:
                await give_later(right.id, run, at=self._clock.now())
        return len(recurring)

    async def go_on(self, job: JobContext) -> None:
        """One chunk of those who stand on the right's levels, and the job of the next. Raises LeaseLost."""
        right_id, after = UUID(job.payload["right_id"]), int(job.payload["after"])

        async def chunk() -> None:
            async with atomic():
                now, held = self._clock.now(), await ladder_now()
                right = next((each for each in await active_rights(held.programme_id) if each.id == right_id), None)
                if right is not None:
                    values = after, held.programme_id, held.ladder.reached(0), sorted(right.levels), CHUNK
                    found = await rows(statements.NEXT, *values)
                    await self._give([right], [as_uuid(each["id"]) for each in found], now)
                    if len(found) == CHUNK:
                        await give_later(right_id, job.payload["run"], at=now, after=int(found[-1]["ordinal"]))
                await job.finish()

        try:
            await again(chunk)
        except (OfferPaused, OfferSoldOut) as why:  # a part of a package is, so nothing was given to this chunk
            log.warning("level_right_waits", extra={"right": str(right_id), "reason": why.code})
            async with atomic():
                now = self._clock.now()
                run = f"{job.payload['run'].partition('@')[0]}@{now.isoformat()}"
                await give_later(right_id, run, at=now + LOOK_AGAIN, after=after)
                await job.finish()

    async def reach(self, member_id: UUID) -> int:
        """Everything that is due to one member now; how much that was."""

        async def one() -> int:
            async with atomic():
                held = await ladder_now()
                today = await canonical(member_id)
                return await self._give(await active_rights(held.programme_id), [today], self._clock.now())

        try:
            return await again(one)
        except (OfferPaused, OfferSoldOut) as why:
            log.warning("level_right_waits", extra={"member": str(member_id), "reason": why.code})
            return 0

    async def is_due(self, member_id: UUID, level: str) -> bool:
        """Whether `reach` would find something: two reads, and nothing is locked."""
        held, now = await ladder_now(), self._clock.now()
        theirs = [each for each in await active_rights(held.programme_id) if level in each.levels]
        if not theirs:
            return False
        had = {(as_uuid(each["right_id"]), each["period"]) for each in await rows(statements.GIVEN_TO, member_id)}
        birthdays = await self._birthdays([member_id]) if _ask_birthday(theirs) else {}
        due = {right.id: due_period(right.period, now, self._zone, birthdays.get(member_id)) for right in theirs}
        return any(period is not None and (right_id, period) not in had for right_id, period in due.items())

    async def _give(self, rights: Sequence[Right], ids: Collection[UUID], now: datetime) -> int:
        if not rights or not ids:
            return 0
        found = await rows(claim_statements.CLAIMANTS, sorted(ids))
        stand = {as_uuid(each["id"]): MemberStatus(each["status"]) for each in found if each["joined_at"]}
        if MemberStatus.MERGED in stand.values():
            raise SerializationConflict("merged while we waited")
        active = [member_id for member_id, status in stand.items() if status is MemberStatus.ACTIVE]
        # What the clock has ended gives nothing any more.
        places = await settle(active, at=now)
        birthdays = await self._birthdays(active) if _ask_birthday(rights) else {}
        offers = await published([right.offer_id for right in rights])
        given = 0
        for right in sorted(rights, key=lambda each: each.offer_id):
            due = {
                member_id: period
                for member_id, place in sorted(places.items())
                if place.code in right.levels
                and (period := due_period(right.period, now, self._zone, birthdays.get(member_id))) is not None
            }
            given += await self._give_one(right, offers.get(right.offer_id), due, places, now)
        return given

    async def _give_one(
        self,
        right: Right,
        offer: PublishedOffer | None,
        due: Mapping[UUID, str],
        places: Mapping[UUID, Place],
        now: datetime,
    ) -> int:
        if not due or offer is None or offer.state is not OfferState.PUBLISHED or offer.benefit.is_paused:
            return 0  # once it is resumed, the next touch or the next month brings it
        had = await rows(statements.GIVEN, sorted(due), right.id, sorted(set(due.values())))
        known = {(as_uuid(each["member_id"]), each["period"]) for each in had}
        wanting = [member_id for member_id, period in due.items() if (member_id, period) not in known]
        left = await left_of(offer, now, self._zone) if wanting else 0
        fits = Counter(await fulfiller(offer.benefit.kind).room(offer.benefit.terms, [()] * len(wanting), now=now))[
            True
        ]
        served = wanting[: min(fits, len(wanting) if left is None else left)]
        if len(served) < len(wanting):
            log.warning("level_right_short", extra={"right": right.code, "missing": len(wanting) - len(served)})
        if not served:
            return 0
        names = tuple(bucket.name for bucket in counters(offer, now, self._zone))
        actor = RightActor(str(right.id))
        wanted = [Wanted(member_id, ClaimSource.LEVEL, actor) for member_id in served]
        issued = await issue(
            offer, wanted, at=now, zone=self._zone, vault=self._vault, buckets=names, reason="level_right"
        )
        await take_units(offer.id, names, len(served))
        await self._note(right, due, places, dict(zip(served, issued, strict=True)), now)
        return len(served)

    async def _note(
        self,
        right: Right,
        due: Mapping[UUID, str],
        places: Mapping[UUID, Place],
        issued: Mapping[UUID, Sequence[Issued]],
        now: datetime,
    ) -> None:
        noted: list[dict[str, Any]] = [
            {
                "id": new_id(),
                "right_id": right.id,
                "member_id": member_id,
                "period": due[member_id],
                "level": places[member_id].code,
                "claim_id": claims[0].id,
            }
            for member_id, claims in issued.items()
        ]
        if len(await rows(statements.ADD_GIVEN, dump_rows(noted), now)) < len(noted):
            raise SerializationConflict("a right was given meanwhile")
        for each in noted:
            claim, owner = issued[each["member_id"]][0], str(each["member_id"])
            facts = {"member_id": owner, "title": claim.name, "count": 1, "until": claim.expires_at}
            await later("say_granted", key=f"level_right:{each['id']}", at=now, order_key=f"chat:{owner}", **facts)

    async def _birthdays(self, ids: Collection[UUID]) -> dict[UUID, str | None]:
        """Of those who told it; a profile that no key opens tells nothing."""
        told: dict[UUID, str | None] = {}
        for each in await rows(statements.PROFILES, sorted(ids)):
            member_id = as_uuid(each["id"])
            try:
                told[member_id] = opened_profile(each["profile_cipher"], member_id, self._vault).birthday
            except VaultError:
                log.warning("profile_unreadable", extra={"member": str(member_id)})
        return told


def _ask_birthday(rights: Sequence[Right]) -> bool:
    return any(right.period is RightPeriod.BIRTHDAY for right in rights)
