"""wrk, and what it found."""

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONNECTIONS = 32
_SCRIPT = Path(__file__).with_name("feed.lua")


class Overran(Exception):
    """The prepared requests were used up before the round ended."""


class BadAnswers(RuntimeError):
    """The server refused or broke off requests that it should have answered."""


@dataclass(frozen=True)
class Load:
    """One round. Seconds of the machine, latencies in milliseconds.

    wrk corrects its latencies for coordinated omission: a pause counts for those too who would have come during it.
    """

    requests: int
    seconds: float
    p50: float
    p99: float
    generator: float = 0.0  # seconds of CPU time of whoever made the load
    platform: float = 0.0  # and of the pretend platform

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


@dataclass(frozen=True)
class Line:
    """One request of a feed."""

    path: str
    token: str = ""
    body: str = ""
    key: str = ""  # for Idempotency-Key
    headers: Mapping[str, str] = field(default_factory=dict)  # of a channel, which has no token

    @property
    def who(self) -> str:
        """The token, or the headers as `name=value` with blanks between."""
        return " ".join(f"{name}={value}" for name, value in self.headers.items()) or self.token


def write_feed(path: Path, lines: Iterable[Line]) -> Path:
    """The file that wrk reads."""
    with path.open("w", encoding="utf-8") as feed:
        feed.writelines(f"{line.path}\t{line.who}\t{line.key}\t{line.body}\n" for line in lines)
    return path


def wrk_is_installed() -> bool:
    """`make bench` installs it."""
    return shutil.which("wrk") is not None


def wrk(url: str, method: str, feed: Path, *, seconds: int, once: bool = False, connections: int = CONNECTIONS) -> Load:
    """One round over so many connections. `once`: no line may be sent twice.

    Raises Overran, BadAnswers (an error status, or a broken connection).
    """
    before = os.times()
    found = told_by_wrk(url, method, feed, seconds=seconds, connections=connections)
    after = os.times()
    if once and found["laps"]:
        raise Overran
    if found["failed"] or not found["requests"]:
        raise BadAnswers(f"{found['failed']} of {found['requests']} requests failed at {url}")
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return Load(found["requests"], found["microseconds"] / 1e6, found["p50"] / 1e3, found["p99"] / 1e3, generator=used)


def told_by_wrk(
    url: str, method: str, feed: Path, *, seconds: int, connections: int, script: Path = _SCRIPT
) -> dict[str, Any]:
    """What the script says at the end of a round of one thread. Raises RuntimeError when wrk fails."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), url]
    done = subprocess.run(
        [*command, "--", method, str(feed)], check=False, capture_output=True, text=True, timeout=seconds + 60
    )
    told = [line.removeprefix("BENCH ") for line in done.stdout.splitlines() if line.startswith("BENCH ")]
    if done.returncode or not told:
        raise RuntimeError(f"wrk failed: {done.stdout[-500:]} {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(told[0])
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)
