"""Whom we ask outside: suppliers, keepers of points, WeChat Pay, a carrier; made together, closed together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple, Protocol

import aiohttp

from app.carrying import carrier_of
from app.paying import payments_of
from app.schema import Settings
from gateways.carrier import NoCarrier
from gateways.outside_points import OutsidePointsApi
from gateways.suppliers import SupplierApi, supplier_session
from handlers.ports import Carrier, CarrierBilling, Clock, OutsidePoints, Payments, Supplier


class Telecom(Carrier, CarrierBilling, Protocol):
    """A carrier, both sides of it."""


class Outward(NamedTuple):
    """One client of each."""

    supplier: Supplier
    points: OutsidePoints
    payments: Payments
    carrier: Telecom = NoCarrier()


@asynccontextmanager
async def open_outward(settings: Settings, session: aiohttp.ClientSession, clock: Clock) -> AsyncIterator[Outward]:
    """`session`: what is used for all of WeChat; suppliers get one of their own. Raises PayKeysRefused."""
    async with supplier_session() as suppliers:
        points = OutsidePointsApi(suppliers, clock)
        payments, carrier = payments_of(settings, session, clock), carrier_of(settings, session, clock)
        yield Outward(SupplierApi(suppliers, clock), points, payments, carrier)
