"""Operators find members, merge two that are one, take it back, and close cases; another subtree sees nobody."""

import asyncio
from datetime import timedelta

import pytest

from handlers.accounts.operator_accounts import AccountChange
from handlers.audit import record
from handlers.desk.operator_reviews import ReviewDecision
from handlers.errors import (
    AccountOfSettings,
    AccountTaken,
    AccountUnknown,
    AesKeyMissing,
    DeadJobUnknown,
    DifferentPeople,
    MemberUnknown,
    MergeTooMuch,
    MergeUnknown,
    NotMergeable,
    ReviewDecided,
    ReviewUnknown,
    RoleMissing,
    SameMember,
)
from handlers.identity.reviews import open_review
from handlers.membership.member_views import Profile
from handlers.outbox import later
from models.accounts import Account
from models.database import atomic
from models.identity import Identifier, Member, MemberMerge
from models.ids import new_id
from models.linking import Review
from models.operators import AuditEntry
from models.outbox import Job
from models.words import (
    AccountKind,
    AccountMode,
    JobState,
    MemberStatus,
    Namespace,
    OperatorRole,
    ReviewKind,
    ReviewState,
)
from tests.handlers.conftest import MEMBERSHIP, PHONE
from tests.operating import another, city, first_operator, sign_in

AES_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aQ"
OTHER_AES_KEY = "aWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aQ"


@pytest.fixture
async def root(rooms):
    operator, _ = await sign_in(rooms.handlers, rooms.clock, await first_operator(rooms.handlers))
    return operator


@pytest.fixture
async def northern(rooms, root):
    """An operator of the city `north`, which holds nobody yet."""
    north = await city("north")
    worker = await another(rooms.handlers, root, "northern", organization_id=north.id)
    operator, _ = await sign_in(rooms.handlers, rooms.clock, worker)
    return operator


async def move_to(organization_id, *people):
    await Member.filter(id__in=[person.member_id for person in people]).update(organization_id=organization_id)


# --- finding


async def test_a_member_is_found_by_phone_and_number_exactly_and_shown_masked(rooms, root):
    person = await rooms.person("o-ming")
    code = rooms.wechat.phone_code("13912345670")
    await rooms.handlers.membership.join(
        person, agreed=[MEMBERSHIP, PHONE], phone_code=code, profile=Profile(nickname="王小明")
    )
    number = (await Member.get(id=person.member_id)).number
    members = rooms.handlers.operator_members
    for asked in ({"phone": "13912345670"}, {"phone": "139 1234 5670"}, {"number": number}):
        (seen,) = await members.search(root, **asked)
        assert (seen.id, seen.phone_tail, seen.nickname) == (person.member_id, "5670", "王**")
    for asked in ({"phone": "13912345671"}, {"phone": "1391234567"}, {"number": "0000000000"}, {"card_number": "1"}):
        assert await members.search(root, **asked) == ()
    record = await AuditEntry.filter(action="member.searched").first()
    assert record.facts == {"by": ["phone"], "found": [str(person.member_id)]}
    assert "13912345670" not in str(await AuditEntry.all().values())


async def test_a_member_is_found_by_the_number_of_a_card(rooms, root):
    from handlers.cards.recognition import card_bound_to
    from models.cards import Card

    person = await rooms.member()
    card = await Card.filter(member_id=person.member_id).first()
    number = rooms.vault.decrypt(card.number_cipher, bound_to=card_bound_to(card.id))
    (seen,) = await rooms.handlers.operator_members.search(root, card_number=number)
    assert seen.id == person.member_id
    assert card.id in [each.id for each in seen.cards]


async def test_another_subtree_finds_sees_and_merges_nobody(rooms, root, northern):
    one, other = await rooms.member("o-1", phone="13912345670"), await rooms.person("o-2", account="oa")
    members = rooms.handlers.operator_members
    south = await city("south")
    for place in (south.id, root.organization_id, None):  # elsewhere, above, and nowhere
        await move_to(place, one, other)
        assert await members.search(northern, phone="13912345670") == ()
        with pytest.raises(MemberUnknown):
            await members.view(northern, one.member_id)
        with pytest.raises(MemberUnknown):
            await members.merge(northern, one.member_id, other_id=other.member_id, request_id=str(new_id()))
    await move_to(northern.organization_id, one)
    assert (await members.view(northern, one.member_id)).id == one.member_id
    with pytest.raises(MemberUnknown):
        await members.merge(northern, one.member_id, other_id=other.member_id, request_id=str(new_id()))
    await move_to(northern.organization_id, other)
    merged = await members.merge(northern, one.member_id, other_id=other.member_id, request_id="k")
    await move_to(south.id, one)
    with pytest.raises(MergeUnknown):
        await members.undo_merge(northern, merged.value.merge_id, request_id="k2")


