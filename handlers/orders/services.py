"""By what orders are paid: one payment service for each way."""

from dataclasses import dataclass

from handlers.ports import CarrierBilling, Payments, Takings
from models.words import PaymentMethod


@dataclass(frozen=True, slots=True)
class PaymentServices:
    """All of them, whether or not they take money here."""

    wechat: Payments
    carrier: CarrierBilling

    def of(self, method: PaymentMethod | str) -> Takings:
        """The one by which an order of this way is paid, asked about and given back."""
        return self.carrier if method == PaymentMethod.CARRIER else self.wechat
