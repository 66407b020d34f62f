"""Shapes of lists of members, of what became of them, and of claims at the service desk."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from handlers.grants.grant_drafts import MOST_ROWS, GivenRow, GrantDraft
from handlers.rules.grant_rows import MOST_EACH
from miniapp_api.shapes import Body, Id, Out
from models.words import BenefitKind, ClaimSource, ClaimState, GrantKind, GrantRowState, GrantState

MOST_BYTES = 256 * 1024
Reason = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
BenefitCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class GivenRowBody(Body):
    """A member under exactly one of the four names, and how many they get.

    `recharge_to`: the number that a top-up goes to; without it the member's verified phone, or their only bound number.
    """

    member_id: Id | None = None
    phone: Name | None = None
    card_number: Name | None = None
    openid: Name | None = None
    quantity: Annotated[int, Field(ge=1, le=MOST_EACH)] = 1
    recharge_to: Name | None = None


class NewGrantBody(Body):
    """Either `rows` or `csv`: a text whose first line names 手机号, 卡号, 会员 or openid, and 份数, 充值号码."""

    offer_id: Id
    reason: Reason
    rows: Annotated[list[GivenRowBody], Field(max_length=MOST_ROWS, default_factory=list)]
    csv: Annotated[str, StringConstraints(max_length=200_000)] = ""
    choices: Annotated[list[BenefitCode], Field(max_length=20, default_factory=list)]
    beyond_limits: Annotated[bool, Field(description="what one member may have does not count; approved as such")] = (
        False
    )
    tell: Annotated[bool, Field(description="every member is told")] = False
    again: Annotated[bool, Field(description="the same list was handed in before, and is meant")] = False

    def draft(self) -> GrantDraft:
        """As the use case takes it."""
        return GrantDraft(
            offer_id=self.offer_id,
            reason=self.reason,
            rows=tuple(
                GivenRow(
                    member=str(each.member_id) if each.member_id else None,
                    phone=each.phone,
                    card=each.card_number,
                    openid=each.openid,
                    quantity=each.quantity,
                    recharge_to=each.recharge_to,
                )
                for each in self.rows
            ),
            csv=self.csv,
            choices=tuple(self.choices),
            is_beyond_limits=self.beyond_limits,
            is_told=self.tell,
            is_again=self.again,
        )


class StopBody(Body):
    """Why."""

    reason: Reason


class ResumeBody(Body):
    """Why; and whether it goes on although the same list was handed in again meanwhile."""

    reason: Reason
    again: bool = False


class TakeBackBody(Body):
    """Why; whether units go back to the stock although the offer does not say so; whether members are told."""

    reason: Reason
    return_to_stock: bool = False
    tell: bool = True


class RegrantBody(Body):
    """Why; and for how many days, where the offer's own terms will not do."""

    reason: Reason
    days: Annotated[int, Field(ge=1, le=366)] | None = None
    tell: bool = True


class CodeCountOut(Out):
    """Rows with one reason."""

    code: str
    count: int


class FiguresOut(Out):
    """Rows by what became of them; of those that wait, `expected` are those that would be refused."""

    would_count: int
    expected: list[CodeCountOut]
    done_count: int
    done_quantity: int
    refused: list[CodeCountOut]


class GrantOut(Out):
    """One list and how far it is."""

    id: Id
    kind: GrantKind
    offer_id: Id
    organization_id: Id
    undoes: Id | None
    state: GrantState
    reason: str
    is_beyond_limits: bool
    is_told: bool
    returns_to_stock: bool
    row_count: int
    figures: FiguresOut
    created_at: datetime
    finished_at: datetime | None


class GrantRowOut(Out):
    """One line: whom it means and what became of it."""

    row_number: int
    member_id: Id | None
    quantity: int
    state: GrantRowState
    code: str = Field(description="why not; on a row that waits, what is expected")
    reason: str
    claim_ids: list[Id]
    done_at: datetime | None


class RevokedOut(Out):
    claim_id: Id
    state: ClaimState
    is_returned: bool = Field(description="its unit went back to the stock")


class RegrantedOut(Out):
    """With an `approval_id` nothing was given yet: a second operator has to agree."""

    old_claim_id: Id
    claim_id: Id | None
    expires_at: datetime | None
    approval_id: Id | None


class SeenClaimOut(Out):
    """One claim; `state` is by the server's clock."""

    id: Id
    member_id: Id
    offer_id: Id
    offer: str
    offer_version: int
    organization_id: Id
    name: str
    kind: BenefitKind
    state: ClaimState
    source: ClaimSource
    uses_total: int
    uses_left: int
    claimed_at: datetime
    expires_at: datetime | None
    is_paused: bool
    is_returned: bool
    package_id: Id | None
    grant_id: Id | None
    regranted_as: Id | None
    regrant_of: Id | None
    is_code_spoilt: bool


class ClaimEventOut(Out):
    """One edge that it went along, and on whose word."""

    from_state: str
    to_state: str
    reason: str
    actor_kind: str
    actor_id: str
    happened_at: datetime


class ClaimFileOut(Out):
    """One claim with its history."""

    claim: SeenClaimOut
    events: list[ClaimEventOut]
