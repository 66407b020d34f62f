"""会员码: one scan within a minute."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import MemberCodeInvalid, NotAMember


async def test_a_code_tells_the_member_once(rooms):
    ming = await rooms.member()
    code = await rooms.handlers.member_codes.show(ming)
    assert code.expires_at == rooms.clock.now() + timedelta(seconds=60)
    assert len(code.token) * 6 >= 128
    assert await rooms.handlers.member_codes.scan(code.token) == ming.member_id
    with pytest.raises(MemberCodeInvalid):
        await rooms.handlers.member_codes.scan(code.token)


async def test_of_two_who_scan_at_once_one_gets_it(rooms):
    code = await rooms.handlers.member_codes.show(await rooms.member())
    scans = (rooms.handlers.member_codes.scan(code.token) for _ in range(10))
    answers = await asyncio.gather(*scans, return_exceptions=True)
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1


async def test_redis_holds_the_hash_for_a_minute_and_not_the_code(rooms, redis):
    code = await rooms.handlers.member_codes.show(await rooms.member())
    (key,) = await redis.keys("fanpiao:member-code:*")
    assert code.token.encode() not in key
    assert 0 < await redis.pttl(key) <= 60_000


async def test_an_unknown_code_and_somebody_who_has_not_joined_are_refused(rooms):
    with pytest.raises(MemberCodeInvalid):
        await rooms.handlers.member_codes.scan("never-given-never-given")
    with pytest.raises(NotAMember):
        await rooms.handlers.member_codes.show(await rooms.person())
