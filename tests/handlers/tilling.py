"""A till for tests: a channel that is let in, a client that signs as docs/channels.md tells, and what it sells."""

import hashlib
import hmac
import itertools
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.actors import Channel as ChannelActor
from handlers.channels.channels import ChannelDraft
from handlers.channels.gate import Heard, Signed
from handlers.points.points_terms import RuleWanted
from handlers.purchases.purchase_rules import PurchaseRuleWanted
from handlers.purchases.told import Booked, OrderTold, RefundTold
from handlers.rules.purchases import Line
from models.ids import new_id
from models.organizations import Organization
from models.words import BuyerKind, PurchaseRuleKind
from tests.handlers.offering import key, operator_at

SECRET = "Qw7-zXr5_Tk2vBn8mLp4sDf6gHj3cYa9"
NEXT_SECRET = "aB3dE6fG9hJ2kL5mN8pQ1rS4tU7vW0xY"
_numbers = itertools.count(1)


def signed_headers(
    code: str, secret: str, method: str, target: str, body: bytes, *, at: datetime, nonce: str | None = None
) -> dict[str, str]:
    """What a till sends beside a call. Written anew here, as somebody would who has only read the page."""
    timestamp, nonce = str(int(at.timestamp())), nonce or new_id().hex
    text = "\n".join([method, target, timestamp, nonce, hashlib.sha256(body).hexdigest()])
    return {
        "X-Fanpiao-Channel": code,
        "X-Fanpiao-Timestamp": timestamp,
        "X-Fanpiao-Nonce": nonce,
        "X-Fanpiao-Signature": hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest(),
    }


def heard(headers: dict[str, str], method: str, target: str, body: bytes = b"") -> Heard:
    """The same as the door hands it on."""
    names = ("Channel", "Timestamp", "Nonce", "Signature")
    return Heard(method, target, body, *(headers[f"X-Fanpiao-{name}"] for name in names))


@dataclass
class Till:
    """One channel, by the use cases."""

    rooms: Any
    operator: Any
    channel: ChannelActor

    def call(self, weight: int = 1) -> Signed:
        return Signed(self.channel, new_id().hex, weight)

    def buyer(self, person: Any):
        if person is None:
            return self.rooms.handlers.purchases.buyer(BuyerKind.NOBODY, "")
        return self.rooms.handlers.purchases.buyer(BuyerKind.MEMBER, str(person.member_id))

    def order(self, order_no: str, person: Any = None, fen: int = 10_000, **more: Any) -> OrderTold:
        facts = {"buyer": self.buyer(person), "lines": (Line("", fen),), "paid_at": self.rooms.clock.now(), **more}
        return OrderTold(order_no, fen, **facts)

    async def sell(self, order_no: str, person: Any = None, fen: int = 10_000, **more: Any) -> Booked:
        order = self.order(order_no, person, fen, **more)
        return (await self.rooms.handlers.purchases.sell(self.call(), order, request_id=key())).value

    async def refund(self, order_no: str, refund_no: str, fen: int, *, request_id: str | None = None) -> Booked:
        told = RefundTold(order_no, refund_no, fen, self.rooms.clock.now())
        answer = await self.rooms.handlers.purchases.refund(self.call(), told, request_id=request_id or key())
        return answer.value

    async def rule(self, code: str = "base", factor_bp: int = 10_000, **more: Any) -> None:
        facts = {"name": "消费", "unit": "points", "kind": PurchaseRuleKind.RATE, "factor_bp": factor_bp, **more}
        await self.rooms.handlers.purchase_rules.set(self.operator, PurchaseRuleWanted(code, **facts), request_id=None)

    async def earning(self, **more: Any) -> None:
        """How points of purchases are given."""
        rule = RuleWanted("purchase", "消费", **more)
        await self.rooms.handlers.points_terms.set_rule(self.operator, rule, request_id=None)


async def a_till(rooms: Any, **more: Any) -> Till:
    """A till of the root's, and an operator there."""
    root = await Organization.get(parent=None)
    operator = await operator_at(root)
    draft = ChannelDraft(f"till{next(_numbers)}", "一号收银台", SECRET, **more)
    made = (await rooms.handlers.channels.add(operator, draft, request_id=key())).value
    return Till(rooms, operator, ChannelActor(made.id, made.code, made.organization_id, made.merchant_id))
