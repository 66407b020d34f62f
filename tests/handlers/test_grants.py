"""批量发放: a list, a dry run, a second operator, and a job that gives every row once, whatever dies in between."""

import asyncio
import hashlib

import pytest

from handlers.codec import dumps
from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    GrantFileInvalid,
    GrantNotForOffer,
    GrantNothingToDo,
    GrantRepeated,
    GrantStateWrong,
    GrantUnknown,
    OfferUnknown,
    RoleMissing,
)
from handlers.grants import grant_lists, granting
from handlers.grants.grant_drafts import GivenRow, GrantDraft
from handlers.leases import claim as lease
from handlers.requests import Answer
from handlers.rules.benefit_terms import CodeCouponTerms, PackagePart, PackageTerms
from handlers.rules.offer_terms import Limit, Period, Wave
from models.benefits import CodePool, Offer
from models.claims import Claim, ClaimEvent, PoolCode
from models.database import atomic, rows
from models.grants import GrantBatch, GrantedClaim, GrantRow
from models.identity import Identifier, Member
from models.operators import AuditEntry
from models.organizations import Organization
from models.outbox import Job
from models.words import BenefitKind, ClaimSource, GrantState, JobState, MemberStatus, OfferState, OperatorRole
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.giving import desk_of, held, holds
from tests.handlers.offering import key, operator_at
from tests.operating import city

ONCE = (Limit(Period.EVER, 1),)
OFTEN = (Limit(Period.EVER, 100),)


@pytest.fixture
async def desk(rooms):
    return await desk_of(rooms)


async def test_a_list_gives_nothing_before_a_second_operator_approves_and_then_every_row_once(rooms, desk):
    people = await desk.people(3)
    offer = await an_offer(rooms.clock.now(), stock=10, limits=(Limit(Period.EVER, 2),))
    made = await desk.make(offer, people, quantity=2, is_told=True)
    assert (made.state, made.figures.would_count, made.figures.expected) == (GrantState.CHECKED, 3, ())
    await desk.grants.submit(desk.first, made.id, request_id=key())
    await desk.work()
    assert await Claim.all().count() == 0
    with pytest.raises(ApprovalOwn):
        await desk.grants.approve(desk.first, made.id, request_id=key())
    await desk.grants.approve(desk.second, made.id, request_id=key())
    with pytest.raises(ApprovalDecided):
        await desk.grants.approve(desk.second, made.id, request_id=key())
    await desk.work()
    done = await desk.grants.one(desk.first, made.id)
    assert (done.state, done.figures.done_count, done.figures.done_quantity) == (GrantState.DONE, 3, 6)
    assert [await held(each) for each in people] == [2, 2, 2]
    assert {each.source for each in await Claim.all()} == {ClaimSource.GRANT}
    assert {(each.actor_kind, each.actor_id) for each in await ClaimEvent.all()} == {("grant", str(made.id))}
    assert await offer.left() == 4
    assert await Job.filter(kind="say_granted").count() == 3
    listed = await desk.grants.rows(desk.first, made.id, after_row=1, limit=10)
    assert [(each.row_number, len(each.claim_ids)) for each in listed] == [(2, 2), (3, 2)]
    acts = await AuditEntry.filter(subject_kind="grant").order_by("id").values_list("action", flat=True)
    assert list(acts) == ["grant.made", "grant.proposed", "grant.approved", "grant.ended"]
    await holds()


