"""`fanpiao rotate-keys`, as an operator runs it: beside a server on PostgreSQL, without one on SQLite."""

import json

import pytest

from tests.fakes import FIELD_KEYS
from tests.processes import stored

OLD = json.loads(FIELD_KEYS)["k1"]
NEW = "iQ3yGzFn0P0Bv3m8W3ck0JxI0o4vSJpYz7ZgZ5m1x9E="
BOTH_OLD_FIRST = json.dumps({"k1": OLD, "k2": NEW})
BOTH_NEW_FIRST = json.dumps({"k2": NEW, "k1": OLD})
ONLY_NEW = json.dumps({"k2": NEW})


async def a_member(site):
    screen = site.platform.person("小红", phone="13912345670").open_mini_program(site.mp)
    assert (await screen.join(with_phone=True)).status == 201
    return screen


async def still_under_the_old_key(site) -> int:
    return await stored.number(
        site.database_url, "SELECT count(*) AS n FROM identifier WHERE substr(value_cipher, 1, 3) = 'k1.'"
    )


async def test_a_rotation_from_the_first_key_to_the_day_the_old_one_is_removed(site):
    server = await site.serve(FIELD_KEYS=BOTH_OLD_FIRST)
    screen = await a_member(site)
    assert await still_under_the_old_key(site) == 3
    if site.is_sqlite:
        refused = await site.run("rotate-keys", FIELD_KEYS=BOTH_NEW_FIRST)
        assert refused.code == 2
        assert "请先停掉它" in refused.err
        await server.stop()
    finished = await site.run("rotate-keys", FIELD_KEYS=BOTH_NEW_FIRST)
    assert (finished.code, finished.err) == (0, "")
    assert "identifier.value_cipher：重新加密 3 项" in finished.out
    assert "请保留旧密钥 72 小时" in finished.out
    assert await still_under_the_old_key(site) == 0
    if not site.is_sqlite:  # the server went on all the time, and reads what was rotated
        assert (await screen.call("GET", "/me/export")).fact("identifiers")
        await server.stop()
    alone = await site.serve(FIELD_KEYS=ONLY_NEW)
    values = {each["value"] for each in (await _export(site))["identifiers"]}
    assert "13912345670" in values
    doctor = await site.run("doctor", FIELD_KEYS=ONLY_NEW)
    assert "正常  密文" in doctor.out
    await alone.kill()


async def _export(site):
    screen = next(iter(site.platform.people.values())).open_mini_program(site.mp)
    await screen.login()
    return (await screen.call("GET", "/me/export")).answer


async def test_a_key_that_was_removed_too_early_is_named(site):
    server = await site.serve()
    await a_member(site)
    await server.stop()
    finished = await site.run("rotate-keys", FIELD_KEYS=ONLY_NEW)
    assert finished.code == 1
    assert "identifier.value_cipher：还有 3 项在密钥 k1 下，这个密钥不在设置里" in finished.out
    assert "请从备份恢复当时的密钥" in finished.err
    doctor = await site.run("doctor", FIELD_KEYS=ONLY_NEW)
    assert doctor.code == 1
    assert "有误  密文：密钥不在 FANPIAO_FIELD_KEYS 里" in doctor.out
    assert "identifier.value_cipher 3 项（密钥 k1）" in doctor.out
    assert await still_under_the_old_key(site) == 3


@pytest.mark.parametrize("word", ["13912345670", OLD, NEW])
async def test_nothing_secret_is_shown(site, word):
    server = await site.serve()
    await a_member(site)
    await server.stop()
    finished = await site.run("rotate-keys", FIELD_KEYS=BOTH_NEW_FIRST)
    assert finished.code == 0
    assert word not in finished.out + finished.err
