"""Rules of the house that no bought linter knows; each is shown once to see its culprit."""

import ast
import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("app", "bot", "gateways", "handlers", "miniapp_api", "models", "simulator")
LONGEST = 400
SKIPPED = {".venv", ".git", "var", "build", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "__pycache__"}
# Put together here, so that this file itself does not hold what it looks for.
FORBIDDEN_TEXTS = [
    re.compile(pattern)
    for pattern in (
        r"--" + r"(extra-)?index-url\b",
        r"py" + r"pi\.org/simple",
        r"files\.python" + r"hosted\.org",
        r"https?://[\w.-]*(mirror|artifactory|nexus|devpi)[\w.-]*/",
        r"regis" + r"try\.npmjs",
        r"/wo" + r"rk/(main|shared)",
        r"\b(audience|reliability|peers|texts|wechat)" + r"\.md\b",  # the project says what it knows itself
    )
]


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def committed_files() -> list[Path]:
    """What git tracks; without git (an unpacked archive), every file that is not built."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    if listed.returncode == 0:
        names = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        names = [path for path in ROOT.rglob("*") if not SKIPPED.intersection(path.relative_to(ROOT).parts)]
    return [path for path in names if path.is_file()]


@functools.cache
def calls(source: str) -> tuple[tuple[int, str], ...]:
    """Line and dotted name of every call, with what was imported under another name spelt out."""
    module = ast.parse(source)
    known: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            known |= {alias.asname: alias.name for alias in node.names if alias.asname}
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            first, _, rest = ast.unparse(node.func).partition(".")
            found.append((node.lineno, ".".join(filter(None, (known.get(first, first), rest)))))
    return tuple(found)


def reads_the_clock(source: str) -> list[int]:
    clock = {"datetime.datetime.now", "datetime.datetime.utcnow", "datetime.now", "datetime.date.today", "date.today"}
    clock |= {"datetime.datetime.today", "tortoise.timezone.now"}
    return [line for line, name in calls(source) if name in clock]


def prints(source: str) -> list[int]:
    return [line for line, name in calls(source) if name == "print"]


def opens_plain_transactions(source: str) -> list[int]:
    plain = {"in_transaction", "atomic"}
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "tortoise.transactions"
            and plain.intersection(alias.name for alias in node.names)
        )
        or (isinstance(node, ast.Import) and any(alias.name == "tortoise.transactions" for alias in node.names))
        or (
            isinstance(node, ast.Attribute)
            and ast.unparse(node) in {"transactions.in_transaction", "transactions.atomic"}
        )
    ]


def findings(find, *folders: str, but: tuple[str, ...] = ()) -> list[str]:
    """`path:line` of everything found."""
    return [
        f"{path.relative_to(ROOT)}:{line}"
        for path in python_files(*folders)
        if str(path.relative_to(ROOT)) not in but
        for line in find(path.read_text(encoding="utf-8"))
    ]


def test_only_the_clock_reads_the_time():
    # The simulator is another machine. `created_at` says when a row was written, and decides nothing.
    folders = [package for package in PACKAGES if package != "simulator"]
    assert findings(reads_the_clock, *folders, but=("gateways/clock.py", "models/fields.py")) == []


def test_only_the_command_line_prints():
    assert findings(prints, *(package for package in PACKAGES if package != "app")) == []


def test_nobody_opens_a_transaction_past_our_own_atomic():
    assert findings(opens_plain_transactions, *PACKAGES) == []


def test_modules_stay_short():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files(*PACKAGES)
        if "migrations" not in path.parts
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_no_committed_file_names_a_package_index_or_a_place_of_development():
    found = []
    for path in committed_files():
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {pattern.pattern}" for pattern in FORBIDDEN_TEXTS if pattern.search(text)]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime, UTC\ndatetime.now(UTC)",
        "from datetime import datetime as d\nd.utcnow()",
        "import datetime as dt\ndt.date.today()",
        "from datetime import date\ndate.today()",
        "from tortoise import timezone\ntimezone.now()",
    ],
)
def test_a_look_at_the_time_is_seen(source):
    assert reads_the_clock(source) == [2]


def test_our_own_clock_is_no_look_at_the_time():
    assert reads_the_clock("now = self._clock.now()") == []


def test_a_print_is_seen():
    assert prints("print('x')") == [1]


@pytest.mark.parametrize(
    "source",
    [
        "from tortoise.transactions import in_transaction",
        "from tortoise.transactions import atomic as ours",
        "import tortoise.transactions",
        "from tortoise import transactions\ntransactions.in_transaction()",
    ],
)
def test_a_plain_transaction_is_seen(source):
    assert opens_plain_transactions(source)


@pytest.mark.parametrize(
    "text", ["--extra-" + "index-url x", "https://mir" + "ror.example.com/x", "https://py" + "pi.org/simple"]
)
def test_the_address_of_an_index_is_seen(text):
    assert any(pattern.search(text) for pattern in FORBIDDEN_TEXTS)


def test_the_lock_files_carry_hashes_for_everything():
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
        pinned = [line for line in lines if line and not line.startswith("#")]
        assert pinned
        assert [line for line in pinned if "==" not in line or "--hash=sha256:" not in line] == []