async def test_the_dry_run_counts_what_would_be_and_why_the_others_would_not(rooms, desk):
    ming, hong, cold, full, poor = await desk.people(5)
    guest = await rooms.person("o-guest")
    offer = await an_offer(rooms.clock.now(), stock=4, limits=(Limit(Period.EVER, 3),))
    await rooms.handlers.claiming.claim(full, offer_id=offer.id, request_id=key())
    await Member.filter(id=cold.member_id).update(status=MemberStatus.FROZEN)
    listed = (
        GivenRow(member=str(ming.member_id)),
        GivenRow(member=str(ming.member_id)),
        GivenRow(member=str(offer.id)),
        GivenRow(member=str(cold.member_id)),
        GivenRow(member=str(guest.member_id)),
        GivenRow(member=str(full.member_id), quantity=3),
        GivenRow(phone="1380000"),
        GivenRow(),
        GivenRow(member=str(hong.member_id), phone="13800001111"),
        GivenRow(member=str(hong.member_id), quantity=3),
        GivenRow(member=str(poor.member_id)),
        GivenRow(openid="o-nobody"),
    )
    before = await offer.left()
    made = await desk.hand_in(offer, rows=listed)
    assert await desk.codes(made) == [
        "",
        "member.repeated",
        "member.unknown",
        "member.frozen",
        "member.not_joined",
        "offer.limit_reached",
        "member.malformed",
        "member.missing",
        "member.several",
        "offer.sold_out",
        "",
        "member.unknown",
    ]
    figures = made.figures
    assert figures.would_count == 2
    assert {each.code: each.count for each in figures.expected} == {"offer.limit_reached": 1, "offer.sold_out": 1}
    assert sum(each.count for each in figures.refused) == 8
    assert (await offer.left(), await Claim.all().count()) == (before, 1)
    assert (await desk.do(made)).figures.done_count == 2
    await holds()


async def test_members_are_found_by_phone_card_and_openid_and_two_of_one_name_are_ambiguous(rooms, desk):
    ming = await rooms.member("o-ming", phone="13800001111")
    lan = await rooms.member("o-lan")
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    made = await desk.hand_in(offer, csv="手机号,openid,份数\n13800001111,,2\n,o-lan,\n139,,1\n")
    assert await desk.codes(made) == ["", "", "member.malformed"]
    rows_ = await desk.grants.rows(desk.first, made.id, after_row=0, limit=10)
    assert [(each.row_number, each.member_id, each.quantity) for each in rows_][:2] == [
        (2, ming.member_id, 2),
        (3, lan.member_id, 1),
    ]
    # One openid of two official accounts, held by two people: nobody is meant.
    held_by_lan = await Identifier.filter(member_id=lan.member_id).first()
    await Identifier.create(
        member_id=ming.member_id,
        namespace=held_by_lan.namespace,
        scope="another",
        value_hash=held_by_lan.value_hash,
        value_cipher="c",
        verified_by="test",
        verified_at=rooms.clock.now(),
        last_seen_at=rooms.clock.now(),
    )
    again = await desk.hand_in(offer, csv="openid\no-lan\n")
    assert await desk.codes(again) == ["member.ambiguous"]
    with pytest.raises(GrantNothingToDo):
        await desk.grants.submit(desk.first, again.id, request_id=key())


async def test_two_names_of_one_person_are_one_row(rooms, desk):
    ming = await rooms.member("o-ming", phone="13800001111")
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    made = await desk.hand_in(offer, csv=f"会员,手机号\n{ming.member_id},\n,13800001111\n")
    assert await desk.codes(made) == ["", "member.repeated"]


async def test_limits_count_unless_what_goes_beyond_them_is_approved(rooms, desk):
    (ming,) = await desk.people(1)
    offer = await an_offer(rooms.clock.now(), stock=9, limits=ONCE)
    await rooms.handlers.claiming.claim(ming, offer_id=offer.id, request_id=key())
    within = await desk.do(await desk.make(offer, [ming]))
    assert [(each.code, each.count) for each in within.figures.refused] == [("offer.limit_reached", 1)]
    beyond = await desk.do(await desk.make(offer, [ming], is_beyond_limits=True, is_again=True))
    assert beyond.figures.done_count == 1
    assert await held(ming) == 2
    assert (await AuditEntry.filter(action="grant.made").order_by("-id").first()).facts["beyond"] is True
    await holds()


async def test_a_limit_that_was_reached_after_the_dry_run_still_holds(rooms, desk):
    ming, hong = await desk.people(2)
    offer = await an_offer(rooms.clock.now(), limits=ONCE)
    made = await desk.make(offer, [ming, hong])
    assert made.figures.would_count == 2
    await rooms.handlers.claiming.claim(ming, offer_id=offer.id, request_id=key())
    done = await desk.do(made)
    assert await desk.codes(done) == ["offer.limit_reached", ""]
    assert [await held(each) for each in (ming, hong)] == [1, 1]


