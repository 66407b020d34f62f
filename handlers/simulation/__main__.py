"""`python -m handlers.simulation`: one task from standard input, its result on standard output; see `apart.py`.

It is polite: whoever waits for a simulation can wait a little longer, whoever waits for the server cannot.
"""

import os
import sys
from zoneinfo import ZoneInfo

import orjson

from handlers.codec import from_json, to_json
from handlers.rules.draw_rules import rules_of
from handlers.simulation.plans import Plan
from handlers.simulation.plotting import plot
from handlers.simulation.reporting import report
from handlers.simulation.reports import Report
from handlers.simulation.simulating import simulate

NICE = 10


def main() -> None:
    """Do what is asked. Whatever goes wrong ends it with a traceback and another exit code than 0."""
    os.nice(NICE)
    asked = orjson.loads(sys.stdin.buffer.read())
    if asked["task"] == "picture":
        sys.stdout.buffer.write(plot(from_json(Report, asked["report"]), asked["kind"]))
        return
    found = simulate(rules_of(asked["rules"]), from_json(Plan, asked["plan"]), ZoneInfo(asked["zone"]))
    sys.stdout.buffer.write(orjson.dumps(to_json(report(found))))


if __name__ == "__main__":
    main()
