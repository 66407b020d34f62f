"""What the doors know of paying on a phone bill."""

from dataclasses import dataclass

from handlers.carrier_billing.buying import CarrierBuying
from handlers.carrier_billing.codes import Codes
from handlers.carrier_billing.confirming import Confirming
from handlers.carrier_billing.months import BillingMonths
from handlers.carrier_billing.terms import CarrierTermsEditing


@dataclass(frozen=True, slots=True)
class CarrierRoom:
    """The use cases: of members, of the worker, and of operators."""

    buying: CarrierBuying
    codes: Codes
    confirming: Confirming
    months: BillingMonths
    terms: CarrierTermsEditing
