"""Commissions and touches at the same moment, the order of things forced; and without its guard each race is lost."""

import asyncio
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from handlers.distribution import earning, releasing
from handlers.distribution.earning import claw_back
from handlers.touches import touching
from handlers.touches.touching import touch
from models.accounts import Account
from models.database import atomic, dialect
from models.distribution import Commission, Promoter, PromoterBinding, PromoterLink
from models.identity import Member
from models.ids import new_id
from models.orders import OrderRefund
from models.sql import Both
from models.statements import distribution as statements
from models.words import PromoterState
from tests.handlers.buying import PRICE, breaches
from tests.handlers.distributing import DAY, a_seller, amounts, balance, comes, rules, sweep
from tests.handlers.test_benefit_machine import like
from tests.handlers.test_distribution import give, sold, use
from tests.handlers.test_settlement_races import Held, somebody_waits_for_a_lock

__all__ = ["sold"]

BACK = "扣回的佣金和扣回记录一致，且都记了账"
RELEASED = "可提现的佣金都入了账，没到期的都没有"
PENDING = "待结算的佣金等于账上待结算的钱"


@pytest.fixture
async def due(sold):
    """Hong's commission of the first order is due at this moment; that of a second order waits."""
    await use(sold)
    sold.clock.advance(timedelta(hours=1))
    await sweep(sold)
    await sold.ming.buy(sold.offer, "second")
    sold.clock.advance(7 * DAY)
    return sold


async def two_releases(rooms, monkeypatch) -> list[tuple[int, int]]:
    """The second looks while the first has read what is due, and has not paid."""
    held, once = Held(monkeypatch, releasing, "pass_on"), rooms.handlers.commission_releasing._release
    first = asyncio.create_task(once(10))
    await held.reached.wait()
    second = asyncio.create_task(once(10))
    if dialect() == "postgres":  # on SQLite it waits for the one writer
        await second
    held.go.set()
    return list(await asyncio.gather(first, second))


async def test_two_sweeps_at_once_release_a_commission_once(due, monkeypatch):
    assert await two_releases(due, monkeypatch) == [(1, 1), (0, 0)]
    assert await balance(due.hong.person.member_id, "member") == 100
    assert await breaches() == []


def without_the_guards(monkeypatch) -> None:
    """Nothing is locked, no state is looked at, and no act is known."""
    unguarded = like(statements.FROZEN_DUE, "state = 'frozen' AND due_at <= $1", "frozen_until <= $1")
    monkeypatch.setattr(statements, "FROZEN_DUE", unlocked(unguarded))
    monkeypatch.setattr(statements, "RELEASE", like(statements.RELEASE, "state = 'frozen' AND ", ""))
    once = releasing.pass_on

    async def anew(way, amounts, *, at):
        return await once(way, [(new_id(), *each) for _, *each in amounts], at=at)

    monkeypatch.setattr(releasing, "pass_on", anew)


def unlocked(statement: Both) -> Both:
    return Both(postgres=statement.postgres.replace("FOR UPDATE SKIP LOCKED", ""), sqlite=statement.sqlite)


async def test_without_the_guards_two_sweeps_release_it_twice(due, monkeypatch):
    without_the_guards(monkeypatch)
    await two_releases(due, monkeypatch)
    assert await balance(due.hong.person.member_id, "member") == 200
    assert PENDING in await breaches()


async def test_a_sweep_that_ends_in_the_midst_leaves_nothing_and_the_next_one_does_it_once(due, monkeypatch):
    """After the transfers and the balances, before the commissions themselves."""

    async def killed(*_, **__):
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(releasing, "_all_of", killed)
        with pytest.raises(ConnectionResetError):
            await sweep(due)
    assert await balance(due.hong.person.member_id, "member") == 0
    assert await amounts() == [(100, "frozen"), (100, "pending")]
    assert [await sweep(due), await sweep(due)] == [1, 0]
    assert await balance(due.hong.person.member_id, "member") == 100
    assert await breaches() == []


