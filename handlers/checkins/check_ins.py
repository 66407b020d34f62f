"""签到: everybody presses at midnight, so whoever arrives while a batch commits is decided in the next one, together.

The canonical row of each is locked, so that a day counts once over everybody a member is. docs/adr/0027.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Person
from handlers.checkins.check_in_terms import TERMS
from handlers.errors import (
    AlreadyCheckedIn,
    CheckInsClosed,
    DayNotMendable,
    DomainError,
    KeyReused,
    MemberFrozen,
    NotAMember,
    NotSignedIn,
)
from handlers.group_commit import GroupCommit
from handlers.ports import Clock, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, Asked, once, recall, record, settle
from handlers.retrying import refusing
from handlers.rewards.base import Giving
from handlers.rewards.giving import Awarded, Rewarded, give
from handlers.rewards.makeup_cards import use_card
from handlers.rule_versions import RulesHeld
from handlers.rules.checkins import DAY, Around, CheckInRules, around, can_mend, due, is_taken, mendable
from handlers.rules.validity import day_of
from handlers.standing import ids_of, may_act
from models.database import rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_instant, as_uuid, dump_rows
from models.statements import checkins as statements
from models.words import MemberStatus, RewardedAct

LANE = "all"  # nobody contends with anybody: a batch only shares its statements and its commit


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """The day that counts now, how many in a row with it, how many of its month, and what it gave, item by item."""

    business_on: date
    streak: int
    in_month: int
    is_made_up: bool
    rewards: tuple[Rewarded, ...]


@dataclass(frozen=True, slots=True)
class Press:
    """One person's wish, under one key."""

    person: Person
    asked: Asked


@dataclass(frozen=True, slots=True)
class _New:
    """A day that is to be: whose (canonical), and what surrounds it."""

    id: UUID
    member_id: UUID
    on: date
    place: Around


Outcome = Answer[CheckedIn]


