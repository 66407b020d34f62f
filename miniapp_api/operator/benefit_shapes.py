"""The pool as operators send and see it."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from handlers.benefits.benefits import BenefitChange, BenefitDraft
from miniapp_api.operator.card_shapes import Reason
from miniapp_api.operator.merchant_shapes import BasisPoints, Category, Code, ShortName
from miniapp_api.shapes import Body, Id, Out
from models.words import BenefitKind, BenefitState

LongCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
# Line breaks are meant: it is read as a text, and never in chat.
Description = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=512, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f\u2028\u2029]*$"),
]
Fen = Annotated[int, Field(ge=0, le=100_000_000)]
Delta = Annotated[int, Field(ge=-100_000_000, le=100_000_000)]
Terms = Annotated[
    dict[str, Any],
    Field(
        description="of the kind: voucher {uses, unit_name, face_value_fen, stores}; code_coupon {pool, how_to_use}; "
        "partner_coupon {face_value_fen, threshold_fen, stores}; package {parts: [{benefit, count, per}], choose}; "
        "points {points}",
    ),
]


class NewBenefitBody(Body):
    """A draft. The code, the kind and the organization never change. The share is the merchant's when absent."""

    code: LongCode
    name: ShortName
    kind: BenefitKind
    terms: Terms
    organization_id: Annotated[Id | None, Field(description="the own organization when absent")] = None
    merchant: Code | None = None
    description: Description = ""
    category: Category = ""
    settlement_price_fen: Fen = 0
    operator_share_bp: BasisPoints | None = None
    is_offline_allowed: bool = False

    def draft(self) -> BenefitDraft:
        """What the handler takes."""
        return BenefitDraft(**dict(self))


class BenefitChangeBody(Body):
    """What to change; absent leaves. `terms` replace the former ones as a whole. Only drafts are edited."""

    name: ShortName | None = None
    merchant: Code | None = None
    terms: Terms | None = None
    description: Description | None = None
    category: Category | None = None
    settlement_price_fen: Fen | None = None
    operator_share_bp: BasisPoints | None = None
    is_offline_allowed: bool | None = None

    def change(self) -> BenefitChange:
        """What the handler takes."""
        return BenefitChange(**dict(self))


class ReasonBody(Body):
    reason: Reason


class SwitchBody(Body):
    reason: Reason | None = None


class BenefitOut(Out):
    """`review_note`: why it came back from review."""

    id: Id
    organization_id: Id
    code: str
    name: str
    description: str
    category: str
    kind: BenefitKind
    state: BenefitState
    merchant: str | None
    terms: dict[str, Any]
    settlement_price_fen: int
    operator_share_bp: int
    is_offline_allowed: bool
    is_paused: bool
    review_note: str
    created_at: datetime


class AllotBody(Body):
    """`delta` more for an organization from the one above it; negative: back, as far as it is not used."""

    organization_id: Id
    delta: Delta

    @field_validator("delta")
    @classmethod
    def _moves(cls, delta: int) -> int:
        if delta == 0:
            raise ValueError("nothing to move")
        return delta


class QuotaOut(Out):
    organization_id: Id
    allotted_count: int
    left_count: int


class AllottedOut(Out):
    """`giver_left` is null where the giver is the benefit's own organization, which has no limit."""

    quota: QuotaOut
    delta: int
    giver_id: Id
    giver_left: int | None
