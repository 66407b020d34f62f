"""A place where people check in: published terms, and what is asked of them in a line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.checkins import CheckInRules, Step
from handlers.rules.rewards import Reward
from handlers.rules.validity import day_of
from models.checkins import CheckIn, GivenReward
from models.organizations import Organization
from tests.handlers.conftest import MEMBERSHIP
from tests.handlers.ledgers import breaches
from tests.handlers.offering import key, operator_at
from tests.handlers.test_points import Mall

DAY = timedelta(days=1)


def points(amount: int) -> tuple[Reward, ...]:
    return (Reward("points", amount, "check_in"),)


CARD = (Reward("makeup_card", 1, days=30),)
RULES = CheckInRules(points(2), (Step(3, points(10)), Step(7, CARD)), (Step(5, points(50)),), days_back=7)


class Parlour:
    """Where people check in."""

    def __init__(self, rooms: Any, mall: Mall) -> None:
        self.rooms, self.mall, self.operator = rooms, mall, mall.operator
        self.handlers = rooms.handlers

    async def publish(self, rules: CheckInRules = RULES, **facts: Any) -> int:
        answer = await self.handlers.check_in_terms.publish(self.operator, rules, **{"request_id": key(), **facts})
        return answer.value.number

    async def press(self, person: Any, request_id: str | None = None) -> Any:
        return (await self.handlers.check_ins.check_in(person, request_id=request_id or key())).value

    async def press_on(self, person: Any, *numbers: int) -> list[Any]:
        """On these days from now, in this order; the clock ends where it began."""
        done = []
        for number in numbers:
            self.rooms.clock.advance(number * DAY)
            done.append(await self.press(person))
            self.rooms.clock.advance(-number * DAY)
        return done

    async def mend(self, person: Any, on: date, request_id: str | None = None) -> Any:
        return (await self.handlers.check_ins.mend(person, on, request_id=request_id or key())).value

    async def month(self, person: Any, first: date | None = None) -> Any:
        return await self.handlers.check_in_calendar.month(person, first)

    @property
    def today(self) -> date:
        return day_of(self.rooms.clock.now(), BUSINESS_ZONE)

    async def points(self, person: Any) -> int:
        return (await self.mall.seen(person))[0]


@asynccontextmanager
async def a_parlour(rooms: Any) -> AsyncIterator[Parlour]:
    """Terms are published; whatever a test does, `doctor` has nothing to say in the end."""
    root = await Organization.get(parent=None)
    mall = Mall(rooms, root, await operator_at(root))
    await mall.rule("check_in", name="签到")
    parlour = Parlour(rooms, mall)
    await parlour.publish()
    yield parlour
    assert await breaches() == []


async def elsewhere(rooms: Any, number: int = 0) -> Any:
    """A member by another platform, who may turn out to be somebody we know."""
    person = await rooms.person(f"o-far{number}", account=f"far{number}")
    await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP])
    return await rooms.person(f"o-far{number}", account=f"far{number}")


async def stored() -> tuple[int, int]:
    """How many check-ins and rewards there are."""
    return await CheckIn.all().count(), await GivenReward.all().count()
