"""What clerks send and see when they identify a member, help along, void, and hand a shop's phone over."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from handlers.serving.assisting import Started
from handlers.serving.identifying import Identified
from handlers.serving.void_requests import VoidRequestView
from handlers.serving.voiding import Voided
from miniapp_api.clerk.shapes import AccountKey, ConfirmToken, DeviceId, LoginCode, PassToken, Reason
from miniapp_api.pictures import qr_svg
from miniapp_api.shapes import Body, Id, Out
from models.words import BenefitKind, ClaimState, VoidOutcome

Pin = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$"), Field(description="six digits")]
ClerkName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32)]
CardNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
KindCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]


class IdentifyBody(Body):
    """A member code as it was scanned."""

    token: PassToken
    device_id: DeviceId | None = None
    store_id: Id | None = Field(default=None, description="needed of whoever serves several stores")


class HeldClaimOut(Out):
    """Redeem it by `claim_id` and `visit_token`. `needs_bill`: a partner coupon asks for `bill_amount_fen`."""

    id: Id
    benefit: str
    kind: BenefitKind
    uses_left: int
    expires_at: datetime | None
    needs_bill: bool


class SeenCardOut(Out):
    kind: str
    kind_name: str
    last4: str


class IdentifiedOut(Out):
    """`member` is masked. `visit_token` holds for this member, clerk and store, for five minutes."""

    member_id: Id
    member: str
    store: str
    claims: list[HeldClaimOut]
    cards: list[SeenCardOut]
    visit_token: str
    visit_until: datetime

    @classmethod
    def of(cls, found: Identified) -> "IdentifiedOut":
        return cls(
            member_id=found.member_id,
            member=found.member,
            store=found.store,
            claims=[HeldClaimOut.model_validate(each) for each in found.claims],
            cards=[SeenCardOut.model_validate(each) for each in found.cards],
            visit_token=found.visit,
            visit_until=found.visit_until,
        )


class BindingBody(Body):
    """What stands on the card; the proof is the member's, on the own phone."""

    member_id: Id
    visit_token: ConfirmToken
    kind: KindCode
    number: CardNumber
    store_id: Id | None = None


class StartedOut(Out):
    """A page of the mini-program for the person's own phone; `url` and its picture where WeChat made a link."""

    app_id: str
    path: str
    url: str | None
    qr_svg: str | None
    expires_at: datetime

    @classmethod
    def of(cls, started: Started) -> "StartedOut":
        link = started.link
        picture = qr_svg(link.url) if link.url else None
        return cls(app_id=link.app_id, path=link.path, url=link.url, qr_svg=picture, expires_at=started.expires_at)


class VoidBody(Body):
    """Why: it is kept, and told to nobody outside."""

    reason: Reason


class VoidedOut(Out):
    """With an `approval_id` nothing was changed yet: a second operator has to approve."""

    claim_id: Id
    claim_state: ClaimState
    worth_fen: int
    approval_id: Id | None

    @classmethod
    def of(cls, voided: Voided) -> "VoidedOut":
        return cls.model_validate(voided)


class VoidRequestOut(Out):
    """What a manager wants voided, and what became of it. `worth_fen`: of what was left when it was asked for."""

    id: Id
    claim_id: Id
    merchant: str
    benefit: str
    clerk: str
    worth_fen: int
    reason: str
    outcome: VoidOutcome
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, view: VoidRequestView) -> "VoidRequestOut":
        return cls.model_validate(view)


class PinBody(Body):
    """A new PIN, and a wx.login code of the clerk's own WeChat."""

    pin: Pin
    code: LoginCode
    account: AccountKey | None = None


class SwitchBody(Body):
    """Who takes the phone over: by id, or by the name where nobody else of the store has it."""

    clerk_id: Id | None = None
    name: ClerkName | None = None
    pin: Pin
    device_id: DeviceId

    @model_validator(mode="after")
    def _is_one(self) -> "SwitchBody":
        if (self.clerk_id is None) == (self.name is None):
            raise ValueError("clerk_id or name")
        return self


class ColleagueOut(Out):
    id: Id
    name: str
