"""Whom we ask outside, besides WeChat: suppliers, keepers of points, WeChat Pay; made together, closed together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp

from app.paying import payments_of
from app.schema import Settings
from gateways.outside_points import OutsidePointsApi
from gateways.suppliers import SupplierApi, supplier_session
from handlers.ports import Clock, OutsidePoints, Payments, Supplier


class Outward(NamedTuple):
    """One client of each."""

    supplier: Supplier
    points: OutsidePoints
    payments: Payments


@asynccontextmanager
async def open_outward(settings: Settings, session: aiohttp.ClientSession, clock: Clock) -> AsyncIterator[Outward]:
    """`session`: what is used for all of WeChat; suppliers get one of their own. Raises PayKeysRefused."""
    async with supplier_session() as suppliers:
        points = OutsidePointsApi(suppliers, clock)
        yield Outward(SupplierApi(suppliers, clock), points, payments_of(settings, session, clock))
