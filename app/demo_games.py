"""What the demo's members can do every day: check in, do tasks for points, and spin a wheel with them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from app.container import House
from handlers.actors import Operator
from handlers.draws.draw_editing import DrawDraft
from handlers.points.points_terms import RuleWanted
from handlers.rules.checkins import CheckInRules, Step
from handlers.rules.draw_rules import DrawRules, Notice, Pity, Prize, PrizeKind, SpinPrice
from handlers.rules.draw_terms import DrawTerms
from handlers.rules.rewards import Reward
from handlers.rules.tasks import CARD, PROFILE, REDEMPTION, TaskTerms
from handlers.simulation.plans import Plan
from handlers.tasks.task_editing import TaskDraft

WHEEL, DAYS = "wheel", 30
_CHECK_IN, _TASK = "check_in", "task"  # earning rules
_PLAN = Plan(expected_spins=2_000, members=200, virtual_spins=100_000)
_NOTICE = Notice(
    organiser="江南书店",
    contact="400-000-0000",
    conditions="本店会员，每人都可以参加。",
    redemption="券码和积分即时到账；水壶请在30天内填写收货地址。",
    delivery="填写地址后7天内寄出，运费由本店承担。",
    forfeiture="逾期没有填写地址的，视为放弃，奖品退回奖池。",
)


async def open_games(house: House, by: Operator, offers: Mapping[str, UUID], begun_at: datetime) -> None:
    """Brought in through the use cases; again, nothing. `offers`: those of the demo, by their code.

    Raises DomainError.
    """
    handlers = house.handlers
    for code, name in ((_CHECK_IN, "签到"), (_TASK, "任务")):
        await handlers.points_terms.set_rule(by, RuleWanted(code, name), request_id=f"demo:{code}")
    await handlers.check_in_terms.publish(by, _check_ins(), request_id="demo")
    for draft in _tasks():
        task = (await handlers.task_editing.draft(by, draft, request_id=draft.code)).value
        await handlers.task_editing.publish(by, task.id, request_id=draft.code)
    wheel = DrawDraft(WHEEL, DrawTerms(_rules(offers, begun_at)), keyword="转盘")
    draw = (await handlers.draw_editing.draft(by, wheel, request_id=WHEEL)).value
    await handlers.draw_simulating.simulate(by, draw.id, _PLAN, request_id=WHEEL)
    await handlers.draw_editing.publish(by, draw.id, request_id=WHEEL)


def _check_ins() -> CheckInRules:
    return CheckInRules(
        daily=(Reward("points", 10, _CHECK_IN),),
        streak=(Step(7, (Reward("points", 50, _CHECK_IN), Reward("makeup_card", 1, days=30))),),
        month=(Step(20, (Reward("points", 100, _CHECK_IN),)),),
        days_back=7,
    )


def _tasks() -> tuple[TaskDraft, ...]:
    return (
        TaskDraft("profile", TaskTerms(PROFILE, "完善资料", (Reward("points", 20, _TASK),), button="去填写")),
        TaskDraft("card", TaskTerms(CARD, "绑定会员卡", (Reward("points", 30, _TASK),), button="去绑卡")),
        TaskDraft("redemption", TaskTerms(REDEMPTION, "第一次到店核销", (Reward("points", 50, _TASK),))),
    )


def _rules(offers: Mapping[str, UUID], opens_at: datetime) -> DrawRules:
    """Eight prizes. Kettle and film ticket are what the guarantee speaks of."""
    benefit, points = PrizeKind.BENEFIT, PrizeKind.POINTS
    coffee, film, off20 = (str(offers[code]) for code in ("coffee", "film", "off20"))
    prizes = (
        Prize("kettle", "水壶", PrizeKind.GOODS, 5_000, 2, value_fen=9_900, stock=5, per_member=1, fallback="points10"),
        Prize("points10", "10积分", points, 300_000, value_fen=10, amount=10),
        Prize("film", "电影票", benefit, 20_000, 2, value_fen=4_000, reference=film, stock=20, fallback="points100"),
        Prize("again", "再抽一次", PrizeKind.CHANCES, 100_000, value_fen=20, amount=1),
        Prize("coffee", "拿铁一杯", benefit, 50_000, 1, value_fen=2_800, reference=coffee, stock=20, daily=5),
        Prize("points100", "100积分", points, 50_000, 1, value_fen=100, amount=100),
        Prize("off20", "满100减20", benefit, 100_000, value_fen=2_000, reference=off20),
        Prize("thanks", "谢谢参与", PrizeKind.THANKS, 375_000),
    )
    return DrawRules(
        title="书店大转盘",
        opens_at=opens_at,
        closes_at=opens_at + timedelta(days=DAYS),
        prizes=prizes,
        pity=Pity(rarity=2, guaranteed_at=30),
        price=SpinPrice(free_daily=1, points=20),
        notice=_NOTICE,
    )
