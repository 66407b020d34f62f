"""The desk of the pretend WeChat Pay: signatures both ways, the switches, and notices to our server."""

import asyncio
import secrets
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from simulator.clock import Clock
from simulator.errors import ImpossibleError
from simulator.feed import Feed
from simulator.line import Line, LineError
from simulator.pay_crypto import BadSignature, Merchant

_PATIENCE = 5.0  # seconds it waits for an answer to a notice
# After how many seconds a notice that was not taken comes again; `pace` makes it shorter.
LADDER = (15, 15, 30, 180, 600, 1_200, 1_800, 1_800, 1_800, 3_600, 10_800, 10_800, 10_800, 21_600, 21_600)
TAKEN = {200, 204}
_LOOKS, _PAUSE = 60, 0.05  # how often, and after how many seconds, a phone looks whether the other side was told


class Told(Protocol):
    """Something that our server is told of; `told` counts the notices that it took."""

    told: int


async def until_told(what: Told) -> None:
    """Wait, a few seconds at most, until our server knows: as long as a page shows that something is under way."""
    for _ in range(_LOOKS):
        if what.told:
            return
        await asyncio.sleep(_PAUSE)


@dataclass(frozen=True, kw_only=True)
class PayConduct:
    """Switches for what it does with a call or a notice; the defaults are those of a platform that behaves.

    hangs: does the work, but answers so many seconds late: whoever asked has given up.
    is_silent: tells nothing of a payment or a refund; whoever asks hears of it.
    duplicates: so many further notices, all at once. late: seconds before the first.
    refuses: the code of the error it answers calls with, doing nothing (`SYSTEM_ERROR`, `FREQUENCY_LIMITED`).
    refund_becomes: SUCCESS, PROCESSING, ABNORMAL, CLOSED.
    transfer_becomes: WAIT_USER_CONFIRM, ACCEPTED, PROCESSING (too little money: it sticks there).
    is_unsigned: answers carry a wrong signature.
    is_moving: a transfer that its payee took is on its way for a while.
    """

    hangs: float = 0.0
    is_silent: bool = False
    duplicates: int = 0
    late: float = 0.0
    refuses: str = ""
    refund_becomes: str = "SUCCESS"
    transfer_becomes: str = "WAIT_USER_CONFIRM"
    is_unsigned: bool = False
    is_moving: bool = False


class PayDesk:
    """What orders, refunds and transfers have in common. Without a merchant it knows nobody."""

    def __init__(self, line: Line, clock: Clock, feed: Feed, merchant: Merchant | None, *, pace: float = 0.001) -> None:
        """`pace` makes the ladder of notices shorter."""
        self.merchant = merchant
        self.pace = pace
        self.statuses: deque[int] = deque(maxlen=200)  # what our server answered to notices; 0: nothing
        self.standing = PayConduct()
        self._line = line
        self._clock = clock
        self._feed = feed
        self._queue: deque[PayConduct] = deque()
        self._at_work: set[asyncio.Task[None]] = set()

    def once(self, conduct: PayConduct, *, times: int = 1) -> None:
        """Behave so at the next `times` calls, payments or refunds."""
        self._queue.extend([conduct] * times)

    def always(self, conduct: PayConduct) -> None:
        """Behave so until told otherwise."""
        self.standing = conduct

    def behave(self) -> None:
        """Back to a platform that does what it should."""
        self._queue.clear()
        self.standing = PayConduct()

    async def settle(self) -> None:
        """Wait until everything is told."""
        while self._at_work:
            await asyncio.gather(*self._at_work)

    async def close(self) -> None:
        """Stop what is under way."""
        for task in list(self._at_work):
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        age: float = 0.0,
        probe: bool = False,
        signed_over: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """One notice to our server; the status of the answer, 0 when there was none."""
        over = self._merchant().headers(
            body if signed_over is None else signed_over, self._clock.now() - age, probe=probe
        )
        sent = {"Content-Type": "application/json", **over, **(headers or {})}
        try:
            answer = await self._line.request("POST", urlsplit(url).path, timeout=_PATIENCE, headers=sent, body=body)
            status = answer.status
        except LineError:
            status = 0
        self.statuses.append(status)
        self._feed.publish("pay")
        return status

    def _notice(self, event: str, kind: str, plain: Mapping[str, object]) -> bytes:
        return orjson.dumps(
            {
                "id": secrets.token_hex(16),
                "create_time": self._now().isoformat(timespec="seconds"),
                "event_type": event,
                "resource_type": "encrypt-resource",
                "summary": "通知",
                "resource": self._merchant().sealed(orjson.dumps(plain), kind),
            }
        )

    async def _read(self, request: web.Request) -> tuple[dict[str, object], PayConduct]:
        """What was asked, its signature checked over the raw bytes."""
        raw = await request.read()
        conduct = self._conduct()
        try:
            authorization = request.headers.get("Authorization", "")
            self._merchant().verify(authorization, request.method, request.raw_path, raw, self._clock.now())
        except BadSignature as error:
            raise web.HTTPUnauthorized(text=f'{{"code":"SIGN_ERROR","message":"{error}"}}') from error
        asked = orjson.loads(raw) if raw else {}
        if not isinstance(asked, dict):
            raise web.HTTPBadRequest
        return asked, conduct

    async def _answer(self, conduct: PayConduct, said: Mapping[str, object] | None) -> web.Response:
        if conduct.hangs:
            await asyncio.sleep(conduct.hangs)
        return self._signed(conduct, 200 if said is not None else 204, b"" if said is None else orjson.dumps(said))

    def _error(self, conduct: PayConduct, code: str) -> web.Response:
        status = {"SYSTEM_ERROR": 500, "FREQUENCY_LIMITED": 429, "NOT_ENOUGH": 403, "OUT_TRADE_NO_USED": 403}
        found = 404 if "NOT_EXIST" in code else status.get(code, 400)
        return self._signed(conduct, found, orjson.dumps({"code": code, "message": code}))

    def _signed(self, conduct: PayConduct, status: int, body: bytes) -> web.Response:
        over = self._merchant().headers(body, self._clock.now(), probe=conduct.is_unsigned)
        kind = {"Content-Type": "application/json"} if body else {}
        return web.Response(status=status, body=body, headers={**kind, **over, "Request-ID": secrets.token_hex(8)})

    def _conduct(self) -> PayConduct:
        return self._queue.popleft() if self._queue else self.standing

    def _merchant(self) -> Merchant:
        if self.merchant is None:
            raise ImpossibleError("没有开通微信支付的商户")
        return self.merchant

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