# --- merging


async def two(rooms):
    """Known by different accounts, so that nothing says they are two people."""
    return await rooms.member("o-mp"), await rooms.person("o-oa", account="oa")


async def test_merge_and_undo(rooms, root):
    one, other = await two(rooms)
    members = rooms.handlers.operator_members
    merged = (await members.merge(root, other.member_id, other_id=one.member_id, request_id="k")).value
    assert (merged.member_id, merged.absorbed_id) == (one.member_id, other.member_id)  # the one who joined stays
    assert (await members.merge(root, other.member_id, other_id=one.member_id, request_id="k")).replayed
    assert (await members.view(root, other.member_id)).merges[0].id == merged.merge_id
    assert (await rooms.person("o-oa", account="oa")).member_id == one.member_id
    await members.undo_merge(root, merged.merge_id, request_id="u")
    assert (await rooms.person("o-oa", account="oa")).member_id == other.member_id
    actions = [entry.action for entry in await AuditEntry.filter(subject_kind="member").order_by("id")]
    assert actions == ["member.merged", "member.unmerged"]
    with pytest.raises(MergeUnknown):
        await members.undo_merge(root, merged.merge_id, request_id="u2")


async def test_a_merge_ends_the_sessions_of_both(rooms, root):
    from handlers.errors import NotSignedIn

    opened = await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-mp"))
    other = await rooms.person("o-oa", account="oa")
    person = opened.person
    await rooms.handlers.operator_members.merge(root, person.member_id, other_id=other.member_id, request_id="k")
    with pytest.raises(NotSignedIn):
        await rooms.handlers.sessions.who(opened.token)


async def test_what_cannot_be_merged_is_refused_and_changes_nothing(rooms, root):
    members = rooms.handlers.operator_members
    ming, hong = await rooms.member("o-1", unionid="u-1"), await rooms.member("o-2", unionid="u-2")
    with pytest.raises(SameMember):
        await members.merge(root, ming.member_id, other_id=ming.member_id, request_id="k1")
    with pytest.raises(DifferentPeople) as refusal:
        await members.merge(root, ming.member_id, other_id=hong.member_id, request_id="k2")
    assert "wx_unionid" in refusal.value.facts["namespaces"]
    with pytest.raises(MemberUnknown):
        await members.merge(root, ming.member_id, other_id=new_id(), request_id="k3")
    other = await rooms.person("o-oa", account="oa")
    await Member.filter(id=other.member_id).update(status=MemberStatus.FROZEN)
    with pytest.raises(NotMergeable):
        await members.merge(root, ming.member_id, other_id=other.member_id, request_id="k4")
    await Member.filter(id=other.member_id).update(status=MemberStatus.ERASED)
    with pytest.raises(MemberUnknown):
        await members.merge(root, ming.member_id, other_id=other.member_id, request_id="k5")
    assert not await MemberMerge.exists()
    assert not await AuditEntry.filter(action="member.merged").exists()


async def test_two_operators_merging_the_same_two_at_once_merge_them_once(rooms, root):
    one, other = await two(rooms)
    members = rooms.handlers.operator_members
    both = await asyncio.gather(
        members.merge(root, one.member_id, other_id=other.member_id, request_id="k1"),
        members.merge(root, other.member_id, other_id=one.member_id, request_id="k2"),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in both) == ["Answer", "SameMember"]
    assert await MemberMerge.all().count() == 1


# --- past one person's measure


async def four_merges(rooms, operator):
    """A member who was joined with three others today, and a fourth."""
    first, *others = [await rooms.person(f"o-{turn}", account=f"far{turn}") for turn in range(5)]
    for other in others[:3]:
        await merge_of(rooms, operator, first, other)
    return first, others[3]


