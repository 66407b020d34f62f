"""Codes out of a pool: each to one claim, in a rush as in quiet, and a clean answer when there are no more."""

import asyncio
import random
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from handlers.benefits import code_pools
from handlers.ports import VaultError
from models.claims import Claim, PoolCode
from models.database import NotInTransaction, atomic, dialect, rows
from models.ids import new_id
from models.statements import code_pools as statements
from models.statements.invariants import CHECKS
from models.words import ClaimState
from tests.handlers.pooled import a_pool, an_offer, fill, went, write_claim


class SoldOut(Exception):
    """What a claim that got no code is answered with."""


async def claim_one(rooms, offer, member_id, pool: str = "cinema"):
    """A claim and its code, or nothing at all."""
    async with atomic():
        claim_id = await write_claim(rooms, offer, member_id)
        await asyncio.sleep(random.random() / 100)
        if claim_id not in await code_pools.assign(pool, [claim_id], now=rooms.clock.now()):
            raise SoldOut
    return claim_id


async def broken_rules() -> list[str]:
    return [check.what for check in CHECKS if await rows(check.sql)]


async def test_codes_go_out_in_the_order_in_which_they_came_in(rooms):
    pool, member = await a_pool(), await rooms.member()
    await fill(rooms, pool, ["A-1", "B-2", "C-3"])
    offer = await an_offer(pool)
    async with atomic():
        claims = [await write_claim(rooms, offer, member.member_id) for _ in range(2)]
        given = await code_pools.assign("cinema", claims, now=rooms.clock.now())
    assert set(given) == set(claims)
    shown = await code_pools.reveal(rooms.vault, claims)
    assert [shown[claim] for claim in claims] == ["A-1", "B-2"]


async def test_a_claim_that_asks_again_keeps_its_code_and_takes_no_second(rooms):
    pool, member = await a_pool(), await rooms.member()
    await fill(rooms, pool, ["A-1", "B-2", "C-3"])
    claim_id = await claim_one(rooms, await an_offer(pool), member.member_id)
    before = await code_pools.reveal(rooms.vault, [claim_id])
    async with atomic():
        other = await write_claim(rooms, await an_offer(pool), member.member_id)
        given = await code_pools.assign("cinema", [claim_id, other], now=rooms.clock.now())
    assert set(given) == {claim_id, other}
    assert await code_pools.reveal(rooms.vault, [claim_id, other]) == {**before, other: "B-2"}
    assert await PoolCode.filter(claim_id=None).count() == 1


async def test_an_empty_an_unknown_and_an_ended_pool_give_nothing(rooms):
    member = await rooms.member()
    ended = await a_pool("ended", expires_at=rooms.clock.now())
    await fill(rooms, ended, ["A-1"])
    offer, now = await an_offer(await a_pool("empty")), rooms.clock.now()
    async with atomic():
        claim_id = await write_claim(rooms, offer, member.member_id)
        for pool in ("empty", "ended", "no-such-pool"):
            assert await code_pools.assign(pool, [claim_id], now=now) == {}
            assert await code_pools.hold(pool, 1, now=now) == 0
    assert await code_pools.reveal(rooms.vault, [claim_id]) == {}


async def test_a_pool_gives_until_the_instant_at_which_its_codes_end(rooms):
    pool = await a_pool(expires_at=rooms.clock.now() + timedelta(seconds=1))
    await fill(rooms, pool, ["A-1"])
    async with atomic():
        assert await code_pools.hold("cinema", 3, now=rooms.clock.now()) == 1
        assert await code_pools.hold("cinema", 3, now=rooms.clock.advance(timedelta(seconds=1))) == 0


async def test_codes_are_given_only_within_a_transaction(rooms):
    with pytest.raises(NotInTransaction):
        await code_pools.assign("cinema", [new_id()], now=rooms.clock.now())
    with pytest.raises(NotInTransaction):
        await code_pools.hold("cinema", 1, now=rooms.clock.now())


async def test_a_code_with_a_password_is_shown_with_it(rooms):
    pool, member = await a_pool(), await rooms.member()
    await fill(rooms, pool, [f"8812{code_pools.PIN_MARK}4321"])
    claim_id = await claim_one(rooms, await an_offer(pool), member.member_id)
    assert await code_pools.reveal(rooms.vault, [claim_id]) == {claim_id: "8812 密码 4321"}


async def test_a_code_copied_into_another_row_does_not_open(rooms):
    pool, member = await a_pool(), await rooms.member()
    await fill(rooms, pool, ["A-1", "B-2"])
    claim_id = await claim_one(rooms, await an_offer(pool), member.member_id)
    other = await PoolCode.get(claim_id=None)
    await PoolCode.filter(claim_id=claim_id).update(code_cipher=other.code_cipher)
    with pytest.raises(VaultError):
        await code_pools.reveal(rooms.vault, [claim_id])


async def test_what_was_rolled_back_is_given_to_the_next(rooms):
    pool, member = await a_pool(), await rooms.member()
    await fill(rooms, pool, ["A-1"])
    offer = await an_offer(pool)
    with pytest.raises(SoldOut):
        async with atomic():
            claim_id = await write_claim(rooms, offer, member.member_id)
            assert await code_pools.assign("cinema", [claim_id], now=rooms.clock.now())
            raise SoldOut
    assert await code_pools.reveal(rooms.vault, [await claim_one(rooms, offer, member.member_id)])


