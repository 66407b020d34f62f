"""下单: a priced offer is ordered at the price of its published version, everything locked for it, and then paid.

The order is committed first, together with whatever was ordered in the same moment; only then is the payment service
told of it, under the number that stands in the row. A call that failed or timed out is made again with the same key:
same row, same number, same order there.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.accounts.accounts import Accounts
from handlers.actors import Person
from handlers.claims.claimants import claimants
from handlers.claims.claiming import MOST_AT_ONCE
from handlers.errors import (
    DomainError,
    OfferLimitReached,
    OfferSoldOut,
    OfferTooMany,
    OrderNotWaiting,
    Overloaded,
    PaymentNotOpen,
    PaymentRefused,
    PaymentUnavailable,
    QuantityInvalid,
)
from handlers.group_commit import GroupCommit
from handlers.identity.proofs import bound_to
from handlers.lanes import Lanes
from handlers.orders.moving import expire_of_offer
from handlers.orders.order_views import OrderSeen, order_seen
from handlers.orders.wishes import Ordered, Payer, Wanted, Wish, payer_hash
from handlers.orders.writing import write
from handlers.ports import ClientPayment, Clock, Payments, ToPay, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, Asked, recall, record, settle
from handlers.retrying import again, refusing
from handlers.rules.order_states import stands
from handlers.standing import canonical
from models.database import atomic, row, rows
from models.gathering import Gathered
from models.sql import as_instant, as_uuid, dump_rows
from models.statements import identity as identity_statements
from models.statements import orders as statements
from models.words import OrderState, PaymentMethod, PrepayHeard

T = TypeVar("T")
Outcome = Answer[Ordered] | DomainError

_openids: Gathered[tuple[UUID, str]] = Gathered(
    identity_statements.OPENIDS,
    value_of=lambda key: f"{key[0]}:{key[1]}",
    key_of=lambda found: (as_uuid(found["member_id"]), str(found["scope"])),
)


@dataclass(frozen=True, slots=True)
class _Announced:
    """What the payment service calls an order."""

    order_id: UUID
    prepay_id: str


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
        self._lanes = Lanes()
        self._lane: GroupCommit[Wish, Answer[Ordered]] = GroupCommit(
            "orders", self._decide, key=_request, settle=self._settle
        )
        self._announced: GroupCommit[_Announced, Mapping[str, Any]] = GroupCommit(
            "prepaid", self._keep, key=lambda each: each.order_id, settle=self._kept
        )

    async def order(self, person: Person, wanted: Wanted, *, request_id: str) -> Answer[Ordered]:
        """Lock what is wanted for 15 minutes, and announce it to the payment service.

        Raises PaymentNotOpen, OfferUnknown, OfferFree, OfferClosed, OfferPaused, OfferNotForYou, OfferNotOpen,
        OfferSoldOut, OfferTooMany, OfferLimitReached, ChoicesInvalid, RechargeToInvalid, RechargeToMissing,
        RechargeToUnwanted, QuantityInvalid, PaymentMethodMissing, PriceChanged, PointsShort, NotSignedIn, MemberFrozen,
        KeyReused, Overloaded (nothing happened), OutcomeUnknown (the key finds out); with the order kept,
        PaymentUnavailable (the same key goes on), PaymentRefused.
        """
        if not self._payments.mch_id:
            raise PaymentNotOpen
        if not 1 <= wanted.quantity <= MOST_AT_ONCE:
            raise QuantityInvalid(most=MOST_AT_ONCE)
        app_id = (await self._accounts.get(person.account)).app.app_id
        asked = Asked.of(person, "order", request_id, wanted.facts(self._vault))
        openid = await openid_of(self._vault, person.member_id, app_id)
        hashed = payer_hash(self._vault, app_id, openid)
        payer = Payer(PaymentMethod.WECHAT, self._payments.mch_id, app_id, hashed)
        wish = Wish(person, wanted, payer, asked)
        answer = await self.with_what_is_over(wanted.offer_id, lambda: self._submit(wish))
        if answer.replayed:
            payment = await self.payment(answer.value.order.id, openid)
        else:
            payment = await self._announce(answer.value.order, app_id, openid)
        return Answer(replace(answer.value, payment=payment), answer.replayed)

    async def payment(self, order_id: UUID, openid: str) -> ClientPayment:
        """What `wx.requestPayment` takes for this order: the same for as long as it can be paid.

        Raises OrderNotWaiting, PaymentUnavailable, PaymentRefused.
        """
        found: Mapping[str, Any] | None = await row(statements.ONE, order_id)
        if found is None:
            raise OrderNotWaiting(state=OrderState.EXPIRED.value)
        if found["prepay_id"]:
            return await self._client_payment(found)
        return await self._announce(order_seen(found, self._clock.now()), found["app_id"], openid)

    async def with_what_is_over(self, offer_id: UUID, attempt: Callable[[], Awaitable[T]]) -> T:
        """Whoever finds nothing left finds what orders have whose time is over, whether or not anybody has swept it."""
        try:
            return await attempt()
        except (OfferSoldOut, OfferTooMany, OfferLimitReached):
            if not await again(lambda: self._sweep(offer_id)):
                raise
            return await attempt()

    async def write(self, person: Person, wanted: Wanted, payer: Payer) -> OrderSeen:
        """One order, whichever way it is paid, inside the open transaction. Raises as `order` does.

        On a phone bill also CarrierClosed, CarrierOrderCapped, CarrierMonthCapped.
        """
        wish = Wish(person, wanted, payer, Asked.of(person, "order", "", {}))
        (done,) = (await write([wish], at=self._clock.now(), zone=self._zone, vault=self._vault)).values()
        if isinstance(done, DomainError):
            raise done
        return done

    async def close(self) -> None:
        """Let those who wait be answered."""
        await self._lane.close()
        await self._announced.close()

    # --- the orders of one moment

    async def _submit(self, wish: Wish) -> Answer[Ordered]:
        async with self._lanes.lane_of(wish.wanted.offer_id) as lane:
            return await self._lane.submit(lane, wish)

    async def _sweep(self, offer_id: UUID) -> int:
        async with atomic():
            return await expire_of_offer(offer_id, at=self._clock.now())

    async def _decide(self, batch: Sequence[Wish]) -> list[Outcome]:
        # Locked before it is asked what was answered: a twin in another lane or process is waited for, and found.
        people = await claimants([each.person.member_id for each in batch])
        known = await recall([each.asked for each in batch], Ordered)
        fresh = [each for each in batch if each.asked not in known]
        done = await write(fresh, people, at=self._clock.now(), zone=self._zone, vault=self._vault) if fresh else {}
        decided: dict[Asked, Outcome] = {
            asked: each if isinstance(each, DomainError) else Answer(Ordered(each)) for asked, each in done.items()
        }
        await record({asked: answer.value for asked, answer in decided.items() if isinstance(answer, Answer)})
        return [known.get(each.asked) or decided[each.asked] for each in batch]

    async def _settle(self, batch: Sequence[Wish]) -> list[Outcome | None]:
        happened: Mapping[Asked, Outcome] = await settle([each.asked for each in batch], Ordered)
        return [happened.get(each.asked) for each in batch]

    # --- what they are called where they are paid

    async def _announce(self, order: OrderSeen, app_id: str, openid: str) -> ClientPayment:
        """Tell the payment service, and keep what it calls it."""
        state = stands(order.state, order.expires_at, self._clock.now())
        if state is not OrderState.WAITING:
            raise OrderNotWaiting(state=state.value)
        says = await self._payments.prepay(
            ToPay(order.number, app_id, order.title, order.amount_fen, order.expires_at, openid)
        )
        match says.heard:
            case PrepayHeard.READY:
                try:
                    kept = await self._announced.submit(None, _Announced(order.id, says.prepay_id))
                except Overloaded as busy:  # the order stands: "nothing happened" would be wrong
                    raise PaymentUnavailable(retry_after=busy.retry_after or 1) from busy
                return await self._client_payment(kept)
            case PrepayHeard.PAID:
                raise OrderNotWaiting(state=OrderState.PAID.value)
            case PrepayHeard.CLOSED | PrepayHeard.REFUSED:
                raise PaymentRefused(reason=says.reason)
        raise PaymentUnavailable(retry_after=1)

    async def _keep(self, batch: Sequence[_Announced]) -> list[Mapping[str, Any]]:
        """Whoever said so first: a twin may have."""
        wanted = [{"id": each.order_id, "prepay_id": each.prepay_id} for each in batch]
        ids = [each.order_id for each in batch]
        await rows(statements.KEEP_PREPAID, dump_rows(wanted), self._clock.now(), ids)
        found = await self._prepaid(batch)
        return [found[each.order_id] for each in batch]  # orders are never deleted

    async def _kept(self, batch: Sequence[_Announced]) -> list[Mapping[str, Any] | None]:
        found = await self._prepaid(batch)
        return [each if each["prepay_id"] else None for each in (found[one.order_id] for one in batch)]

    async def _prepaid(self, batch: Sequence[_Announced]) -> dict[UUID, Mapping[str, Any]]:
        found = await rows(statements.PREPAID, [each.order_id for each in batch])
        return {as_uuid(each["id"]): each for each in found}

    async def _client_payment(self, found: Mapping[str, Any]) -> ClientPayment:
        prepaid_at = as_instant(found["prepaid_at"])
        return await self._payments.client_payment(
            found["app_id"], found["prepay_id"], at=prepaid_at, nonce=found["number"]
        )


def _request(wish: Wish) -> Hashable:
    return wish.asked.scope


async def openid_of(vault: Vault, member_id: UUID, app_id: str) -> str:
    """By which WeChat knows them in this mini-program. Raises PaymentNotOpen where it does not, NotSignedIn."""
    found = await _openids.row((await canonical(member_id), app_id))
    if found is None:
        raise PaymentNotOpen
    return vault.decrypt(found["value_cipher"], bound_to=bound_to(as_uuid(found["id"])))
