"""Withdrawals through whatever may happen, in any order: at rest their books are ours, to the fen, each number once."""

import random
from contextlib import suppress
from datetime import timedelta

import pytest

from handlers.errors import DomainError
from models.withdrawals import Withdrawal
from models.words import TransferHeard, WithdrawalState
from tests.handlers.withdrawing import HAS, a_payee, breaches, publish

STEPS = 120


class Walk:
    """One person, one payment service that forgets to answer, and the time."""

    def __init__(self, rooms, seed: int) -> None:
        self.rooms, self.pay, self.chance, self.asked = rooms, rooms.payments, random.Random(seed), 0

    @property
    def open_there(self) -> list[str]:
        ended = {TransferHeard.DONE, TransferHeard.FAILED}
        return [number for number, becomes in self.pay.transfers_become.items() if becomes not in ended]

    async def ask(self) -> None:
        self.asked += 1
        with suppress(DomainError):
            await self.rooms.ming.ask(self.chance.randint(100, 3_000), f"ask-{self.asked}")

    async def cancel(self) -> None:
        if found := await Withdrawal.all().order_by("-id").first():
            asking = self.rooms.handlers.withdrawals.asking
            with suppress(DomainError):
                await asking.cancel(self.rooms.ming.person, found.id, request_id=f"no-{self.chance.random()}")

    async def poll(self) -> None:
        await self.rooms.handlers.withdrawals.sending.poll()

    async def wait(self) -> None:
        self.rooms.clock.advance(timedelta(minutes=self.chance.choice((1, 6, 11, 60, 600))))
        await self.poll()

    async def mood(self) -> None:
        self.pay.is_deaf, self.pay.does_silently = self.chance.choice(
            ((False, False), (True, False), (False, True), (False, False))
        )

    async def person(self) -> None:
        """Whoever has to take it does, or does not in time; what moves is there."""
        for number in self.open_there:
            moving = self.pay.transfers_become[number] is TransferHeard.MOVING
            choices = (TransferHeard.DONE,) if moving else (TransferHeard.MOVING, TransferHeard.FAILED)
            self.pay.transfers_become[number] = self.chance.choice(choices)

    async def notice(self) -> None:
        """Of any transfer, also one that ended long ago; perhaps twice."""
        for number in self.chance.choices(list(self.pay.transfers), k=2) if self.pay.transfers else ():
            await self.rooms.handlers.withdrawals.sending.hear({}, number.encode())

    async def rest(self) -> None:
        """Nothing is deaf any more, everybody takes what they are shown, and enough time passes."""
        self.pay.is_deaf = self.pay.does_silently = False
        for _ in range(8):
            await self.person()
            self.rooms.clock.advance(timedelta(hours=2))
            await self.poll()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_at_rest_their_books_are_ours_to_the_fen(rooms, seed):
    await publish(rooms, daily_count=100)
    rooms.ming = await a_payee(rooms)
    walk = Walk(rooms, seed)
    steps = (walk.ask, walk.ask, walk.cancel, walk.poll, walk.wait, walk.mood, walk.person, walk.notice)
    for _ in range(STEPS):
        await walk.chance.choice(steps)()
    await walk.rest()
    assert await breaches() == []
    rows = await Withdrawal.all()
    assert {each.state for each in rows} <= {WithdrawalState.ARRIVED, WithdrawalState.RETURNED}
    theirs = {number for number, becomes in walk.pay.transfers_become.items() if becomes is TransferHeard.DONE}
    assert {each.number for each in rows if each.state is WithdrawalState.ARRIVED} == theirs
    paid = sum(walk.pay.transfers[number].amount_fen for number in theirs)
    assert await rooms.ming.money() == (HAS - paid, 0)
    assert set(walk.pay.transfers) <= {each.number for each in rows}
    assert theirs
    assert any(each.state is WithdrawalState.RETURNED for each in rows)
