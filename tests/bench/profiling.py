"""Where the time goes: py-spy beside the server during a round, summed up by function."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SECONDS = 8
RATE = 250
SHOWN = 25
OURS = ("app", "bot", "gateways", "handlers", "miniapp_api", "models", "tests")


@dataclass(frozen=True)
class Profile:
    """Samples by function, by what it did itself and by all that it led to; and by package."""

    total: int
    by_self: Counter[str]
    cumulative: Counter[str]
    by_package: Counter[str]

    def _below_the_loop(self) -> Counter[str]:
        # What leads to everything says nothing.
        return Counter({name: count for name, count in self.cumulative.items() if count < 0.99 * self.total})

    def table(self, shown: int = SHOWN) -> str:
        """Three lists in Markdown, in percent of the time that the server's threads were at work."""
        lines: list[str] = []
        for title, counts in (
            ("by package, own time", self.by_package),
            ("by function, own time", self.by_self),
            ("by function, with all it calls", self._below_the_loop()),
        ):
            lines += [f"### {title}", ""]
            lines += [f"- {count / self.total:6.1%}  `{name}`" for name, count in counts.most_common(shown)]
            lines.append("")
        return "\n".join(lines)


def profile(pid: int, load: Callable[[int], object], *, name: str, folder: Path) -> Profile:
    """Two rounds under py-spy: one summed up, one drawn to `NAME.svg`. Raises RuntimeError when py-spy cannot watch."""
    raw = folder / f"{name}.stacks"
    _watched(pid, load, "raw", raw)
    _watched(pid, load, "flamegraph", folder / f"{name}.svg")
    return summed_up(raw.read_text(encoding="utf-8").splitlines())


def summed_up(stacks: Sequence[str]) -> Profile:
    """From lines of `frame;frame;frame count`, outermost first."""
    total, by_self, cumulative, by_package = 0, Counter[str](), Counter[str](), Counter[str]()
    for line in stacks:
        stack, _, number = line.rpartition(" ")
        frames, count = stack.split(";"), int(number)
        total += count
        by_self[frames[-1]] += count
        by_package[_package(frames[-1])] += count
        for frame in set(frames):
            cumulative[frame] += count
    return Profile(max(total, 1), by_self, cumulative, by_package)


def _package(frame: str) -> str:
    # A frame reads `function (folder/file.py:line)`; of ours the file is told, of others the package.
    path = frame.rpartition("(")[2].rstrip(")").rpartition(":")[0]
    parts = path.removeprefix("/").split("/")
    if "site-packages" in parts:
        parts = parts[parts.index("site-packages") + 1 :]
    return "/".join(parts) if parts[0] in OURS else parts[0]


def _watched(pid: int, load: Callable[[int], object], form: str, into: Path) -> None:
    program = Path(sys.executable).with_name("py-spy")
    command = [program, "record", "--pid", pid, "--duration", SECONDS, "--rate", RATE, "--format", form]
    command += ["--function", "--output", into]
    done: list[subprocess.CompletedProcess[str]] = []

    def watch() -> None:
        words = [str(word) for word in command]
        done.append(subprocess.run(words, check=False, capture_output=True, text=True, timeout=SECONDS + 60))

    watcher = threading.Thread(target=watch)
    watcher.start()
    load(SECONDS)
    watcher.join()
    if done[0].returncode:
        raise RuntimeError(f"py-spy: {done[0].stderr[-500:]}")
