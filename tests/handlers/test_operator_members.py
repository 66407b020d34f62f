"""Operators find members, merge two that are one, take it back, and close cases; another subtree sees nobody."""

import asyncio

import pytest

from handlers.errors import (
    AccountOfSettings,
    AccountTaken,
    AccountUnknown,
    AesKeyMissing,
    DeadJobUnknown,
    DifferentPeople,
    MemberUnknown,
    MergeUnknown,
    NotMergeable,
    ReviewDecided,
    ReviewUnknown,
    RoleMissing,
    SameMember,
)
from handlers.member_views import Profile
from handlers.operator_accounts import AccountChange
from handlers.operator_reviews import ReviewDecision
from handlers.outbox import later
from handlers.reviews import open_review
from models.accounts import Account
from models.database import atomic
from models.identity import Member, MemberMerge
from models.ids import new_id
from models.linking import Review
from models.operators import AuditEntry
from models.outbox import Job
from models.words import AccountKind, AccountMode, JobState, MemberStatus, OperatorRole, ReviewKind, ReviewState
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
    from handlers.recognition import card_bound_to
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