@refusing
class CheckIns:
    """Checks people in, and mends missed days with make-up cards."""

    def __init__(self, clock: Clock, vault: Vault, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._vault = vault
        self._zone = zone
        self._lane: GroupCommit[Press, Outcome] = GroupCommit(
            "check_ins", self._decide, key=_request, settle=self._settle
        )

    async def check_in(self, person: Person, *, request_id: str) -> Outcome:
        """签到 for the business day of now, with everything it gives.

        Raises AlreadyCheckedIn, CheckInsClosed, NotAMember, NotSignedIn, MemberFrozen, KeyReused, Overloaded (nothing
        happened), OutcomeUnknown (the key finds out).
        """
        return await self._lane.submit(LANE, Press(person, Asked.of(person, "check_in", request_id, "today")))

    async def mend(self, person: Person, on: date, *, request_id: str) -> Outcome:
        """补签: a missed day counts, for one make-up card.

        Raises DayNotMendable (with the days that can be), MakeupCardMissing, CheckInsClosed, NotAMember, NotSignedIn,
        MemberFrozen, KeyReused.
        """

        async def effect() -> CheckedIn:
            return await self._mend(person, on)

        return await once(person, "make_up", request_id, facts=on, result=CheckedIn, effect=effect)

    async def close(self) -> None:
        """Let those who wait be answered."""
        await self._lane.close()

    # --- a batch

    async def _decide(self, batch: Sequence[Press]) -> list[Outcome | DomainError]:
        known = await recall([each.asked for each in batch], CheckedIn)
        fresh = [each for each in batch if each.asked not in known]
        decided = await self._check_in(fresh) if fresh else {}
        await record({asked: answer.value for asked, answer in decided.items() if isinstance(answer, Answer)})
        return [known.get(each.asked) or decided[each.asked] for each in batch]

    async def _check_in(self, fresh: Sequence[Press]) -> dict[Asked, Outcome | DomainError]:
        giving = Giving(self._clock.now(), self._zone, self._vault)
        today = day_of(giving.at, self._zone)
        people = await _people([each.person.member_id for each in fresh])
        held = await TERMS.held()
        found = await _surroundings([member_id for member_id, _ in _members(people)], today)
        decided: dict[Asked, Outcome | DomainError] = {}
        new: dict[Asked, _New] = {}
        taken: set[UUID] = set()
        for each in fresh:
            who = people[each.person.member_id]
            if isinstance(who, DomainError):
                decided[each.asked] = who
                continue
            if not held.rules.is_open:
                decided[each.asked] = CheckInsClosed()
                continue
            newest, place = found.get(who[0], (None, Around()))
            if who[0] in taken or is_taken(newest, today):
                decided[each.asked] = AlreadyCheckedIn(business_on=max(newest or today, today).isoformat())
                continue
            taken.add(who[0])
            new[each.asked] = _New(new_id(), who[0], today, place)
        given = await _write(list(new.values()), held, giving, is_made_up=False) if new else {}
        return decided | {asked: Answer(given[each.id]) for asked, each in new.items()}

    async def _settle(self, batch: Sequence[Press]) -> list[Outcome | DomainError | None]:
        happened: Mapping[Asked, Outcome | KeyReused] = await settle([each.asked for each in batch], CheckedIn)
        return [happened.get(each.asked) for each in batch]

    # --- one missed day

    async def _mend(self, person: Person, on: date) -> CheckedIn:
        giving = Giving(self._clock.now(), self._zone, self._vault)
        today = day_of(giving.at, self._zone)
        who = (await _people([person.member_id]))[person.member_id]
        if isinstance(who, DomainError):
            raise who
        member_id, since = who[0], day_of(who[1], self._zone)
        held = await TERMS.held()
        if not held.rules.is_open:
            raise CheckInsClosed
        ids = await ids_of(member_id)
        days = await days_of(ids, min(on, today - held.rules.days_back * DAY))
        if not can_mend(held.rules, days, on, today, since):
            days_left = [day.isoformat() for day in mendable(held.rules, days, today, since)]
            raise DayNotMendable(days=days_left)
        place = await _place(ids, days, on)
        new = _New(new_id(), member_id, on, place)
        await use_card(member_id, new.id, giving)
        given = await _write([new], held, giving, is_made_up=True)
        if place.after:
            await rows(statements.RECOUNT, ids)
        return given[new.id]


async def _people(asked: Sequence[UUID]) -> dict[UUID, tuple[UUID, datetime] | DomainError]:
    """Whom each id means today and since when they are a member, their rows locked; or why they cannot."""
    people: dict[UUID, tuple[UUID, datetime] | DomainError] = {each: NotSignedIn() for each in asked}
    for found in await rows(statements.PEOPLE, sorted(set(asked))):
        if found["status"] == MemberStatus.MERGED:
            raise SerializationConflict("merged while we waited")
        member_id = as_uuid(found["asked"])
        try:
            may_act(found)
        except (MemberFrozen, NotSignedIn) as refusal:
            people[member_id] = refusal
            continue
        joined_at = found["joined_at"]
        people[member_id] = (as_uuid(found["id"]), as_instant(joined_at)) if joined_at else NotAMember()
    return people


def _members(people: Mapping[UUID, tuple[UUID, datetime] | DomainError]) -> list[tuple[UUID, datetime]]:
    return [who for who in people.values() if not isinstance(who, DomainError)]


async def _surroundings(member_ids: Sequence[UUID], today: date) -> dict[UUID, tuple[date | None, Around]]:
    """The newest day of each, and what surrounds today."""
    if not member_ids:
        return {}
    first, yesterday = today.replace(day=1), today - DAY
    following = (first + timedelta(days=31)).replace(day=1)
    bounds = [day.isoformat() for day in (min(first, yesterday), yesterday, first, following)]
    return {
        as_uuid(each["member_id"]): (
            date.fromisoformat(each["newest"]),
            Around(before=int(each["before"] or 0), in_month=int(each["in_month"])),
        )
        for each in await rows(statements.AROUND, sorted(set(member_ids)), *bounds)
    }


async def days_of(ids: Sequence[UUID], since: date, until: date = date.max) -> dict[date, tuple[int, bool]]:
    """The days of a person (by all their ids): days in a row that end with each, and whether it was mended."""
    return {
        date.fromisoformat(each["business_on"]): (int(each["streak"]), bool(each["is_made_up"]))
        for each in await rows(statements.DAYS, list(ids), since.isoformat(), until.isoformat())
    }


async def _place(ids: Sequence[UUID], days: Mapping[date, object], on: date) -> Around:
    """What surrounds a day in the past: the run before it may be longer than what was read."""
    first = on.replace(day=1)
    earlier = await days_of(ids, min(first, on - DAY), on)
    before = earlier[on - DAY][0] if on - DAY in earlier else 0
    near = around({*days, *earlier}, on)
    return Around(before, near.after, near.in_month)


async def _write(
    new: Sequence[_New], held: RulesHeld[CheckInRules], giving: Giving, *, is_made_up: bool
) -> dict[UUID, CheckedIn]:
    """The days and everything they give, by the rows' ids. Raises SerializationConflict."""
    text = dump_rows(
        [
            {
                "id": each.id,
                "member_id": each.member_id,
                "business_on": each.on.isoformat(),
                "streak_count": each.place.before + 1,
            }
            for each in new
        ]
    )
    if len(await rows(statements.ADD, text, giving.at, is_made_up, held.id)) < len(new):
        raise SerializationConflict("a day was taken meanwhile")
    awarded = [
        Awarded(each.id, each.member_id, part)
        for each in new
        for part in due(held.rules, each.place, is_made_up=is_made_up)
    ]
    rewards = await give(RewardedAct.CHECK_IN, awarded, giving)
    return {
        each.id: CheckedIn(
            business_on=each.on,
            streak=each.place.streak,
            in_month=each.place.in_month + 1,
            is_made_up=is_made_up,
            rewards=rewards.get(each.id, ()),
        )
        for each in new
    }


def _request(wanted: Press) -> Hashable:
    return wanted.asked.scope
