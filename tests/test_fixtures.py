"""What tests may ask for is as promised: a database and a Redis of their own, and guards that bite."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

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
    "everlasting": (
        "async def test_culprit(redis):\n    await redis.set('fanpiao:everlasting', 1)\n",
        "without a time to live",
    ),
    "dead_job": (
        "async def test_culprit(database):\n"
        "    from datetime import UTC, datetime\n"
        "    from models.outbox import Job\n"
        "    await Job.create(kind='greet', key='k', state='dead', run_at=datetime.now(UTC))\n",
        "left dead",
    ),
    "another_host": (
        "import asyncio\nasync def test_culprit():\n    await asyncio.open_connection('192.0.2.1', 80)\n",
        "NotLoopback",
    ),
    "a_warning": (
        "import warnings\ndef test_culprit():\n    warnings.warn('x', DeprecationWarning)\n",
        "DeprecationWarning",
    ),
    "a_marker_that_does_not_exist": (
        "import pytest\n@pytest.mark.made_up\ndef test_culprit():\n    pass\n",
        "made_up",
    ),
}
MEANT = f"import pytest\n@pytest.mark.leaves_dead_jobs\n{CULPRITS['dead_job'][0]}"


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a suite of all culprits, under our conftest and settings, says of each; of one that passes, nothing."""
    folder = tmp_path_factory.mktemp("culprits")
    pair = os.environ.get("FANPIAO_TEST_PAIR", "sqlite")
    for name, source in {**{name: source for name, (source, _) in CULPRITS.items()}, "meant": MEANT}.items():
        chosen = source.replace("def test_culprit()", "def test_culprit(redis_url)") if pair == "postgres" else source
        (folder / f"test_{name}.py").write_text(chosen)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.conftest", "-c"]
    command += [ROOT / "pyproject.toml", "--rootdir", ROOT, "--continue-on-collection-errors"]
    command += ["--junit-xml", folder / "told.xml", folder]
    environment = os.environ | {"FANPIAO_TEST_PAIR": pair, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=150)
    assert done.returncode == 1, done.stdout + done.stderr
    told: dict[str, str] = {}
    for case in ElementTree.parse(folder / "told.xml").iter("testcase"):  # noqa: S314 - our own
        (name,) = (
            each for each in (*CULPRITS, "meant") if f"test_{each}" in f"{case.get('classname')} {case.get('name')}"
        )
        told[name] = told.get(name, "") + "".join(f"{each.get('message')} {each.text}" for each in case)
    return told


@pytest.mark.both_pairs
@pytest.mark.parametrize("culprit", CULPRITS)
def test_the_suite_fails_on(complaints, culprit):
    assert CULPRITS[culprit][1] in complaints[culprit]


@pytest.mark.both_pairs
def test_a_dead_job_that_is_meant_passes(complaints):
    assert complaints["meant"] == ""
