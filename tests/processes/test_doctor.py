"""`doctor` reads everything, changes nothing, and names what is wrong."""

import re
from pathlib import Path

import pytest

from tests.processes import stored
from tests.processes.test_commands import a_dead_job


async def a_member(site):
    joined = await site.platform.person().open_mini_program(site.mp).join(with_phone=False)
    assert joined.status == 201


def written(site):
    """What of the file anybody wrote: a reader may leave an empty log of changes beside it."""
    path = Path(site.database_url.removeprefix("sqlite://"))
    wal = path.with_name(f"{path.name}-wal")
    return path.stat().st_mtime_ns, path.read_bytes(), wal.read_bytes() if wal.exists() else b""


async def test_a_good_house_is_fine_beside_a_running_server(site):
    await site.serve()
    await a_member(site)
    finished = await site.run("doctor")
    assert finished.code == 0, finished.out
    assert "有误" not in finished.out
    assert not finished.err


async def test_looking_changes_nothing(site):
    server = await site.serve()
    await a_member(site)
    await server.stop()
    if site.is_sqlite:
        before = written(site)
        assert (await site.run("doctor")).code == 0
        assert written(site) == before
    else:
        changes = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
        before = await stored.number(site.database_url, changes)
        assert (await site.run("doctor")).code == 0
        assert await stored.number(site.database_url, changes) == before


@pytest.mark.leaves_dead_jobs
async def test_dead_jobs_are_told(site):
    await a_dead_job(site)
    finished = await site.run("doctor")
    assert finished.code == 1
    assert "有误  失败的后台任务：1 个" in finished.out


BROKEN = {
    "每个有效标识只属于一位会员": (
        "DROP INDEX identifier_active_value",
        "DROP INDEX identifier_one_per_member",
        "INSERT INTO identifier (id, created_at, member_id, namespace, scope, value_hash, value_cipher, status,"
        " verified_at, verified_by, last_seen_at) SELECT '00000000-0000-7000-8000-000000000001', created_at,"
        " member_id, namespace, scope, value_hash, value_cipher, status, verified_at, verified_by, last_seen_at"
        " FROM identifier LIMIT 1",
    ),
    "有效标识都属于未合并的会员": ("UPDATE member SET canonical_id = id, status = 'merged'",),
    "合并只有一层，指向有效会员": ("UPDATE member SET canonical_id = id",),
    "合并过的会员都有去处": ("UPDATE member SET status = 'merged'",),
    "会员号和入会时间同时存在": ("UPDATE member SET number = NULL",),
    "入会的会员都同意过会员协议": ("DELETE FROM consent",),
    "注销的会员没有留下个人信息": ("UPDATE member SET status = 'erased'",),
}


@pytest.mark.parametrize("rule", list(BROKEN))
async def test_every_broken_rule_is_named_with_its_row(site, rule):
    server = await site.serve()
    await a_member(site)
    await stored.damage(site.database_url, *BROKEN[rule])
    finished = await site.run("doctor")
    assert finished.code == 1
    assert re.search(f"有误  {rule}：\\d 行不符：[0-9a-f-]{{36}}", finished.out)
    await server.kill()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            "DROP INDEX identifier_active_value",
            "identifier unique (namespace, scope, value_hash) where status = 'active'",
        ),
        ("ALTER TABLE departed RENAME COLUMN left_at TO gone_at", "departed.left_at instant not null"),
        ("DROP TABLE proof_attempts", "proof_attempts.subject varchar"),
    ],
)
async def test_a_structure_that_somebody_changed_is_named(site, change, line):
    server = await site.serve()
    await a_member(site)
    await server.stop()
    await stored.damage(site.database_url, change)
    finished = await site.run("doctor")
    assert (finished.code, finished.err) == (1, "")
    assert re.search(r"有误  数据库结构：\d+ 处和这个版本不符：", finished.out)
    assert f"缺少 {line}" in finished.out
    assert "正常  操作记录" in finished.out  # the rest was looked at all the same


async def test_a_check_that_is_gone_is_named_and_what_is_beyond_as_well(site):
    drop = "ALTER TABLE job DROP CONSTRAINT job_fence_check"
    await stored.damage(site.database_url, "DROP TRIGGER identity_event_no_update" if site.is_sqlite else drop)
    await stored.damage(site.database_url, "CREATE TABLE stray (id INT)")
    finished = await site.run("doctor")
    assert finished.code == 1
    gone = "identity_event trigger before update" if site.is_sqlite else "job.fence count not null"
    assert f"缺少 {gone}" in finished.out
    assert "多出 stray.id integer null" in finished.out


async def test_rules_that_cannot_be_checked_on_a_broken_structure_are_told(site):
    await stored.damage(site.database_url, "ALTER TABLE bound_number RENAME TO bound_numbers")
    finished = await site.run("doctor")
    assert (finished.code, finished.err) == (1, "")
    assert "有误  注销的会员没有留下个人信息：查不了，请先修复数据库结构" in finished.out
    assert "正常  会员号和入会时间同时存在" in finished.out


async def test_a_pending_migration_is_named(site):
    await stored.damage(site.database_url, "DELETE FROM tortoise_migrations WHERE name = '0002_guards'")
    finished = await site.run("doctor")
    assert finished.code == 1
    assert "0002_guards" in finished.out
    assert "fanpiao migrate" in finished.out


async def test_keys_of_another_database_are_told(site):
    await (await site.serve()).stop()
    finished = await site.run("doctor", FIELD_KEYS='{"k2": "iQ3yGzFn0P0Bv3m8W3ck0JxI0o4vSJpYz7ZgZ5m1x9E="}')
    assert finished.code == 1
    assert "有误  密钥" in finished.out


async def test_a_redis_that_is_away_is_told(site):
    finished = await site.run("doctor", REDIS_URL="redis://127.0.0.1:1/0")
    assert finished.code == 1
    assert "有误  Redis" in finished.out
    assert "正常  数据库" in finished.out


@pytest.mark.parametrize("url", ["postgres://x:swordfish@127.0.0.1:1/x", "sqlite://nowhere/fanpiao.db"])
async def test_a_database_that_is_away_is_told(site, url):
    finished = await site.run("doctor", DATABASE_URL=url)
    assert finished.code == 1
    assert "有误  数据库：连不上" in finished.out
    assert "swordfish" not in finished.out + finished.err
    assert not (site.home / "nowhere").exists()


async def test_wrong_settings_are_told_as_everywhere(site):
    finished = await site.run("doctor", PORT="0")
    assert finished.code == 2
    assert "FANPIAO_PORT" in finished.err
