"""Joining at the same moment, the order of things forced; and without its guard each race is lost."""

import asyncio

import pytest

from handlers.co_brands import editing, joining
from handlers.errors import CoBrandFull, CoBrandJoined, CoBrandOver
from handlers.rules.co_brands import Subsidy
from models.co_brands import CoBrandMembership, CoBrandSide
from models.database import dialect, rows
from models.plans import MembershipTerm
from models.sql import Both
from models.statements import co_brands as statements
from models.words import CoBrandParty
from tests.handlers.buying import breaches
from tests.handlers.co_branding import Fair, a_fair, house, partner
from tests.handlers.test_settlement_races import Held, somebody_waits_for_a_lock

CAP = "联名每一方的补贴合计等于它的记录，且不超过上限"
ONCE = "同一个联名活动每个会员只加入一次，入口属于这个活动"


@pytest.fixture
async def fair(rooms):
    return await a_fair(rooms)


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


async def joins_twice(fair: Fair, rooms, monkeypatch) -> list[object]:
    """By both entries at once."""
    agreed, ming = await fair.agreed(), await rooms.member("o-ming")
    held = Held(monkeypatch, joining, "_subsidise")
    return await one_inside_the_other(held, fair.join(ming, house(agreed)), fair.join(ming, partner(agreed)))


async def test_somebody_who_joins_twice_at_once_joins_once(fair: Fair, rooms, monkeypatch):
    _, refused = await joins_twice(fair, rooms, monkeypatch)
    assert isinstance(refused, CoBrandJoined)
    assert (await CoBrandMembership.all().count(), await MembershipTerm.all().count()) == (1, 1)
    assert await breaches() == []


async def test_without_the_look_and_the_unique_row_both_join(fair: Fair, rooms, monkeypatch):
    nobody = "SELECT NULL AS id WHERE {} IS NULL AND {} IS NULL"
    nobody = Both(postgres=nobody.format("$1::uuid[]", "$2::uuid"), sqlite=nobody.format("$1", "$2"))
    monkeypatch.setattr(statements, "JOINED", nobody)
    monkeypatch.setattr(
        statements, "JOIN", statements.JOIN.replace("ON CONFLICT (co_brand_id, member_id) DO NOTHING", "")
    )
    monkeypatch.setattr(joining, "take_marks", unmarked)
    await rows("DROP INDEX co_brand_membership_once")
    await joins_twice(fair, rooms, monkeypatch)
    assert await CoBrandMembership.all().count() == 2
    assert ONCE in await breaches()


async def the_last_place(fair: Fair, rooms, monkeypatch) -> list[object]:
    """Two people, and money for one."""
    agreed = await fair.agreed(house=Subsidy(300, 300))
    ming, hong = await rooms.member("o-ming"), await rooms.member("o-hong")
    held = Held(monkeypatch, joining, "_held")
    return await one_inside_the_other(held, fair.join(ming, house(agreed)), fair.join(hong, house(agreed)))


async def test_of_two_who_join_at_once_with_money_for_one_one_joins(fair: Fair, rooms, monkeypatch):
    _, refused = await the_last_place(fair, rooms, monkeypatch)
    assert isinstance(refused, CoBrandFull)
    assert (await CoBrandSide.get(party=CoBrandParty.HOUSE)).given_fen == 300
    assert await MembershipTerm.all().count() == 1
    assert await breaches() == []


async def test_without_the_guard_both_are_paid_for(fair: Fair, rooms, monkeypatch):
    unguarded = statements.SUBSIDISE.replace("AND given_fen + subsidy_fen <= cap_fen", "")
    monkeypatch.setattr(statements, "SUBSIDISE", unguarded)
    await the_last_place(fair, rooms, monkeypatch)
    assert (await CoBrandSide.get(party=CoBrandParty.HOUSE)).given_fen == 600
    assert CAP in await breaches()


async def ends_while_somebody_joins(fair: Fair, rooms, monkeypatch, *, waits: bool) -> int:
    """How many terms are left uncut once the job is through, which begins as soon as the end is committed."""
    agreed, ming = await fair.agreed(), await rooms.member("o-ming")

    async def ends() -> None:
        await fair.end(agreed)
        await fair.room.ending.end(agreed.id)

    held = Held(monkeypatch, joining, "_subsidise")
    joined, ended = await one_inside_the_other(held, fair.join(ming, house(agreed)), ends(), waits=waits)
    assert (joined.id, ended) == (agreed.id, None)
    return await MembershipTerm.filter(cut_at=None).count()


async def test_whoever_joins_while_it_is_ended_is_seen_by_the_end(fair: Fair, rooms, monkeypatch):
    assert await ends_while_somebody_joins(fair, rooms, monkeypatch, waits=True) == 0
    assert await breaches() == []


async def test_without_the_lock_on_the_agreement_somebody_keeps_what_has_ended(fair: Fair, rooms, monkeypatch):
    if dialect() == "sqlite":
        pytest.skip("one writer: whoever joins holds the whole database")
    monkeypatch.setattr(statements, "ENTRY_HELD", statements.ENTRY)
    monkeypatch.setattr(editing, "_locked", unlocked)
    assert await ends_while_somebody_joins(fair, rooms, monkeypatch, waits=False) == 1


async def unmarked(marks, *, at):
    """Nobody is known again."""


async def unlocked(co_brand_id):
    (found,) = await rows(statements.ONE, co_brand_id)
    return found


async def test_whoever_comes_after_the_end_is_refused(fair: Fair, rooms, monkeypatch):
    agreed, ming = await fair.agreed(), await rooms.member("o-ming")
    held = Held(monkeypatch, editing, "later")
    _, refused = await one_inside_the_other(held, fair.end(agreed), fair.join(ming, house(agreed)))
    assert isinstance(refused, CoBrandOver)
    assert await MembershipTerm.all().count() == 0