async def test_a_list_takes_of_the_stock_and_stops_at_zero_and_waves_are_left_to_those_who_press(rooms, desk):
    people = await desk.people(4)
    offer = await an_offer(rooms.clock.now(), stock=2, limits=ONCE, waves=(Wave("00:00", 1),))
    done = await desk.do(await desk.make(offer, people))
    assert await desk.codes(done) == ["", "", "offer.sold_out", "offer.sold_out"]
    assert await offer.left() == 0
    await holds()


async def test_codes_are_given_by_a_list_and_who_finds_none_is_refused(rooms, desk):
    people = await desk.people(3)
    benefit = await a_benefit("电影票", BenefitKind.CODE_COUPON, CodeCouponTerms(pool="film"))
    pool = await CodePool.create(benefit=benefit, code="film", name="电影票")
    for number in range(2):
        await PoolCode.create(pool=pool, code_hash=f"h{number}", code_cipher="c")
    offer = await an_offer(rooms.clock.now(), benefit=benefit, limits=ONCE)
    made = await desk.make(offer, people)
    assert {each.code: each.count for each in made.figures.expected} == {"offer.sold_out": 1}
    done = await desk.do(made)
    assert await desk.codes(done) == ["", "", "offer.sold_out"]
    await holds()


async def test_a_package_comes_with_its_parts(rooms, desk):
    (ming,) = await desk.people(1)
    wash, tea = await a_benefit("洗车"), await a_benefit("茶")
    terms = PackageTerms(parts=(PackagePart(benefit=wash.code), PackagePart(benefit=tea.code)), choose=1)
    package = await a_benefit("礼包", BenefitKind.PACKAGE, terms)
    offer = await an_offer(rooms.clock.now(), benefit=package, limits=ONCE)
    done = await desk.do(await desk.make(offer, [ming], choices=(tea.code,)))
    assert done.figures.done_count == 1
    assert {each.benefit_id for each in await Claim.filter(member_id=ming.member_id)} == {package.id, tea.id}
    assert await GrantedClaim.all().count() == 1


async def test_a_list_that_dies_between_two_batches_forgets_nobody_and_gives_nothing_twice(rooms, desk, monkeypatch):
    monkeypatch.setattr(granting, "BATCH", 2)
    people = await desk.people(7)
    offer = await an_offer(rooms.clock.now(), stock=100, limits=OFTEN)
    made = await desk.make(offer, people)
    await desk.approve(made)
    died = []

    async def dying(*arguments, **facts):
        if len(died) < 3:
            died.append(1)
            raise ConnectionResetError
        return await true(*arguments, **facts)

    true = granting.issue
    monkeypatch.setattr(granting, "issue", dying)
    for _ in range(12):
        await desk.work()
        rooms.clock.advance(granting.LOOK_AGAIN * 100)
    assert len(died) == 3
    assert (await desk.grants.one(desk.first, made.id)).state is GrantState.DONE
    assert [await held(each) for each in people] == [1] * 7
    assert await Job.filter(kind="run_grant", state=JobState.DONE).count() == 4
    await holds()


async def test_a_job_that_is_done_again_gives_nothing_twice(rooms, desk):
    people = await desk.people(3)
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    done = await desk.do(await desk.make(offer, people))
    await Job.filter(kind="run_grant").update(state=JobState.READY, finished_at=None, lease_owner=None)
    await GrantBatch.filter(id=done.id).update(state=GrantState.RUNNING)
    await desk.work()
    assert [await held(each) for each in people] == [1, 1, 1]


async def test_two_workers_at_one_list_give_every_row_once(rooms, desk):
    people = await desk.people(6)
    offer = await an_offer(rooms.clock.now(), stock=6, limits=OFTEN)
    await desk.approve(await desk.make(offer, people))
    await asyncio.gather(*(desk.work() for _ in range(3)))
    assert [await held(each) for each in people] == [1] * 6
    assert await offer.left() == 0
    await holds()


