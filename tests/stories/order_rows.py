"""Rows of an order that an address can name: bought in the north by one of its members, and a refund that failed."""

from datetime import UTC, datetime, timedelta

from models.ids import new_id
from models.orders import Order, OrderRefund
from models.words import OrderRefundCause, OrderRefundState


async def order_of(member_id: object, offer_id: object) -> dict[str, object]:
    """Their ids, by the names that addresses use."""
    now, order_id = datetime.now(UTC), new_id()
    order = await Order.create(
        id=order_id,
        member_id=member_id,
        offer_id=offer_id,
        offer_version=1,
        title="洗车券",
        quantity=1,
        price_fen=990,
        amount_fen=990,
        number=order_id.hex,
        app_id="wx5b2d4c1a9e8f7061",
        mch_id="1900009191",
        ordered_at=now,
        expires_at=now + timedelta(days=9),
    )
    facts = {"order": order, "number": new_id().hex, "amount_fen": 90, "cause": OrderRefundCause.OPERATOR}
    refund = await OrderRefund.create(state=OrderRefundState.FAILED, asked_at=now, closed_at=now, **facts)
    return {"sales_order_id": order.id, "order_refund_id": refund.id}
