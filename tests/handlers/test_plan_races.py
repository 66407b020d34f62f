"""Memberships under way at the same moment, the order of things forced; and without its guard each race is lost."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.errors import PlanCodeInvalid, RefundNothing, TrialUsed
from handlers.orders import refunds
from handlers.paid_terms import cutting, giving
from handlers.plans import codes, trials
from handlers.plans.codes import BatchWanted
from handlers.plans.trials import Trials
from models.database import dialect
from models.plans import MembershipTerm, PlanTrial
from models.sql import Both, instant_text, of_rows
from models.statements import claims as claim_statements
from models.statements import plans as statements
from models.words import OrderState
from tests.handlers.buying import breaches
from tests.handlers.offering import key
from tests.handlers.planning import DAY, MONTH_FEN, plan_desk
from tests.handlers.test_settlement_races import Held, somebody_waits_for_a_lock

TWICE = "付费会员的各段首尾不重叠：付两次就延两次"
ENDS = "付费会员的到期时间是最后一段的结束"
USED = "激活码用过一次就变成一段会员"


@pytest.fixture
async def desk(rooms):
    return await plan_desk(rooms)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def one_inside_the_other(held: Held, first, second, *, waits: bool = True) -> list[object]:
    """The second begins while the first is inside its transaction; `waits`: something keeps it there until it ends."""
    one = asyncio.create_task(first)
    await held.reached.wait()
    two = asyncio.create_task(second)
    if waits:
        await somebody_waits_for_a_lock()
    elif dialect() == "postgres":  # SQLite has one writer, whatever is left out
        await asyncio.wait({two})
    held.go.set()
    return list(await asyncio.gather(one, two, return_exceptions=True))


async def paid_twice_at_once(desk, person, monkeypatch) -> list[object]:
    numbers = [(await desk.order(person, desk.month)).value.order.number for _ in range(2)]
    return await one_inside_the_other(Held(monkeypatch, giving, "settle"), *map(desk.paid, numbers))


async def test_a_plan_bought_twice_at_once_extends_twice(desk, ming, clock, monkeypatch):
    now = clock.now().replace(microsecond=0)
    assert await paid_twice_at_once(desk, ming, monkeypatch) == [OrderState.PAID] * 2
    assert await desk.ends(ming) == now + 62 * DAY
    assert await breaches() == []


async def test_one_payment_that_is_told_of_twice_at_once_extends_once(desk, ming, clock, monkeypatch):
    now, number = clock.now().replace(microsecond=0), (await desk.order(ming, desk.month)).value.order.number
    notice, hear = desk.rooms.payments.pay(number), desk.rooms.handlers.order_watch.hear
    held = Held(monkeypatch, giving, "settle")
    assert await one_inside_the_other(held, hear({}, notice), hear({}, notice)) == [OrderState.PAID] * 2
    assert await desk.ends(ming) == now + 31 * DAY
    assert await breaches() == []


async def test_the_one_statement_extends_twice_even_where_nobody_locks_the_member(desk, ming, clock, monkeypatch):
    unlocked = claim_statements.CLAIMANTS
    monkeypatch.setattr(
        claim_statements,
        "CLAIMANTS",
        Both(
            postgres=unlocked.sqlite.replace("IN (SELECT value FROM json_each($1))", "= ANY($1::uuid[])"),
            sqlite=unlocked.sqlite,
        ),
    )
    await desk.buy(ming, desk.month)
    ends = await desk.ends(ming)
    assert await paid_twice_at_once(desk, ming, monkeypatch) == [OrderState.PAID] * 2
    assert await desk.ends(ming) == ends + 62 * DAY
    assert await breaches() == []


async def test_without_the_one_statement_two_payments_extend_once(desk, ming, clock, monkeypatch):
    await desk.buy(ming, desk.month)
    # As whoever reads the end before, and then writes what they made of it.
    absolute = instant_text(await desk.ends(ming) + 31 * DAY)
    stale = f"""
        UPDATE paid_membership SET ends_at = '{absolute}', sequence = sequence + 1
        WHERE programme_id = $3 AND member_id = $4 AND {{values}} RETURNING ends_at, sequence
    """
    monkeypatch.setattr(
        statements,
        "EXTEND",
        Both(
            postgres=stale.format(
                values="CAST($1 AS uuid) IS NOT NULL AND CAST($2 AS timestamptz) <= CAST($5 AS timestamptz)"
                " AND CAST($6 AS text) <> '' AND CAST($7 AS int) > 0"
            ),
            sqlite=stale.format(values="$1 <> '' AND $2 <= $5 AND $6 <> '' AND $7 > 0"),
        ),
    )
    await paid_twice_at_once(desk, ming, monkeypatch)
    assert await MembershipTerm.all().count() == 3
    assert instant_text(await desk.ends(ming)) == absolute
    assert TWICE in await breaches()


async def shared_trial(desk, rooms, monkeypatch, *, waits: bool = True) -> list[object]:
    """Two people who share a mark, the second while the first is inside its transaction."""

    async def marks(*_: object) -> list[str]:
        return ["shared"]

    monkeypatch.setattr(Trials, "_marks", marks)
    one, two = await rooms.member("o-one"), await rooms.member("o-two")
    begin = desk.plans.trials.begin
    asked = (begin(each, desk.month, request_id=key()) for each in (one, two))
    return await one_inside_the_other(Held(monkeypatch, trials, "extend"), *asked, waits=waits)


async def test_a_trial_that_two_begin_at_once_is_had_by_one(desk, rooms, monkeypatch):
    _, refused = await shared_trial(desk, rooms, monkeypatch)
    assert isinstance(refused, TrialUsed)
    assert (await PlanTrial.all().count(), await MembershipTerm.all().count()) == (1, 1)


async def test_without_the_unique_mark_both_have_the_trial(desk, rooms, monkeypatch):
    salted = """
        INSERT INTO plan_trial (id, created_at, mark, taken_at)
        SELECT r.id, $2, SUBSTR(r.mark || CAST(r.id AS TEXT), 1, 64), $2 FROM {rows} WHERE true RETURNING id
    """
    monkeypatch.setattr(statements, "ADD_MARKS", of_rows(salted, {"id": "uuid", "mark": "text"}))
    await shared_trial(desk, rooms, monkeypatch, waits=False)
    assert await MembershipTerm.all().count() == 2


async def one_code_by_two(desk, rooms, monkeypatch) -> list[object]:
    wanted = BatchWanted(1, rooms.clock.now() + timedelta(days=9))
    (code,) = (await desk.plans.codes.make(desk.operator, desk.month, wanted, request_id=key())).value.codes
    one, two = await rooms.member("o-one"), await rooms.member("o-two")
    held = Held(monkeypatch, codes, "give_back")
    return await one_inside_the_other(
        held, *(desk.plans.codes.use(each, code, request_id=key()) for each in (one, two))
    )


async def test_a_code_that_two_use_at_once_is_good_for_one(desk, rooms, monkeypatch):
    _, refused = await one_code_by_two(desk, rooms, monkeypatch)
    assert isinstance(refused, PlanCodeInvalid)
    assert await MembershipTerm.all().count() == 1
    assert await breaches() == []


async def test_without_the_guard_a_code_is_good_for_both(desk, rooms, monkeypatch):
    monkeypatch.setattr(statements, "USE_CODE", "UPDATE plan_code SET used_at = $2 WHERE id = $1 RETURNING id")
    monkeypatch.setattr(statements, "CODE", statements.CODE.replace("c.used_at", "NULL AS used_at"))
    extend = codes.extend
    # Not even the unique row of its term.
    monkeypatch.setattr(codes, "extend", lambda wanted, *, at: extend(replace(wanted, code_id=None), at=at))
    await one_code_by_two(desk, rooms, monkeypatch)
    assert await MembershipTerm.all().count() == 2
    assert USED in await breaches()


async def given_back_twice(desk, person, monkeypatch) -> list[object]:
    order_id = await desk.buy(person, desk.quarter)
    desk.rooms.clock.advance(60 * DAY)
    ask, fen = desk.rooms.handlers.order_refunds.ask, (await desk.quote(person, order_id)).amount_fen
    held = Held(monkeypatch, refunds, "send_back")
    asked = (ask(person, order_id, amount_fen=fen, request_id=key()) for _ in range(2))
    return await one_inside_the_other(held, *asked)


async def test_a_membership_that_is_given_back_twice_at_once_is_cut_once(desk, ming, monkeypatch):
    _, refused = await given_back_twice(desk, ming, monkeypatch)
    assert isinstance(refused, RefundNothing)
    assert await desk.ends(ming) is None
    assert await breaches() == []


async def test_without_the_guard_it_is_cut_and_paid_back_twice(desk, ming, monkeypatch):
    monkeypatch.setattr(
        statements, "CUT", "UPDATE membership_term SET cut_at = $2, counted = $3 WHERE id = $1 RETURNING id"
    )
    read = cutting.stretch_from
    monkeypatch.setattr(cutting, "stretch_from", lambda found: replace(read(found), cut_at=None))
    one, two = await given_back_twice(desk, ming, monkeypatch)
    assert one.value.amount_fen == two.value.amount_fen > 0
    assert ENDS in await breaches()


async def test_a_refund_and_a_renewal_at_once_lose_nothing(desk, ming, clock, monkeypatch):
    first = await desk.buy(ming, desk.month)
    number = (await desk.order(ming, desk.quarter)).value.order.number
    clock.advance(10 * DAY / 24 / 60)
    held, now = Held(monkeypatch, refunds, "send_back"), clock.now().replace(microsecond=0)
    refund = desk.rooms.handlers.order_refunds.ask(ming, first, amount_fen=MONTH_FEN, request_id=key())
    await one_inside_the_other(held, refund, desk.paid(number))
    assert await desk.ends(ming) == now + 92 * DAY
    assert await breaches() == []