async def merge_of(rooms, operator, one, other, **more):
    members = rooms.handlers.operator_members
    answer = await members.merge(operator, one.member_id, other_id=other.member_id, request_id=str(new_id()), **more)
    return answer.value


async def colleague(rooms, root, role):
    worker = await another(rooms.handlers, root, f"colleague-{role}", role=role)
    operator, _ = await sign_in(rooms.handlers, rooms.clock, worker)
    return operator


async def test_the_budget_of_a_day_holds_for_operators_too(far, root):
    first, fourth = await four_merges(far, root)
    with pytest.raises(MergeTooMuch) as refusal:
        await merge_of(far, root, first, fourth)
    assert refusal.value.facts == {"merges_a_day": 3, "identifiers_of_one": 20}
    assert await MemberMerge.all().count() == 3
    far.clock.advance(timedelta(days=1, seconds=1))
    assert (await merge_of(far, root, first, fourth)).absorbed_id == fourth.member_id


async def test_the_fuse_holds_for_operators_too(far, root):
    one, other = await far.member("o-1"), await far.person("o-far", account="far0")
    for number in range(20):
        await Identifier.create(
            member_id=other.member_id,
            namespace=Namespace.POS_MEMBER,
            scope="till",
            value_hash=f"h{number}",
            value_cipher="c",
            verified_at=far.clock.now(),
            verified_by="test",
            last_seen_at=far.clock.now(),
        )
    with pytest.raises(MergeTooMuch):
        await merge_of(far, root, one, other)
    assert await MemberMerge.all().count() == 0


async def test_an_admin_overrides_it_with_a_reason_and_the_record_says_so(far, root):
    first, fourth = await four_merges(far, root)
    merged = await merge_of(far, root, first, fourth, override="柜台核对了身份证")
    entry = await AuditEntry.filter(action="member.merged").order_by("-id").first()
    assert (entry.actor_id, entry.facts["override"]) == (str(root.id), "柜台核对了身份证")
    assert entry.facts["merge"] == str(merged.merge_id)
    earlier = await AuditEntry.filter(action="member.merged").exclude(id=entry.id)
    assert [each for each in earlier if "override" in each.facts] == []


@pytest.mark.parametrize("role", [OperatorRole.OPERATOR, OperatorRole.SUPPORT])
async def test_nobody_else_overrides_it(far, root, role):
    first, fourth = await four_merges(far, root)
    operator = await colleague(far, root, role)
    with pytest.raises(RoleMissing):
        await merge_of(far, operator, first, fourth, override="柜台核对了身份证")
    with pytest.raises(MergeTooMuch):
        await merge_of(far, operator, first, fourth)
    assert await MemberMerge.all().count() == 3


async def test_a_case_that_the_fuse_opened_is_merged_by_an_admin_with_a_reason_alone(far, root):
    first, fourth = await four_merges(far, root)
    async with atomic():
        await open_review(ReviewKind.FUSE, first.member_id, fourth.member_id, at=far.clock.now())
    case, support = await Review.get(), await colleague(far, root, OperatorRole.SUPPORT)
    decide = far.handlers.operator_reviews.decide
    with pytest.raises(MergeTooMuch):
        await decide(support, case.id, ReviewDecision.MERGE, note="是同一人", request_id="k1")
    with pytest.raises(RoleMissing):
        await decide(support, case.id, ReviewDecision.MERGE, note="", override="是同一人", request_id="k2")
    assert (await Review.get()).state is ReviewState.OPEN
    closed = await decide(root, case.id, ReviewDecision.MERGE, note="", override="是同一人", request_id="k3")
    assert closed.value.merged is not None
    assert (await AuditEntry.filter(action="member.merged").order_by("-id").first()).facts["override"] == "是同一人"


async def test_the_service_desk_sees_who_came_back_and_whose_phone_waits(rooms, root):
    gone = await rooms.member("o-ming", phone="13912345670")
    await rooms.handlers.departures.leave(gone)
    back = await rooms.member("o-ming", phone="13912345670")
    other = await rooms.member("o-hong")
    members = rooms.handlers.operator_members
    seen = await members.view(root, back.member_id)
    assert (seen.is_returning, seen.phone_held_until) == (True, None)
    assert not (await members.view(root, other.member_id)).is_returning
    await rooms.handlers.consents.give(other, agreed=PHONE)
    moved = await rooms.handlers.transfers.change_phone(other, phone_code=rooms.wechat.phone_code("13912345670"))
    assert (await members.view(root, other.member_id)).phone_held_until == moved.value.held_until


