"""A pretend telecom operator: subscribers, codes by SMS, a phone bill that takes charges, and its daily bill file.

It keeps to the protocol as our server's documents describe it, and has books of its own: one number, one charge.
"""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone

from aiohttp import web

from simulator.carrier_books import Charge, Refund, Subscriber, bill_file, month_of
from simulator.carrier_desk import CarrierConduct, CarrierDesk, Work
from simulator.clock import Clock
from simulator.feed import Feed
from simulator.supplier_signing import answer_to, asked_in

PATH = "/carrier"
SHANGHAI = timezone(timedelta(hours=8))
CODE_VALID = 300.0  # seconds
MOST_TRIES = 5  # wrong codes, and the charge is closed
CUT_OFF = 27  # what is charged after this day of a month stands on the next month's bill


@dataclass
class Bent:
    """What the next bill files say otherwise than the books: numbers left out, lines added (kind, number, fen)."""

    left_out: set[str] = field(default_factory=set)
    added: list[tuple[str, str, int]] = field(default_factory=list)
    is_cut: bool = False  # the file arrives with its end missing


class PretendCarrier(CarrierDesk):
    """One carrier."""

    def __init__(self, clock: Clock, feed: Feed, secret: str) -> None:
        super().__init__(feed, secret)
        self.subscribers: dict[str, Subscriber] = {}  # by number; whoever is not there is of another network
        self.messages: dict[str, list[str]] = {}  # by number: the SMS that its phone shows
        self.charges: dict[str, Charge] = {}
        self.refunds: dict[str, Refund] = {}
        self.services: dict[str, dict[str, str]] = {}
        self.bent = Bent()
        self.is_naive = False  # it charges a number again, each time that it is confirmed
        self._clock = clock

    # --- people

    def sign_up(self, number: str, **facts: object) -> Subscriber:
        """A number of its own network."""
        known = self.subscribers[number] = Subscriber(number=number, **facts)  # type: ignore[arg-type]
        return known

    def code(self, number: str) -> str:
        """The code of the last SMS that the phone with this number shows."""
        return next(word for word in self.messages[number][-1].split() if word.isdigit())

    def on_bill(self) -> dict[str, int]:
        """What stands on phone bills in the end: fen by the number of the charge, what came back taken off."""
        back: dict[str, int] = {}
        for refund in self.refunds.values():
            if refund.status in {"cancelled", "credited"}:
                back[refund.charge_no] = back.get(refund.charge_no, 0) + refund.amount_fen
        charged = (each for each in self.charges.values() if each.status == "charged")
        return {each.charge_no: each.amount_fen - back.get(each.charge_no, 0) for each in charged}

    # --- the interface

    def routes(self) -> list[web.RouteDef]:
        """What our server calls."""
        acts: dict[str, Work] = {
            "subscribers": self._subscriber,
            "services": self._order_service,
            "services/cancel": self._cancel_service,
            "services/query": self._query_service,
            "charges": self._announce,
            "charges/confirm": self._confirm,
            "charges/query": self._query,
            "charges/close": self._close,
            "refunds": self._send_back,
            "refunds/query": self._query_refund,
        }
        views = [web.post(f"{PATH}/{act}", self._view(act, work)) for act, work in acts.items()]
        return [*views, web.post(f"{PATH}/bills", self._bill)]

    def _subscriber(self, asked: dict[str, object], conduct: CarrierConduct) -> dict[str, object]:
        if conduct.refuses:
            return {"status": "refused", "reason": conduct.refuses}
        known = self.subscribers.get(str(asked["number"]))
        return {"is_ours": False} if known is None else known.said()

    # --- services

    def _order_service(self, asked: dict[str, object], conduct: CarrierConduct) -> dict[str, object]:
        number = str(asked["service_no"])
        known = self.subscribers.get(str(asked["number"]))
        if number not in self.services:
            is_fine = known is not None and not known.arrears_fen and not conduct.refuses
            self.services[number] = {
                "number": str(asked["number"]),
                "service": str(asked["service"]),
                "status": "ordered" if is_fine else "refused",
            }
        return self._service(number)

    def _cancel_service(self, asked: dict[str, object], _: CarrierConduct) -> dict[str, object]:
        known = self.services.get(str(asked["service_no"]))
        if known is not None and known["status"] == "ordered":
            known["status"] = "cancelled"
        return self._service(str(asked["service_no"]))

    def _query_service(self, asked: dict[str, object], _: CarrierConduct) -> dict[str, object]:
        return self._service(str(asked["service_no"]))

    def _service(self, number: str) -> dict[str, object]:
        known = self.services.get(number)
        return {"service_no": number, "status": known["status"] if known else "absent"}

    # --- the phone bill

    def _announce(self, asked: dict[str, object], conduct: CarrierConduct) -> dict[str, object]:
        number, payer = str(asked["charge_no"]), str(asked["number"])
        charge = self.charges.get(number)
        if charge is None:
            ends = datetime.fromisoformat(str(asked["expires_at"]))
            charge = self.charges[number] = Charge(number, payer, int(str(asked["amount_fen"])), ends)
            charge.refuse(conduct.refuses or self._why_not(charge))
        charge.came_in += 1
        if charge.status == "waiting" and self._now() >= charge.expires_at:
            charge.status = "closed"
        if charge.status == "waiting":
            charge.code, charge.code_at = f"{secrets.randbelow(900_000) + 100_000}", self._clock.now()
            text = f"话费支付验证码 {charge.code} ，金额{charge.amount_fen / 100:.2f}元，5分钟内有效，不要告诉他人。"
            self.messages.setdefault(payer, []).append(text)
        return charge.said()

    def _confirm(self, asked: dict[str, object], conduct: CarrierConduct) -> dict[str, object]:
        charge = self.charges.get(str(asked["charge_no"]))
        if charge is None:
            return {"charge_no": asked["charge_no"], "status": "absent"}
        charge.confirmed_in += 1
        if charge.status == "waiting" and self._now() >= charge.expires_at:
            charge.status = "closed"
        if charge.status == "charged" and self.is_naive:
            charge.charged_count += 1
        if charge.status != "waiting":
            return charge.said()
        if (charge.payer, charge.amount_fen) != (str(asked["number"]), asked["amount_fen"]):
            return {"charge_no": charge.charge_no, "status": "refused", "reason": "differs"}
        if self._clock.now() >= charge.code_at + CODE_VALID:
            return {"charge_no": charge.charge_no, "status": "code_over"}
        if str(asked["code"]) != charge.code:
            charge.wrong_tries += 1
            if charge.wrong_tries >= MOST_TRIES:
                charge.status = "closed"
            return {"charge_no": charge.charge_no, "status": "wrong_code"}
        charge.refuse(conduct.refuses or self._why_not(charge))
        if charge.status == "waiting":
            charge.take(self._now(), month_of(self._now(), CUT_OFF))
        return charge.said()

    def _why_not(self, charge: Charge) -> str:
        known = self.subscribers.get(charge.payer)
        if known is None:
            return "not_ours"
        return "arrears" if known.arrears_fen else ""

    def _query(self, asked: dict[str, object], _: CarrierConduct) -> dict[str, object]:
        charge = self.charges.get(str(asked["charge_no"]))
        if charge is None:
            return {"charge_no": asked["charge_no"], "status": "absent"}
        charge.asked += 1
        return charge.said()

    def _close(self, asked: dict[str, object], _: CarrierConduct) -> dict[str, object]:
        charge = self.charges.get(str(asked["charge_no"]))
        if charge is None:
            return {"charge_no": asked["charge_no"], "status": "absent"}
        if charge.status == "waiting":
            charge.status = "closed"
        return charge.said()

    def _send_back(self, asked: dict[str, object], conduct: CarrierConduct) -> dict[str, object]:
        number, charge = str(asked["refund_no"]), self.charges.get(str(asked["charge_no"]))
        known = self.refunds.get(number)
        if known is not None:
            known.came_in += 1
            return known.said()
        if conduct.refuses or charge is None or charge.status != "charged":
            return {"refund_no": number, "status": "refused", "reason": conduct.refuses or "not_charged"}
        amount = int(str(asked["amount_fen"]))
        if amount < 1 or amount > self.on_bill()[charge.charge_no] or asked["total_fen"] != charge.amount_fen:
            return {"refund_no": number, "status": "refused", "reason": "too_much"}
        month = month_of(self._now(), CUT_OFF)
        is_within = month == charge.billing_month
        known = self.refunds[number] = Refund(
            refund_no=number,
            charge_no=charge.charge_no,
            amount_fen=amount,
            status="cancelled" if is_within else "credited",
            billing_month=charge.billing_month if is_within else month,
            made_at=self._now(),
        )
        return known.said()

    def _query_refund(self, asked: dict[str, object], _: CarrierConduct) -> dict[str, object]:
        known = self.refunds.get(str(asked["refund_no"]))
        return known.said() if known else {"refund_no": asked["refund_no"], "status": "absent"}

    async def _bill(self, request: web.Request) -> web.Response:
        asked = await asked_in(request, self.secret, "kind")
        kind, day = str(asked["kind"]), date.fromisoformat(str(asked["day"]))
        if day >= self._now().astimezone(SHANGHAI).date():
            return answer_to(request, self.secret, b"not_ready")
        moved = self.charges.values() if kind == "trade" else self.refunds.values()
        lines = [line for each in moved if (line := each.line(day, SHANGHAI)) and line[0] not in self.bent.left_out]
        lines += [(number, fen, f"{day:%Y-%m}") for of, number, fen in self.bent.added if of == kind]
        content = bill_file(lines)
        return answer_to(request, self.secret, content[:-9] if self.bent.is_cut else content)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)
