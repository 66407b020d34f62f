"""Claims and the wallet as members see them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from handlers.benefits.kinds import plain
from handlers.claims.claiming import MOST_AT_ONCE
from handlers.claims.wallet import ClaimDetail, WalletItem, WalletSection
from handlers.claims.wishes import Claimed
from miniapp_api.member.linking_shapes import TicketToken
from miniapp_api.member.offers import OfferOut
from miniapp_api.shapes import Body, Id, Out, encode_cursor
from miniapp_api.written import mirrors
from models.words import BenefitKind, ClaimState, FulfillmentState

# What of a benefit's terms is between us and who fulfils it.
_OURS = {"pool", "supplier", "product", "fallback_supplier", "fallback_product"}
Status = Literal["held", "claimable", "expiring", "used", "expired"]
BenefitCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]

RechargeTo = Annotated[
    str,
    StringConstraints(min_length=11, max_length=20, pattern=r"^[0-9+() .-]+$"),
    Field(description="the mainland mobile number that a top-up goes to; for top-ups, and for nothing else"),
]


class ClaimBody(Body):
    """`choices`: of a package k of n, the codes of the chosen benefits, the same for each of `quantity`."""

    choices: Annotated[list[BenefitCode], Field(max_length=20, default_factory=list)]
    recharge_to: RechargeTo | None = None
    quantity: Annotated[int, Field(ge=1, le=MOST_AT_ONCE, description="so many or none")] = 1


class ClaimTicketBody(Body):
    """What the link of the chat brought along: single use, ten minutes."""

    ticket: TicketToken


class IssuedOut(Out):
    """A claim that was made. `package_id` names the claim that brought it along."""

    id: Id
    offer_id: Id
    name: str
    kind: BenefitKind
    state: ClaimState
    uses: int
    claimed_at: datetime
    expires_at: datetime | None = Field(description="the first instant at which it is over; null: never")
    package_id: Id | None


class ClaimedOut(Out):
    """The claim, and the parts that came with a package."""

    claims: list[IssuedOut]

    @classmethod
    def of(cls, claimed: Claimed) -> "ClaimedOut":
        """In their outer shape."""
        return cls(claims=[IssuedOut.model_validate(each) for each in claimed.claims])


class WalletItemOut(Out):
    """One claim; `state` is by the server's clock. `is_paused`: not to be used for the moment."""

    id: Id
    offer_id: Id
    package_id: Id | None
    name: str
    kind: BenefitKind
    category: str
    merchant: str | None
    state: ClaimState
    uses_left: int
    uses_total: int
    claimed_at: datetime
    expires_at: datetime | None
    is_paused: bool
    recharge_tail: str = Field(description="last four digits of the number that a top-up goes to; empty for others")

    @classmethod
    def of(cls, item: WalletItem) -> "WalletItemOut":
        """In its outer shape."""
        return cls.model_validate(item)


mirrors(WalletItemOut, WalletItem)


class WalletSectionOut(Out):
    """The first of a section, or a page of it; `count` is that of the whole section."""

    items: list[WalletItemOut]
    count: int
    next_cursor: str | None


def section_json(section: WalletSection) -> dict[str, Any]:
    """A section as `written` takes it: a WalletSectionOut."""
    ends = encode_cursor([section.after[0].isoformat(), str(section.after[1])]) if section.after else None
    return {"items": section.items, "count": section.count, "next_cursor": ends}


class ClaimableOut(Out):
    """Offers that can be claimed now, the newest first."""

    items: list[OfferOut]
    next_cursor: str | None


class WalletOut(Out):
    """With `status` only that section is there; with each section's `next_cursor` its next page is asked for."""

    held: WalletSectionOut | None = None
    claimable: ClaimableOut | None = None
    expiring: WalletSectionOut | None = None
    used: WalletSectionOut | None = None
    expired: WalletSectionOut | None = None


class TopUpOut(Out):
    """How far a top-up has come. `failed`: the unit went back, and it can be claimed again."""

    state: FulfillmentState
    recharge_tail: str
    face_value_fen: int
    sent_at: datetime | None = Field(description="when the supplier was asked first; null: not yet")
    closed_at: datetime | None = Field(description="when it was settled; null: not yet")


class ClaimOut(Out):
    """One claim with its codes, which are there only while they can be used."""

    claim: WalletItemOut
    description: str
    terms: dict[str, Any]
    typed_code: str | None = Field(description="to be read out at the counter, where the offer allows it")
    third_party_code: str | None
    parts: list[WalletItemOut]
    top_up: TopUpOut | None = Field(description="of a top-up alone")

    @classmethod
    def of(cls, detail: ClaimDetail) -> "ClaimOut":
        """In its outer shape."""
        return cls(
            claim=WalletItemOut.of(detail.item),
            description=detail.description,
            terms={name: value for name, value in plain(detail.terms).items() if name not in _OURS},
            typed_code=detail.typed_code,
            third_party_code=detail.third_party_code,
            parts=[WalletItemOut.of(each) for each in detail.parts],
            top_up=TopUpOut.model_validate(detail.top_up) if detail.top_up else None,
        )
