"""Transfers as the pretend WeChat Pay does them: asked for, taken or not by a person, told of, and home after a day."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from simulator.clock import Clock
from simulator.errors import ImpossibleError
from simulator.feed import Feed
from simulator.line import Line
from simulator.pay_crypto import Merchant
from simulator.pay_desk import LADDER, TAKEN, PayConduct, PayDesk
from simulator.pay_transfers import TransferBill, TransferBooks, answer_of, facts_of

EVENT = "MCHTRANSFER.BILL.FINISHED"


class TransferDesk(PayDesk):
    """`transfers` are its books."""

    def __init__(self, line: Line, clock: Clock, feed: Feed, merchant: Merchant | None, *, pace: float = 0.001) -> None:
        super().__init__(line, clock, feed, merchant, pace=pace)
        self.transfers = TransferBooks()

    # --- people

    def take_money(self, app_id: str, openid: str, confirmation: Mapping[str, str]) -> TransferBill:
        """A person takes what wx.requestMerchantTransfer shows; the money arrives and our server is told.

        Raises ImpossibleError: the page is somebody else's, or it is too late.
        """
        bill = self._opened(app_id, openid, confirmation)
        self.transfers.confirm(bill, self._now())
        conduct = self._conduct()
        if not conduct.is_moving:
            self.transfers.arrive(bill, self._now())
            self._start(self._tell_of_transfer(bill, conduct))
        return bill

    def arrive(self, bill: TransferBill) -> None:
        """What was moving is there."""
        if bill.state != "TRANSFERING":
            raise ImpossibleError("这笔转账不在转账中")
        self.transfers.arrive(bill, self._now())
        self._start(self._tell_of_transfer(bill, self._conduct()))

    def refuse_money(self, app_id: str, openid: str, confirmation: Mapping[str, str]) -> TransferBill:
        """A person closes the page for good."""
        bill = self._opened(app_id, openid, confirmation)
        self._end(bill, "FAIL", "PAYEE_REFUSED")
        return bill

    def send_home(self) -> int:
        """What nobody took in a day goes back, and our server is told; how many."""
        overdue = self.transfers.overdue(self._now())
        for bill in overdue:
            self._end(bill, "FAIL", "OVERDUE_CLOSE")
        return len(overdue)

    async def tell_transfer(
        self, bill: TransferBill, *, age: float = 0.0, probe: bool = False, **changes: object
    ) -> int:
        """One notice of a transfer; `changes` bend what it says, `age` is how long ago it claims to be signed."""
        body = self.notice_of_transfer(bill, **changes)
        status = await self.post(bill.notify_url, body, age=age, probe=probe)
        bill.told += status in TAKEN
        return status

    def notice_of_transfer(self, bill: TransferBill, **changes: object) -> bytes:
        """The body of a notice, for whoever wants to bend it."""
        return self._notice(EVENT, "mch_payment", {**facts_of(bill, self._merchant().mch_id), **changes})

    # --- the interface

    def transfer_routes(self) -> list[web.RouteDef]:
        """What our server calls."""
        bills = "/v3/fund-app/mch-transfer/transfer-bills"
        return [
            web.post(bills, self._transfer),
            web.get(f"{bills}/out-bill-no/{{number}}", self._query_transfer),
            web.post(f"{bills}/out-bill-no/{{number}}/cancel", self._cancel_transfer),
        ]

    async def _transfer(self, request: web.Request) -> web.Response:
        asked, conduct = await self._read(request)
        if conduct.refuses:
            return self._error(conduct, conduct.refuses)
        if request.headers.get("Wechatpay-Serial") != self._merchant().public_key_id:
            return self._error(conduct, "PARAM_ERROR")
        key = self._merchant().platform_key
        bill = self.transfers.take(asked, key, self._now(), becomes=conduct.transfer_becomes)
        self._feed.publish("pay")
        if isinstance(bill, str):
            return self._error(conduct, bill)
        return await self._answer(conduct, answer_of(bill))

    async def _query_transfer(self, request: web.Request) -> web.Response:
        _, conduct = await self._read(request)
        if conduct.refuses:
            return self._error(conduct, conduct.refuses)
        bill = self.transfers.bills.get(request.match_info["number"])
        if bill is None:
            return self._error(conduct, "RESOURCE_NOT_EXISTS")
        bill.asked += 1
        if bill in self.transfers.overdue(self._now()):
            self._end(bill, "FAIL", "OVERDUE_CLOSE")
        return await self._answer(conduct, facts_of(bill, self._merchant().mch_id))

    async def _cancel_transfer(self, request: web.Request) -> web.Response:
        asked, conduct = await self._read(request)
        bill = self.transfers.bills.get(request.match_info["number"])
        if conduct.refuses or bill is None or asked:
            return self._error(conduct, conduct.refuses or ("RESOURCE_NOT_EXISTS" if bill is None else "PARAM_ERROR"))
        if bill.state in {"TRANSFERING", "SUCCESS", "FAIL"}:
            return self._error(conduct, "INVALID_REQUEST")
        said = {"out_bill_no": bill.number, "transfer_bill_no": bill.bill_id, "state": "CANCELING"}
        self._end(bill, "CANCELLED", "")
        return await self._answer(conduct, said)

    # --- what it does

    def _opened(self, app_id: str, openid: str, confirmation: Mapping[str, str]) -> TransferBill:
        if confirmation["mch_id"] != self._merchant().mch_id or confirmation["app_id"] != app_id:
            raise ImpossibleError("商户号或小程序不一致")
        return self.transfers.of_package(app_id, openid, confirmation["package"])

    def _end(self, bill: TransferBill, state: str, reason: str) -> None:
        if self.transfers.end(bill, state, reason):
            self._start(self._tell_of_transfer(bill, self._conduct()))

    async def _tell_of_transfer(self, bill: TransferBill, conduct: PayConduct) -> None:
        if conduct.is_silent:
            return
        await asyncio.sleep(conduct.late)
        await asyncio.gather(*(self.tell_transfer(bill) for _ in range(1 + conduct.duplicates)))
        for pause in LADDER:
            if bill.told:
                break
            await asyncio.sleep(pause * self.pace)
            await self.tell_transfer(bill)