# --- at the same time


async def crossing(rooms, root, merge):
    """A is merged into B and B into A at once, ten pairs: which of them point at each other or at nobody, and refusals.

    The one who joined would stay, so both operators mean the same; without a lock both rows can end up merged.
    """
    pairs = [
        (await rooms.member(f"o-mp-{turn}"), await rooms.person(f"o-oa-{turn}", account="oa")) for turn in range(10)
    ]
    calls = [merge(*order) for pair in pairs for order in (pair, pair[::-1])]
    ended = await asyncio.gather(*calls, return_exceptions=True)
    wrong = []
    for one, other in pairs:
        states = sorted([(await Member.get(id=each.member_id)).status for each in (one, other)])
        merges = await MemberMerge.filter(winner_id__in=[one.member_id, other.member_id]).count()
        if states != ["active", "merged"] or merges != 1:
            wrong.append((states, merges))
    return wrong, [each for each in ended if isinstance(each, BaseException)]


async def test_two_merges_that_cross_make_one_member_of_two_and_never_none(rooms, root):
    async def merge(one, other):
        await merge_of(rooms, root, one, other)

    wrong, refused = await crossing(rooms, root, merge)
    assert wrong == []
    assert {type(each) for each in refused} == {SameMember}
    assert len(refused) == 10


async def test_the_crossing_is_seen_when_nobody_locks(rooms, root):
    """Negative control: look at both, then write, each in the direction they were asked."""
    everybody_has_looked = asyncio.Barrier(20)

    async def naive(one, other):
        statuses = [(await Member.get(id=each.member_id)).status for each in (one, other)]
        await everybody_has_looked.wait()
        if statuses == [MemberStatus.ACTIVE, MemberStatus.ACTIVE]:
            await Member.filter(id=other.member_id).update(status=MemberStatus.MERGED, canonical_id=one.member_id)
            await MemberMerge.create(
                winner_id=one.member_id,
                loser_id=other.member_id,
                reason="naive",
                moved={},
                merged_at=rooms.clock.now(),
                reversible_until=rooms.clock.now(),
            )

    wrong, _ = await crossing(rooms, root, naive)
    assert wrong == [(["merged", "merged"], 2)] * 10


@pytest.mark.parametrize("role", [OperatorRole.FINANCE])
async def test_finance_does_not_look_at_members(rooms, root, role):
    worker = await another(rooms.handlers, root, "money", role=role)
    operator, _ = await sign_in(rooms.handlers, rooms.clock, worker)
    with pytest.raises(RoleMissing):
        await rooms.handlers.operator_members.search(operator, number="0000000000")


# --- cases


async def a_case(rooms, one, other):
    async with atomic():
        await open_review(ReviewKind.SAME_PERSON, one.member_id, other.member_id, at=rooms.clock.now())
    return await Review.get()


async def test_a_case_is_decided_once_and_a_merge_is_part_of_it(rooms, root):
    one, other = await two(rooms)
    case, reviews = await a_case(rooms, one, other), rooms.handlers.operator_reviews
    (listed,) = await reviews.listing(root, state=ReviewState.OPEN, after=None, limit=10)
    assert listed.id == case.id
    both = await asyncio.gather(
        reviews.decide(root, case.id, ReviewDecision.MERGE, note="", request_id="k1"),
        reviews.decide(root, case.id, ReviewDecision.DISMISS, note="", request_id="k2"),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in both) == ["Answer", "ReviewDecided"]
    with pytest.raises(ReviewDecided):
        await reviews.decide(root, case.id, ReviewDecision.DONE, note="", request_id="k3")
    assert await reviews.listing(root, state=ReviewState.OPEN, after=None, limit=10) == ()
    assert await MemberMerge.all().count() == (1 if both[0].__class__.__name__ == "Answer" else 0)


