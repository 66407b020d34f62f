"""Joining two channels of one person by a ticket."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import (
    LinkHeld,
    LinkRefused,
    LinkToConfirm,
    NotAMember,
    TicketExpired,
    TicketInvalid,
    TicketOwn,
    TicketUsed,
)
from models.database import rows
from models.identity import IdentityEvent, Member, MemberMerge
from models.linking import Review, Ticket
from models.outbox import Job
from models.words import IdentityAct, MemberStatus, ReviewKind
from tests.handlers.conftest import MEMBERSHIP


async def a_ticket(rooms, person, request_id=None):
    return (await rooms.handlers.links.issue(person, request_id=request_id)).value.token


async def redeem(rooms, person, ticket, *, confirmed=False, request_id=None):
    links = rooms.handlers.links
    return (await links.link(person, ticket=ticket, confirmed=confirmed, request_id=request_id)).value


async def test_a_ticket_joins_another_channel_to_its_maker(far):
    maker, there = await far.member("o-ming"), await far.person("o-far", account="far0")
    linked = await redeem(far, there, await a_ticket(far, maker))
    assert (linked.member_id, linked.number) == (maker.member_id, maker.number)
    assert (await far.person("o-far", account="far0")).member_id == maker.member_id


async def test_a_member_with_something_to_lose_sees_whose_ticket_it_is_and_confirms(far):
    maker, there = await far.member("o-ming"), await far.person("o-far", account="far0")
    await far.handlers.membership.join(there, agreed=[MEMBERSHIP])
    there, ticket = await far.person("o-far", account="far0"), await a_ticket(far, maker)
    with pytest.raises(LinkToConfirm) as refusal:
        await redeem(far, there, ticket)
    assert refusal.value.facts == {"inviter": f"******{maker.number[-4:]}"}
    assert await MemberMerge.all().count() == 0
    linked = await redeem(far, there, ticket, confirmed=True)  # the question did not use it up
    assert linked.member_id in {maker.member_id, there.member_id}


async def test_a_ticket_works_once(far):
    maker, ticket = await far.member("o-ming"), None
    ticket = await a_ticket(far, maker)
    await redeem(far, await far.person("o-far", account="far0"), ticket)
    with pytest.raises(TicketUsed):
        await redeem(far, await far.person("o-other", account="far1"), ticket)


async def test_a_ticket_lasts_ten_minutes(far):
    ticket = await a_ticket(far, await far.member("o-ming"))
    there = await far.person("o-far", account="far0")
    far.clock.advance(timedelta(minutes=10))
    with pytest.raises(TicketExpired):
        await redeem(far, there, ticket)


async def test_ones_own_ticket_is_refused_and_stays(far):
    maker = await far.member("o-ming")
    ticket = await a_ticket(far, maker)
    with pytest.raises(TicketOwn):
        await redeem(far, maker, ticket)
    assert (await Ticket.get()).used_at is None


async def test_a_forged_ticket_is_refused_without_the_database(far, monkeypatch):
    there = await far.person("o-far", account="far0")
    ticket = await a_ticket(far, await far.member("o-ming"))

    async def never(*_):
        raise AssertionError("asked the database")

    monkeypatch.setattr("handlers.identity.tickets.row", never)
    for forged in (ticket[:-1] + ("0" if ticket[-1] != "0" else "1"), "x" * len(ticket), ticket[1:]):
        with pytest.raises(TicketInvalid):
            await redeem(far, there, forged)


async def test_a_ticket_forwarded_within_one_mini_program_joins_nobody_and_people_look_at_it(far):
    maker, stranger = await far.member("o-ming"), await far.person("o-stranger")
    ticket = await a_ticket(far, maker)
    for _ in range(2):
        with pytest.raises(LinkRefused) as refusal:
            await redeem(far, stranger, ticket, request_id="tap")  # the second is a replay, and refused alike
    assert refusal.value.facts == {"namespaces": ["wx_openid"]}
    assert (await Review.get()).kind is ReviewKind.CONFLICT
    assert await IdentityEvent.filter(act=IdentityAct.CONFLICT).count() == 1
    assert (await Ticket.get()).used_at is not None


async def test_different_unionids_of_one_platform_are_refused(far):
    maker = await far.member("o-mini", "u-one")
    there = await far.person("o-chat", "u-two", account="oa")
    with pytest.raises(LinkRefused) as refusal:
        await redeem(far, there, await a_ticket(far, maker))
    assert refusal.value.facts == {"namespaces": ["wx_unionid"]}


async def test_the_fourth_merge_of_a_day_waits_for_people_and_is_free_again_tomorrow(far):
    maker = await far.member("o-ming")
    for turn in range(3):
        await redeem(far, await far.person(f"o-{turn}", account=f"far{turn}"), await a_ticket(far, maker))
    fourth = await far.person("o-3", account="far3")
    with pytest.raises(LinkHeld):
        await redeem(far, fourth, await a_ticket(far, maker))
    assert (await Review.get()).kind is ReviewKind.FUSE
    assert (await Member.get(id=fourth.member_id)).status is MemberStatus.ACTIVE
    far.clock.advance(timedelta(days=1, seconds=1))
    assert (await redeem(far, fourth, await a_ticket(far, maker))).member_id == maker.member_id


async def test_a_repeated_request_gets_the_same_ticket_and_the_database_holds_none(far):
    maker = await far.member("o-ming")
    tickets = {await a_ticket(far, maker, request_id="tap") for _ in range(2)}
    assert len(tickets) == 1
    assert tickets.pop() not in str([await rows(f"SELECT * FROM {table}") for table in ("ticket", "request")])


async def test_only_members_make_tickets(far):
    with pytest.raises(NotAMember):
        await a_ticket(far, await far.person("o-guest"))


async def test_the_person_is_told_in_chat_and_other_sessions_end(far):
    maker = await far.member("o-mini", "u-ming")
    chatting = await far.person("o-chat", "u-ming", account="oa")
    await far.handlers.following.follow(chatting, await far.handlers.accounts.get("oa"))
    await far.handlers.sessions.open(code=far.wechat.login_code("o-mini", "u-ming"), account="mp")
    await redeem(far, await far.person("o-far", account="far0"), await a_ticket(far, maker))
    assert await far.handlers.sessions.of([maker.member_id]) == []
    assert (await Job.get(kind="send_text")).payload["member_id"] == str(maker.member_id)


# --- at the same time


async def joined_by_one_ticket(rooms, use) -> int:
    """Five people of five platforms show one ticket at once: how many became one with its maker."""
    ticket = await a_ticket(rooms, await rooms.member("o-ming"))
    people = [await rooms.person(f"o-{turn}", account=f"far{turn}") for turn in range(5)]
    outcomes = await asyncio.gather(*(use(person, ticket) for person in people), return_exceptions=True)
    assert all(not isinstance(each, BaseException) or isinstance(each, TicketUsed) for each in outcomes)
    return sum(not isinstance(outcome, BaseException) for outcome in outcomes)


async def test_five_people_showing_one_ticket_at_once_are_joined_by_it_once(far):
    assert await joined_by_one_ticket(far, lambda person, ticket: redeem(far, person, ticket)) == 1
    assert await MemberMerge.all().count() == 1


async def test_the_race_above_is_seen_when_the_ticket_is_looked_at_first(far):
    """Negative control: all read, then all write."""
    all_have_looked = asyncio.Barrier(5)

    async def naive(_person, _ticket):
        ticket = await Ticket.get()
        if ticket.used_at is not None:
            raise TicketUsed
        await all_have_looked.wait()
        await Ticket.filter(id=ticket.id).update(used_at=far.clock.now())

    assert await joined_by_one_ticket(far, naive) > 1


async def test_two_who_redeem_each_others_tickets_at_once_become_one_and_nothing_breaks(far):
    """Opposite orders of the same two locks: a deadlock would show as a refusal."""
    for turn in range(6):
        one, other = await far.member(f"o-{turn}"), await far.person(f"o-far-{turn}", account="far0")
        await far.handlers.membership.join(other, agreed=[MEMBERSHIP])
        other = await far.person(f"o-far-{turn}", account="far0")
        tickets = await a_ticket(far, one), await a_ticket(far, other)
        outcomes = await asyncio.gather(
            redeem(far, other, tickets[0], confirmed=True),
            redeem(far, one, tickets[1], confirmed=True),
            return_exceptions=True,
        )
        failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert [type(each) for each in failed] == [TicketOwn]
    assert await MemberMerge.all().count() == 6