async def test_without_the_guard_of_the_row_a_second_run_would_give_twice(rooms, desk):
    """The negative control: what keeps rows from being given twice is that a row which is done waits no more."""
    people = await desk.people(2)
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    done = await desk.do(await desk.make(offer, people))
    await GrantRow.filter(grant_id=done.id).update(state="waiting", done_at=None)
    await GrantBatch.filter(id=done.id).update(state=GrantState.RUNNING)
    await Job.filter(kind="run_grant").update(state=JobState.READY, finished_at=None, lease_owner=None)
    with pytest.raises(Exception, match=r"(?i)unique"):  # and beneath it the unique (row, number) holds for ever
        await run_bare(rooms, done)
    assert [await held(each) for each in people] == [1, 1]


async def run_bare(rooms, grant) -> None:
    async with atomic():
        stored = await GrantBatch.get(id=grant.id)
        await rooms.handlers.granting._batch(stored, rooms.clock.now())


async def test_a_list_under_way_is_stopped_with_the_next_batch_and_what_was_done_stays(rooms, desk, monkeypatch):
    monkeypatch.setattr(granting, "BATCH", 2)
    people = await desk.people(5)
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    made = await desk.make(offer, people)
    await desk.approve(made)
    true, batches = granting.issue, []

    async def stopping(*arguments, **facts):
        batches.append(1)
        return await true(*arguments, **facts)

    monkeypatch.setattr(granting, "issue", stopping)
    await run_one(rooms, desk)
    await desk.grants.stop(desk.second, made.id, reason="发错了", request_id=key())
    await desk.work()
    assert (len(batches), sum([await held(each) for each in people])) == (1, 2)
    stopped = await desk.grants.one(desk.first, made.id)
    assert (stopped.state, stopped.figures.would_count) == (GrantState.STOPPED, 3)
    with pytest.raises(GrantStateWrong):
        await desk.grants.stop(desk.second, made.id, reason="发错了", request_id=key())


async def run_one(rooms, desk) -> None:
    (job,) = await lease("w", ["run_grant"], rooms.clock, 1)
    await rooms.handlers.granting.go_on(job)


async def test_a_paused_offer_holds_a_list_under_way_until_it_is_resumed(rooms, desk, monkeypatch):
    monkeypatch.setattr(granting, "BATCH", 1)
    people = await desk.people(3)
    offer = await an_offer(rooms.clock.now(), stock=3, limits=OFTEN)
    made = await desk.make(offer, people)
    await desk.approve(made)
    await run_one(rooms, desk)
    await Offer.filter(id=offer.id).update(state=OfferState.PAUSED)
    await desk.work()
    assert sum([await held(each) for each in people]) == 1
    assert (await desk.grants.one(desk.first, made.id)).state is GrantState.RUNNING
    await Offer.filter(id=offer.id).update(state=OfferState.PUBLISHED)
    rooms.clock.advance(granting.LOOK_AGAIN)
    await desk.work()
    assert [await held(each) for each in people] == [1, 1, 1]


async def test_the_same_list_is_taken_twice_only_by_whoever_means_it(rooms, desk):
    people = await desk.people(2)
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    first = await desk.make(offer, people)
    with pytest.raises(GrantRepeated) as repeated:
        await desk.make(offer, people)
    assert repeated.value.facts["grant_id"] == str(first.id)
    assert (await desk.make(offer, people, is_again=True)).id != first.id


async def test_fifty_approvals_at_once_start_a_list_once(rooms, desk):
    people = await desk.people(2)
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    made = await desk.make(offer, people)
    await desk.grants.submit(desk.first, made.id, request_id=key())
    tries = (desk.grants.approve(desk.second, made.id, request_id=key()) for _ in range(50))
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, Answer) for each in done) == 1
    await desk.work()
    assert [await held(each) for each in people] == [1, 1]


