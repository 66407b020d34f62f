"""`fanpiao demo` as somebody at a terminal meets it: a process of its own in an empty folder."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

ROOT = Path(__file__).parents[2]
STARTED, SECONDS = "按 Ctrl-C 结束", 90.0
ENDS_WITHIN = 10.0  # five seconds, and what a busy machine adds

pytestmark = pytest.mark.timeout(240)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Terminal:
    """One demo and what it has printed so far."""

    def __init__(self, folder: Path, port: int, simulator_port: int) -> None:
        self._screen = folder / f"screen-{port}-{simulator_port}-{time.monotonic_ns()}.txt"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FANPIAO_")} | {
            "FANPIAO_PORT": str(port),
            "FANPIAO_SIMULATOR__PORT": str(simulator_port),
            "PYTHONPATH": str(ROOT),
        }
        with self._screen.open("wb") as screen:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "demo"], cwd=folder, env=environment, stdout=screen, stderr=screen
            )

    @property
    def text(self) -> str:
        return self._screen.read_text(encoding="utf-8")

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + SECONDS
        while words not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.02)

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


Demo = Callable[..., Terminal]


@pytest.fixture
def demo(tmp_path) -> Iterator[Demo]:
    """Starts demos in one folder, on free ports unless told otherwise."""
    terminals: list[Terminal] = []

    def start(port: int | None = None, simulator_port: int | None = None) -> Terminal:
        terminals.append(Terminal(tmp_path, port or free_port(), simulator_port or free_port()))
        return terminals[-1]

    yield start
    for terminal in terminals:
        if terminal.process.poll() is None:
            terminal.process.kill()
            terminal.process.wait()


def gone(processes: list[psutil.Process], *, within: float) -> bool:
    return not psutil.wait_procs(processes, timeout=within)[1]


def test_the_addresses_it_prints_answer_and_ctrl_c_ends_everything_within_five_seconds(demo):
    terminal = demo()
    terminal.wait_for(STARTED)
    addresses = re.findall(r"http://\S+", terminal.text)
    assert len(addresses) == 4
    for address in addresses:
        with urlopen(address, timeout=10) as answer:  # noqa: S310 - printed by ourselves
            assert answer.status == 200
    family = terminal.family()
    assert family
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(timeout=ENDS_WITHIN) == 0
    assert gone(family, within=ENDS_WITHIN)
    assert "Traceback" not in terminal.text


def test_ctrl_c_while_it_is_starting_ends_it_quietly(demo):
    terminal = demo()
    terminal.wait_for("正在启动")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(timeout=ENDS_WITHIN) == 0
    assert "Traceback" not in terminal.text


def test_the_simulator_does_not_outlive_a_demo_that_was_killed(demo):
    terminal = demo()
    terminal.wait_for(STARTED)
    family = terminal.family()
    assert family
    terminal.process.kill()
    terminal.process.wait()
    assert gone(family, within=ENDS_WITHIN)


@pytest.mark.parametrize("setting", ["FANPIAO_PORT", "FANPIAO_SIMULATOR__PORT"])
def test_a_port_that_is_taken_is_named_with_the_setting_that_changes_it(demo, setting):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        terminal = demo(port=port) if setting == "FANPIAO_PORT" else demo(simulator_port=port)
        assert terminal.process.wait(timeout=SECONDS) == 2
    assert str(port) in terminal.text
    assert f"设 {setting} " in terminal.text
    assert "Traceback" not in terminal.text


def test_a_second_demo_in_the_same_folder_is_told_who_runs_the_first(demo):
    first = demo()
    first.wait_for(STARTED)
    second = demo()
    assert second.process.wait(timeout=SECONDS) == 2
    assert str(first.process.pid) in second.text
    assert "Traceback" not in second.text
