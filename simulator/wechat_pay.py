"""A pretend WeChat Pay: takes signed orders, people pay them, it tells our server, sends money back, and misbehaves.

It keeps books of its own: what a person paid, what they got back and what was sent to them, to the fen.
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from simulator.bill_desk import BillDesk, Row
from simulator.clock import Clock
from simulator.errors import ImpossibleError
from simulator.feed import Feed
from simulator.line import Line
from simulator.pay_crypto import BadSignature, Merchant
from simulator.pay_desk import LADDER, TAKEN, PayConduct


@dataclass
class Trade:
    """One order in its books."""

    number: str
    app_id: str
    openid: str
    description: str
    amount_fen: int
    notify_url: str
    expires_at: datetime
    prepay_id: str = field(default_factory=lambda: f"wx{secrets.token_hex(16)}")
    state: str = "NOTPAY"
    transaction_id: str = ""
    paid_at: str = ""
    refunded_fen: int = 0
    came_in: int = 1
    asked: int = 0
    told: int = 0  # notices that were taken
    is_shipped: bool = False  # 发货信息 was reported


@dataclass
class Refund:
    """Money on its way back."""

    number: str
    trade: Trade
    amount_fen: int
    notify_url: str
    made_at: datetime
    refund_id: str = field(default_factory=lambda: f"50{secrets.randbelow(10**26):026}")
    state: str = "PROCESSING"
    came_in: int = 1
    asked: int = 0
    told: int = 0


class PretendWeChatPay(BillDesk):
    """The pay side of the platform; without a merchant it knows nobody. `pace` makes its ladder shorter."""

    def __init__(self, line: Line, clock: Clock, feed: Feed, merchant: Merchant | None, *, pace: float = 0.001) -> None:
        super().__init__(line, clock, feed, merchant, pace=pace)
        self.trades: dict[str, Trade] = {}
        self.refunds: dict[str, Refund] = {}

    # --- people

    def pay(self, app_id: str, openid: str, payment: Mapping[str, str]) -> Trade:
        """A person enters the password on the sheet that wx.requestPayment opened. Raises ImpossibleError."""
        merchant = self._merchant()
        try:
            merchant.verify_client(app_id, payment)
        except BadSignature as error:
            raise ImpossibleError("支付验证签名失败") from error
        prepay_id = payment["package"].removeprefix("prepay_id=")
        trade = next((each for each in self.trades.values() if each.prepay_id == prepay_id), None)
        if trade is None or (trade.app_id, trade.openid) != (app_id, openid):
            raise ImpossibleError("下单账号与支付账号不一致")
        self.pay_number(trade.number)
        return trade

    def pay_number(self, number: str, *, even_late: bool = False) -> None:
        """The money moves; `even_late`: it was on its way when the order ended."""
        trade = self.trades[number]
        if trade.state != "NOTPAY" and not (even_late and trade.state == "CLOSED"):
            raise ImpossibleError("订单已支付或已关闭")
        if not even_late and self._now() >= trade.expires_at:
            raise ImpossibleError("订单已过期")
        trade.state, trade.transaction_id = "SUCCESS", f"42{secrets.randbelow(10**26):026}"
        trade.paid_at = self._now().isoformat(timespec="seconds")
        self._start(self._tell_of_trade(trade, self._conduct()))

    async def tell_trade(self, trade: Trade, *, age: float = 0.0, probe: bool = False, **changes: object) -> int:
        """One notice of a payment; `changes` bend what it says, `age` is how long ago it claims to be signed."""
        body = self._notice("TRANSACTION.SUCCESS", "transaction", {**self._trade(trade), **changes})
        status = await self.post(trade.notify_url, body, age=age, probe=probe)
        trade.told += status in TAKEN
        return status

    async def tell_refund(self, refund: Refund, *, age: float = 0.0, **changes: object) -> int:
        """One notice of a refund."""
        status = await self.post(refund.notify_url, self.notice_of_refund(refund, **changes), age=age)
        refund.told += status in TAKEN
        return status

    def notice_of(self, trade: Trade, **changes: object) -> bytes:
        """The body of a notice, for whoever wants to bend it."""
        return self._notice("TRANSACTION.SUCCESS", "transaction", {**self._trade(trade), **changes})

    def notice_of_refund(self, refund: Refund, **changes: object) -> bytes:
        """The same of a refund."""
        said = self._refund(refund)
        said["refund_status"] = said.pop("status")
        event = {"SUCCESS": "REFUND.SUCCESS", "ABNORMAL": "REFUND.ABNORMAL"}.get(refund.state, "REFUND.CLOSED")
        return self._notice(event, "refund", {"mchid": self._merchant().mch_id, **said, **changes})

    def moved(self, sort: str) -> Iterable[Row]:
        """What stands in the bills: payments, refunds that are done, transfers."""
        yield from super().moved(sort)
        if sort == "SUCCESS":
            for trade in self.trades.values():
                if trade.paid_at:
                    yield datetime.fromisoformat(trade.paid_at), trade.transaction_id, trade.number, trade.amount_fen
        if sort == "REFUND":
            for refund in self.refunds.values():
                if refund.state == "SUCCESS":
                    yield refund.made_at, refund.refund_id, refund.number, refund.amount_fen

    # --- the interface

    def routes(self) -> list[web.RouteDef]:
        """What our server calls."""
        trades = "/v3/pay/transactions"
        return [
            web.post(f"{trades}/jsapi", self._prepay),
            web.get(f"{trades}/out-trade-no/{{number}}", self._query),
            web.post(f"{trades}/out-trade-no/{{number}}/close", self._close),
            web.post("/v3/refund/domestic/refunds", self._send_back),
            web.get("/v3/refund/domestic/refunds/{number}", self._query_refund),
            *self.transfer_routes(),
            *self.bill_routes(),
        ]

    async def _prepay(self, request: web.Request) -> web.Response:
        asked, conduct = await self._read(request)
        number, amount = str(asked["out_trade_no"]), asked["amount"]
        if conduct.refuses:
            return self._error(conduct, conduct.refuses)
        if not isinstance(amount, dict) or type(amount.get("total")) is not int or amount["total"] < 1:
            return self._error(conduct, "PARAM_ERROR")
        if asked["mchid"] != self._merchant().mch_id or "?" in str(asked["notify_url"]):
            return self._error(conduct, "PARAM_ERROR")
        payer = asked["payer"]
        wanted = (str(asked["appid"]), str(payer["openid"]) if isinstance(payer, dict) else "", amount["total"])
        known = self.trades.get(number)
        if known is None:
            known = self.trades[number] = Trade(
                number,
                *wanted[:2],
                str(asked["description"]),
                amount["total"],
                str(asked["notify_url"]),
                datetime.fromisoformat(str(asked["time_expire"])),
            )
        elif (known.app_id, known.openid, known.amount_fen) != wanted:
            return self._error(conduct, "OUT_TRADE_NO_USED")
        elif known.state != "NOTPAY":
            return self._error(conduct, "ORDERPAID" if known.state == "SUCCESS" else "ORDER_CLOSED")
        else:
            known.came_in += 1
        self._feed.publish("pay")
        return await self._answer(conduct, {"prepay_id": known.prepay_id})

    async def _query(self, request: web.Request) -> web.Response:
        _, conduct = await self._read(request)
        if conduct.refuses:
            return self._error(conduct, conduct.refuses)
        trade = self.trades.get(request.match_info["number"])
        if trade is None:
            return self._error(conduct, "ORDER_NOT_EXIST")
        trade.asked += 1
        return await self._answer(conduct, self._trade(trade))

    async def _close(self, request: web.Request) -> web.Response:
        _, conduct = await self._read(request)
        if conduct.refuses:
            return self._error(conduct, conduct.refuses)
        trade = self.trades.get(request.match_info["number"])
        if trade is None:
            return self._error(conduct, "ORDER_NOT_EXIST")
        if trade.state == "SUCCESS":
            return self._error(conduct, "ORDERPAID")
        trade.state = "CLOSED"
        return await self._answer(conduct, None)

    async def _send_back(self, request: web.Request) -> web.Response:
        asked, conduct = await self._read(request)
        if conduct.refuses:
            return self._error(conduct, conduct.refuses)
        number, amount = str(asked["out_refund_no"]), asked["amount"]
        trade = self.trades.get(str(asked["out_trade_no"]))
        if trade is None or trade.state not in {"SUCCESS", "REFUND"} or not isinstance(amount, dict):
            return self._error(conduct, "RESOURCE_NOT_EXISTS")
        known = self.refunds.get(number)
        if known is None:
            if amount["total"] != trade.amount_fen or trade.refunded_fen + amount["refund"] > trade.amount_fen:
                return self._error(conduct, "INVALID_REQUEST")
            known = self.refunds[number] = Refund(
                number, trade, amount["refund"], str(asked["notify_url"]), made_at=self._now()
            )
            trade.refunded_fen += known.amount_fen
            trade.state = "REFUND"
            self._start(self._tell_of_refund(known, conduct))
        else:
            known.came_in += 1
        self._feed.publish("pay")
        return await self._answer(conduct, self._refund(known))

    async def _query_refund(self, request: web.Request) -> web.Response:
        _, conduct = await self._read(request)
        if conduct.refuses:
            return self._error(conduct, conduct.refuses)
        refund = self.refunds.get(request.match_info["number"])
        if refund is None:
            return self._error(conduct, "RESOURCE_NOT_EXISTS")
        refund.asked += 1
        return await self._answer(conduct, self._refund(refund))

    # --- what it says

    def _trade(self, trade: Trade) -> dict[str, object]:
        said: dict[str, object] = {
            "appid": trade.app_id,
            "mchid": self._merchant().mch_id,
            "out_trade_no": trade.number,
            "trade_state": trade.state,
            "trade_state_desc": trade.state,
            "amount": {"total": trade.amount_fen, "payer_total": trade.amount_fen, "currency": "CNY"},
            "payer": {"openid": trade.openid},
        }
        if trade.transaction_id:
            said |= {"transaction_id": trade.transaction_id, "success_time": trade.paid_at, "trade_type": "JSAPI"}
        return said

    def _refund(self, refund: Refund) -> dict[str, object]:
        return {
            "refund_id": refund.refund_id,
            "out_refund_no": refund.number,
            "transaction_id": refund.trade.transaction_id,
            "out_trade_no": refund.trade.number,
            "status": refund.state,
            "amount": {"total": refund.trade.amount_fen, "refund": refund.amount_fen, "currency": "CNY"},
        }

    async def _tell_of_trade(self, trade: Trade, conduct: PayConduct) -> None:
        if not conduct.is_silent:
            await asyncio.sleep(conduct.late)
            await asyncio.gather(*(self.tell_trade(trade) for _ in range(1 + conduct.duplicates)))
            for pause in LADDER:
                if trade.told:
                    break
                await asyncio.sleep(pause * self.pace)
                await self.tell_trade(trade)

    async def _tell_of_refund(self, refund: Refund, conduct: PayConduct) -> None:
        refund.state = conduct.refund_becomes
        if refund.state in {"CLOSED", "ABNORMAL"}:
            refund.trade.refunded_fen -= refund.amount_fen
        if not conduct.is_silent and refund.state != "PROCESSING":
            await asyncio.sleep(conduct.late)
            await asyncio.gather(*(self.tell_refund(refund) for _ in range(1 + conduct.duplicates)))
            for pause in LADDER:
                if refund.told:
                    break
                await asyncio.sleep(pause * self.pace)
                await self.tell_refund(refund)