async def released_while_it_goes_back(rooms, monkeypatch) -> None:
    """The refund comes while the sweep has read what is due, and has not paid."""
    held, once = Held(monkeypatch, releasing, "pass_on"), rooms.handlers.commission_releasing._release
    releases = asyncio.create_task(once(10))
    await held.reached.wait()
    refunds = asyncio.create_task(give(rooms, PRICE))
    await somebody_waits_for_a_lock()
    held.go.set()
    await asyncio.gather(releases, refunds)


async def test_what_is_being_released_is_taken_back_from_where_it_then_stands(due, monkeypatch):
    await released_while_it_goes_back(due, monkeypatch)
    assert await amounts() == [(100, "available"), (100, "pending"), (-100, "back")]
    assert await due.hong.totals() == (100, 0, 0, 0)
    assert await breaches() == []


async def test_what_is_being_taken_back_is_not_released(due, monkeypatch):
    held, once = Held(monkeypatch, earning, "later"), due.handlers.commission_releasing._release
    refunds = asyncio.create_task(give(due, PRICE))
    await held.reached.wait()
    releases = asyncio.create_task(once(10))
    if dialect() == "postgres":
        assert await releases == (0, 0)
    held.go.set()
    await asyncio.gather(refunds, releases)
    assert await amounts() == [(100, "void"), (100, "pending"), (-100, "back")]
    assert await due.hong.totals() == (100, 0, 0, 0)
    assert await breaches() == []


async def test_without_the_state_under_the_lock_a_refunded_commission_is_paid(due, monkeypatch):
    """As if the sweep had read before the refund, and nobody asked again."""
    without_the_guards(monkeypatch)
    stale = like(statements.FROZEN_DUE, "c.amount_fen - c.back_fen AS left_fen", "c.amount_fen AS left_fen")
    monkeypatch.setattr(statements, "FROZEN_DUE", stale)
    await give(due, PRICE)
    await due.handlers.commission_releasing._release(10)
    assert await balance(due.hong.person.member_id, "member") == 100
    assert {RELEASED, PENDING} & set(await breaches())


