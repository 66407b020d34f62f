"""Two servers are asked for the first operator at the same moment: there is one."""

import asyncio

import aiohttp

from tests.operating import PASSWORD
from tests.processes import stored
from tests.servers import free_port
from tests.stories.conftest import BOOTSTRAP_TOKEN

AT_ONCE = 8


async def test_many_first_operators_at_several_processes_are_one(site):
    settings = {"OPERATOR__BOOTSTRAP_TOKEN": BOOTSTRAP_TOKEN}
    servers = [await site.serve(**settings)]
    if not site.is_sqlite:  # one process has the file
        servers.append(await site.serve(port=free_port(), **settings))

    async def ask(session, number):
        body = {"token": BOOTSTRAP_TOKEN, "login": f"root-{number}", "password": PASSWORD}
        url = f"{servers[number % len(servers)].url}/api/v1/operator/bootstrap"
        async with session.post(url, json=body, headers={"Idempotency-Key": f"first-{number:04d}-of-us"}) as answer:
            return answer.status, (await answer.json()).get("code")

    async with aiohttp.ClientSession() as session:
        answers = await asyncio.gather(*(ask(session, number) for number in range(AT_ONCE)))
    refused = (403, "operator.bootstrap_refused")
    assert sorted(answers, key=str) == [(201, None), *([refused] * (AT_ONCE - 1))]
    assert await stored.number(site.database_url, 'SELECT count(*) AS n FROM "operator"') == 1
    assert await stored.number(site.database_url, "SELECT count(*) AS n FROM audit_entry") == 1
    (root,) = await stored.read(site.database_url, 'SELECT password_hash FROM "operator"')
    assert root["password_hash"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")  # RFC 9106, for little memory
