"""Money that moves at the very moment at which somebody leaves: it comes before, and keeps them, or is nobody's."""

import asyncio
import contextvars
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handlers.distribution import earning
from handlers.errors import DepartureHindered
from handlers.ledger.posting import settle
from handlers.points.points_terms import fen
from handlers.rules.ledger import of_member
from models.database import atomic
from models.distribution import Commission
from models.ledger import LedgerAccount
from tests.handlers.buying import breaches, for_sale
from tests.handlers.distributing import a_seller, brought, rules
from tests.handlers.withdrawing import given

IS_SQLITE = os.environ.get("FANPIAO_TEST_PAIR", "sqlite") == "sqlite"
one_writer = pytest.mark.skipif(IS_SQLITE, reason="SQLite lets one write at a time: nothing comes in between")

Work = Callable[[], Awaitable[Any]]


class Meanwhile:
    """Somebody else's work, outside of the transaction in which it is asked for."""

    def __init__(self, work: Work) -> None:
        self._outside = contextvars.copy_context()
        self._work = work
        self.task: asyncio.Task[Any] | None = None

    async def begins(self) -> None:
        """Once; it may end now, or wait for whoever asked."""
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._do(), context=self._outside)
            await asyncio.wait([self.task], timeout=1)

    async def _do(self) -> Any:
        return await self._work()


@one_writer
async def test_money_that_comes_while_the_reasons_to_stay_are_looked_at_keeps_them(rooms, monkeypatch):
    ming = await rooms.member("o-ming")
    async with atomic():  # an account with nothing on it
        await settle([(await fen(), of_member(ming.member_id))], at=rooms.clock.now())
    meanwhile = Meanwhile(lambda: given(rooms, ming.member_id, 100))

    async def nothing_speaks_against_it(_ids) -> None:
        await meanwhile.begins()

    departures = rooms.handlers.departures
    monkeypatch.setattr(departures, "_hindrances", (*departures._hindrances, nothing_speaks_against_it))
    with pytest.raises(DepartureHindered) as refused:
        await departures.leave(ming)
    assert refused.value.facts["reasons"] == ["balance.left"]
    assert (await LedgerAccount.get(member_id=ming.member_id, unit="fen", kind="member")).posted == 100
    assert await breaches() == []


@one_writer
async def test_a_commission_that_is_being_earned_keeps_its_promoter(rooms, monkeypatch):
    await rules(rooms)
    offer, hong = await for_sale(rooms), await a_seller(rooms)
    ming = await brought(rooms, "o-ming", await hong.code())
    meanwhile, really = Meanwhile(lambda: rooms.handlers.departures.leave(hong.person)), earning.is_same_person

    async def looks(*args: Any, **kwargs: Any) -> bool:
        await meanwhile.begins()
        return await really(*args, **kwargs)

    ordered = (await ming.order(offer)).value.order
    monkeypatch.setattr(earning, "is_same_person", looks)
    await ming.told(ordered.number)
    assert meanwhile.task is not None
    with pytest.raises(DepartureHindered) as refused:
        await meanwhile.task
    assert refused.value.facts["reasons"] == ["commission.pending"]
    assert (await Commission.get()).amount_fen == 100
    assert await breaches() == []
