"""The command line: what it does, and with which sentence and exit code it refuses. Never a traceback."""

import getpass

import pytest

from tests.processes import stored
from tests.processes.running import a_socket_on
from tests.servers import free_port

DEAD = """
    INSERT INTO job (id, created_at, kind, key, payload, state, run_at, attempt_count, fence, last_error, finished_at)
    VALUES ('00000000-0000-7000-8000-00000000000{n}', '{at}', 'send_text', 'k{n}', '{{}}', 'dead', '{at}', 20, 20,
            'WeChatGaveUp', '{at}')
"""
ENTRIES = "SELECT actor_kind, actor_id, action, subject_id FROM audit_entry ORDER BY id"
DEAD_ID = "00000000-0000-7000-8000-00000000000{n}"


async def a_dead_job(site, n=1):
    await stored.damage(site.database_url, DEAD.format(n=n, at="2026-01-01 00:00:00.000000+00:00"))
    return DEAD_ID.format(n=n)


def assert_refused(finished, *words, code=2):
    assert finished.code == code, finished.out + finished.err
    assert "Traceback" not in finished.err
    for word in words:
        assert word in finished.err


@pytest.fixture
def empty_database(site, request, tmp_path):
    """A database without any table."""
    if site.is_sqlite:
        yield f"sqlite://{tmp_path}/empty/fanpiao.db"
        return
    server = request.getfixturevalue("postgres")
    name = f"empty_{free_port()}"
    server.sql(f"CREATE DATABASE {name}")
    yield server.url(name)
    server.sql(f"DROP DATABASE {name} WITH (FORCE)")


# --- migrate


async def test_migrating_twice_does_it_once(site, empty_database):
    first = await site.run("migrate", DATABASE_URL=empty_database)
    second = await site.run("migrate", DATABASE_URL=empty_database)
    assert (first.code, second.code) == (0, 0)
    assert "0001_initial" in first.out
    assert "已是最新" in second.out


async def test_two_that_migrate_at_once_both_end_well_or_one_is_told_who_is_at_it(site, empty_database):
    first = await site.start("migrate", DATABASE_URL=empty_database)
    second = await site.start("migrate", DATABASE_URL=empty_database)
    ended = [await first.ended(within=120), await second.ended(within=120)]
    assert sorted(one.code for one in ended) in ([[0, 0], [0, 2]] if site.is_sqlite else [[0, 0]])
    assert "Traceback" not in ended[0].err + ended[1].err
    again = await site.run("migrate", DATABASE_URL=empty_database)
    assert "已是最新" in again.out


@pytest.mark.parametrize("command", ["serve", "worker", "menu", "jobs"])
async def test_an_unmigrated_database_is_refused(site, empty_database, command):
    if command == "worker" and site.is_sqlite:
        pytest.skip("SQLite has its worker inside the server")
    if site.is_sqlite and command == "jobs":
        await site.run("serve", DATABASE_URL=empty_database)  # makes the file
    finished = await site.run(command, DATABASE_URL=empty_database)
    assert_refused(finished, "fanpiao migrate", "0001_initial")


# --- settings


async def test_every_wrong_setting_is_named_at_once_and_no_value_is_shown(site):
    secret = "swordfish-swordfish-swordfish"
    finished = await site.run(
        "serve",
        FIELD_KEYS=f'{{"k1": "{secret}"}}',
        INDEX_KEY=secret,
        PORT="99999",
        DATABASE_URL=f"mysql://root:{secret}@somewhere/x",
        WECHAT__OA_TOKEN="weixin",
        WECHAT__OA_SECRET=None,
        WECHAT__MP_AES_KEY=secret,
        REDIS_ULR="memory://",
    )
    names = ("FIELD_KEYS", "INDEX_KEY", "PORT", "DATABASE_URL", "WECHAT__OA_TOKEN", "WECHAT__MP_AES_KEY", "REDIS_ULR")
    assert_refused(finished, *(f"FANPIAO_{name}" for name in names))
    assert "swordfish" not in finished.out + finished.err
    assert not finished.out


