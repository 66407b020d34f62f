"""A pretend supplier of top-ups: takes signed orders, does them, calls back, and misbehaves as it is told to.

It keeps to the protocol as our server's documents describe it, and knows our server by its address alone.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass

import orjson
from aiohttp import web

from simulator.clock import Clock
from simulator.feed import Feed
from simulator.line import Line, LineError
from simulator.supplier_signing import NONCE, SIGNATURE, TIMESTAMP, answer_to, asked_in, signature

PATH = "/supplier"
_PATIENCE = 5.0  # seconds it waits for an answer to a call back
_WHO = "X-Fanpiao-Supplier"


@dataclass(frozen=True, kw_only=True)
class Conduct:
    """Switches for what it does with an order; the defaults are those of a supplier that behaves.

    fails: says at once that it will not happen.
    hangs: does the work, but answers so many seconds late: whoever asked has given up.
    loses: the order is lost on the way in, and nothing is answered for `hangs` seconds.
    is_garbage: answers what nobody can read.
    duplicates: so many further call-backs, all at once.
    late: seconds before the call-back; `is_silent`: there is none.
    wrong_signature: neither answers nor call-backs carry the right one.
    """

    fails: bool = False
    hangs: float = 0.0
    loses: bool = False
    is_garbage: bool = False
    duplicates: int = 0
    late: float = 0.0
    is_silent: bool = False
    wrong_signature: bool = False


@dataclass
class Order:
    """What it was asked to do, and how far it is: accepted, done, failed. Orders are its books: one number, one row."""

    code: str  # how our server calls this supplier
    order_no: str
    product: str
    face_value_fen: int
    recharge_to: str
    status: str = "accepted"
    came_in: int = 1  # how often the same number came in
    asked: int = 0  # how often it was asked about
    told: int = 0  # call-backs that were answered with 200

    @property
    def shown(self) -> dict[str, object]:
        """For whoever watches; the number stays in its books."""
        return {
            "order_no": self.order_no,
            "product": self.product,
            "face_value_fen": self.face_value_fen,
            "tail": self.recharge_to[-4:],
            "status": self.status,
            "came_in": self.came_in,
            "told": self.told,
        }


class PretendSupplier:
    """One supplier. `secret` is what it and our server sign with; `pace` seconds an order takes it."""

    def __init__(self, line: Line, clock: Clock, feed: Feed, secret: str, *, pace: float = 1.0) -> None:
        self.secret = secret
        self.pace = pace
        self.orders: dict[str, Order] = {}
        self.statuses: deque[int] = deque(maxlen=200)  # what our server answered to call-backs; 0: nothing
        self.standing = Conduct()
        self._line = line
        self._clock = clock
        self._feed = feed
        self._queue: deque[Conduct] = deque()
        self._at_work: set[asyncio.Task[None]] = set()

    def once(self, conduct: Conduct, *, times: int = 1) -> None:
        """Behave so with the next `times` orders that come in."""
        self._queue.extend([conduct] * times)

    def always(self, conduct: Conduct) -> None:
        """Behave so until told otherwise."""
        self.standing = conduct

    def behave(self) -> None:
        """Back to a supplier that does what it should."""
        self._queue.clear()
        self.standing = Conduct()

    def routes(self) -> list[web.RouteDef]:
        """Its interface."""
        return [web.post(f"{PATH}/orders", self._order), web.post(f"{PATH}/orders/query", self._query)]

    async def settle(self) -> None:
        """Wait until every order is done and told."""
        while self._at_work:
            await asyncio.gather(*self._at_work)

    async def close(self) -> None:
        """Stop what is under way."""
        for task in list(self._at_work):
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)

    async def tell(self, order: Order, *, wrong_signature: bool = False, age: float = 0.0, **changes: object) -> int:
        """One call-back about an order; the status of the answer, 0 when there was none. `changes` bend what it says.

        `age`: how many seconds ago it claims to have been signed.
        """
        body = orjson.dumps({**self._said(order), **changes})
        path = f"/suppliers/{order.code}/notify"
        timestamp, nonce = str(int(self._clock.now() - age)), secrets.token_urlsafe(18)
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP: timestamp,
            NONCE: nonce,
            SIGNATURE: signature(self.secret, f"POST\n{path}", timestamp, nonce, body, is_wrong=wrong_signature),
        }
        try:
            status = (await self._line.request("POST", path, timeout=_PATIENCE, headers=headers, body=body)).status
        except LineError:
            status = 0
        self.statuses.append(status)
        if status == 200:
            order.told += 1
        return status

    async def _order(self, request: web.Request) -> web.Response:
        asked = await asked_in(request, self.secret, "order_no")
        conduct = self._queue.popleft() if self._queue else self.standing
        if conduct.loses:
            await asyncio.sleep(conduct.hangs)
            raise web.HTTPGatewayTimeout
        order = self.orders.get(str(asked["order_no"]))
        if order is None:
            order = self._take(request.headers.get(_WHO, ""), asked)
            order.status = "failed" if conduct.fails else "accepted"
            self._start(self._work(order, conduct))
        else:  # the same number is the same order, however often it comes
            order.came_in += 1
        self._feed.publish("supplier")
        if conduct.hangs:
            await asyncio.sleep(conduct.hangs)
        return self._answer(request, self._said(order), conduct)

    async def _query(self, request: web.Request) -> web.Response:
        asked = await asked_in(request, self.secret, "order_no")
        order = self.orders.get(str(asked["order_no"]))
        if order:
            order.asked += 1
        said = self._said(order) if order else {"order_no": asked["order_no"], "status": "absent"}
        return self._answer(request, said, self.standing)

    def _take(self, code: str, asked: dict[str, object]) -> Order:
        order = Order(
            code=code,
            order_no=str(asked["order_no"]),
            product=str(asked["product"]),
            face_value_fen=int(str(asked["face_value_fen"])),
            recharge_to=str(asked["recharge_to"]),
        )
        self.orders[order.order_no] = order
        return order

    async def _work(self, order: Order, conduct: Conduct) -> None:
        await asyncio.sleep(self.pace)
        if order.status == "accepted":
            order.status = "done"
        self._feed.publish("supplier")
        if conduct.is_silent:
            return
        await asyncio.sleep(conduct.late)
        copies = 1 + conduct.duplicates
        await asyncio.gather(*(self.tell(order, wrong_signature=conduct.wrong_signature) for _ in range(copies)))
        self._feed.publish("supplier")

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    def _said(self, order: Order) -> dict[str, object]:
        reason = {"reason": "number_not_served"} if order.status == "failed" else {}
        return {
            "order_no": order.order_no,
            "status": order.status,
            "face_value_fen": order.face_value_fen,
            **reason,
        }

    def _answer(self, request: web.Request, said: dict[str, object], conduct: Conduct) -> web.Response:
        body = b'{"status": "don\xff' if conduct.is_garbage else orjson.dumps(said)
        return answer_to(request, self.secret, body, is_wrong=conduct.wrong_signature)
