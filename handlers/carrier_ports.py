"""A telecom operator as handlers see it; `handlers/ports.py` hands it on, and everybody takes it there.

Two sides of it: what it knows of its numbers and does for them (`Carrier`), and its phone bill as a second payment
service (`CarrierBilling`).
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from handlers.payment_ports import Takings, TradeSays
from models.words import ChargeHeard, CodeHeard, ServiceHeard


class CarrierError(Exception):
    """A carrier did not do what it was asked. `reason` is a short word, never a number."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CarrierRetryLater(CarrierError):
    """Away, busy, or no clear answer: the same question may be answered later."""


class CarrierGaveUp(CarrierError):
    """The question or the settings are wrong; asking again is useless, a person must look."""


class CarrierRefused(CarrierError):
    """The carrier understood and does not want to."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """What a carrier knows of one number. `is_ours`: on its own network; of others it knows nothing else."""

    is_ours: bool
    since: date | None = None
    tariff: str = ""
    contract_ends_on: date | None = None
    arrears_fen: int = 0
    is_porting_out: bool = False


@dataclass(frozen=True, slots=True)
class ServiceSays:
    """What a carrier said of one service order; `reason` is its own short word."""

    heard: ServiceHeard
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ToCharge:
    """What is to stand on a phone bill. `number` is the order's and never changes; `payer`: 11 national digits."""

    number: str
    title: str
    amount_fen: int
    expires_at: datetime  # the carrier charges nothing after it
    payer: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeSays:
    """What a carrier said to an announced charge; `reason` is its own short word."""

    heard: CodeHeard
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChargeSays:
    """What a carrier said to a confirmed charge; with `CHARGED` there is a `trade`."""

    heard: ChargeHeard
    trade: TradeSays | None = None
    reason: str = ""


class Carrier(Protocol):
    """What a carrier knows of a number, and orders or cancels for it."""

    async def subscriber(self, number: str) -> Subscriber:
        """11 national digits. Raises CarrierRetryLater, CarrierGaveUp, CarrierRefused."""

    async def order_service(self, service_no: str, *, number: str, service: str) -> ServiceSays:
        """Order one of its services; `service_no` is ours, and the same one again is the same order. Never raises."""

    async def cancel_service(self, service_no: str) -> ServiceSays:
        """End it; one that is ended stays so. Never raises."""

    async def query_service(self, service_no: str) -> ServiceSays:
        """Where it stands; `ABSENT` only where the carrier says that it has none of this number. Never raises."""


class CarrierBilling(Takings, Protocol):
    """A phone bill as a payment service. Calls never raise: whatever is not a clear, signed answer is `UNKNOWN`."""

    async def announce(self, wanted: ToCharge) -> CodeSays:
        """Have a code sent to the number; the same number again is the same charge, and sends another code."""

    async def charge(self, wanted: ToCharge, *, code: str) -> ChargeSays:
        """Confirm it with the code that the person read; the same number is charged once, however often it comes."""
