"""Processes of the bench: each with settings of its own, ready before it is used, stopped by its id."""

import contextlib
import ctypes
import http.client
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 30.0
STOP_SECONDS = 8.0
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Running:
    """One of our processes that listens on a loopback port."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def resident_bytes(self) -> int:
        """Physical memory it holds now."""
        return int(psutil.Process(self.pid).memory_info().rss)


def run(*arguments: str, home: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run one of our commands to its end. Raises RuntimeError with what it said when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=home,
        env=_environment(environment or {}),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(f"{arguments}: {done.stderr[-2000:]}")


@contextlib.contextmanager
def started(
    arguments: Sequence[str], *, port: int, home: Path, ready: str = "/", environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """`python -m ...` until the block ends; given once `GET ready` answers. Its output goes to a file in `home`."""

    with spawned(arguments, home=home, environment=environment) as (process, log):
        _wait(process, port, ready, log)
        yield Running(process.pid, port)


@contextlib.contextmanager
def spawned(
    arguments: Sequence[str], *, home: Path, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """`python -m ...` until the block ends, and the file in `home` that its output goes to."""

    def die_with_us() -> None:  # so that even a killed bench leaves nothing behind
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))

    log = home / f"{arguments[0]}-{next(_numbers)}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=home,  # away from a developer's own .env
            env=_environment(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            preexec_fn=die_with_us,
        )
    try:
        yield process, log
    finally:
        for how in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is not None:
                break
            process.send_signal(how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)


def get(url: str, path: str, token: str = "") -> tuple[int, bytes]:
    """Status and body of one GET at one of our processes; of whoever the session belongs to, if one is given."""
    line = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    try:
        line.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = line.getresponse()
        return answer.status, answer.read()
    finally:
        line.close()


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FANPIAO_")}
    return {**kept, "PYTHONPATH": str(ROOT), **ours}


def _wait(process: subprocess.Popen[bytes], port: int, ready: str, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if get(f"http://127.0.0.1:{port}", ready)[0] == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not start: {log.read_text(errors='replace')[-2000:]}")
