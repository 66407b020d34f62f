"""An order that was never sent is called off by an operator: nobody has spent anything, so one person may.

What may have been sent is not for this: two operators say what became of it (`hand_settling.py`).
"""

from dataclasses import dataclass
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import TopUpSent
from handlers.fulfillment.hand_settling import locked
from handlers.fulfillment.settling import came_to_nothing, move, note
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.sql import as_uuid
from models.words import FulfillmentAct, FulfillmentState


@dataclass(frozen=True, slots=True)
class TopUpCancelled:
    """It will not be sent; the claim's unit, its slots and its points are back."""

    order_id: UUID
    order_no: str
    claim_id: UUID
    state: FulfillmentState


@refusing
class TopUpCancelling:
    """Orders that wait, at suppliers of the operator's subtree."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def cancel(
        self, operator: Operator, order_id: UUID, *, reason: str, request_id: str
    ) -> Answer[TopUpCancelled]:
        """Call off what was never sent. The member is told, and may claim again.

        Raises RoleMissing, TopUpUnknown, TopUpSent (it may be with the supplier, or is over), KeyReused.
        """
        scope = await allowed(operator, Capability.SUPPLIERS)

        async def effect() -> TopUpCancelled:
            now, found = self._clock.now(), await locked(scope, order_id)
            # Whoever sends takes it out of `waiting` before anything leaves the house: one of both wins the edge.
            if not await move(found, FulfillmentState.WAITING, FulfillmentState.CANCELLED, at=now):
                raise TopUpSent(state=found["state"])
            await note(order_id, FulfillmentAct.HAND, FulfillmentState.CANCELLED.value, at=now, has_moved=True)
            await came_to_nothing(found, now, reason="top_up_cancelled")
            place, claim_id = as_uuid(found["organization_id"]), as_uuid(found["claim_id"])
            told = {"order_no": found["order_no"], "claim": claim_id, "reason": reason}
            await record(operator, "top_up.cancelled", "top_up", order_id, at=now, organization_id=place, **told)
            return TopUpCancelled(order_id, found["order_no"], claim_id, FulfillmentState.CANCELLED)

        facts = {"id": order_id, "reason": reason}
        return await once(operator, "top_up.cancel", request_id, facts=facts, result=TopUpCancelled, effect=effect)
