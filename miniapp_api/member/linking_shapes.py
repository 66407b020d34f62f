"""What members send and see of phones, bound numbers and links."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from handlers.identity.numbers import NumberView
from handlers.identity.transfers import PhoneOutcome
from miniapp_api.member.shapes import Code
from miniapp_api.shapes import Body, Id, Out

TicketToken = Annotated[str, StringConstraints(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]


class FactBody(Body):
    """One thing that only the former holder knows, asked for by `phone.fact_needed`."""

    last_store_id: Id | None = None
    birthday: Annotated[date, Field(ge=date(1900, 1, 1))] | None = None


class PhoneBody(Body):
    """getPhoneNumber's code; `fact` when the same code was answered with `phone.fact_needed`."""

    phone_code: Code
    fact: FactBody | None = None


class PhoneOut(Out):
    """What became of the phone. Until `held_until`, what hangs on the phone waits."""

    outcome: PhoneOutcome
    phone: str
    held_until: datetime | None


class NumberBody(Body):
    """getPhoneNumber's code for a number of their own."""

    phone_code: Code


class NumberOut(Out):
    """A bound number; only its last four digits are shown."""

    id: Id
    number: str
    proven_at: datetime

    @classmethod
    def of(cls, view: NumberView) -> "NumberOut":
        """The number, masked."""
        return cls(id=view.id, number=f"*******{view.tail}", proven_at=view.proven_at)


class LinkTicketOut(Out):
    """Single use, ten minutes."""

    ticket: str
    expires_at: datetime


class LinkBody(Body):
    """A ticket made in another channel; `confirm` once the person has seen whose it is."""

    ticket: TicketToken
    confirm: bool = False


class LinkedOut(Out):
    """Both channels are this member now."""

    member_id: Id
    number: str | None
