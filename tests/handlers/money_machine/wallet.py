"""The pretend WeChat Pay without a network: our gateway calls into its routes, its notices come into our rooms.

Both sides sign and check what they say as they do over a wire. Nothing is told by itself: what there is to tell lies in
a box, and whoever plays delivers it, in whatever order, twice, late or never.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

from aiohttp import web

from gateways.wechat_pay import WeChatPayApi
from handlers.errors import DomainError, PayNoticeForged, PayNoticeUnreadable
from simulator import PayConduct
from simulator.feed import Feed
from simulator.line import Response
from simulator.wechat_pay import PretendWeChatPay
from tests.paying import merchant, pay_keys

SILENT = PayConduct(is_silent=True)
TAKEN, FORGED, NOT_OURS, LATER = 204, 403, 422, 503


class Mood(StrEnum):
    """What becomes of a call."""

    FINE = "fine"
    DEAF = "deaf"  # nothing arrives there
    LOST = "lost"  # it is done, and the answer is lost
    UNSIGNED = "unsigned"  # it is done, and nobody can believe the answer
    FAULTY = "faulty"  # a fault of theirs: nothing is done


@dataclass(frozen=True)
class Notice:
    """Something to tell, as it was when it happened. `is_certain`: nobody else would ever ask, so it is not lost."""

    url: str
    body: bytes
    is_certain: bool


class Wallet:
    """`pay` are their books, `api` is our gateway to them; the rooms hear the notices."""

    def __init__(self, rooms: Any) -> None:
        self.mood = Mood.FINE
        self.box: list[Notice] = []
        self._boxed: set[tuple[str, str]] = set()
        self._after_the_end: set[str] = set()  # numbers that were paid although they had been closed
        clock = SimpleNamespace(now=lambda: rooms.clock.now().timestamp())
        self.pay = PretendWeChatPay(_Line(rooms), clock, Feed(), merchant())  # type: ignore[arg-type]
        self.pay.always(SILENT)
        session: Any = _Session(self)
        urls = "https://pay.test", "https://house.test/pay/notify"
        self.api = WeChatPayApi(urls[0], pay_keys(), session, rooms.clock, notify_url=urls[1])

    def pay_number(self, number: str) -> None:
        """Somebody enters their password, in time or just after it."""
        trade = self.pay.trades[number]
        if trade.state == "CLOSED":
            self._after_the_end.add(number)
        self.pay.pay_number(number, even_late=True)

    def collect(self) -> None:
        """Whatever happened since lies in the box."""
        pay = self.pay
        for trade in pay.trades.values():
            if trade.transaction_id:
                self._put("trade", trade.number, trade.notify_url, lambda trade=trade: pay.notice_of(trade))
        for refund in pay.refunds.values():
            if refund.state != "PROCESSING":
                name = f"{refund.number} {refund.state}"
                self._put("refund", name, refund.notify_url, lambda refund=refund: pay.notice_of_refund(refund))
        for bill in pay.transfers.bills.values():
            if bill.state in {"SUCCESS", "FAIL", "CANCELLED"}:
                self._put("transfer", bill.number, bill.notify_url, lambda bill=bill: pay.notice_of_transfer(bill))

    def _put(self, sort: str, name: str, url: str, body: Callable[[], bytes]) -> None:
        if (sort, name) not in self._boxed:
            self._boxed.add((sort, name))
            self.box.append(Notice(url, body(), name in self._after_the_end))


class _Session:
    """What an aiohttp session is to our gateway."""

    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet

    @asynccontextmanager
    async def request(
        self, method: str, url: Any, *, data: bytes | None, headers: Mapping[str, str], **_: Any
    ) -> AsyncIterator[Any]:
        """One call, as the mood wants it. Raises TimeoutError."""
        mood, pay = self._wallet.mood, self._wallet.pay
        if mood is Mood.DEAF:
            raise TimeoutError
        if mood is Mood.UNSIGNED:
            pay.once(PayConduct(is_silent=True, is_unsigned=True))
        if mood is Mood.FAULTY:
            pay.once(PayConduct(is_silent=True, refuses="SYSTEM_ERROR"))
        answer = await _answer(pay.routes(), method, url, data or b"", headers)
        await pay.settle()
        if mood is Mood.LOST:
            raise TimeoutError
        yield SimpleNamespace(status=answer.status, headers=answer.headers, content=_Content(answer.body or b""))


class _Content:
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self._body


async def _answer(
    routes: list[web.RouteDef], method: str, url: Any, body: bytes, headers: Mapping[str, str]
) -> web.Response:
    async def read() -> bytes:
        return body

    for route in routes:
        found = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", route.path), url.raw_path)
        if route.method == method and found:
            facts = {"method": method, "raw_path": url.raw_path_qs, "match_info": found.groupdict(), "url": url}
            asked: Any = SimpleNamespace(read=read, headers=headers, query=url.query, **facts)
            try:
                return await route.handler(asked)  # type: ignore[return-value, call-arg, misc]
            except web.HTTPException as refused:
                return refused
    raise AssertionError(f"nobody answers {method} {url}")


class _Line:
    """What the line to our server is to them: the door of notices, and the status that it answers with."""

    def __init__(self, rooms: Any) -> None:
        self._rooms = rooms

    async def request(self, _method: str, path: str, *, headers: Mapping[str, str], body: bytes, **_: Any) -> Response:
        handlers = self._rooms.handlers
        doors = {"transaction": handlers.order_watch, "refund": handlers.order_refunds}
        door = doors.get(path.rpartition("/")[2], handlers.withdrawals.sending)
        try:
            await door.hear(headers, body)
        except PayNoticeForged:
            return Response(FORGED, {}, b"")
        except PayNoticeUnreadable:
            return Response(NOT_OURS, {}, b"")
        except DomainError:
            return Response(LATER, {}, b"")
        return Response(TAKEN, {}, b"")
