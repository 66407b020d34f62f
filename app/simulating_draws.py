"""`fanpiao simulate-draw`: what a draw would cost, what runs out and when, before anybody is told of it."""

import argparse
import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Literal

import orjson
from pydantic import ValidationError

from app.importing_files import SHOWN_EVERY, say
from app.schema import Settings
from gateways.clock import SystemClock
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.draw_checks import problems_of
from handlers.rules.draw_disclosure import percent
from handlers.rules.draw_rules import DrawRules
from handlers.simulation.draw_simulating import draft_rules
from handlers.simulation.plans import Plan, plan_problems
from handlers.simulation.reports import Report
from miniapp_api.operator.draw_shapes import DrawTermsBody
from models import database

PICTURES = {".png", ".svg"}


class _RefusedError(Exception):
    """It cannot begin; the text says what to do."""


class _StoppedError(Exception):
    """Somebody does not want to wait for it any more."""


async def simulate_draw(settings: Settings, options: argparse.Namespace) -> int:
    """0 when it was simulated, with warnings or without; 2 when it could not begin. Changes nothing.

    A file needs no database. A draft is read beside a running server, on SQLite too.
    """
    try:
        rules, plan = await _wanted(settings, options)
    except _RefusedError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    began = time.monotonic()
    found = await _simulated(rules, plan)
    for line in _told(found, time.monotonic() - began):
        say(line)
    if options.report is not None:
        options.report.write_bytes(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2))
        say(f"报告：{options.report}")
    if options.plot is not None:
        from handlers.simulation.plotting import plot

        kind: Literal["png", "svg"] = "svg" if options.plot.suffix.lower() == ".svg" else "png"
        options.plot.write_bytes(await asyncio.to_thread(plot, found, kind))
        say(f"图：{options.plot}")
    return 0


async def _wanted(settings: Settings, options: argparse.Namespace) -> tuple[DrawRules, Plan]:
    if options.plot is not None and options.plot.suffix.lower() not in PICTURES:
        raise _RefusedError("图只能存成 .png 或 .svg，请换一个文件名。")
    rules, plan = await _rules(settings, options), _plan(options)
    if problems := [*problems_of(rules, SystemClock().now()), *plan_problems(plan, rules)]:
        raise _RefusedError("\n".join(f"{each.field}：{each.why}" for each in problems))
    return rules, plan


async def _rules(settings: Settings, options: argparse.Namespace) -> DrawRules:
    if (options.file is None) == (options.draw is None):
        raise _RefusedError("请给出规则文件，或用 --draw 给出抽奖编号，二者选一。")
    if options.file is not None:
        return _read(options.file)
    await database.connect(settings.database_url, pool=2, read_only=True)
    try:
        await database.require_current()
        rules = await draft_rules(options.draw)
    finally:
        await database.disconnect()
    if rules is None:
        raise _RefusedError("没有这个抽奖，请核对编号。")
    return rules


def _read(file: Path) -> DrawRules:
    """The file holds what `POST /operator/draws` takes as `terms`."""
    try:
        return DrawTermsBody.model_validate_json(file.read_bytes()).facts().rules
    except OSError as trouble:
        raise _RefusedError(f"读不了 {file}：{trouble.strerror}。") from trouble
    except ValidationError as trouble:
        lines = (f"{'.'.join(map(str, each['loc'])) or '文件'}：{each['msg']}" for each in trouble.errors())
        raise _RefusedError("\n".join(["规则文件不对：", *lines])) from trouble


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(
        expected_spins=options.spins,
        members=options.members,
        virtual_spins=options.virtual,
        decay_percent=options.decay,
        blocked_ppm=options.blocked_ppm,
        budget_fen=options.budget_fen,
        seed=options.seed,
    )


async def _simulated(rules: DrawRules, plan: Plan) -> Report:
    """In a thread that hears of a signal with the next virtual day."""
    # Numpy takes a while to load, and the server starts by this module's neighbours.
    from handlers.simulation.reporting import report
    from handlers.simulation.simulating import simulate

    is_over, shown = threading.Event(), time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal shown
        if is_over.is_set():
            raise _StoppedError
        if time.monotonic() - shown >= SHOWN_EVERY:
            shown = time.monotonic()
            say(f"{done / total:4.0%}  已模拟 {done:,} 次")

    try:
        return await asyncio.to_thread(lambda: report(simulate(rules, plan, BUSINESS_ZONE, progress)))
    finally:
        is_over.set()


def _told(found: Report, took: float) -> Iterator[str]:
    yield (
        f"{found.title}：每场 {found.expected_spins:,} 次，模拟 {found.runs} 场，"
        f"共 {found.virtual_spins:,} 次，用时 {took:.1f} 秒"
    )
    low, mean, high = (f"{fen / 100:,.2f}" for fen in (found.cost_low_fen, found.cost_mean_fen, found.cost_high_fen))
    yield f"预计花费 {mean} 元，十场里有九场在 {low} 到 {high} 元之间"
    for prize in found.prizes:
        stock = "不限量" if prize.stock is None else f"库存 {prize.stock:,}"
        gone = f"，{prize.runs_out:.0%} 的场次会发完" if prize.runs_out else ""
        when = f"，多半在 {_local(prize.runs_out_at)}" if prize.runs_out_at else ""
        yield f"  {prize.name}：概率 {percent(prize.ppm)}，{stock}，平均发出 {prize.awarded:,.1f}{gone}{when}"
    if found.pity is not None:
        base, with_pity = found.pity.base_share, found.pity.rolled_share
        yield f"  保底：这些奖品的概率从 {base:.3%} 升到 {with_pity:.3%}"
    for each in found.warnings:
        yield f"提醒：{each.text}"


def _local(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(BUSINESS_ZONE):%Y-%m-%d %H:%M}"
