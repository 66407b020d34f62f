"""Planted in a server of its own: it kills itself, once, at a point of a claim, a redemption, a spin or a call outside.

The test names the point: it writes `claim before_commit` (or the like) into the file `armed` of the folder the server
runs in; whoever comes to that point takes the file away and dies, as by kill -9. A retry finds no file, and nothing
happens to it.
"""

import asyncio
import contextvars
import os
import signal
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from app.jobs import JobRegistry
from gateways.carrier import CarrierApi
from gateways.outside_points import OutsidePointsApi
from gateways.suppliers import SupplierApi
from gateways.wechat_pay import WeChatPayApi
from handlers import group_commit
from handlers.carrier_billing import confirming
from handlers.claims import claiming, claims
from handlers.draws import spin_writing, spinning
from handlers.fulfillment import top_up_orders
from handlers.orders import ordering
from handlers.orders.refunds import OrderRefunds
from handlers.orders.watching import OrderWatch
from handlers.outside_points import holding
from handlers.recurring import Every
from handlers.redemptions import redeeming, tills
from handlers.requests import Answer
from handlers.rules.fulfillment_states import UNDER_WAY, Act, next_act
from handlers.rules.withdrawal_states import Next
from handlers.withdrawals import sending
from models.asyncpg_client import PostgresTransaction
from models.sqlite_client import SqliteTransaction

POINTS = ("before_statements", "mid_batch", "before_commit", "after_commit")
PLANT = "from tests.processes import failing; failing.plant()"
PLANT_HASTY = f"{PLANT}; failing.answer_before_the_commit()"
PLANT_OUTSIDE = f"{PLANT}; failing.look_every_second()"
PLANT_UNASKED_CHARGES = f"{PLANT_OUTSIDE}; failing.charge_without_asking()"
PLANT_TAKING = f"{PLANT_OUTSIDE}; failing.take_without_asking()"
PLANT_UNASKED = f"{PLANT}; failing.send_without_asking()"
PLANT_NEW_NUMBERS = f"{PLANT}; failing.send_under_another_number()"
PLANT_NEW_ORDERS = f"{PLANT}; failing.announce_under_another_number()"
SENDING = ("before_sending", "after_sending")  # of a top-up or a transfer: it counts as sent in the database already
CALLING = (*SENDING, "before_commit")  # of what the answer changes
OUTSIDE = ("hold", "post", "void", "give_back")  # calls to an account of points; `before_hold`, `after_hold`, ...
ARMED = Path("armed")

_held: list[str] = []  # a hold that was heard of and is to be decided about
_doing: contextvars.ContextVar[str] = contextvars.ContextVar("doing", default="")  # in whose transaction we are


def plant() -> None:
    """Put a point before and after everything that a claim, a redemption and a spin do to the database."""
    _dies_at(claims, "_note", "mid_batch")  # claims and slots are written, the events are not
    _begins("redeem", tills.Tills, "_decide")
    _dies_at(redeeming, "went", "mid_batch")  # the uses are taken
    _begins("spin", spinning.Spinning, "_decide")
    _dies_at(spin_writing, "send", "mid_batch")  # the spins are written, what belongs to them is not
    for name in OUTSIDE:
        _dies_around_an_outside_call(name)
    _begins("claim", claiming.Claiming, "_decide", paid="outside")
    _dies_around(SupplierApi, "order", "top_up")
    _dies_around(WeChatPayApi, "transfer", "transfer")
    _dies_around(CarrierApi, "charge", "charge")
    _dies_around(CarrierApi, "refund", "credit")
    for name in ("prepay", "close", "refund", "transfer"):
        _dies_around(WeChatPayApi, name, name)
    _begins("notice", OrderWatch, "hear")
    _begins("refund_notice", OrderRefunds, "hear")
    for transaction in (SqliteTransaction, PostgresTransaction):
        _at_the_commit(transaction)


def answer_before_the_commit() -> None:
    """The mistake that the test must see: a lane that tells everybody what it has decided, and commits afterwards."""
    decided = group_commit.GroupCommit._outcomes

    async def hasty(self: Any, entries: Any) -> Any:
        outcomes = await decided(self, entries)
        for entry, outcome in zip(entries, outcomes, strict=True):
            entry.tell(outcome)
        await asyncio.sleep(1)  # so that the answer is on its way
        return outcomes

    group_commit.GroupCommit._outcomes = hasty  # type: ignore[method-assign]