async def decided_at_once(rooms, root, decide) -> tuple[int, int]:
    """Two operators decide each of ten cases at once, one to merge and one to dismiss: records, and refusals."""
    cases = []
    for turn in range(10):
        one, other = await rooms.member(f"o-mp-{turn}"), await rooms.person(f"o-oa-{turn}", account="oa")
        async with atomic():
            await open_review(ReviewKind.SAME_PERSON, one.member_id, other.member_id, at=rooms.clock.now())
        cases.append(await Review.all().order_by("-id").first())
    second = await colleague(rooms, root, OperatorRole.SUPPORT)
    calls = [
        decide(operator, case, decision)
        for case in cases
        for operator, decision in ((root, ReviewDecision.MERGE), (second, ReviewDecision.DISMISS))
    ]
    ended = await asyncio.gather(*calls, return_exceptions=True)
    broken = [each for each in ended if isinstance(each, BaseException) and not isinstance(each, ReviewDecided)]
    assert broken == []
    records = await AuditEntry.filter(action="review.decided").count()
    return records, sum(isinstance(each, ReviewDecided) for each in ended)


async def test_two_operators_deciding_one_case_at_once_decide_it_once(rooms, root):
    async def decide(operator, case, decision):
        request_id = str(new_id())
        await rooms.handlers.operator_reviews.decide(operator, case.id, decision, note="", request_id=request_id)

    assert await decided_at_once(rooms, root, decide) == (10, 10)
    dismissed = await Review.filter(state=ReviewState.DISMISSED).count()
    assert await MemberMerge.all().count() == 10 - dismissed  # a dismissed case joined nobody


async def test_the_double_decision_is_seen_when_the_state_is_read_first(rooms, root):
    """Negative control: look whether it is open, then write that it is decided."""
    everybody_has_looked = asyncio.Barrier(20)

    async def naive(operator, case, decision):
        if (await Review.get(id=case.id)).state is not ReviewState.OPEN:
            raise ReviewDecided
        await everybody_has_looked.wait()
        await Review.filter(id=case.id).update(state=ReviewState.DONE, decision=decision.value)
        async with atomic():
            await record(operator, "review.decided", "review", case.id, at=rooms.clock.now())

    assert await decided_at_once(rooms, root, naive) == (20, 0)


async def test_a_case_whose_merge_is_refused_stays_open(rooms, root):
    one, other = await rooms.member("o-1", unionid="u-1"), await rooms.member("o-2", unionid="u-2")
    case = await a_case(rooms, one, other)
    with pytest.raises(DifferentPeople):
        await rooms.handlers.operator_reviews.decide(root, case.id, ReviewDecision.MERGE, note="", request_id="k")
    assert (await Review.get()).state is ReviewState.OPEN


async def test_a_case_is_seen_by_whoever_sees_both(rooms, northern):
    one, other = await two(rooms)
    case, reviews = await a_case(rooms, one, other), rooms.handlers.operator_reviews
    await move_to(northern.organization_id, one)
    assert await reviews.listing(northern, state=ReviewState.OPEN, after=None, limit=10) == ()
    with pytest.raises(ReviewUnknown):
        await reviews.decide(northern, case.id, ReviewDecision.DISMISS, note="", request_id="k1")
    await move_to(northern.organization_id, other)
    await reviews.decide(northern, case.id, ReviewDecision.DISMISS, note="", request_id="k2")
    (closed,) = await reviews.listing(northern, state=ReviewState.DISMISSED, after=None, limit=10)
    assert closed.decision == "dismiss"


# --- accounts


async def add(rooms, operator, *, key="north", app_id="wx00000000000000aa", organization_id=None, **more):
    facts = AccountChange(secret="s" * 32, token="token7", brand_name="北城书店", **more)
    return await rooms.handlers.operator_accounts.add(
        operator,
        key=key,
        kind=AccountKind.OFFICIAL_ACCOUNT,
        app_id=app_id,
        organization_id=organization_id,
        facts=facts,
        request_id=str(new_id()),
    )


async def test_a_new_account_is_there_at_once_and_its_secrets_are_nowhere_in_the_clear(rooms, root):
    with pytest.raises(AccountUnknown):
        await rooms.handlers.accounts.get("north")
    added = (await add(rooms, root, aes_key=AES_KEY)).value
    facts = await rooms.handlers.accounts.get("north")
    assert (facts.app.secret, facts.token, facts.aes_key, facts.mode) == ("s" * 32, "token7", AES_KEY, AccountMode.SAFE)
    assert added.has_aes_key
    entry = await AuditEntry.get(action="account.added")
    stored = str(entry.facts) + str(await Account.filter(key="north").values()) + str(added)
    assert not [secret for secret in ("s" * 32, "token7", AES_KEY) if secret in stored]


