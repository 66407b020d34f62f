"""Cards and the member code as members send and see them."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import StringConstraints, model_validator

from handlers.cards.card_binding import Bound, CardProof
from handlers.cards.card_kinds import BindableKind
from handlers.cards.recognition import CardView
from miniapp_api.shapes import Body, Id, Out
from models.words import CardStatus

KindCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
CardNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
TicketToken = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,128}$")]
PhoneCode = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")]
Pin = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class ProofBody(Body):
    """What shows that the card is theirs: the phone it was issued to, its PIN, or name with last store."""

    phone_code: PhoneCode | None = None
    pin: Pin | None = None
    name: Name | None = None
    store_id: Id | None = None

    def shown(self) -> CardProof:
        """As the handlers take it."""
        return CardProof(self.phone_code, self.pin, self.name, self.store_id)


class BindBody(Body):
    """A ticket from the chat, or kind and number; the proof with either.

    A ticket without a proof is refused with `card.proof_missing`, which names the card and leaves the ticket good.
    """

    ticket: TicketToken | None = None
    kind: KindCode | None = None
    number: CardNumber | None = None
    proof: ProofBody = ProofBody()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        by_number = self.kind is not None and self.number is not None
        if (self.ticket is None) != by_number or (self.ticket is not None and (self.kind or self.number)):
            raise ValueError("either a ticket, or kind and number")
        return self


class CardOut(Out):
    """One card. `is_primary` is the one of its kind that is shown; an issued card comes with membership."""

    id: Id
    kind: str
    name: str
    last4: str
    status: CardStatus
    is_primary: bool
    is_issued: bool
    bound_at: datetime | None

    @classmethod
    def of(cls, card: CardView) -> "CardOut":
        """Every value comes from our own types."""
        return cls.model_construct(
            id=card.id,
            kind=card.kind,
            name=card.kind_name,
            last4=card.last4,
            status=card.status,
            is_primary=card.is_primary,
            is_issued=card.is_issued,
            bound_at=card.bound_at,
        )


class BoundOut(Out):
    """The card, and the cards of the other kinds that recognise the person from now on."""

    card: CardOut
    also: list[CardOut]

    @classmethod
    def of(cls, bound: Bound) -> "BoundOut":
        """Both in their outer shape."""
        return cls(card=CardOut.of(bound.card), also=[CardOut.of(each) for each in bound.also])


class UnboundOut(Out):
    """Nobody can bind the card before `bindable_from`."""

    id: Id
    bindable_from: datetime


class StoreOut(Out):
    id: UUID
    name: str


class BindableKindOut(Out):
    """A kind that can be bound: how many digits its numbers have, and the stores to choose the last one from."""

    code: str
    name: str
    digit_count: int
    stores: list[StoreOut]

    @classmethod
    def of(cls, kind: BindableKind) -> "BindableKindOut":
        """As it is listed."""
        stores = [StoreOut(id=store.id, name=store.name) for store in kind.stores]
        return cls(code=kind.code, name=kind.name, digit_count=kind.digit_count, stores=stores)


class MemberCodeOut(Out):
    """Good for one scan until `expires_at`; `qr_svg` is its picture, to be put into a page as it is."""

    token: str
    expires_at: datetime
    qr_svg: str
