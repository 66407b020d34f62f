"""Ladders for tests, and what is asked of levels in a line."""

from datetime import datetime, timedelta

from handlers.levels.growth import GrowthEarning, earn_growth, take_back_growth
from handlers.levels.ladders import keep_version, ladder_now
from handlers.levels.levels import level_of, settle
from handlers.retrying import again
from handlers.rules.ledger import Cause
from handlers.rules.levels import Ladder, Level
from models.database import atomic
from models.levels import LevelChange
from models.words import DowngradePolicy, PointsExpiry
from tests.handlers.offering import key

DAY = timedelta(days=1)
BASE, SILVER, GOLD = "base", "silver", "gold"


def a_ladder(
    downgrade=DowngradePolicy.ONE_DOWN, *, silver=100, gold=500, keep=(50, 200), validity=(PointsExpiry.DAYS, 30)
):
    """Everybody is 普通; 银卡 and 金卡 are held for 30 days and then judged."""
    levels = (
        Level(BASE, "普通会员", 0),
        Level(SILVER, "银卡会员", silver, *validity, keep_growth=keep[0]),
        Level(GOLD, "金卡会员", gold, *validity, keep_growth=keep[1]),
    )
    return Ladder(levels, downgrade)


class Steps:
    """A programme with levels, by its clock."""

    def __init__(self, clock) -> None:
        self.clock = clock

    async def publish(self, ladder: Ladder) -> int:
        async with atomic():
            return await keep_version(await ladder_now(), ladder, at=self.clock.now())

    async def earn(self, person, amount, act=None):
        one = GrowthEarning(person.member_id, amount, Cause("test_growth", act or key()))

        async def work():
            async with atomic():
                return await earn_growth([one], at=self.clock.now())

        return (await again(work))[one]

    async def take_back(self, person, earned, amount, act=None):
        async with atomic():
            cause = Cause("test_back", act or key())
            return await take_back_growth(
                person.member_id, earned.transfer_id, amount, cause=cause, at=self.clock.now()
            )

    async def settle(self, *people, at: datetime | None = None):
        async with atomic():
            await settle([each.member_id for each in people], at=at or self.clock.now())

    async def level(self, person) -> str:
        async with atomic():
            return (await level_of([person.member_id])).get(person.member_id, "")

    async def history(self, person):
        found = await LevelChange.filter(member_id=person.member_id).order_by("number")
        return [(each.cause.value, each.code) for each in found]
