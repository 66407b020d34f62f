"""Whose phone bill: a bound number of the carrier's own network, in the open only while the carrier is asked."""

from uuid import UUID

from handlers.errors import (
    CarrierArrears,
    CarrierNumberForeign,
    CarrierPortingOut,
    CarrierRefusedCharge,
    CarrierUnavailable,
    NumberUnknown,
)
from handlers.identity.numbers import HOME
from handlers.key_rotation import BOUND_NUMBER
from handlers.orders.on_the_bill import MONTH, OnBill
from handlers.orders.wishes import Payer, payer_hash
from handlers.ports import Carrier, CarrierError, CarrierRefused, Vault
from handlers.standing import canonical, ids_of
from models.linking import BoundNumber
from models.words import IdentifierStatus, PaymentMethod

ON_BILL = ""  # stands for the app id: no mini-program has a part in it


async def own_number(vault: Vault, member_id: UUID, number_id: UUID) -> str:
    """A bound number of theirs, 11 digits. Raises NumberUnknown, CarrierNumberForeign (of another country)."""
    ids = await ids_of(await canonical(member_id))
    found = await BoundNumber.get_or_none(id=number_id, member_id__in=ids, status=IdentifierStatus.ACTIVE)
    if found is None:
        raise NumberUnknown
    whole = vault.decrypt(found.number_cipher, bound_to=BOUND_NUMBER.bound_to(found.id))
    if not whole.startswith(f"+{HOME}"):
        raise CarrierNumberForeign
    return whole.removeprefix(f"+{HOME}")


async def require_fit(carrier: Carrier, number: str) -> None:
    """The carrier puts something on its bill at all.

    Raises CarrierUnavailable, CarrierNumberForeign, CarrierPortingOut, CarrierArrears, CarrierRefusedCharge.
    """
    try:
        subscriber = await carrier.subscriber(number)
    except CarrierRefused as refused:
        raise CarrierRefusedCharge(reason=refused.reason) from refused
    except CarrierError as trouble:
        raise CarrierUnavailable(retry_after=3) from trouble
    if not subscriber.is_ours:
        raise CarrierNumberForeign
    if subscriber.is_porting_out:
        raise CarrierPortingOut
    if subscriber.arrears_fen > 0:
        raise CarrierArrears


def payer_of(vault: Vault, number_id: UUID, number: str, *, mch_id: str) -> Payer:
    """As an order keeps it: by keyed hashes."""
    bill = OnBill(number_id, vault.blind_index(MONTH, number))
    return Payer(PaymentMethod.CARRIER, mch_id, ON_BILL, payer_hash(vault, ON_BILL, number), bill)
