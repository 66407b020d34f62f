"""What clerks send and see at the counter."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from handlers.redemptions.counter import Scan
from handlers.redemptions.redemption_answers import Receipt
from handlers.redemptions.redemption_history import Entry
from handlers.redemptions.redemptions import Preview
from handlers.redemptions.reversals import Reversed
from handlers.rules.redemption import MOST_CODES
from handlers.shops.clerk_sessions import ClerkSignedIn
from handlers.shops.clerks import ClerkView
from miniapp_api.shapes import Body, Id, Out
from models.words import ClaimState, ClerkRole, RedemptionKind

MOST_FEN = 10**12
LoginCode = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$"), Field(description="of wx.login")]
AccountKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
MerchantCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
InvitationToken = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
DeviceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
RequestKey = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]
PassToken = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
TypedCode = Annotated[str, StringConstraints(min_length=1, max_length=64)]
ConfirmToken = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
Uses = Annotated[int, Field(ge=1, le=10_000)]
BillFen = Annotated[int, Field(ge=0, le=MOST_FEN, description="what the bill comes to, in fen")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class AcceptBody(Body):
    """Who accepts: the person behind this wx.login code."""

    code: LoginCode
    account: AccountKey | None = None


class ClerkSignInBody(Body):
    """Whoever serves several merchants names one; without, it is the latest."""

    code: LoginCode
    account: AccountKey | None = None
    merchant: MerchantCode | None = None


class _CodeBody(Body):
    token: PassToken | None = Field(default=None, description="of the QR picture")
    code: TypedCode | None = Field(default=None, description="typed, where there is no camera")

    @model_validator(mode="after")
    def _is_one(self) -> "_CodeBody":
        if (self.token is None) == (self.code is None):
            raise ValueError("token or code")
        return self


class ScanBody(Body):
    """One pass, typed code, or claim of a member who was identified, and how many uses to take."""

    token: PassToken | None = Field(default=None, description="of the QR picture")
    code: TypedCode | None = Field(default=None, description="typed, where there is no camera")
    claim_id: Id | None = Field(default=None, description="of `POST /clerk/members/identify`, with its `visit_token`")
    visit_token: ConfirmToken | None = None
    uses: Uses = 1

    @model_validator(mode="after")
    def _is_one(self) -> "ScanBody":
        shown = [each for each in (self.token, self.code, self.claim_id) if each is not None]
        if len(shown) != 1 or (self.claim_id is None) != (self.visit_token is None):
            raise ValueError("token, code, or claim_id with visit_token")
        return self

    def scan(self) -> Scan:
        return Scan(token=self.token, code=self.code, claim_id=self.claim_id, uses=self.uses, visit=self.visit_token)


class PreviewBody(_CodeBody):
    """What to look at. Nothing is changed by it."""

    store_id: Id | None = None
    device_id: DeviceId | None = None

    def scan(self) -> Scan:
        return Scan(token=self.token, code=self.code)


class RedeemBody(Body):
    """All of these or none. `scanned_at` is the device's own clock."""

    codes: Annotated[list[ScanBody], Field(min_length=1, max_length=MOST_CODES)]
    store_id: Id | None = Field(default=None, description="needed of whoever serves several stores")
    device_id: DeviceId
    confirm_token: ConfirmToken | None = None
    bill_amount_fen: BillFen | None = None
    scanned_at: AwareDatetime | None = None


class ReversalBody(Body):
    """Why it is taken back, and on which device: a clerk takes back on the own."""

    reason: Reason
    device_id: DeviceId | None = None


class ClerkOut(Out):
    id: Id
    merchant: str
    store: str | None
    role: ClerkRole
    name: str
    created_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, view: ClerkView) -> "ClerkOut":
        return cls(
            id=view.id,
            merchant=view.merchant,
            store=view.store,
            role=view.role,
            name=view.name,
            created_at=view.invited_at,
            revoked_at=view.revoked_at,
        )


class ClerkSessionOut(Out):
    """The token is shown once."""

    token: str
    expires_at: datetime
    clerk_id: Id
    merchant_id: Id
    store_id: Id | None
    role: ClerkRole
    name: str

    @classmethod
    def of(cls, opened: ClerkSignedIn) -> "ClerkSessionOut":
        clerk = opened.clerk
        return cls(
            token=opened.token,
            expires_at=opened.expires_at,
            clerk_id=clerk.id,
            merchant_id=clerk.merchant_id,
            store_id=clerk.store_id,
            role=clerk.role,
            name=clerk.name,
        )


class PreviewOut(Out):
    """`member` is masked. `confirm_token` holds for this claim, store and clerk, for two minutes."""

    claim_id: Id
    benefit: str
    member: str
    uses_left: int
    expires_at: datetime | None
    store: str
    confirm_token: str
    confirm_until: datetime

    @classmethod
    def of(cls, shown: Preview) -> "PreviewOut":
        return cls.model_validate(shown)


class LineOut(Out):
    """One claim of the receipt. `deducted_fen`: what a partner coupon took off the bill."""

    id: Id
    claim_id: Id
    benefit: str
    member: str
    uses: int
    uses_left: int
    deducted_fen: int | None


class ReceiptOut(Out):
    receipt: str
    store: str
    clerk: str
    device_id: str
    redeemed_at: datetime
    reversible_until: datetime
    redemptions: list[LineOut]

    @classmethod
    def of(cls, receipt: Receipt) -> "ReceiptOut":
        return cls(
            receipt=receipt.number,
            store=receipt.store,
            clerk=receipt.clerk,
            device_id=receipt.device_id,
            redeemed_at=receipt.redeemed_at,
            reversible_until=receipt.reversible_until,
            redemptions=[LineOut.model_validate(line) for line in receipt.lines],
        )


class ReversedOut(Out):
    """`claim_state`: usable again, or expired meanwhile."""

    id: Id
    reverses: Id
    claim_id: Id
    uses: int
    uses_left: int
    claim_state: ClaimState
    reversed_at: datetime

    @classmethod
    def of(cls, back: Reversed) -> "ReversedOut":
        return cls.model_validate(back)


class EntryOut(Out):
    """A redemption, or the reversal of one (`reverses`)."""

    id: Id
    kind: RedemptionKind
    reverses: Id | None
    claim_id: Id
    benefit: str
    member: str
    store: str
    clerk: str
    device_id: str
    receipt: str
    uses: int
    bill_amount_fen: int | None
    is_reversed: bool
    redeemed_at: datetime

    @classmethod
    def of(cls, entry: Entry) -> "EntryOut":
        return cls.model_validate(entry)
