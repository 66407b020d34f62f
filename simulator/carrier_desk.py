"""The desk of the pretend carrier: signatures both ways, and the switches by which it misbehaves."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from aiohttp import web

from simulator.feed import Feed
from simulator.supplier_signing import answer_to, asked_in

Work = Callable[[dict[str, object], "CarrierConduct"], dict[str, object]]
_NUMBERS = {"services": "service_no", "charges": "charge_no", "refunds": "refund_no"}


@dataclass(frozen=True, kw_only=True)
class CarrierConduct:
    """Switches for what it does with a call; the defaults are those of a carrier that behaves.

    act: of this kind of call alone (`charges`, `charges/confirm`, `charges/query`, `refunds`, ...); empty: of every.
    hangs: does the work, but answers so many seconds late: whoever asked has given up.
    loses: the call is lost on the way in, and nothing is answered for `hangs` seconds.
    refuses: the word with which it refuses a charge or a refund.
    status: the HTTP status it answers with instead, doing nothing.
    duplicates: the network brings the same call so many times more.
    is_garbage: answers what nobody can read. wrong_signature: the answer does not carry the right one.
    """

    act: str = ""
    hangs: float = 0.0
    loses: bool = False
    refuses: str = ""
    status: int = 0
    duplicates: int = 0
    is_garbage: bool = False
    wrong_signature: bool = False


class CarrierDesk:
    """What all calls have in common. `secret` is what it and our server sign with."""

    def __init__(self, feed: Feed, secret: str) -> None:
        self.secret = secret
        self.standing = CarrierConduct()
        self._feed = feed
        self._queue: deque[CarrierConduct] = deque()

    def once(self, conduct: CarrierConduct, *, times: int = 1) -> None:
        """Behave so with the next `times` calls that it is about."""
        self._queue.extend([conduct] * times)

    def always(self, conduct: CarrierConduct) -> None:
        """Behave so until told otherwise."""
        self.standing = conduct

    def behave(self) -> None:
        """Back to a carrier that does what it should."""
        self._queue.clear()
        self.standing = CarrierConduct()

    def _view(self, act: str, work: Work) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def view(request: web.Request) -> web.Response:
            asked = await asked_in(request, self.secret, _NUMBERS.get(act.split("/")[0], "number"))
            conduct = self._conduct(act)
            if conduct.loses:
                await asyncio.sleep(conduct.hangs)
                raise web.HTTPGatewayTimeout
            if conduct.status:
                return web.Response(status=conduct.status)
            for _ in range(1 + conduct.duplicates):
                said = work(asked, conduct)
            self._feed.publish("carrier")
            if conduct.hangs:
                await asyncio.sleep(conduct.hangs)
            body = b'{"status": "char\xff' if conduct.is_garbage else orjson.dumps(said)
            return answer_to(request, self.secret, body, is_wrong=conduct.wrong_signature)

        return view

    def _conduct(self, act: str) -> CarrierConduct:
        if self._queue and self._queue[0].act in {"", act}:
            return self._queue.popleft()
        return self.standing if self.standing.act in {"", act} else CarrierConduct()
