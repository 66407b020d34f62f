"""A pretend WeChat of the smallest kind: answers what a test put down, and remembers what it was asked."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN_PATH = "/cgi-bin/stable_token"


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


Answer = dict[str, Any] | web.Response | Callable[[Asked], Any]


@dataclass
class Platform:
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    # The last answer of a path is given again and again.
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    tokens_given: int = 0
    expires_in: int = 7200
    token_delay: float = 0.0

    def on(self, path: str, *answers: Answer) -> None:
        self.answers[path] = list(answers)

    def count(self, path: str) -> int:
        return Counter(one.path for one in self.asked)[path]

    def last(self, path: str) -> Asked:
        return [one for one in self.asked if one.path == path][-1]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(request.method, request.path, dict(request.query), await request.read())
        self.asked.append(asked)
        queue = self.answers.get(request.path)
        if queue:
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
            answer = answer(asked) if callable(answer) else answer
            if asyncio.iscoroutine(answer):
                answer = await answer
        elif request.path == TOKEN_PATH:
            await asyncio.sleep(self.token_delay)
            answer = self.new_token()
        elif request.path == "/cgi-bin/user/info":
            answer = {"subscribe": 1, "openid": request.query.get("openid"), "unionid": "u"}
        else:
            answer = {"errcode": 0, "errmsg": "ok"}
        if isinstance(answer, web.StreamResponse):
            return answer
        # WeChat says text/plain for most of its JSON.
        return web.Response(text=json.dumps(answer, ensure_ascii=False), content_type="text/plain")

    def new_token(self) -> dict[str, Any]:
        self.tokens_given += 1
        return {"access_token": f"TOKEN-{self.tokens_given}", "expires_in": self.expires_in}


def only_token(
    platform: Platform, valid: Callable[[], str], answer: dict[str, Any]
) -> Callable[[Asked], dict[str, Any]]:
    """Answers only who shows the valid token, as WeChat does."""

    def check(asked: Asked) -> dict[str, Any]:
        if asked.query.get("access_token") != valid():
            return {"errcode": 40001, "errmsg": "invalid credential, access_token is invalid or not latest, rid: 1-2-3"}
        return answer

    return check
