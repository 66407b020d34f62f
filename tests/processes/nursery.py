"""Where processes of the house come from in tests: forked from one that has imported everything already.

Importing takes several times as long as starting, and the tests start hundreds. A process that comes from here is one
of its own in every other respect: its session, its folder, its environment, its files; it is killed like any other.

Run as a program it is the nursery itself: each line on its input asks for a process, each line of its output is the id
of one. The child is handed on to whoever asked (a subreaper), who therefore sees how it ends.
"""

import asyncio
import contextlib
import ctypes
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None)


class Child:
    """A process that came from the nursery, as asyncio's own processes are."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._handle = os.pidfd_open(pid)
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._handle, self._reap)

    def _reap(self) -> None:
        found, status = os.waitpid(self.pid, os.WNOHANG)
        if found:
            self._loop.remove_reader(self._handle)
            os.close(self._handle)
            self.returncode = os.waitstatus_to_exitcode(status)
            self._ended.set()

    def send_signal(self, number: int) -> None:
        """Raises ProcessLookupError when it is gone."""
        if self.returncode is not None:
            raise ProcessLookupError
        signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """As by kill -9."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Its exit code; negative: the signal that ended it."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode


class Nursery:
    """Of one test run. Raises RuntimeError when it does not come up."""

    def __init__(self) -> None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FANPIAO_")}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(os.getpid())],
            env={**environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def spawn(
        self, arguments: Sequence[str], environment: Mapping[str, str], home: Path, log: Path, planted: str
    ) -> Child:
        """`python -m app ...` in `home`, after the code that is planted; output in `log`.out and `log`.err."""
        asked = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "home": str(home),
            "log": str(log),
            "planted": planted,
        }
        for suffix in (".out", ".err"):  # there at once: whoever asked may read before the child has begun
            log.with_suffix(suffix).touch()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the nursery is gone")
        return Child(int(answer))

    def close(self) -> None:
        """No more of them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


def _become(asked: dict, parent: int) -> None:
    """In the child: what `python -m app` is."""
    os.setsid()
    os.chdir(asked["home"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    log = Path(asked["log"])
    fresh = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = (os.devnull, os.O_RDONLY), (log.with_suffix(".out"), fresh), (log.with_suffix(".err"), fresh)
    for number, (path, how) in enumerate(files):
        opened = os.open(path, how, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    while os.getppid() != parent:  # its own parent goes at once, and ours takes it
        time.sleep(0.001)
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    sys.argv = ["app", *asked["arguments"]]
    sys.path[0] = asked["home"]
    if asked["planted"]:
        exec(asked["planted"], {"__name__": "__main__"})  # noqa: S102 - a test's own
    runpy.run_module("app", run_name="__main__", alter_sys=True)


def _main(parent: int) -> None:
    """Ask, fork, answer, until nobody asks any more."""
    for name in ("app.container", "app.server", "app.work", "app.worker", "app.demo", "app.doctor"):
        with contextlib.suppress(ModuleNotFoundError):
            __import__(name)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        reading, writing = os.pipe()
        between = os.fork()
        if not between:
            child = os.fork()
            if child:
                os.write(writing, str(child).encode())
                os._exit(0)
            os.close(reading)
            os.close(writing)
            _become(json.loads(line), parent)
            return
        os.close(writing)
        pid = os.read(reading, 20).decode()
        os.close(reading)
        os.waitpid(between, 0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main(int(sys.argv[1]))