async def test_keys_are_needed_where_nothing_makes_them(site):
    finished = await site.run(
        "serve", DATABASE_URL="postgres://x:swordfish@127.0.0.1:1/x", FIELD_KEYS=None, INDEX_KEY=None
    )
    assert_refused(finished, "FANPIAO_FIELD_KEYS", "FANPIAO_INDEX_KEY")
    assert "swordfish" not in finished.err


async def test_keys_of_another_database_are_refused(site):
    assert (await (await site.serve()).stop()).code == 0
    finished = await site.run("serve", FIELD_KEYS='{"k2": "iQ3yGzFn0P0Bv3m8W3ck0JxI0o4vSJpYz7ZgZ5m1x9E="}')
    assert_refused(finished, "FANPIAO_FIELD_KEYS")


async def test_a_database_that_is_away_is_told(site):
    finished = await site.run("serve", DATABASE_URL="postgres://x:swordfish@127.0.0.1:1/x")
    assert_refused(finished, "连不上数据库")
    assert "swordfish" not in finished.err


# --- serve


async def test_a_taken_port_is_told(site):
    with a_socket_on(site.port):
        finished = await site.run("serve")
    assert_refused(finished, str(site.port), "FANPIAO_PORT")


async def test_an_address_that_is_not_ours_is_told(site):
    assert_refused(await site.run("serve", HOST="192.0.2.1"), "FANPIAO_HOST")


async def test_a_second_server_on_the_same_file_names_the_first(site):
    if not site.is_sqlite:
        pytest.skip("PostgreSQL serves several processes")
    server = await site.serve()
    second = await site.run("serve", port=free_port())
    assert_refused(second, str(server.pid))
    migrating = await site.run("migrate")
    assert_refused(migrating, str(server.pid))
    assert await server.is_listening()
    await server.kill()
    assert (await (await site.serve()).stop()).code == 0  # the lock does not outlive its holder


async def test_a_worker_beside_an_embedded_one_is_refused(site):
    finished = await site.run("worker", WORKER__EMBEDDED="true")
    assert_refused(finished, "不用单独启动")


# --- jobs


@pytest.mark.leaves_dead_jobs
async def test_dead_jobs_are_listed_beside_a_running_server(site):
    await site.serve()
    job_id = await a_dead_job(site)
    listed = await site.run("jobs")
    assert (listed.code, listed.err) == (0, "")
    assert job_id in listed.out
    assert "send_text" in listed.out
    assert "WeChatGaveUp" in listed.out


async def test_dead_jobs_are_requeued_and_discarded(site):
    first, second = await a_dead_job(site, 1), await a_dead_job(site, 2)
    assert (await site.run("jobs", "--requeue", first)).code == 0
    assert (await site.run("jobs", "--discard", second, "--reason", "obsolete")).code == 0
    rows = await stored.read(site.database_url, "SELECT state, last_error FROM job ORDER BY key")
    assert [row["state"] for row in rows] == ["ready", "done"]
    assert "obsolete" in rows[1]["last_error"]
    entries = await stored.read(site.database_url, ENTRIES)
    assert [(each["actor_kind"], each["action"], each["subject_id"]) for each in entries] == [
        ("command_line", "job.requeued", first),
        ("command_line", "job.discarded", second),
    ]
    assert {each["actor_id"] for each in entries} == {getpass.getuser()}
    assert "没有失败的任务" in (await site.run("jobs")).out


@pytest.mark.parametrize("what", ["nonsense", "00000000-0000-7000-8000-000000000009"])
async def test_a_job_that_is_not_dead_is_refused(site, what):
    assert_refused(await site.run("jobs", "--requeue", what), "请核对编号")


