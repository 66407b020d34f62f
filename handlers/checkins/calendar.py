"""What a member sees of their check-ins: a month of days with what each gave, the streak, and what comes next."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Person
from handlers.checkins.check_in_terms import TERMS
from handlers.checkins.check_ins import days_of
from handlers.ports import Clock, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import refusing
from handlers.rewards.base import Giving
from handlers.rewards.giving import Rewarded
from handlers.rewards.makeup_cards import cards_of
from handlers.rules.checkins import DAY, CheckInRules, is_taken, mendable
from handlers.rules.rewards import Reward
from handlers.rules.validity import day_of
from handlers.standing import by_member, ids_of
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import checkins as statements


@dataclass(frozen=True, slots=True)
class DayView:
    """One day that counts."""

    on: date
    is_made_up: bool
    rewards: tuple[Rewarded, ...]


@dataclass(frozen=True, slots=True)
class NextStep:
    """What comes after so many more days: of the streak, or of the month."""

    part: str
    days: int
    left: int
    rewards: tuple[Reward, ...]


@dataclass(frozen=True, slots=True)
class MonthView:
    """A month as the member sees it; everything but `days` and `in_month` is as of now."""

    first: date
    today: date
    is_open: bool
    is_done_today: bool
    streak: int
    in_month: int
    days: tuple[DayView, ...]
    card_count: int
    mendable: tuple[date, ...]
    daily: tuple[Reward, ...]
    next_steps: tuple[NextStep, ...]


@refusing
class CheckInCalendar:
    """Reads; changes nothing."""

    def __init__(self, clock: Clock, vault: Vault, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._vault = vault
        self._zone = zone

    async def month(self, person: Person, first: date | None = None) -> MonthView:
        """The month that begins with `first`; None: the current one. Of a member id of any time."""
        giving = Giving(self._clock.now(), self._zone, self._vault)
        today = day_of(giving.at, self._zone)
        first = first or today.replace(day=1)
        last = (first + timedelta(days=31)).replace(day=1) - DAY
        held = await TERMS.held()
        found = await by_member.row(person.member_id)
        ids = await ids_of(as_uuid(found["member_id"]) if found else person.member_id)
        since = day_of(as_instant(found["joined_at"]), self._zone) if found and found["joined_at"] else today
        near = await days_of(ids, today - (held.rules.days_back + 1) * DAY)
        days = await days_of(ids, first, last)
        rewards = await self._rewards(ids, first, last)
        this_month = days if first == today.replace(day=1) else await days_of(ids, today.replace(day=1), today)
        streak = next((near[day][0] for day in (today, today - DAY) if day in near), 0)
        return MonthView(
            first=first,
            today=today,
            is_open=held.rules.is_open,
            is_done_today=is_taken(max(near, default=None), today),
            streak=streak,
            in_month=len(days),
            days=tuple(DayView(on, made_up, tuple(rewards[on])) for on, (_, made_up) in sorted(days.items())),
            card_count=await cards_of(ids, giving),
            mendable=mendable(held.rules, near, today, since) if held.rules.is_open else (),
            daily=held.rules.daily,
            next_steps=_next_steps(held.rules, streak, len(this_month)) if held.rules.is_open else (),
        )

    async def _rewards(self, ids: list[UUID], first: date, last: date) -> defaultdict[date, list[Rewarded]]:
        by_day: defaultdict[date, list[Rewarded]] = defaultdict(list)
        for each in await rows(statements.REWARDS, ids, first.isoformat(), last.isoformat()):
            by_day[date.fromisoformat(each["business_on"])].append(
                Rewarded(
                    part=each["part"],
                    kind=each["kind"],
                    code=each["code"],
                    wanted=int(each["wanted"]),
                    amount=int(each["amount"]),
                    cut_by=each["cut_by"],
                )
            )
        return by_day


def _next_steps(rules: CheckInRules, streak: int, in_month: int) -> tuple[NextStep, ...]:
    streaks = [NextStep("streak", step.days, step.days - streak % step.days, step.rewards) for step in rules.streak]
    months = [
        NextStep("month", step.days, step.days - in_month, step.rewards) for step in rules.month if step.days > in_month
    ]
    return tuple(sorted([*streaks, *months], key=lambda each: (each.left, each.part, each.days)))
