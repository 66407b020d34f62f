"""Members and cases as operators see them: masked."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from handlers.desk.operator_members import MembersMerged, SeenMember
from handlers.desk.operator_reviews import ReviewClosed, ReviewDecision
from handlers.identity.unmerging import Unmerged
from miniapp_api.operator.shapes import Reason
from miniapp_api.shapes import Body, Id, Out
from models.words import CardStatus, MemberStatus, Namespace, ReviewKind, ReviewState

Phone = Annotated[str, StringConstraints(pattern=r"^[0-9+() .-]{6,24}$")]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,2}$")]
MemberNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{10}$")]
CardNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=4, max_length=64)]


class SearchBody(Body):
    """Exactly one of phone, member number, card number. In a body, because addresses end up in logs."""

    phone: Phone | None = None
    country_code: CountryCode = "86"
    number: MemberNumber | None = None
    card_number: CardNumber | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "SearchBody":
        if sum(value is not None for value in (self.phone, self.number, self.card_number)) != 1:
            raise ValueError("exactly one")
        return self


class SeenCardOut(Out):
    id: Id
    kind: str
    last4: str
    status: CardStatus


class SeenMergeOut(Out):
    id: Id
    other_id: Id
    reason: str
    merged_at: datetime
    reversible_until: datetime


class SeenMemberOut(Out):
    """Enough to know that it is the right one, nothing to take away."""

    id: Id
    organization_id: Id | None
    status: MemberStatus
    number: str | None
    joined_at: datetime | None
    phone: str | None
    nickname: str
    known_by: list[Namespace]
    cards: list[SeenCardOut]
    merges: list[SeenMergeOut]
    is_returning: bool = Field(description="left within two years and came back: a new member, not a new customer")
    phone_held_until: datetime | None = Field(
        description="the phone came from somebody else: until then what hangs on it waits"
    )

    @classmethod
    def of(cls, seen: SeenMember) -> "SeenMemberOut":
        return cls(
            id=seen.id,
            organization_id=seen.organization_id,
            status=seen.status,
            number=seen.number,
            joined_at=seen.joined_at,
            phone=f"*******{seen.phone_tail}" if seen.phone_tail else None,
            nickname=seen.nickname,
            known_by=list(seen.known_by),
            cards=[SeenCardOut.model_validate(card) for card in seen.cards],
            merges=[SeenMergeOut.model_validate(merge) for merge in seen.merges],
            is_returning=seen.is_returning,
            phone_held_until=seen.phone_held_until,
        )


class MergeBody(Body):
    """The member who is the same person.

    `override_reason` is for admins: why more is joined here than one person's merges of a day or identifiers.
    """

    other_id: Id
    override_reason: Reason | None = None


class MergedOut(Out):
    """`member_id` stays; `merge_id` takes it back until `reversible_until`."""

    merge_id: Id
    member_id: Id
    absorbed_id: Id
    reversible_until: datetime

    @classmethod
    def of(cls, merged: MembersMerged) -> "MergedOut":
        return cls.model_validate(merged)


class UnmergedOut(Out):
    """The two are two again."""

    member_id: Id
    returned_id: Id

    @classmethod
    def of(cls, undone: Unmerged) -> "UnmergedOut":
        return cls(member_id=undone.winner_id, returned_id=undone.loser_id)


class ReviewOut(Out):
    id: Id
    kind: ReviewKind
    state: ReviewState
    member_id: Id
    other_member_id: Id | None
    evidence: dict[str, Any]
    opened_at: datetime
    decided_at: datetime | None
    decision: str


class DecideBody(Body):
    """`merge`: the two are one. `done`: settled in another way. `dismiss`: nothing is to be done.

    `override_reason` is for admins, as in a merge: a case that the fuse opened needs it.
    """

    decision: ReviewDecision
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = Field(
        default="", description="no names and numbers of people: the record outlives a deletion"
    )
    override_reason: Reason | None = None


class ReviewClosedOut(Out):
    id: Id
    state: ReviewState
    merged: MergedOut | None

    @classmethod
    def of(cls, closed: ReviewClosed) -> "ReviewClosedOut":
        return cls(id=closed.id, state=closed.state, merged=MergedOut.of(closed.merged) if closed.merged else None)
