"""Suppliers as operators send and see them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from handlers.fulfillment.suppliers import SupplierChange, SupplierDraft
from miniapp_api.operator.merchant_shapes import Code, ShortName
from miniapp_api.shapes import Body, Id, Out
from models.words import FulfillmentState, OutsideHoldState

ApiUrl = Annotated[
    str,
    StringConstraints(min_length=8, max_length=200, pattern=r"^https?://[!-~]+$"),
    Field(description="https on a public host, or this machine", examples=["https://api.supplier.example/v1"]),
]
Secret = Annotated[
    str,
    StringConstraints(pattern=r"^[!-~]{16,128}$"),
    Field(description="agreed with the supplier; written and never read back"),
]


class NewSupplierBody(Body):
    """Somebody who fulfils top-ups. The code never changes: benefits name it."""

    code: Code
    name: ShortName
    api_url: ApiUrl
    secret: Secret
    organization_id: Annotated[Id | None, Field(default=None, description="the own organization when absent")] = None

    def draft(self) -> SupplierDraft:
        """What the handler takes."""
        return SupplierDraft(self.code, self.name, self.api_url, self.secret, self.organization_id)


class SupplierChangeBody(Body):
    """What to change; absent leaves."""

    name: ShortName | None = None
    api_url: ApiUrl | None = None
    secret: Secret | None = None

    def change(self) -> SupplierChange:
        """What the handler takes."""
        return SupplierChange(self.name, self.api_url, self.secret)


class OrderOut(Out):
    """An order, to be compared with the supplier's books. `look_at`: when it is asked about next, while it is open.

    `is_by_hand`: two operators said what became of it; `heard_since` is what the supplier said afterwards, if anything.
    """

    id: Id
    order_no: str
    claim_id: Id
    product: str
    face_value_fen: int
    recharge_tail: str
    state: FulfillmentState
    look_count: int
    look_at: datetime
    sent_at: datetime | None
    closed_at: datetime | None
    last_reason: str
    is_by_hand: bool
    heard_since: str
    created_at: datetime


class HoldOut(Out):
    """Points that this account holds or held for a member, to be compared with its books.

    `lost`: the claim was given, and the account will not take the points any more. Of them `returned` went back since;
    `owed` should have, and did not yet or were refused.
    """

    id: Id
    hold_no: str
    offer_id: Id
    claim_id: Id | None
    points: int
    state: OutsideHoldState
    look_count: int
    look_at: datetime
    last_reason: str
    closed_at: datetime | None
    created_at: datetime
    returned: int
    owed: int


class SupplierOut(Out):
    """`notify_url` is what the supplier calls with what became of an order."""

    id: Id
    organization_id: Id
    code: str
    name: str
    api_url: str
    notify_url: str
    is_paused: bool
    created_at: datetime
