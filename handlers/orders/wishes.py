"""What somebody wants to buy, who pays it how, and the order as it was made."""

from dataclasses import dataclass, field
from uuid import UUID

from handlers.actors import Person
from handlers.claims.wishes import number_of
from handlers.orders.on_the_bill import OnBill
from handlers.orders.order_views import Confirmation, OrderSeen
from handlers.ports import ClientPayment, Vault
from handlers.requests import Asked
from models.words import PaymentMethod

PAYER = "order.payer"  # what the keyed hash of a payer's openid is for


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to buy. `expected_fen`, `expected_points`: what they were shown for all of it; None: not
    said."""

    offer_id: UUID
    quantity: int = 1
    choices: tuple[str, ...] = ()
    recharge_to: str | None = field(default=None, repr=False)
    expected_fen: int | None = None
    expected_points: int | None = None

    @property
    def number(self) -> str:
        """The number to top up, as it is kept; empty: none. Raises RechargeToInvalid."""
        return number_of(self.recharge_to)

    def facts(self, vault: Vault) -> dict[str, object]:
        """By what a key is recognised to have come with the same wish. Raises RechargeToInvalid."""
        number = self.number
        return {
            "offer": self.offer_id,
            "quantity": self.quantity,
            "choices": sorted(self.choices),
            # By its keyed mark: fingerprints are stored, and there are few numbers.
            "recharge_to": vault.blind_index("recharge_to", number) if number else "",
            "expected_fen": self.expected_fen,
            "expected_points": self.expected_points,
        }


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays whom, and how. `hash`: what is kept of the payer; `bill`: where it is paid on a phone bill."""

    method: PaymentMethod
    mch_id: str
    app_id: str
    hash: str
    bill: OnBill | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """One person's order, under one key."""

    person: Person
    wanted: Wanted
    payer: Payer
    asked: Asked


@dataclass(frozen=True, slots=True)
class Ordered:
    """The order as it was made, and what the mini-program needs to have it paid, or confirmed with a code."""

    order: OrderSeen
    payment: ClientPayment | None = None
    confirmation: Confirmation | None = None


def payer_hash(vault: Vault, app_id: str, openid: str) -> str:
    """What is kept of who has to pay."""
    return vault.blind_index(PAYER, f"{app_id}:{openid}")
