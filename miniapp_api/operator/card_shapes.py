"""Kinds of card, cards at the service desk, and imports, as operators send and see them."""

import re
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from handlers.cards.card_desk import SeenProof
from miniapp_api.operator.merchant_shapes import Code, ShortName
from miniapp_api.shapes import Body, Id, Out
from models.words import CardStatus, ImportState

KindCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[0-9]{0,8}$")]
DigitCount = Annotated[int, Field(ge=6, le=32)]
CardNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=4, max_length=64)]

_LONG_NUMBER = re.compile(r"\d(?:[ -]?\d){6,}")


def _without_numbers(text: str) -> str:
    """The record outlives a deletion: phones, card and document numbers do not belong into it."""
    if _LONG_NUMBER.search(text):
        raise ValueError("no phone, card or document numbers")
    return text


Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
    AfterValidator(_without_numbers),
    Field(description="no names and numbers of people: the record outlives a deletion"),
]


class NewKindBody(Body):
    """One more kind of card, of the programme itself or within it of a brand or a merchant, named by its code.

    An issued kind goes to every member; any other takes the numbers of an older system by `fanpiao import-cards`.
    """

    code: KindCode
    name: ShortName
    digit_count: DigitCount = Field(description="of a whole number, prefix and check digit included")
    prefix: Prefix = ""
    brand: Code | None = None
    merchant: Code | None = None
    is_issued: bool = True
    is_in_chat: bool = True

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if self.brand is not None and self.merchant is not None:
            raise ValueError("brand or merchant, not both")
        return self


class KindAddedOut(Out):
    id: Id
    code: str
    is_issued: bool


class KindChangeBody(Body):
    """What to change; absent leaves. Switched off: none is issued or bound any more, cards that are there stay."""

    name: ShortName | None = None
    is_in_chat: bool | None = None
    is_active: bool | None = None


class OperatedKindOut(Out):
    id: Id
    organization_id: Id
    code: str
    name: str
    programme: str
    brand: str | None
    merchant: str | None
    prefix: str
    digit_count: int
    is_issued: bool
    is_in_chat: bool
    is_active: bool


class LookupBody(Body):
    """A card's whole number. In a body, because addresses end up in logs."""

    number: CardNumber


class DeskCardOut(Out):
    """A card by its last four digits; `member_id` is who holds it today."""

    id: Id
    kind: str
    kind_name: str
    last4: str
    status: CardStatus
    member_id: Id | None
    is_primary: bool
    is_issued: bool
    bound_at: datetime | None
    lost_at: datetime | None
    bindable_from: datetime | None
    replaced_by: Id | None


class ReplaceBody(Body):
    """`number`: of the new plastic card, for kinds of an older system; issued kinds make their own."""

    number: CardNumber | None = None


class HandOverBody(Body):
    """To whom, and from whom as the desk sees it now: null when nobody holds it."""

    from_member_id: Id | None
    to_member_id: Id
    proof: SeenProof = Field(description="what the desk was shown")
    reason: Reason


class CardChangedOut(Out):
    """`new_card` replaces this one."""

    id: Id
    status: CardStatus
    member_id: Id | None
    new_card: Id | None
    new_last4: str | None


class ImportOut(Out):
    """One file. Counts are rows of it: read so far, and of these added, there before, refused."""

    id: Id
    kind: str
    file_name: str
    state: ImportState
    row_count: int
    added_count: int
    repeated_count: int
    refused_count: int
    begun_at: datetime
    finished_at: datetime | None


class RefusedRowOut(Out):
    """A row that was not taken; `row_number` is its line in the file. Never what stood in it."""

    row_number: int
    code: str
    reason: str
