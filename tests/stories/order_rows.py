"""Rows of an order that an address can name: bought in the north by one of its members, and waiting for its money."""

from datetime import UTC, datetime, timedelta

from models.ids import new_id
from models.orders import Order


async def order_of(member_id: object, offer_id: object) -> dict[str, object]:
    """Its id, by the name that addresses use."""
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
    return {"sales_order_id": order.id}
