"""The carrier from the settings, or what stands in for it."""

import aiohttp

from app.schema import Settings
from gateways.carrier import CarrierApi, NoCarrier
from handlers.ports import Clock, SupplierAccess


def carrier_of(settings: Settings, session: aiohttp.ClientSession, clock: Clock) -> CarrierApi | NoCarrier:
    """The client of the carrier, or nothing that charges."""
    carrier = settings.carrier
    if not carrier.is_set or carrier.api_url is None or carrier.code is None or carrier.secret is None:
        return NoCarrier()
    access = SupplierAccess(carrier.code, carrier.api_url, carrier.secret.get_secret_value())
    return CarrierApi(access, session, clock)
