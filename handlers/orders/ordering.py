"""下单: a priced offer is ordered at the price of its published version, everything locked for it, and then paid.

The order is committed first; only then is the payment service told of it, under the number that stands in the row. A
call that failed or timed out is made again with the same key: same row, same number, same order there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from handlers.accounts.accounts import Accounts
from handlers.actors import Person
from handlers.benefits.kinds import fulfiller
from handlers.claims.claiming import MOST_AT_ONCE
from handlers.distribution.attributing import attribute_order
from handlers.errors import (
    NotSignedIn,
    OfferFree,
    OfferUnknown,
    OrderNotWaiting,
    PaymentMethodMissing,
    PaymentNotOpen,
    PaymentRefused,
    PaymentUnavailable,
    PriceChanged,
    QuantityInvalid,
    RechargeToInvalid,
    RechargeToMissing,
    RechargeToUnwanted,
)
from handlers.identity.proofs import bound_to
from handlers.key_rotation import ORDER_NUMBER
from handlers.offers.offer_refusals import refusal_of
from handlers.offers.offers import askers, published
from handlers.orders.locking import lock, write_slots
from handlers.orders.moving import expire_of_offer, note
from handlers.orders.on_the_bill import OnBill, begin
from handlers.orders.order_views import Confirmation, OrderSeen, order_seen
from handlers.orders.points import set_aside
from handlers.ports import ClientPayment, Clock, Payments, ToPay, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import again, refusing
from handlers.rules.eligibility import PublishedOffer, decide
from handlers.rules.order_states import LOCKED_FOR, next_look, stands
from handlers.rules.phones import normalise, tail
from handlers.standing import canonical, standing
from models.database import atomic, row, rows
from models.identity import Identifier
from models.ids import new_id
from models.orders import Order
from models.sql import as_instant, as_uuid
from models.statements import orders as statements
from models.words import IdentifierStatus, Namespace, OrderState, PaymentMethod, PrepayHeard

PAYER = "order.payer"  # what the keyed hash of a payer's openid is for


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to buy. `expected_fen`, `expected_points`: what they were shown for all of it; None: not
    said."""

    offer_id: UUID
    quantity: int = 1
    choices: tuple[str, ...] = ()
    recharge_to: str | None = None
    expected_fen: int | None = None
    expected_points: int | None = None


