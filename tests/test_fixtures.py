"""What tests may ask for is as promised: a database and a Redis of their own, and guards that bite."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tortoise.apps import Apps

ROOT = Path(__file__).parent.parent
_seen: list[str] = []


@pytest.mark.parametrize("number", [1, 2])
async def test_every_test_has_a_database_of_its_own_with_all_tables(database, number):
    from models.database import rows

    assert database not in _seen
    _seen.append(database)
    assert await rows("SELECT id FROM member") == []
    await rows("CREATE TABLE left_by_a_test (n INTEGER)")


@pytest.mark.parametrize("number", [1, 2])
async def test_every_test_has_an_empty_redis(redis, number):
    assert await redis.dbsize() == 0
    await redis.set("fanpiao:left", 1, ex=60)


def test_the_clock_stands_still_until_it_is_told_to_advance(clock):
    from datetime import timedelta

    before = clock.now()
    assert clock.now() == before
    assert clock.advance(timedelta(hours=1)) == clock.now() == before + timedelta(hours=1)


async def test_models_are_prepared_once_for_a_connection_and_anew_for_another(monkeypatch):
    from tests.quickly import BuiltOnce

    prepared = []
    monkeypatch.setattr(Apps, "_build_initial_querysets", lambda apps: prepared.append(apps))
    once, models = BuiltOnce(), SimpleNamespace(_meta=SimpleNamespace(default_connection="sqlite"))
    apps = SimpleNamespace(apps={"models": {"Member": models}})
    once.install()
    for name, times in (("sqlite", 1), ("sqlite", 1), ("postgres", 2), ("postgres", 2), ("sqlite", 3)):
        models._meta.default_connection = name
        Apps._build_initial_querysets(apps)
        assert len(prepared) == times
    apps.apps["models"]["Other"] = SimpleNamespace(_meta=SimpleNamespace(default_connection="sqlite"))
    Apps._build_initial_querysets(apps)
    assert len(prepared) == 4
    once.remove()


CULPRITS = {
    "an everlasting key": (
        "async def test_culprit(redis):\n    await redis.set('fanpiao:everlasting', 1)\n",
        "without a time to live",
    ),
    "a dead job": (
        "async def test_culprit(database):\n"
        "    from datetime import UTC, datetime\n"
        "    from models.outbox import Job\n"
        "    await Job.create(kind='greet', key='k', state='dead', run_at=datetime.now(UTC))\n",
        "left dead",
    ),
    "another host": (
        "import asyncio\nasync def test_culprit():\n    await asyncio.open_connection('192.0.2.1', 80)\n",
        "NotLoopback",
    ),
    "a warning": (
        "import warnings\ndef test_culprit():\n    warnings.warn('x', DeprecationWarning)\n",
        "DeprecationWarning",
    ),
    "a marker that does not exist": (
        "import pytest\n@pytest.mark.made_up\ndef test_culprit():\n    pass\n",
        "made_up",
    ),
}


def run(tmp_path: Path, source: str) -> subprocess.CompletedProcess[str]:
    """Run one test file in a suite of its own, under our conftest and settings."""
    (tmp_path / "test_culprit.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.conftest", "-c"]
    command += [ROOT / "pyproject.toml", "--rootdir", ROOT, tmp_path / "test_culprit.py"]
    pair = os.environ.get("FANPIAO_TEST_PAIR", "sqlite")
    environment = os.environ | {"FANPIAO_TEST_PAIR": pair, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=50)


@pytest.mark.both_pairs
@pytest.mark.parametrize("culprit", CULPRITS)
def test_the_suite_fails_on(tmp_path, culprit):
    source, complaint = CULPRITS[culprit]
    if "FANPIAO_TEST_PAIR" in os.environ and os.environ["FANPIAO_TEST_PAIR"] == "postgres" and "(redis)" not in source:
        source = source.replace("def test_culprit()", "def test_culprit(redis_url)")
    done = run(tmp_path, source)
    assert done.returncode != 0
    assert complaint in done.stdout + done.stderr


@pytest.mark.both_pairs
def test_a_dead_job_that_is_meant_passes(tmp_path):
    source, _ = CULPRITS["a dead job"]
    done = run(tmp_path, f"import pytest\n@pytest.mark.leaves_dead_jobs\n{source}")
    assert "1 passed" in done.stdout, done.stdout