async def test_a_list_is_refused_that_is_empty_too_long_or_of_something_that_cannot_be_given(rooms, desk):
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    many = tuple(GivenRow(openid=f"o{number}") for number in range(1_001))
    for facts in ({}, {"rows": many}, {"csv": "邮箱\nx\n"}, {"csv": "份数\n1\n"}, {"csv": "x", "rows": many[:1]}):
        with pytest.raises(GrantFileInvalid):
            await desk.hand_in(offer, **facts)
    ended = await an_offer(rooms.clock.now(), state=OfferState.ENDED)
    with pytest.raises(GrantNotForOffer):
        await desk.hand_in(ended, rows=many[:1])


async def test_lists_are_of_the_own_subtree_and_find_nobody_outside_of_it(rooms, desk):
    north, south = await city("north"), await city("south")
    ming, hong = await desk.people(2)
    await Member.filter(id=ming.member_id).update(organization_id=north.id)
    await Member.filter(id=hong.member_id).update(organization_id=south.id)
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    worker, other = await operator_at(north), await operator_at(south)
    with pytest.raises(OfferUnknown):  # the root's
        await desk.grants.make(worker, draft(offer, ming), request_id=key())
    await Offer.filter(id=offer.id).update(organization_id=north.id)
    made = (await desk.grants.make(worker, draft(offer, ming, hong), request_id=key())).value
    assert await desk.codes(made) == ["", "member.unknown"]
    for act in (desk.grants.one, desk.grants.submit):
        facts = {} if act == desk.grants.one else {"request_id": key()}
        with pytest.raises(GrantUnknown):
            await act(other, made.id, **facts)
    assert await desk.grants.listing(other, before=None, limit=10) == ()
    support = await operator_at(await Organization.get(parent=None), OperatorRole.SUPPORT)
    with pytest.raises(RoleMissing):
        await desk.grants.make(support, draft(offer, ming), request_id=key())


def draft(offer, *people):
    return GrantDraft(offer.id, "回馈", tuple(GivenRow(member=str(each.member_id)) for each in people))


async def test_the_dry_run_goes_through_more_rows_than_fit_a_batch(rooms, desk, monkeypatch):
    monkeypatch.setattr(grant_lists, "BATCH", 2)
    people = await desk.people(5)
    offer = await an_offer(rooms.clock.now(), stock=3, limits=OFTEN)
    monkeypatch.setattr("handlers.grants.grants.BATCH", 2)
    made = await desk.make(offer, people)
    assert await desk.codes(made) == ["", "", "", "offer.sold_out", "offer.sold_out"]


async def test_whoever_a_list_names_finds_that_among_their_data(rooms, desk):
    (ming,) = await desk.people(1)
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    await desk.do(await desk.make(offer, [ming], quantity=2))
    (listing,) = (await rooms.handlers.personal_data.export(ming)).listings
    assert (listing.offer, listing.listed_for, listing.quantity, listing.state) == (offer.code, "grant", 2, "done")


async def test_whoever_left_after_the_list_was_made_gets_nothing(rooms, desk):
    ming, hong = await desk.people(2)
    offer = await an_offer(rooms.clock.now(), stock=2, limits=OFTEN)
    made = await desk.make(offer, [ming, hong])
    await rooms.handlers.departures.leave(ming)
    done = await desk.do(made)
    assert await desk.codes(done) == ["member.unknown", ""]
    assert await offer.left() == 1


async def test_nothing_that_is_kept_of_a_list_can_be_guessed_at_without_the_key(rooms, desk):
    await rooms.member("o-ming", phone="13800001111")
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    made = await desk.hand_in(offer, rows=(GivenRow(phone="13800001111"),))
    plain = [
        hashlib.sha256(text.encode()).hexdigest()
        for text in ("13800001111", dumps([(GivenRow(phone="13800001111"),), ""]))
    ]
    kept = [
        str(each)
        for table in ("grant_batch", "grant_row", "request", "audit_entry")
        for each in await everything(table)
    ]
    assert made.figures.would_count == 1
    assert not [text for text in ("13800001111", *plain) if any(text in row for row in kept)]


async def everything(table: str) -> list:
    return list(await rows(f"SELECT * FROM {table}"))