@dataclass(frozen=True, slots=True)
class Ordered:
    """The order as it was made, and what the mini-program needs to have it paid, or confirmed with a code."""

    order: OrderSeen
    payment: ClientPayment | None = None
    confirmation: Confirmation | None = None


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays whom, and how. `hash`: what is kept of the payer; `bill`: where it is paid on a phone bill."""

    method: PaymentMethod
    mch_id: str
    app_id: str
    hash: str
    bill: OnBill | None = None


@refusing
class Ordering:
    """Takes orders, each at most once per key."""

    def __init__(
        self, clock: Clock, vault: Vault, accounts: Accounts, payments: Payments, zone: ZoneInfo = BUSINESS_ZONE
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._accounts = accounts
        self._payments = payments
        self._zone = zone

    async def order(self, person: Person, wanted: Wanted, *, request_id: str) -> Answer[Ordered]:
        """Lock what is wanted for 15 minutes, and announce it to the payment service.

        Raises PaymentNotOpen, OfferUnknown, OfferFree, OfferClosed, OfferPaused, OfferNotForYou, OfferNotOpen,
        OfferSoldOut, OfferTooMany, OfferLimitReached, ChoicesInvalid, RechargeToInvalid, RechargeToMissing,
        RechargeToUnwanted, QuantityInvalid, PriceChanged, PointsShort, NotSignedIn, MemberFrozen, KeyReused; with the
        order kept, PaymentUnavailable (the same key goes on), PaymentRefused.
        """
        if not self._payments.mch_id:
            raise PaymentNotOpen
        if not 1 <= wanted.quantity <= MOST_AT_ONCE:
            raise QuantityInvalid(most=MOST_AT_ONCE)
        number = recharged(wanted)
        app_id = (await self._accounts.get(person.account)).app.app_id
        openid = await openid_of(self._vault, person.member_id, app_id)
        hashed = payer_hash(self._vault, app_id, openid)
        payer = Payer(PaymentMethod.WECHAT, self._payments.mch_id, app_id, hashed)

        async def effect() -> Ordered:
            return Ordered(await self.write(person, wanted, payer))

        facts = facts_of(wanted, number, self._vault)
        answer = await once(person, "order", request_id, facts=facts, result=Ordered, effect=effect)
        payment = await self.payment(answer.value.order.id, openid)
        return Answer(replace(answer.value, payment=payment), answer.replayed)

    async def payment(self, order_id: UUID, openid: str) -> ClientPayment:
        """What `wx.requestPayment` takes for this order: the same for as long as it can be paid.

        Raises OrderNotWaiting, PaymentUnavailable, PaymentRefused.
        """
        found: Mapping[str, Any] | None = await row(statements.ONE, order_id)
        if found is None:
            raise OrderNotWaiting(state=OrderState.EXPIRED.value)
        if not found["prepay_id"]:
            found = await self._prepay(found, openid)
        prepaid_at = as_instant(found["prepaid_at"])
        return self._payments.client_payment(found["app_id"], found["prepay_id"], at=prepaid_at, nonce=found["number"])

    async def write(self, person: Person, wanted: Wanted, payer: Payer) -> OrderSeen:
        """The order itself, whichever way it is paid, inside the open transaction. Raises as `order` does.

        On a phone bill also CarrierClosed, CarrierOrderCapped, CarrierMonthCapped.
        """
        now, number = self._clock.now(), recharged(wanted)
        member_id = await standing(person.member_id)
        asker = (await askers([member_id])).get(member_id)
        offer = (await published([wanted.offer_id])).get(wanted.offer_id)
        if asker is None:
            raise NotSignedIn
        if offer is None:
            raise OfferUnknown
        verdict = decide(offer, asker, now, self._zone)
        if not verdict.ok:
            raise refusal_of(offer, verdict)
        self._check(offer, wanted, number)
        price = verdict.price
        each_fen = price.carrier_fen if payer.method is PaymentMethod.CARRIER else price.fen
        if not each_fen:
            raise PaymentMethodMissing(title=offer.title) if price.is_paid else OfferFree(title=offer.title)
        if price.outside_points:  # refused at publish; not to be sold for a part of it by mistake
            raise OfferUnknown
        amount, points = each_fen * wanted.quantity, price.points * wanted.quantity
        if wanted.expected_fen not in {None, amount} or wanted.expected_points not in {None, points}:
            raise PriceChanged(amount_fen=amount, points=points)
        await expire_of_offer(offer.id, at=now)
        choices = tuple(sorted(wanted.choices))
        locked = await lock(offer, member_id, wanted.quantity, choices, at=now, zone=self._zone)
        order_id = new_id()
        cipher = self._vault.encrypt(number, bound_to=ORDER_NUMBER.bound_to(order_id)) if number else ""
        await Order.create(
            id=order_id,
            member_id=member_id,
            offer_id=offer.id,
            offer_version=offer.version,
            title=offer.title,
            quantity=wanted.quantity,
            choices=list(choices),
            recharge_to_cipher=cipher,
            recharge_to_tail=tail(number) if number else "",
            price_fen=each_fen,
            price_points=price.points,
            amount_fen=amount,
            method=payer.method,
            # The number is the row's own id: there is no moment at which one exists without the other.
            number=order_id.hex,
            app_id=payer.app_id,
            mch_id=payer.mch_id,
            payer_hash=payer.hash,
            stock_buckets=",".join(locked.buckets),
            ordered_at=now,
            expires_at=now + LOCKED_FOR,
            look_at=next_look(now, 0, now),
        )
        if points:
            await set_aside(order_id, member_id, points, expires_at=now + LOCKED_FOR, at=now)
        await write_slots(order_id, offer.id, member_id, locked, at=now)
        await attribute_order(order_id, member_id, payer_hash=payer.hash, at=now, offer=offer)
        if payer.bill is not None:
            await begin(order_id, payer.bill, amount, at=now, zone=self._zone)
        await note(order_id, None, OrderState.WAITING, "ordered", person, at=now)
        found = await row(statements.ONE, order_id)
        assert found is not None  # noqa: S101 - written a moment ago
        return order_seen(found, now)

    def _check(self, offer: PublishedOffer, wanted: Wanted, number: str) -> None:
        kind = fulfiller(offer.benefit.kind)
        kind.check_choices(offer.benefit.terms, sorted(wanted.choices))
        if kind.takes_number != bool(number):
            raise RechargeToMissing if kind.takes_number else RechargeToUnwanted

    async def _prepay(self, found: Mapping[str, Any], openid: str) -> Mapping[str, Any]:
        """Announce the order, and keep what it is called there."""
        order_id, expires_at = as_uuid(found["id"]), as_instant(found["expires_at"])
        state = stands(OrderState(found["state"]), expires_at, self._clock.now())
        if state is not OrderState.WAITING:
            raise OrderNotWaiting(state=state.value)
        says = await self._payments.prepay(
            ToPay(found["number"], found["app_id"], found["title"], int(found["amount_fen"]), expires_at, openid)
        )
        match says.heard:
            case PrepayHeard.READY:
                return await again(lambda: self._keep(order_id, says.prepay_id, self._clock.now()))
            case PrepayHeard.PAID:
                raise OrderNotWaiting(state=OrderState.PAID.value)
            case PrepayHeard.CLOSED | PrepayHeard.REFUSED:
                raise PaymentRefused(reason=says.reason)
        raise PaymentUnavailable(retry_after=1)

    async def _keep(self, order_id: UUID, prepay_id: str, now: datetime) -> Mapping[str, Any]:
        async with atomic():
            await rows(statements.KEEP_PREPAID, order_id, prepay_id, now)  # or a twin did
            found = await row(statements.ONE, order_id)
            assert found is not None  # noqa: S101 - orders are never deleted
            return found


def recharged(wanted: Wanted) -> str:
    """The number to top up, as it is kept; empty: none. Raises RechargeToInvalid."""
    if wanted.recharge_to is None:
        return ""
    if number := normalise(wanted.recharge_to, "86"):
        return number
    raise RechargeToInvalid


def facts_of(wanted: Wanted, number: str, vault: Vault) -> dict[str, object]:
    """By what a key is recognised to have come with the same wish."""
    return {
        "offer": wanted.offer_id,
        "quantity": wanted.quantity,
        "choices": sorted(wanted.choices),
        # By its keyed mark: fingerprints are stored, and there are few numbers.
        "recharge_to": vault.blind_index("recharge_to", number) if number else "",
        "expected_fen": wanted.expected_fen,
        "expected_points": wanted.expected_points,
    }


async def openid_of(vault: Vault, member_id: UUID, app_id: str) -> str:
    """By which WeChat knows them in this mini-program. Raises PaymentNotOpen where it does not, NotSignedIn."""
    identifier = await Identifier.get_or_none(
        member_id=await canonical(member_id),
        namespace=Namespace.WX_OPENID,
        scope=app_id,
        status=IdentifierStatus.ACTIVE,
    )
    if identifier is None:
        raise PaymentNotOpen
    return vault.decrypt(identifier.value_cipher, bound_to=bound_to(identifier.id))


def payer_hash(vault: Vault, app_id: str, openid: str) -> str:
    """What is kept of who has to pay."""
    return vault.blind_index(PAYER, f"{app_id}:{openid}")


def chosen(found: Mapping[str, Any]) -> Sequence[str]:
    """The choices of a package, from the column's text."""
    listed: list[str] = orjson.loads(found["choices"])
    return listed