async def test_a_changed_account_is_read_anew_and_keeps_its_old_key_for_a_while(rooms, root):
    account = (await add(rooms, root, aes_key=AES_KEY)).value
    await rooms.handlers.accounts.get("north")
    change = AccountChange(aes_key=OTHER_AES_KEY, brand_name="新北城", mode=AccountMode.COMPATIBLE)
    await rooms.handlers.operator_accounts.change(root, account.id, change, request_id=None)
    facts = await rooms.handlers.accounts.get("north")
    assert (facts.aes_key, facts.previous_aes_key) == (OTHER_AES_KEY, AES_KEY)
    assert (facts.brand_name, facts.mode, facts.token) == ("新北城", AccountMode.COMPATIBLE, "token7")
    entry = await AuditEntry.get(action="account.changed")
    assert entry.facts["before"] == [["mode", "safe"], ["brand_name", "北城书店"]]
    assert entry.facts["secrets"] == ["aes_key"]


async def test_accounts_that_cannot_be_are_refused(rooms, root, northern):
    account = (await add(rooms, root)).value
    with pytest.raises(AccountTaken):
        await add(rooms, root, app_id="wx00000000000000ab")
    with pytest.raises(AccountTaken):
        await add(rooms, root, key="other")
    with pytest.raises(AesKeyMissing):
        await rooms.handlers.operator_accounts.change(
            root, account.id, AccountChange(mode=AccountMode.SAFE), request_id=None
        )
    first = await Account.get(key="oa")
    with pytest.raises(AccountOfSettings):
        await rooms.handlers.operator_accounts.change(root, first.id, AccountChange(brand_name="x"), request_id=None)
    with pytest.raises(AccountUnknown):
        await rooms.handlers.operator_accounts.change(
            northern, account.id, AccountChange(brand_name="x"), request_id=None
        )
    assert await rooms.handlers.operator_accounts.listing(northern, after=None, limit=9) == ()
    await add(rooms, northern, key="own", app_id="wx00000000000000ac")
    (own,) = await rooms.handlers.operator_accounts.listing(northern, after=None, limit=9)
    assert own.key == "own"


# --- dead letters and the record


async def dead_job(rooms):
    async with atomic():
        await later("send_text", key=f"k{new_id()}", at=rooms.clock.now(), text="secret")
    job = await Job.all().order_by("-id").first()
    await Job.filter(id=job.id).update(state=JobState.DEAD, finished_at=rooms.clock.now())
    return job.id


async def test_dead_letters_are_for_the_root_requeued_or_discarded_once(rooms, root, northern):
    jobs = rooms.handlers.operator_jobs
    first, second = await dead_job(rooms), await dead_job(rooms)
    with pytest.raises(RoleMissing):
        await jobs.dead(northern, after=None, limit=10)
    with pytest.raises(RoleMissing):
        await jobs.requeue(northern, first, request_id="k0")
    assert [job.id for job in await jobs.dead(root, after=None, limit=10)] == [first, second]
    await jobs.requeue(root, first, request_id="k1")
    await jobs.discard(root, second, reason="过期", request_id="k2")
    assert await jobs.dead(root, after=None, limit=10) == ()
    with pytest.raises(DeadJobUnknown):
        await jobs.requeue(root, first, request_id="k3")
    actions = [entry.action for entry in await AuditEntry.filter(subject_kind="job").order_by("id")]
    assert actions == ["job.requeued", "job.discarded"]


async def test_the_record_shows_each_subtree_its_own(rooms, root, northern):
    await rooms.handlers.audit_chain.seal()
    everything = await rooms.handlers.operator_jobs.audit(root, after=None, limit=50, subject_id=None)
    assert [entry.action for entry in everything] == [
        "operator.signed_in",
        "operator.added",
        "operator.signed_in",
        "operator.added",
    ]
    assert [entry.sequence for entry in everything] == [4, 3, 2, 1]
    own = await rooms.handlers.operator_jobs.audit(northern, after=None, limit=50, subject_id=None)
    assert [entry.sequence for entry in own] == [4, 3]
    rest = await rooms.handlers.operator_jobs.audit(northern, after=own[0].id, limit=50, subject_id=None)
    assert [entry.sequence for entry in rest] == [3]
