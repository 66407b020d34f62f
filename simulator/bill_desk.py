"""Bills as the pretend WeChat Pay hands them out: where the file is and its hash are signed, the file is not."""

from collections.abc import Iterable
from datetime import date, datetime

from aiohttp import web

from simulator.clock import Clock
from simulator.feed import Feed
from simulator.line import Line
from simulator.pay_bills import Bills, on_day
from simulator.pay_crypto import Merchant
from simulator.transfer_desk import TransferDesk

Row = tuple[datetime, str, str, int]  # when, their number, ours, fen


class BillDesk(TransferDesk):
    """`bills` are its files, and what bends them."""

    def __init__(self, line: Line, clock: Clock, feed: Feed, merchant: Merchant | None, *, pace: float = 0.001) -> None:
        super().__init__(line, clock, feed, merchant, pace=pace)
        self.bills = Bills()

    def moved(self, sort: str) -> Iterable[Row]:
        """What has moved, ever; the books of orders add theirs."""
        if sort == "OPERATION":
            for bill in self.transfers.bills.values():
                if bill.paid_at is not None:
                    yield bill.paid_at, bill.bill_id, bill.number, bill.amount_fen

    def bill_routes(self) -> list[web.RouteDef]:
        """What our server calls."""
        return [
            web.get("/v3/bill/tradebill", self._bill),
            web.get("/v3/bill/fundflowbill", self._bill),
            web.get("/v3/billdownload/file", self._file),
        ]

    async def _bill(self, request: web.Request) -> web.Response:
        _, conduct = await self._read(request)
        if conduct.refuses:
            return self._error(conduct, conduct.refuses)
        day = date.fromisoformat(request.query["bill_date"])
        sort = request.query.get("bill_type") or request.query["account_type"]
        rows = [each for each in self.moved(sort) if on_day(each[0], day)]
        rows += [(self._now(), "0", ours, fen) for of, ours, fen in self.bills.added if of == sort]
        if not rows:
            return self._error(conduct, "NO_STATEMENT_EXIST")
        made = self.bills.publish(sort, rows, self._merchant().mch_id)
        url = f"{self.bills.origin or request.url.origin()}/v3/billdownload/file?token={made['token']}"
        said = {"hash_type": "SHA1", "hash_value": made["hash"], "download_url": url}
        return await self._answer(conduct, said)

    async def _file(self, request: web.Request) -> web.Response:
        await self._read(request)
        content = self.bills.files.get(request.query["token"])
        return web.Response(status=404) if content is None else web.Response(body=content)
