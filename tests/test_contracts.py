"""Who may import whom: every contract of pyproject.toml is shown once to fail on a planted violation."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PROJECT["tool"]["importlinter"]["root_packages"]
CONTRACTS = {contract["id"] for contract in PROJECT["tool"]["importlinter"]["contracts"]}

# contract -> planted modules, each set a violation of its own
VIOLATIONS = [
    ("layers", {"models/planted.py": "import handlers.ports"}),
    ("layers", {"handlers/planted.py": "import gateways.clock"}),
    ("layers", {"handlers/planted.py": "import bot"}),
    ("layers", {"bot/planted.py": "import miniapp_api"}),
    ("layers", {"miniapp_api/planted.py": "import gateways.clock"}),
    ("layers", {"gateways/planted.py": "import bot"}),
    ("layers", {"gateways/planted.py": "import app"}),
    ("doors-models", {"bot/planted.py": "from models.identity import Member"}),
    ("doors-models", {"miniapp_api/planted.py": "import models.outbox"}),
    ("doors-storage", {"bot/planted.py": "from tortoise.expressions import F"}),
    ("doors-storage", {"miniapp_api/planted.py": "import redis.asyncio"}),
    ("inside-outside", {"handlers/planted.py": "import aiohttp"}),
    ("inside-outside", {"handlers/planted.py": "from wechatpy import parse_message"}),
    ("inside-outside", {"models/planted.py": "import redis"}),
    ("inside-outside", {"models/planted.py": "import pydantic"}),
    ("rules", {"handlers/rules/planted.py": "import handlers.errors"}),
    ("rules", {"handlers/rules/planted.py": "from models.identity import Member"}),
    ("rules", {"handlers/rules/planted.py": "from tortoise import fields"}),
    ("gateways", {"gateways/planted.py": "import handlers.actors"}),
    ("gateways", {"gateways/planted.py": "from models.accounts import Account"}),
    ("simulator", {"simulator/planted.py": "import models.words"}),
    ("nobody-imports-app", {"models/planted.py": "import simulator"}),
    ("nobody-imports-app", {"handlers/planted.py": "import app"}),
    (
        "handlers-acyclic",
        {"handlers/planted.py": "import handlers.planted_too", "handlers/planted_too.py": "import handlers.planted"},
    ),
]
ALLOWED = {
    "bot/planted.py": "import handlers.errors\nimport models.words",
    "miniapp_api/planted.py": "import handlers.errors\nimport models.words\nimport pydantic\nimport aiohttp",
    "gateways/planted.py": "import handlers.ports\nimport handlers.errors\nimport models.words\nimport redis",
    "handlers/planted.py": "import models.identity\nimport handlers.errors\nimport tortoise.expressions",
    "handlers/rules/planted.py": "import models.words",
    "app/planted.py": "import bot\nimport miniapp_api\nimport gateways\nimport handlers.errors\nimport simulator",
}
# A tree of our own: the real one may be broken for other reasons while somebody works on it.
STANDING = [
    "handlers/ports.py",
    "handlers/errors.py",
    "handlers/actors.py",
    "models/words.py",
    "models/identity.py",
    "models/outbox.py",
    "models/accounts.py",
    "gateways/clock.py",
]


def lint(tree: Path) -> tuple[int, dict[str, bool]]:
    """Exit code of `lint-imports` in this tree, and which contract (by name) was kept."""
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    # The packages of this tree, not those that are installed for development.
    environment = {"PATH": "", "PYTHONPATH": str(tree), "COLUMNS": "400", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=tree, env=environment, check=False, capture_output=True, text=True, timeout=50)
    kept: dict[str, bool] = {}
    for contract in PROJECT["tool"]["importlinter"]["contracts"]:
        for word, is_kept in (("KEPT", True), ("BROKEN", False)):
            if f"{contract['name']} {word}" in done.stdout:
                kept[contract["id"]] = is_kept
    assert kept, done.stdout + done.stderr
    return done.returncode, kept


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The seven packages with the modules that the violations name, all empty and without a fault."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in (*PACKAGES, "handlers/rules"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    for module in STANDING:
        (tmp_path / module).touch()
    return tmp_path


def plant(tree: Path, modules: dict[str, str]) -> None:
    for name, source in modules.items():
        (tree / name).write_text(source + "\n")


def test_what_is_allowed_keeps_every_contract(tree):
    plant(tree, ALLOWED)
    assert lint(tree) == (0, dict.fromkeys(CONTRACTS, True))


@pytest.mark.parametrize(
    ("contract", "modules"), VIOLATIONS, ids=[f"{name}-{number}" for number, (name, _) in enumerate(VIOLATIONS)]
)
def test_a_planted_violation_breaks_its_contract(tree, contract, modules):
    plant(tree, modules)
    exit_code, kept = lint(tree)
    assert exit_code != 0
    assert kept[contract] is False


def test_every_contract_was_seen_to_fail():
    assert {contract for contract, _ in VIOLATIONS} == CONTRACTS


def test_every_package_is_watched():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages == set(PACKAGES)
