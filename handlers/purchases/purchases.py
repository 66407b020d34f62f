"""The lanes of channels: what they tell in the same moment is booked in one transaction.

A till rings up one order at a time, a chain's server hundreds in a second. The batch locks its channels, lets the calls
in (nonces, quota), looks up what was answered before, and books the rest (`booking`). docs/adr/0018, docs/adr/0023.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.channels.gate import Signed, let_in
from handlers.errors import DomainError, KeyReused, PurchaseInFuture, PurchaseUneven
from handlers.group_commit import GroupCommit
from handlers.lanes import Lanes
from handlers.ports import Clock, Vault
from handlers.purchases.booking import Told, book
from handlers.purchases.told import Booked, Buyer, OrderTold, RefundTold, buyer_of
from handlers.requests import Answer, Asked, recall, record, settle
from handlers.retrying import refusing
from handlers.rules.channel_calls import LASTS
from models.words import BuyerKind

MOST_AT_ONCE = 100  # orders of one call


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one of several: booked, or why not (the code of the refusal and its sentence)."""

    order_no: str
    booked: Booked | None = None
    code: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Entries:
    """What became of a call, in the order in which it told."""

    items: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class _Call:
    signed: Signed
    told: tuple[Told, ...]
    against: tuple[DomainError | None, ...]  # what speaks against each before anybody has looked
    asked: Asked
    is_many: bool


Result = Answer[Entries] | DomainError


@refusing
class Purchases:
    """Takes orders and refunds of channels, each number once. `phone_dormant_after`: a phone silent for so long is
    nobody's."""

    def __init__(self, clock: Clock, vault: Vault, phone_dormant_after: timedelta | None) -> None:
        self._clock = clock
        self._vault = vault
        self._phone_dormant_after = phone_dormant_after
        self._lane: GroupCommit[_Call, Answer[Entries]] = GroupCommit(
            "purchases", self._decide, key=_scope, settle=self._settle
        )
        self._lanes = Lanes()

    def buyer(self, kind: BuyerKind, value: str) -> Buyer:
        """Whom a channel means. Raises BuyerInvalid."""
        return buyer_of(self._vault, kind, value)

    async def sell(self, signed: Signed, order: OrderTold, *, request_id: str) -> Answer[Booked]:
        """An order that was paid, once for its number in this channel; told again, as it stands now.

        Raises PurchaseUneven, PurchaseInFuture, PurchaseConflict, StoreUnknown, KeyReused, what the gate raises,
        Overloaded, OutcomeUnknown.
        """
        if (refusal := self._against(order)) is not None:
            raise refusal
        return await self._one(signed, "purchase", order, request_id)

    async def refund(self, signed: Signed, refund: RefundTold, *, request_id: str) -> Answer[Booked]:
        """Money given back of an order; one that is not known yet is waited for.

        Raises PurchaseInFuture, RefundConflict, RefundTooMuch, KeyReused, what the gate raises, Overloaded,
        OutcomeUnknown.
        """
        if (refusal := self._too_early(refund.refunded_at)) is not None:
            raise refusal
        return await self._one(signed, "purchase.refund", refund, request_id)

    async def sell_many(self, signed: Signed, orders: Sequence[OrderTold], *, request_id: str) -> Answer[Entries]:
        """Up to 100 orders, each for itself; each counts for the quota. Raises as `sell`, but for single orders."""
        weighed = Signed(signed.channel, signed.nonce, weight=len(orders))
        asked = Asked.of(signed.channel, "purchase.many", request_id, tuple(each.fingerprint for each in orders))
        against = tuple(self._against(each) for each in orders)
        return await self._submit(_Call(weighed, tuple(orders), against, asked, is_many=True))

    async def close(self) -> None:
        """Let those who wait be answered."""
        await self._lane.close()

    async def _one(self, signed: Signed, operation: str, told: Told, request_id: str) -> Answer[Booked]:
        asked = Asked.of(signed.channel, operation, request_id, told.fingerprint)
        answer = await self._submit(_Call(signed, (told,), (None,), asked, is_many=False))
        booked = answer.value.items[0].booked
        assert booked is not None  # noqa: S101 - a single one that is refused is the call's refusal
        return Answer(booked, answer.replayed)

    async def _submit(self, call: _Call) -> Answer[Entries]:
        async with self._lanes.lane_of(call.signed.channel.id) as lane:
            return await self._lane.submit(lane, call)

    def _against(self, order: OrderTold) -> DomainError | None:
        lines_fen = sum(line.amount_fen for line in order.lines)
        if lines_fen != order.amount_fen:
            return PurchaseUneven(lines_fen=lines_fen)
        return self._too_early(order.paid_at)

    def _too_early(self, at: datetime) -> DomainError | None:
        now = self._clock.now()
        # Their clock may be as far from ours as that of a signature.
        return PurchaseInFuture(now=now.isoformat()) if at > now + LASTS else None

    async def _decide(self, calls: Sequence[_Call]) -> list[Result]:
        now = self._clock.now()
        against = await let_in([each.signed for each in calls], at=now)
        inside = [each for each, refused in zip(calls, against, strict=True) if refused is None]
        known = await recall([each.asked for each in inside], Entries)
        fresh = [each for each in inside if each.asked not in known]
        told = [
            (each.signed.channel, one)
            for each in fresh
            for one, refused in zip(each.told, each.against, strict=True)
            if refused is None
        ]
        outcomes = iter(await book(told, at=now, dormant_after=self._phone_dormant_after))
        decided: dict[Asked, Result] = {
            each.asked: _answer(each, [refused or next(outcomes) for refused in each.against]) for each in fresh
        }
        await record({asked: each.value for asked, each in decided.items() if isinstance(each, Answer)})
        return [
            refused or known.get(each.asked) or decided[each.asked]
            for each, refused in zip(calls, against, strict=True)
        ]

    async def _settle(self, calls: Sequence[_Call]) -> list[Result | None]:
        happened: dict[Asked, Answer[Entries] | KeyReused] = await settle([each.asked for each in calls], Entries)
        return [happened.get(each.asked) for each in calls]


def _answer(call: _Call, outcomes: Sequence[Booked | DomainError]) -> Result:
    if not call.is_many and isinstance(refusal := outcomes[0], DomainError):
        return refusal
    items = (
        _refused(told.order_no, each) if isinstance(each, DomainError) else Entry(told.order_no, each)
        for told, each in zip(call.told, outcomes, strict=True)
    )
    return Answer(Entries(tuple(items)))


def _refused(order_no: str, refusal: DomainError) -> Entry:
    return Entry(order_no, code=refusal.code, title=refusal.sentence)


def _scope(call: _Call) -> Hashable:
    return call.asked.scope