def send_without_asking() -> None:
    """The mistake that the test must see: what has no answer yet is sent again, and as an order of its own."""
    real, real_move = top_up_orders.TopUpOrders._order, top_up_orders.move

    def hasty(state: Any, *, is_paused: bool) -> Act:
        return Act.SEND if state in UNDER_WAY else next_act(state, is_paused=is_paused)

    async def whoever_comes(found: Any, before: Any, target: Any, *, at: Any) -> bool:
        return before in UNDER_WAY or await real_move(found, before, target, at=at)

    def another(self: Any, found: Any) -> Any:
        return replace(real(self, found), order_no=uuid.uuid4().hex)

    top_up_orders.next_act, top_up_orders.move = hasty, whoever_comes
    top_up_orders.TopUpOrders._order = another  # type: ignore[method-assign]


def send_under_another_number() -> None:
    """The mistake that the test must see: what has no answer yet is sent anew, as a transfer of its own."""
    real = sending.WithdrawalSending._wanted

    async def another(self: Any, found: Any) -> Any:
        return replace(await real(self, found), number=uuid.uuid4().hex)

    sending.WithdrawalSending._wanted = another  # type: ignore[method-assign]
    sending.next_act = lambda *_, **__: Next.SEND


def announce_under_another_number() -> None:
    """The mistake that the test must see: an order that had no answer yet is announced as another one."""
    real = ordering.ToPay

    def another(_number: str, *facts: Any) -> Any:
        return real(uuid.uuid4().hex, *facts)

    ordering.ToPay = another  # type: ignore[assignment, misc]


def _dies_around(place: Any, name: str, act: str) -> None:
    real = getattr(place, name)

    async def call(*args: Any, **kwargs: Any) -> Any:
        _doing.set(act)
        _die_if_armed("before_sending")
        says = await real(*args, **kwargs)
        _die_if_armed("after_sending")  # they have done it, and nobody here knows
        return says

    setattr(place, name, call)


def _dies_around_an_outside_call(act: str) -> None:
    real = getattr(OutsidePointsApi, act)

    async def call(*args: Any, **kwargs: Any) -> Any:
        _doing.set("outside")
        _die_if_armed(f"before_{act}")
        says = await real(*args, **kwargs)
        _die_if_armed(f"after_{act}")  # they have done it, and nobody here knows
        if act == "hold":
            _held.append(act)
        _doing.set("heard")
        return says

    setattr(OutsidePointsApi, act, call)


def look_every_second() -> None:
    """Nobody has to wait here for the next look at what was left open."""
    real = JobRegistry.every

    def every(self: Any, name: str, schedule: Any, *args: Any, **kwargs: Any) -> None:
        soon = Every(timedelta(seconds=1)) if name in {"poll_outside_holds", "poll_orders"} else schedule
        real(self, name, soon, *args, **kwargs)

    JobRegistry.every = every  # type: ignore[method-assign]


def charge_without_asking() -> None:
    """The mistake that the test must see: a key that comes again sends its code again, and never asks."""
    real = confirming.once

    async def hasty(*args: Any, **kwargs: Any) -> Any:
        return Answer((await real(*args, **kwargs)).value)

    confirming.once = hasty


def take_without_asking() -> None:
    """The mistake that the test must see: what has no answer yet is asked for again, and never asked about."""
    real = holding.OutsideHolds._take_look

    async def hasty(self: Any, hold_id: Any) -> Any:
        found, act, _ = await real(self, hold_id)
        return found, act, True

    holding.OutsideHolds._take_look = hasty  # type: ignore[method-assign]


def _begins(act: str, place: Any, name: str, *, paid: str = "") -> None:
    """`paid`: what it is called once points were held for it."""
    real = getattr(place, name)

    async def begin(*args: Any, **kwargs: Any) -> Any:
        is_paid = bool(paid and _held)
        _held.clear()
        _doing.set(paid if is_paid else act)
        _die_if_armed("before_statements")
        return await real(*args, **kwargs)

    setattr(place, name, begin)


def _dies_at(place: Any, name: str, point: str) -> None:
    real = getattr(place, name)

    async def pass_by(*args: Any, **kwargs: Any) -> Any:
        _die_if_armed(point)
        return await real(*args, **kwargs)

    setattr(place, name, pass_by)


def _at_the_commit(transaction: Any) -> None:
    real = transaction.finish

    async def finish(self: Any, *, commit: bool) -> None:
        if commit:
            _die_if_armed("before_commit")
        await real(self, commit=commit)
        if commit:
            _die_if_armed("after_commit")

    transaction.finish = finish


def _die_if_armed(point: str) -> None:
    if ARMED.exists() and ARMED.read_text() == f"{_doing.get()} {point}":
        ARMED.unlink()
        _die()


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit
