"""A simulation told in numbers and sentences."""

from statistics import NormalDist
from typing import Any

import numpy as np

from handlers.rules.draw_rules import WHOLE, PrizeKind, instant
from handlers.rules.prize_table import Table
from handlers.simulation.reports import Caution, PityReport, PrizeReport, Report
from handlers.simulation.simulating import TICKS, Simulated

_ENOUGH_RUNS = 20  # from so many on the interval is counted, below it is that of the normal law
_FEW_RUNS = 5  # below, the variance of one spin says more than that of so few draws
_LOW, _HIGH = 5, 95  # per cent of the draws
_EARLY, _SELDOM, _LEFT_OVER, _OTHERWISE = 0.5, 0.5, 0.5, 0.2


def report(found: Simulated) -> Report:
    """In numbers and sentences."""
    rules, plan = found.rules, found.plan
    awarded, rolled = found.stacked("awarded"), found.stacked("rolled")
    values = np.array([prize.value_fen for prize in rules.prizes])
    cost_low, cost_high = _interval(awarded @ values, awarded, values, plan.expected_spins)
    prizes = tuple(_prize(found, place, awarded[:, place], rolled[:, place]) for place in range(len(rules.prizes)))
    pity = _pity(found, rolled)
    starts, ends = found.days[0].starts, found.days[-1].ends
    return Report(
        title=rules.title,
        runs=plan.runs,
        virtual_spins=plan.runs * plan.expected_spins,
        expected_spins=plan.expected_spins,
        cost_mean_fen=float((awarded @ values).mean()),
        cost_low_fen=cost_low,
        cost_high_fen=cost_high,
        prizes=prizes,
        pity=pity,
        warnings=tuple(_warnings(found, prizes, pity, cost_high)),
        ticks=tuple(_said(starts + (ends - starts) * (tick + 1) // TICKS) for tick in range(TICKS)),
        given=tuple(tuple(map(float, row)) for row in np.cumsum(found.stacked("by_tick").mean(axis=0), axis=1)),
    )


def _interval(costs: Any, awarded: Any, values: Any, spins: int) -> tuple[float, float]:
    """In which nine of ten draws lie: counted where there are many draws, by their own variance where there are some,
    and by that of a single spin where there are too few."""
    if len(costs) >= _ENOUGH_RUNS:
        return float(np.percentile(costs, _LOW)), float(np.percentile(costs, _HIGH))
    shares = awarded.mean(axis=0) / spins
    variance = max(float(shares @ values**2 - (shares @ values) ** 2), 0.0) * spins
    if len(costs) >= _FEW_RUNS:
        variance = float(np.var(costs, ddof=1))
    reach = NormalDist().inv_cdf(_HIGH / 100) * variance**0.5
    mean = float(costs.mean())
    return max(mean - reach, 0.0), mean + reach


def _prize(found: Simulated, place: int, awarded: Any, rolled: Any) -> PrizeReport:
    prize, spins = found.rules.prizes[place], found.plan.expected_spins
    low, high = _interval(awarded, awarded[:, None], np.array([1]), spins)
    emptied = [run.emptied_at[place] for run in found.runs]
    instants = sorted(at for at in emptied if at is not None)
    return PrizeReport(
        code=prize.code,
        name=prize.name,
        ppm=prize.ppm,
        stock=prize.stock,
        rolled=float(rolled.mean()),
        awarded=float(awarded.mean()),
        awarded_low=low,
        awarded_high=high if prize.stock is None else min(high, prize.stock),
        cost_fen=float(awarded.mean()) * prize.value_fen,
        runs_out=len(instants) / len(emptied),
        runs_out_at=_said(instants[len(instants) // 2]) if instants else None,
    )


def _pity(found: Simulated, rolled: Any) -> PityReport | None:
    if found.rules.pity is None:
        return None
    table = Table(found.rules)
    rare = [place for place in range(len(table.prizes)) if table.is_rare(place)]
    spins = found.plan.runs * found.plan.expected_spins
    return PityReport(
        base_share=sum(table.prizes[place].ppm for place in rare) / WHOLE,
        rolled_share=float(rolled[:, rare].sum()) / spins,
        guaranteed_share=sum(run.guaranteed for run in found.runs) / spins,
    )


def _warnings(found: Simulated, prizes: tuple[PrizeReport, ...], pity: PityReport | None, high: float) -> list[Caution]:
    warnings, plan = [], found.plan
    if plan.budget_fen is not None and high > plan.budget_fen:
        warnings.append(Caution("over_budget", None, "预计花费可能超出预算，请降低概率、库存或奖品价值"))
    starts, ends = found.days[0].starts, found.days[-1].ends
    for place, (each, prize) in enumerate(zip(prizes, found.rules.prizes, strict=True)):
        if prize.kind is PrizeKind.THANKS:
            continue
        emptied = [run.emptied_at[place] for run in found.runs]
        early = [at for at in emptied if at is not None and at - starts < (ends - starts) * _EARLY]
        if len(early) > len(emptied) * _SELDOM:
            warnings.append(Caution("runs_out_early", each.code, f"“{each.name}”多半在活动过半之前发完，可以分时放出"))
        if prize.stock is not None and each.awarded_high < prize.stock * _LEFT_OVER:
            warnings.append(Caution("left_over", each.code, f"“{each.name}”的库存多半用不到一半"))
        if prize.ppm == 0 and each.awarded == 0:
            warnings.append(Caution("never_won", each.code, f"“{each.name}”没有人抽中过"))
        if each.rolled > 0 and each.rolled - each.awarded > each.rolled * _OTHERWISE:
            text = f"抽中“{each.name}”的人里，每五个就有一个以上得到的是替补奖品"
            warnings.append(Caution("often_replaced", each.code, text))
    if pity is not None and pity.guaranteed_share > _OTHERWISE:
        warnings.append(Caution("mostly_pity", None, "五分之一以上的抽奖由保底决定，公布的概率会显得偏低"))
    return warnings


def _said(at: int) -> str:
    return instant(at).isoformat(timespec="seconds")