async def test_requeue_and_discard_at_once_are_refused(site):
    assert (await site.run("jobs", "--requeue", "a", "--discard", "b")).code == 2


async def test_changing_a_job_while_the_server_has_the_file_says_what_to_do(site):
    if not site.is_sqlite:
        pytest.skip("PostgreSQL lets several processes write")
    server = await site.serve()
    assert_refused(await site.run("jobs", "--requeue", DEAD_ID.format(n=1)), str(server.pid), "先停掉")


# --- cards


async def test_a_file_of_cards_leaves_a_record_of_who_brought_it_in(site, tmp_path):
    file = tmp_path / "cards.csv"
    file.write_text("卡号,密码\n6600000000\n", "utf-8")
    finished = await site.run("import-cards", str(file), "--kind", "old", "--new", "老卡", "--digits", "12")
    assert finished.code == 1, finished.out + finished.err
    entries = await stored.read(site.database_url, ENTRIES)
    assert [(each["actor_id"], each["action"]) for each in entries] == [
        (getpass.getuser(), "card_kind.added"),
        (getpass.getuser(), "card_import.ran"),
    ]


# --- menu


async def test_the_menu_is_compared_beside_a_running_server(site):
    await site.serve()
    compared = await site.run("menu")
    assert (compared.code, compared.err) == (0, "")
    assert "+" in compared.out
    assert not site.platform.menus


async def test_the_menu_is_published_and_recorded_where_operators_can_go_back_to_it(site):
    published = await site.run("menu", "oa", "--publish")  # before the first start, too
    assert published.code == 0, published.err
    assert site.platform.menus
    assert "没有变化" in (await site.run("menu", "--publish")).out
    releases = await stored.read(site.database_url, "SELECT published_by FROM menu_release")
    assert [each["published_by"] for each in releases] == [f"command_line:{getpass.getuser()}"]
    assert [each["action"] for each in await stored.read(site.database_url, ENTRIES)] == ["menu.published"]


async def test_publishing_is_recorded_so_the_server_that_has_the_file_is_in_the_way(site):
    server = await site.serve()
    published = await site.run("menu", "oa", "--publish")
    if site.is_sqlite:
        assert_refused(published, str(server.pid), "先停掉")
        assert not site.platform.menus
    else:
        assert published.code == 0
        assert site.platform.menus


@pytest.mark.parametrize(("account", "words"), [("nobody", "没有找到"), ("mp", "只有公众号有菜单")])
async def test_a_menu_of_what_has_none_is_refused(site, account, words):
    assert_refused(await site.run("menu", account), words)


async def test_a_platform_that_is_away_or_refuses_is_told(site):
    away = await site.run("menu", WECHAT__API_URL="http://127.0.0.1:1")
    assert_refused(away, "FANPIAO_WECHAT__API_URL", code=1)
    site.platform.faults.fail("*", 40164, times=None)
    assert_refused(await site.run("menu"), "errcode 40164", code=1)


# --- the rest


async def test_help_names_every_command_and_nothing_is_not_a_command(site):
    shown = await site.run("--help")
    assert shown.code == 0
    for name in ("serve", "worker", "migrate", "demo", "simulate", "doctor", "menu", "jobs"):
        assert name in shown.out
    assert (await site.run()).code == 2
    assert_refused(await site.run("sreve"))


async def test_the_simulator_runs_alone_until_it_is_told_to_stop(site):
    simulator = await site.start("simulate", SIMULATOR__PORT=str(free_port()))
    await simulator.said("/phone")
    ended = await simulator.stop()
    assert ended.code == 0
    assert ended.seconds < 5


async def test_a_demo_whose_port_is_taken_says_so(site):
    with a_socket_on(free_port()) as taken:
        port = str(taken.getsockname()[1])
        finished = await site.run("demo", SIMULATOR__PORT=port, DATABASE_URL=None, REDIS_URL=None)
    assert_refused(finished, port)
