"""What every screen of a mini-program does: log in with WeChat, and call our REST door."""

import itertools
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from simulator.accounts import Account
from simulator.codes import Purpose
from simulator.line import LineError

if TYPE_CHECKING:
    from simulator.people import Profile
    from simulator.platform import Platform

_KEPT = 100
_TIMEOUT_SECONDS = 60.0  # wx.request's own
numbers = itertools.count(1)


@dataclass(frozen=True)
class RestCall:
    """One call of the mini-program to our server. `status` 0: no answer came; `answer` is parsed JSON, or text."""

    number: int
    at: float
    method: str
    path: str
    body: object
    status: int
    answer: object
    headers: Mapping[str, str]

    @property
    def is_fine(self) -> bool:
        """Whether the server did it."""
        return 200 <= self.status < 300

    def fact(self, name: str) -> object:
        """One field of the answer's JSON object; None if it has no such field."""
        return self.answer.get(name) if isinstance(self.answer, dict) else None


class Screen:
    """What talks to our server from a person's phone; `token` is what it gave, `calls` everything that was said."""

    def __init__(
        self, person: "Profile", account: Account, platform: "Platform", calls: deque[RestCall] | None = None
    ) -> None:
        self.person = person
        self.account = account
        self.token: str | None = None
        self.calls: deque[RestCall] = deque(maxlen=_KEPT) if calls is None else calls
        self._platform = platform

    @property
    def now(self) -> float:
        """The platform's clock, in seconds since the epoch."""
        return self._platform.clock.now()

    def login_code(self) -> str:
        """wx.login()."""
        return self._platform.codes.issue(Purpose.LOGIN, self.account.app_id, self.person.id)

    async def call(self, method: str, path: str, body: object = None, *, key: str | None = None) -> RestCall:
        """Any call below /api/v1, with the token if there is one; `key` becomes the Idempotency-Key."""
        headers = {"Referer": f"https://servicewechat.com/{self.account.app_id}/devtools/page-frame.html"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        status, answer, answered_headers = await self._send(method, path, headers, body)
        call = RestCall(next(numbers), self.now, method, path, body, status, answer, answered_headers)
        self.calls.append(call)
        self._platform.feed.publish("mini_program", person=self.person.id)
        return call

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: object
    ) -> tuple[int, object, Mapping[str, str]]:
        raw = None if body is None else orjson.dumps(body)
        try:
            answer = await self._platform.line.request(
                method, f"/api/v1{path}", timeout=_TIMEOUT_SECONDS, headers=headers, body=raw
            )
        except LineError as error:
            return 0, str(error), {}
        try:
            parsed = orjson.loads(answer.body) if answer.body else None
        except orjson.JSONDecodeError:
            parsed = answer.body.decode(errors="replace")
        return answer.status, parsed, answer.headers