async def rush(rooms, *, claims: int, codes: int, claim=claim_one):
    """So many claims at once; the ids that got a code, and how many were told that there is none."""
    pool, members = await a_pool(), [await rooms.member(f"o-{number}") for number in range(4)]
    await fill(rooms, pool, [f"C{number:04d}" for number in range(codes)])
    offer = await an_offer(pool)
    asked = [claim(rooms, offer, members[number % 4].member_id) for number in range(claims)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    missed = [answer for answer in answers if isinstance(answer, SoldOut)]
    got = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(got) + len(missed) == claims, [answer for answer in answers if isinstance(answer, Exception)][:3]
    return got, len(missed)


@pytest.mark.timeout(120)
async def test_two_hundred_claims_over_a_hundred_codes_give_each_code_once_and_a_hundred_misses(rooms):
    got, missed = await rush(rooms, claims=200, codes=100)
    assert (len(got), missed) == (100, 100)
    shown = await code_pools.reveal(rooms.vault, got)
    assert sorted(shown.values()) == [f"C{number:04d}" for number in range(100)]
    assert await Claim.all().count() == 100  # whoever missed left nothing behind
    assert await PoolCode.filter(claim_id=None).count() == 0
    assert await broken_rules() == []


@pytest.mark.timeout(120)
async def test_without_the_guard_a_rush_gives_one_code_to_several(rooms):
    """The negative control: a free code is looked up, and written to without asking whether it still is free."""
    everybody_has_looked = asyncio.Barrier(40)

    async def unguarded(rooms, offer, member_id):
        found = await rows("SELECT id FROM pool_code WHERE claim_id IS NULL ORDER BY id LIMIT 1")
        await everybody_has_looked.wait()
        async with atomic():
            claim_id = await write_claim(rooms, offer, member_id)
            write = "UPDATE pool_code SET claim_id = $2, assigned_at = $3 WHERE id = $1 RETURNING id"
            await rows(write, found[0]["id"], claim_id, rooms.clock.now())
        return claim_id

    got, _ = await rush(rooms, claims=40, codes=40, claim=unguarded)
    assert (len(got), len(await code_pools.reveal(rooms.vault, got))) == (40, 1)
    assert "领到的码券都有券码" in await broken_rules()


async def test_a_claim_cannot_have_two_codes_whatever_is_written(rooms):
    pool, member = await a_pool(), await rooms.member()
    await fill(rooms, pool, ["A-1", "B-2"])
    claim_id = await claim_one(rooms, await an_offer(pool), member.member_id)
    with pytest.raises(IntegrityError):
        await PoolCode.filter(claim_id=None).update(claim_id=claim_id)


@pytest.mark.timeout(120)
async def test_whoever_holds_codes_first_misses_none_of_them(rooms):
    """Several batches at once, each of which decides by what it holds before it writes its claims."""
    pool, member = await a_pool(), await rooms.member()
    await fill(rooms, pool, [f"C{number:04d}" for number in range(60)])
    offer = await an_offer(pool)

    async def batch(size: int) -> tuple[int, int]:
        async with atomic():
            room = await code_pools.hold("cinema", size, now=rooms.clock.now())
            await asyncio.sleep(0.005)
            claims = [await write_claim(rooms, offer, member.member_id) for _ in range(room)]
            return room, len(await code_pools.assign("cinema", claims, now=rooms.clock.now()))

    done = await asyncio.gather(*(batch(size) for size in (7, 16, 25, 3, 16, 9)))
    assert all(room == given for room, given in done)
    assert sum(given for _, given in done) == 60
    assert await broken_rules() == []


async def test_the_doctor_finds_codes_and_claims_that_do_not_belong_together(rooms):
    pool, member = await a_pool(), await rooms.member()
    await fill(rooms, pool, ["A-1", "B-2"])
    offer = await an_offer(pool)
    claim_id = await claim_one(rooms, offer, member.member_id)
    assert await broken_rules() == []
    bare = await write_claim(rooms, offer, member.member_id)
    assert await broken_rules() == ["领到的码券都有券码"]
    await Claim.filter(id=bare).update(state="revoked")
    await went(bare, "issued", ClaimState.REVOKED, at=rooms.clock.now())
    assert await broken_rules() == []
    await PoolCode.filter(claim_id=claim_id).update(assigned_at=None)
    assert await broken_rules() == ["已发出的券码和领取一一对应"]
    other = await an_offer(await a_pool("other"))
    await PoolCode.filter(claim_id=claim_id).update(assigned_at=rooms.clock.now())
    await Claim.filter(id=claim_id).update(benefit_id=other.benefit_id)
    assert "券码来自领取的权益自己的码池" in await broken_rules()


async def test_the_next_codes_are_found_by_an_index_whatever_is_known_of_the_table(rooms):
    pool, member = await a_pool(), await rooms.member()
    await fill(rooms, pool, [f"C{number:05d}" for number in range(3_000)])
    claims = [await write_claim(rooms, await an_offer(pool), member.member_id) for _ in range(8)]
    if dialect() == "sqlite":
        plan = await rows(f"EXPLAIN QUERY PLAN {statements.ASSIGN.sqlite}", "cinema", claims, rooms.clock.now())
        told = "\n".join(each["detail"] for each in plan)
        assert "pool_code_free" in told
        assert "SCAN pool_code" not in told
        assert "SCAN c" not in told
    else:
        for known in ("young", "analysed"):
            if known == "analysed":
                await rows("ANALYZE pool_code")
            text = statements.ASSIGN.postgres
            async with atomic():
                await rows("SET LOCAL plan_cache_mode = force_generic_plan")
                plan = await rows(f"EXPLAIN {text}", "cinema", claims, rooms.clock.now())
            told = "\n".join(each["QUERY PLAN"] for each in plan)
            assert "pool_code_free" in told, told
            assert "Seq Scan on pool_code" not in told, told
