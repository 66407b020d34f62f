"""The real server beside the pretend platform, with members who have joined and talked to it."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import orjson
import uvloop

from simulator import Tampering
from simulator.envelopes import Envelope, seal
from simulator.identifiers import message_id
from simulator.verdicts import judge
from tests.bench.accounts import MP, OA
from tests.bench.joining import Line as Connection
from tests.bench.joining import joins
from tests.bench.load import BadAnswers, Line
from tests.bench.processes import Running, get, run, started
from tests.bench.stores import Stores
from tests.fakes import FIELD_KEYS, INDEX_KEY
from tests.paying import keep_keys, pay_environment
from tests.servers import free_port

MEMBERS = 500
# No command: who says it is looked up, what they were asked last, what operators reply to it; then it is answered.
SAID = "你好"
ASKED = "我的"  # to see that the chat knows everybody


@dataclass(frozen=True)
class Known:
    """A member: their session in the mini-program, and who they are in the official account."""

    token: str
    openid: str


@dataclass(frozen=True)
class Town:
    """Everything a figure needs."""

    server: Running
    platform: Running
    members: Sequence[Known]
    home: Path
    stores: Stores
    environment: Mapping[str, str]  # the server's settings, for further processes
    crowd: list[str] = field(default_factory=list)  # sessions of further members, as many as were needed so far

    def fresh_people(self, count: int) -> list[tuple[str, str]]:
        """Login code and openid of people whom the server does not know yet."""
        return fresh_people(self.platform, count)

    def platform_seconds(self) -> dict[str, float]:
        """What the platform's own work took, by login code, since the last look."""
        return dict(orjson.loads(get(self.platform.url, "/bench/times")[1]))

    def messages(self, count: int) -> Iterator[Line]:
        """So many different signed and encrypted pushes of one line, from all members in turn."""
        for known in itertools.islice(itertools.cycle(self.members), count):
            _, envelope = pushed(known.openid)
            yield Line(_path(envelope), body=envelope.body.decode())

    def answered(self) -> dict[str, float]:
        """The server's own count of pushes, by what became of them."""
        status, page = get(self.server.url, "/metrics")
        if status != 200:
            raise BadAnswers(f"/metrics: {status}")
        name = 'fanpiao_pushes_total{account="oa",outcome="'
        lines = (line.removeprefix(name) for line in page.decode().splitlines() if line.startswith(name))
        return {line.partition('"')[0]: float(line.rpartition(" ")[2]) for line in lines}


def pushed(openid: str, said: str = SAID) -> tuple[dict[str, object], Envelope]:
    """A fresh text message of this person, in the clear and as it travels."""
    now = time.time()
    fields: dict[str, object] = {
        "ToUserName": OA.original_id,
        "FromUserName": openid,
        "CreateTime": int(now),
        "MsgType": "text",
        "Content": said,
        "MsgId": message_id(),
    }
    return fields, seal(OA, fields, now, Tampering())


@contextlib.contextmanager
def town(stores: Stores, home: Path) -> Iterator[Town]:
    """Migrate, start both processes, let 500 people join and say it once."""
    port, platform_port = free_port(), free_port()
    environment = _settings(stores, port, platform_port)
    run("app", "migrate", home=home, environment=environment)
    keep_keys(home)
    platform_arguments = ["tests.bench.platform", "--port", str(platform_port), "--backend", f"http://127.0.0.1:{port}"]
    platform_arguments += ["--keys", str(home)]
    with (
        started(platform_arguments, port=platform_port, home=home, ready="/bench/times") as platform,
        started(["app", "serve"], port=port, home=home, ready="/healthz", environment=environment) as server,
    ):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            members = runner.run(_settle(server, fresh_people(platform, MEMBERS)))
        yield Town(server, platform, members, home, stores, environment)


def fresh_people(platform: Running, count: int) -> list[tuple[str, str]]:
    """Login code and openid of `count` new people of the platform."""
    _, lines = get(platform.url, f"/bench/people?count={count}")
    return [(code, openid) for code, _, openid in (line.partition(" ") for line in lines.decode().splitlines())]


def _settings(stores: Stores, port: int, platform_port: int) -> dict[str, str]:
    plenty = "1000000"  # limits are on, and too high to be met
    settings = {
        "PORT": str(port),
        "DATABASE_URL": stores.database_url,
        "REDIS_URL": stores.redis_url,
        "FIELD_KEYS": FIELD_KEYS,
        "INDEX_KEY": INDEX_KEY,
        "BRAND__NAME": "江南书店",
        "WECHAT__API_URL": f"http://127.0.0.1:{platform_port}",
        "WECHAT__OA_APP_ID": OA.app_id,
        "WECHAT__OA_SECRET": OA.secret,
        "WECHAT__OA_TOKEN": OA.token,
        "WECHAT__OA_AES_KEY": OA.aes_key or "",
        "WECHAT__OA_ORIGINAL_ID": OA.original_id,
        "WECHAT__MP_APP_ID": MP.app_id,
        "WECHAT__MP_SECRET": MP.secret,
        "WECHAT__MP_TOKEN": MP.token,
        "RATE__MEMBER_PER_MINUTE": plenty,
        "RATE__ADDRESS_PER_MINUTE": plenty,
        "RATE__LOGIN_PER_MINUTE": plenty,
        "RATE__CHAT_PER_MINUTE": plenty,
        **pay_environment(f"http://127.0.0.1:{platform_port}"),
    }
    return {f"FANPIAO_{name}": value for name, value in settings.items()}


async def _settle(server: Running, people: Sequence[tuple[str, str]]) -> list[Known]:
    """Join everybody, and check that the chat knows them."""
    openids = dict(people)
    joined, _ = await joins(server.port, list(openids))
    line = await Connection.open(server.port)
    try:
        for openid in openids.values():
            fields, envelope = pushed(openid, ASKED)
            status, answer = await line.post(_path(envelope), envelope.body, kind=envelope.content_type)
            verdict = judge(OA, fields, status, answer)
            if verdict.reply is None or not verdict.reply.text.startswith("会员号"):
                raise BadAnswers(f"the chat does not know a member: {status} {verdict}")
    finally:
        line.close()
    return [Known(one.token, openids[one.code]) for one in joined]


def _path(envelope: Envelope) -> str:
    return f"/wechat/{OA.name}?{urlencode(envelope.query)}"