async def two_refunds(rooms, monkeypatch) -> None:
    """Two halves go back, the second while the first is inside its transaction."""
    held = Held(monkeypatch, earning, "later")
    first = asyncio.create_task(give(rooms, PRICE // 2, "a"))
    await held.reached.wait()
    second = asyncio.create_task(give(rooms, PRICE // 2, "b"))
    await somebody_waits_for_a_lock()
    held.go.set()
    await asyncio.gather(first, second)


async def test_two_refunds_at_once_take_back_each_its_part(sold, monkeypatch):
    await two_refunds(sold, monkeypatch)
    assert await amounts() == [(100, "void"), (-50, "back"), (-50, "back")]
    assert await breaches() == []


async def test_without_the_guarded_sum_two_refunds_lose_one_part(sold, monkeypatch):
    absolute = "UPDATE commission SET back_fen = $2 WHERE id = $1 AND $3 >= 0 RETURNING state"
    monkeypatch.setattr(statements, "TAKE_BACK", absolute.replace("$3", "CAST($3 AS int)"))
    await two_refunds(sold, monkeypatch)
    assert BACK in await breaches()


async def test_one_refund_takes_back_once_however_often_it_is_booked(sold):
    await give(sold, PRICE // 2)
    refund = await OrderRefund.get()
    for _ in range(2):
        async with atomic():
            await claw_back(sold.order_id, refund.id, at=sold.clock.now())
    assert await amounts() == [(100, "pending"), (-50, "back")]


async def test_without_the_sum_one_refund_that_is_booked_twice_takes_back_twice(sold, monkeypatch):
    monkeypatch.setattr(earning, "taken_back", lambda *_: 50)
    await give(sold, PRICE // 2)
    again = OrderRefund(
        order_id=sold.order_id, number="again", amount_fen=1, cause="operator", asked_at=sold.clock.now()
    )
    await again.save()
    async with atomic():
        await claw_back(sold.order_id, again.id, at=sold.clock.now())
    assert sum(amount for amount, _ in await amounts()) == 0  # of half an order


# --- rings


class HeldAfter(Held):
    """The first call has its answer, and is kept waiting before it gives it."""

    async def __call__(self, *args, **kwargs):
        answer = await self._was(*args, **kwargs)
        if not self.reached.is_set():
            self.reached.set()
            await self.go.wait()
        return answer


async def each_other(rooms, monkeypatch, *, waits: bool) -> int:
    """Two promoters scan each other's code, the second while the first has looked and not written; how many count."""
    await rules(rooms)
    hong, lan = await a_seller(rooms), await a_seller(rooms, "o-lan")
    codes = await hong.code(), await lan.code()
    held = HeldAfter(monkeypatch, touching, "_closes_a_ring")
    first = asyncio.create_task(comes(rooms, "o-lan", codes[0]))
    await held.reached.wait()
    second = asyncio.create_task(comes(rooms, "o-hong", codes[1]))
    if waits:
        await somebody_waits_for_a_lock()
    elif dialect() == "postgres":
        await second
    held.go.set()
    await asyncio.gather(first, second)
    return await PromoterBinding.all().count()


async def test_two_promoters_who_scan_each_other_at_once_close_no_ring(rooms, monkeypatch):
    assert await each_other(rooms, monkeypatch, waits=True) == 1


async def test_without_the_lock_two_promoters_close_a_ring(rooms, monkeypatch):
    monkeypatch.setattr(statements, "RING_LOCK", "SELECT 1 AS free")
    if dialect() == "sqlite":  # its one writer is the lock: without it, what is read is what was before
        monkeypatch.setattr(statements, "RING", "SELECT NULL AS member_id WHERE $1 = $2 AND $3 <> ''")
    assert await each_other(rooms, monkeypatch, waits=False) == 2


async def fifty(rooms):
    """Fifty promoters; touched(n): the nth scans the code of the one before, the first that of the last."""
    await rules(rooms)
    account, now = await Account.all().first(), rooms.clock.now()
    people = []
    for number in range(50):
        member = await Member.create(ordinal=10**6 + number)
        promoter = await Promoter.create(member=member, state=PromoterState.ACTIVE, applied_at=now)
        link = await PromoterLink.create(promoter=promoter, code=f"p_ring{number}")
        people.append((member.id, link.code))

    async def touched(number: int) -> bool:
        async with atomic():
            return await touch(people[number][0], account.id, people[number - 1][1], at=now)

    return touched


@pytest.mark.parametrize("order", ["one after the other", "at once", "the other way round"])
async def test_a_ring_of_fifty_stays_open_however_its_touches_come(rooms, order):
    touched = await fifty(rooms)
    if order != "at once":
        numbers = range(50) if order == "one after the other" else range(49, -1, -1)
        counted = [await touched(number) for number in numbers]
        assert counted == [True] * 49 + [False]  # the one that would close it
        return
    # Every second one first, so that the parts of the ring have nobody in common until it closes.
    numbers = [*range(0, 50, 2), *range(1, 50, 2)]
    counted = await asyncio.gather(*map(touched, numbers))
    assert (sum(counted), await PromoterBinding.all().count()) == (49, 49)


async def test_without_the_look_a_ring_of_fifty_closes(rooms, monkeypatch):
    none = "SELECT NULL AS member_id WHERE {one} = {two} AND {now} IS NULL"
    typed = none.format(one="CAST($1 AS uuid)", two="CAST($2 AS uuid)", now="CAST($3 AS timestamptz)")
    blind = Both(postgres=typed, sqlite=none.format(one="$1", two="$2", now="$3"))
    monkeypatch.setattr(statements, "RING", blind)
    touched = await fifty(rooms)
    assert sum([await touched(number) for number in range(50)]) == 50


async def test_a_commission_is_earned_once_per_order_and_level(sold):
    (known,) = await Commission.all().values()
    twin = {**known, "id": new_id()}
    with pytest.raises(IntegrityError):
        await Commission.create(**twin)


async def test_the_database_refuses_a_third_level(sold):
    (known,) = await Commission.all().values()
    with pytest.raises(IntegrityError, match=r"(?i)check"):
        await Commission.create(**{**known, "id": new_id(), "level": 3})
