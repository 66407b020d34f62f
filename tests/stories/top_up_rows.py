"""Rows of top-ups that an address can name: an order that is under way, and what one operator says became of it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from models.fulfillments import Fulfillment, Supplier
from models.operators import Approval
from models.words import FulfillmentState


async def top_up_of(supplier: Supplier, claim_id: object, operator_id: UUID) -> dict[str, object]:
    """Their ids, by the names that addresses use."""
    long_ago = datetime.now(UTC) - timedelta(days=3)
    order = await Fulfillment.create(
        claim_id=claim_id,
        supplier=supplier,
        order_no="NORTH1",
        product="TEN",
        face_value_fen=1_000,
        state=FulfillmentState.SENT,
        look_at=datetime.now(UTC) + timedelta(days=9),
        sent_at=long_ago,
    )
    place: UUID = supplier.organization_id  # type: ignore[attr-defined]
    facts = {"order_no": "NORTH1", "is_done": False, "proof": ""}
    ask = {"subject_id": str(order.id), "facts": facts, "proposed_by_id": operator_id}
    proposed = await Approval.create(kind="top_up", organization_id=place, **ask)
    return {"order_id": order.id, "settlement_id": proposed.id}
