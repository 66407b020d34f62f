"""Orders: `POST /offers/{id}/orders`, looking, cancelling, and what goes back."""

from aiohttp import web

from handlers.errors import (
    CarrierArrears,
    CarrierAttemptsOver,
    CarrierClosed,
    CarrierCodeOver,
    CarrierCodeTooOften,
    CarrierCodeWrong,
    CarrierMonthCapped,
    CarrierNumberForeign,
    CarrierOrderCapped,
    CarrierPortingOut,
    CarrierRefusedCharge,
    CarrierUnavailable,
    CarrierUnderWay,
    MemberFrozen,
    NumberUnknown,
    OfferClosed,
    OfferFree,
    OfferLimitReached,
    OfferNotForYou,
    OfferNotOpen,
    OfferPaused,
    OfferSoldOut,
    OfferTooMany,
    OfferUnknown,
    OrderNotOnTheBill,
    OrderNotWaiting,
    OrderUnknown,
    Overloaded,
    PaymentMethodMissing,
    PaymentNotOpen,
    PaymentRefused,
    PaymentUnavailable,
    PriceChanged,
    RechargeToInvalid,
    RechargeToMissing,
    RechargeToUnwanted,
    RefundNothing,
    RefundQuoteChanged,
    RefundTooEarly,
)
from handlers.errors.benefits import ChoicesInvalid
from miniapp_api.auth import person
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.order_shapes import CodeBody, OrderBody, OrderedOut, OrderOut, QuoteOut, RefundBody, RefundOut
from miniapp_api.operator.shapes import after
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page, encode_cursor

ON_A_BILL = [
    CarrierUnavailable,
    CarrierNumberForeign,
    CarrierArrears,
    CarrierRefusedCharge,
    CarrierUnderWay,
    NumberUnknown,
]


@endpoint(
    tags=["order"],
    auth="person",
    refuses=[
        *ON_A_BILL,
        CarrierPortingOut,
        CarrierClosed,
        CarrierOrderCapped,
        CarrierMonthCapped,
        CarrierCodeTooOften,
        PaymentMethodMissing,
        PaymentNotOpen,
        PaymentUnavailable,
        PaymentRefused,
        OfferUnknown,
        OfferFree,
        OfferNotOpen,
        OfferClosed,
        OfferPaused,
        OfferNotForYou,
        OfferSoldOut,
        OfferLimitReached,
        OfferTooMany,
        OrderNotWaiting,
        PriceChanged,
        ChoicesInvalid,
        RechargeToInvalid,
        RechargeToMissing,
        RechargeToUnwanted,
        MemberFrozen,
        Overloaded,
    ],
)
async def order_offer(
    request: web.Request, offer_id: Id, /, body: OrderBody, *, idempotency_key: str
) -> Created[OrderedOut]:
    """Lock so many or none for 15 minutes, at the price of this moment; after a 503 the same key goes on."""
    who, wanted = person(request), body.facts(offer_id)
    if body.number_id is not None:
        buying = handlers(request).carrier_billing.buying
        answer = await buying.order(who, wanted, number_id=body.number_id, request_id=idempotency_key)
    else:
        answer = await handlers(request).ordering.order(who, wanted, request_id=idempotency_key)
    return reply(answer, OrderedOut.of, status=201)


@endpoint(tags=["order"], auth="person")
async def my_orders(request: web.Request, limit: Limit = 20, cursor: Cursor | None = None) -> Ok[Page[OrderOut]]:
    """The person's orders, the newest first."""
    found = await handlers(request).orders.mine(person(request), after=after(cursor), limit=limit + 1)
    more = encode_cursor([str(found[limit - 1].id)]) if len(found) > limit else None
    return Ok(Page(items=[OrderOut.of(each) for each in found[:limit]], next_cursor=more))


@endpoint(tags=["order"], auth="person", refuses=[OrderUnknown])
async def one_order(request: web.Request, sales_order_id: Id, /) -> Ok[OrderedOut]:
    """One order, and how to pay it while it waits."""
    order, payment = await handlers(request).orders.one(person(request), sales_order_id)
    confirmation = await handlers(request).carrier_billing.codes.confirmation(order)
    return Ok(OrderedOut.with_payment(order, payment, confirmation))


@endpoint(
    tags=["order"],
    auth="person",
    refuses=[*ON_A_BILL, OrderUnknown, OrderNotOnTheBill, OrderNotWaiting, CarrierCodeTooOften, MemberFrozen],
)
async def send_code(request: web.Request, sales_order_id: Id, /, *, idempotency_key: str) -> Created[OrderedOut]:
    """Have the carrier send another code to the number: a minute after the one before, five for an order."""
    codes = handlers(request).carrier_billing.codes
    answer = await codes.send(person(request), sales_order_id, request_id=idempotency_key)
    return reply(answer, OrderedOut.of, status=201)


@endpoint(
    tags=["order"],
    auth="person",
    refuses=[
        *ON_A_BILL,
        OrderUnknown,
        OrderNotOnTheBill,
        OrderNotWaiting,
        CarrierCodeWrong,
        CarrierCodeOver,
        CarrierAttemptsOver,
        MemberFrozen,
    ],
)
async def confirm_order(
    request: web.Request, sales_order_id: Id, /, body: CodeBody, *, idempotency_key: str
) -> Ok[OrderedOut]:
    """Put it on the phone bill, with the code that came by SMS. A code is for one key; five are tried."""
    confirming = handlers(request).carrier_billing.confirming
    answer = await confirming.confirm(person(request), sales_order_id, code=body.code, request_id=idempotency_key)
    return reply(answer, OrderedOut.of, status=200)


@endpoint(tags=["order"], auth="person", refuses=[OrderUnknown, OrderNotWaiting, MemberFrozen])
async def cancel_order(request: web.Request, sales_order_id: Id, /, *, idempotency_key: str) -> Ok[OrderOut]:
    """Take back an order that is not paid."""
    answer = await handlers(request).orders.cancel(person(request), sales_order_id, request_id=idempotency_key)
    return reply(answer, OrderOut.of, status=200)


@endpoint(tags=["order"], auth="person", refuses=[OrderUnknown])
async def refund_quote(request: web.Request, sales_order_id: Id, /) -> Ok[QuoteOut]:
    """What would come back now, claim by claim, and why not."""
    return Ok(QuoteOut.model_validate(await handlers(request).order_refunds.quote(person(request), sales_order_id)))


@endpoint(
    tags=["order"],
    auth="person",
    refuses=[OrderUnknown, RefundNothing, RefundTooEarly, RefundQuoteChanged, MemberFrozen],
)
async def refund_order(
    request: web.Request, sales_order_id: Id, /, body: RefundBody, *, idempotency_key: str
) -> Created[RefundOut]:
    """Give back what is not used: the claims are revoked, the money is on its way."""
    answer = await handlers(request).order_refunds.ask(
        person(request), sales_order_id, amount_fen=body.amount_fen, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, RefundOut.model_validate, status=201)


ROUTES = [
    web.post("/offers/{offer_id}/orders", order_offer),
    web.get("/orders", my_orders),
    web.get("/orders/{sales_order_id}", one_order),
    web.post("/orders/{sales_order_id}/cancel", cancel_order),
    web.post("/orders/{sales_order_id}/codes", send_code),
    web.post("/orders/{sales_order_id}/confirmation", confirm_order),
    web.get("/orders/{sales_order_id}/refund-quote", refund_quote),
    web.post("/orders/{sales_order_id}/refunds", refund_order),
]
