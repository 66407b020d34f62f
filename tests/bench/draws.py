"""A draw's arithmetic, without a server: a million virtual spins as an operator asks for them, and a day that anybody
checks with the stand-alone verifier, each in a process of its own."""

import asyncio
import random
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.draw_rules import DrawRules, Pity, Prize, PrizeKind
from handlers.simulation.apart import Apart
from handlers.simulation.plans import Plan
from tests.bench.heavy import Heavy
from tests.bench.load import BadAnswers, median
from tests.bench.processes import ROOT
from tests.rules.draw_days import Draw
from tests.rules.drawing import THANKS, a_draw

VIRTUAL_SPINS, SIMULATION_SECONDS = 1_000_000, 5.0
SPINS, MEMBERS, VERIFIED_PER_SECOND = 200_000, 20_000, 50_000.0
ROUNDS = 3
VERIFIER = ROOT / "docs" / "fairness" / "verify_draw.py"


def rules() -> DrawRules:
    """Eight prizes: stock, a limit of the day, caps, a lock, pity."""
    some = [
        Prize(
            f"p{place}", f"奖品{place}", PrizeKind.GOODS, 2_000 * place, rarity=8 - place, value_fen=1_000, stock=stock
        )
        for place, stock in enumerate((20, 200, 1_000, 5_000, 20_000), start=1)
    ]
    points = Prize("points", "十积分", PrizeKind.POINTS, 170_000, amount=10, value_fen=10)
    coupon = Prize("coupon", "饮料券", PrizeKind.BENEFIT, 100_000, value_fen=500, reference="b1", daily=2_000)
    first = replace(some[0], unlock_after=3, per_member=1, fallback="points")
    prizes = (first, replace(some[1], per_member=2), *some[2:], coupon, points, THANKS)
    return a_draw(*prizes, pity=Pity(6, guaranteed_at=80, ramp_from=60, ramp_ppm=5_000))


def simulation() -> list[Heavy]:
    """As the operator's route does it: the process begins, simulates and reports. The median of three."""
    took = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        found = asyncio.run(Apart().report(rules(), Plan(virtual_spins=VIRTUAL_SPINS), BUSINESS_ZONE))
        took.append(time.monotonic() - began)
        if found.virtual_spins != VIRTUAL_SPINS:
            raise BadAnswers(f"{found.virtual_spins} were simulated")
    middle = median(took)
    title = f"simulation of {VIRTUAL_SPINS:,} spins of eight prizes, its process included"
    return [Heavy(title, f"{middle:.2f} s", f"{SIMULATION_SECONDS:g} s", middle <= SIMULATION_SECONDS)]


def verifier(home: Path) -> list[Heavy]:
    """A day's log from start to verdict, Python's own start included. The median of three."""
    log = home / "day.jsonl"
    log.write_bytes(b"".join(a_day()))
    rates, used = [], cpu_seconds()
    for _ in range(ROUNDS):
        began = time.monotonic()
        told = subprocess.run(
            [sys.executable, "-I", VERIFIER, log], check=False, capture_output=True, text=True, encoding="utf-8"
        )
        rates.append(SPINS / (time.monotonic() - began))
        if told.returncode or "ALL IS AS PROMISED" not in told.stdout:
            raise BadAnswers(told.stdout)
    middle, cost = median(rates), (cpu_seconds() - used) / ROUNDS / SPINS * 1e6
    found, is_reached = f"{middle:,.0f}/s, {cost:.1f} µs of CPU each", middle >= VERIFIED_PER_SECOND
    return [Heavy(f"verifier, {SPINS:,} spins", found, f"{VERIFIED_PER_SECOND:,.0f}/s", is_reached)]


def cpu_seconds() -> float:
    """Of all processes that were begun here and have ended."""
    theirs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return theirs.ru_utime + theirs.ru_stime


def a_day() -> list[bytes]:
    """The log of a day of eight prizes, as it leaves the house."""
    draw, members = Draw(rules()), random.Random(7)
    draw.open()
    for sequence in range(SPINS):
        draw.at -= 999  # a spin each millisecond: all on one day
        draw.spin(f"m{members.randrange(MEMBERS)}", f"n{sequence}")
    return draw.log()
