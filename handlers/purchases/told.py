"""What channels tell of, and what they are answered."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from handlers.cards.recognition import number_hash
from handlers.codec import fingerprint
from handlers.errors import BuyerInvalid
from handlers.ports import Vault
from handlers.rules.card_numbers import LONGEST, normalise
from handlers.rules.phones import normalise as normalise_phone
from handlers.rules.purchases import Line
from models.words import BuyerKind, Namespace, PurchaseState, RefundState

COUNTRY = "86"  # phone numbers of tills are mainland mobiles


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who bought, as far as the channel says: the opaque id as text, or a keyed hash; nobody: empty."""

    kind: BuyerKind = BuyerKind.NOBODY
    value: str = field(default="", repr=False)


def buyer_of(vault: Vault, kind: BuyerKind, value: str | UUID) -> Buyer:
    """The number itself goes no further than this. Raises BuyerInvalid."""
    match kind:
        case BuyerKind.PHONE:
            digits = normalise_phone(str(value), COUNTRY)
            if digits is None:
                raise BuyerInvalid(namespace=kind.value)
            return Buyer(kind, vault.blind_index(f"identifier:{Namespace.PHONE}", digits))
        case BuyerKind.CARD:
            number = normalise(str(value))
            if not 0 < len(number) <= LONGEST:
                raise BuyerInvalid(namespace=kind.value)
            return Buyer(kind, number_hash(vault, number))
        case BuyerKind.MEMBER:
            try:
                return Buyer(kind, str(UUID(str(value))))
            except ValueError:
                raise BuyerInvalid(namespace=kind.value) from None
    return Buyer()


@dataclass(frozen=True, slots=True)
class OrderTold:
    """A paid order. The lines add up to `amount_fen`; `store`: its code."""

    order_no: str
    amount_fen: int
    paid_at: datetime
    buyer: Buyer = Buyer()
    lines: tuple[Line, ...] = ()
    store: str | None = None

    @property
    def fingerprint(self) -> str:
        """What another telling under the same number has to be equal to."""
        return fingerprint(self)


@dataclass(frozen=True, slots=True)
class RefundTold:
    """Money given back of an order, perhaps before that is told of."""

    order_no: str
    refund_no: str
    amount_fen: int
    refunded_at: datetime

    @property
    def fingerprint(self) -> str:
        """What another telling under the same number has to be equal to."""
        return fingerprint(self)


@dataclass(frozen=True, slots=True)
class Booked:
    """How an order stands: `points` and `growth` are what is left of what it earned, after `refunded_fen` of it went.

    Of a refund that waits for its order there is no more than its number. `owed_points` were spent before they could
    be taken back, and go from what comes next.
    """

    order_no: str
    state: PurchaseState | RefundState
    purchase_id: UUID | None = None
    refund_no: str | None = None
    amount_fen: int = 0
    refunded_fen: int = 0
    points: int = 0
    growth: int = 0
    owed_points: int = 0
    is_known: bool = False  # it had been told of before

    def again(self) -> "Booked":
        """The same, for who tells of it a second time."""
        return replace(self, is_known=True)
