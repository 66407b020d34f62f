"""The login phone: attached, changed, taken over; never a merge of two people."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import NotAMember, PhoneBlocked, PhoneConsentMissing, PhoneFactNeeded
from handlers.identity.identity import resolve
from handlers.identity.proofs import Proof
from handlers.identity.transfers import HELD_FOR, KnownFact, PhoneOutcome, phone_held_until
from handlers.membership.member_views import Profile
from models.cards import Card
from models.database import atomic
from models.identity import Identifier, IdentityEvent, Member, MemberMerge
from models.linking import PhoneTransfer, Review
from models.organizations import Organization
from models.outbox import Job
from models.programmes import Merchant, Store
from models.words import IdentifierStatus, IdentityAct, MemberStatus, Namespace
from tests.handlers.conftest import PHONE
from tests.handlers.profiles import tell

NUMBER, OTHER = "13912345670", "13912345671"


async def a_member(rooms, openid, phone=None):
    person = await rooms.member(openid, phone=phone)
    if phone is None:
        await rooms.handlers.consents.give(person, agreed=PHONE)
    return person


async def change(rooms, person, number=NUMBER, **more):
    code = rooms.wechat.phone_code(number)
    return (await rooms.handlers.transfers.change_phone(person, phone_code=code, **more)).value


async def till_member(rooms, number=NUMBER, birthday=None):
    """Somebody the till knows by a phone number and nothing else."""
    async with atomic():
        proof = Proof(Namespace.PHONE, "86", number, "import")
        resolution = await resolve([proof], now=rooms.clock.now(), vault=rooms.vault)
        if birthday:
            await tell(resolution.member_id, Profile(birthday=birthday), rooms.vault)
    return resolution.member_id


async def holder_of(rooms, number=NUMBER):
    key = Proof(Namespace.PHONE, "86", number, "test").key(rooms.vault)
    return (await Identifier.get(value_hash=key.value_hash, status=IdentifierStatus.ACTIVE)).member_id


async def test_a_free_number_is_attached_and_showing_it_again_changes_nothing(rooms):
    person = await a_member(rooms, "o-ming")
    assert (await change(rooms, person)).outcome is PhoneOutcome.ATTACHED
    assert (await change(rooms, person)).outcome is PhoneOutcome.SAME
    assert (await rooms.handlers.membership.view(person)).phone_tail == "5670"
    assert await phone_held_until(person.member_id, rooms.clock.now()) is None


async def test_a_new_number_takes_the_place_of_the_old_one_which_stays_as_history(rooms):
    person = await a_member(rooms, "o-ming", NUMBER)
    assert (await change(rooms, person, OTHER)).outcome is PhoneOutcome.ATTACHED
    phones = await Identifier.filter(member_id=person.member_id, namespace=Namespace.PHONE).order_by("id")
    assert [phone.status for phone in phones] == [IdentifierStatus.REVOKED, IdentifierStatus.ACTIVE]
    assert await IdentityEvent.filter(act=IdentityAct.UNBIND).count() == 1


async def test_a_reissued_number_moves_to_its_new_holder_and_nothing_else_does(rooms):
    former = await a_member(rooms, "o-old", NUMBER)
    person = await a_member(rooms, "o-new")
    changed = await change(rooms, person)
    assert (changed.outcome, changed.held_until) == (PhoneOutcome.TRANSFERRED, rooms.clock.now() + HELD_FOR)
    assert await holder_of(rooms) == person.member_id
    assert await MemberMerge.all().count() == 0
    assert (await rooms.handlers.membership.view(former)).phone_tail == ""
    assert (await rooms.handlers.membership.view(former)).number == former.number
    events = await IdentityEvent.filter(act=IdentityAct.TRANSFER)
    assert {(event.member_id, event.other_member_id) for event in events} == {
        (former.member_id, person.member_id),
        (person.member_id, former.member_id),
    }


async def test_what_hangs_on_a_moved_phone_waits_a_day(rooms):
    await a_member(rooms, "o-old", NUMBER)
    person = await a_member(rooms, "o-new")
    await change(rooms, person)
    assert await phone_held_until(person.member_id, rooms.clock.now())
    rooms.clock.advance(timedelta(hours=23, minutes=59))
    assert await phone_held_until(person.member_id, rooms.clock.now())
    rooms.clock.advance(timedelta(minutes=1))
    assert await phone_held_until(person.member_id, rooms.clock.now()) is None


async def test_the_former_holder_is_told_in_the_chat_they_follow(rooms):
    former = await rooms.member("o-mini", "u-old", phone=NUMBER)
    oa = await rooms.handlers.accounts.get("oa")
    chatting = await rooms.person("o-chat", "u-old", account="oa")
    await rooms.handlers.following.follow(chatting, oa)
    await change(rooms, await a_member(rooms, "o-new"))
    job = await Job.get(kind="send_text")
    await rooms.handlers.notices.send_text(**job.payload)
    assert job.payload["member_id"] == str(former.member_id)
    [(openid, text)] = rooms.wechat.sent
    assert openid == "o-chat"
    assert "5670" in text
    assert NUMBER not in text


async def test_taking_a_number_back_is_a_transfer_too(rooms):
    former = await a_member(rooms, "o-old", NUMBER)
    person = await a_member(rooms, "o-new")
    await change(rooms, person)
    assert (await change(rooms, former)).outcome is PhoneOutcome.TRANSFERRED
    assert await holder_of(rooms) == former.member_id
    assert await PhoneTransfer.all().count() == 2


async def test_a_till_member_seen_lately_is_the_one_who_shows_the_number(rooms):
    till = await till_member(rooms)
    person = await a_member(rooms, "o-ming")
    changed = await change(rooms, person)
    assert changed.outcome is PhoneOutcome.MERGED
    assert changed.member_id == person.member_id
    assert (await Member.get(id=till)).canonical_id == person.member_id


async def test_a_till_member_is_taken_in_although_the_person_had_another_number(rooms):
    await till_member(rooms)
    person = await a_member(rooms, "o-ming", OTHER)
    assert (await change(rooms, person)).outcome is PhoneOutcome.MERGED
    assert await holder_of(rooms) == person.member_id


async def test_a_till_member_of_long_ago_is_asked_one_fact(rooms):
    till = await till_member(rooms, birthday="1980-05-01")
    rooms.clock.advance(timedelta(days=181))
    person = await a_member(rooms, "o-ming")
    code = rooms.wechat.phone_code(NUMBER)
    with pytest.raises(PhoneFactNeeded) as refusal:
        await rooms.handlers.transfers.change_phone(person, phone_code=code)
    assert refusal.value.facts == {"questions": ["birthday"]}
    answer = await rooms.handlers.transfers.change_phone(person, phone_code=code, fact=KnownFact(birthday="1980-05-01"))
    assert answer.value.outcome is PhoneOutcome.MERGED
    assert (await Member.get(id=till)).status is MemberStatus.MERGED


async def test_a_wrong_fact_moves_the_number_and_leaves_the_till_member_alone(rooms):
    till = await till_member(rooms, birthday="1980-05-01")
    rooms.clock.advance(timedelta(days=181))
    person = await a_member(rooms, "o-ming")
    changed = await change(rooms, person, fact=KnownFact(birthday="1999-01-01"))
    assert changed.outcome is PhoneOutcome.TRANSFERRED
    assert (await Member.get(id=till)).status is MemberStatus.ACTIVE
    assert await MemberMerge.all().count() == 0


async def shops(rooms):
    root = await Organization.get(parent=None)
    merchant = await Merchant.create(organization=root, code="books", name="江南书店")
    return [await Store.create(merchant=merchant, code=code, name=code) for code in ("S1", "S2")]


async def till_member_of(rooms, store, birthday=None):
    """Somebody the till knows by a number and a card with the store where they shopped last; not seen for 181 days."""
    till = await till_member(rooms, birthday=birthday)
    await rooms.member("o-somebody")
    card = await Card.filter(member_id__not=till).first()
    await Card.filter(id=card.id).update(member_id=till, last_store_id=store.id)
    rooms.clock.advance(timedelta(days=181))
    return till


async def test_the_store_where_they_shopped_last_is_a_fact_that_takes_the_till_member_in(rooms):
    right, wrong = await shops(rooms)
    till = await till_member_of(rooms, right)
    person = await a_member(rooms, "o-ming")
    code, change_phone = rooms.wechat.phone_code(NUMBER), rooms.handlers.transfers.change_phone
    with pytest.raises(PhoneFactNeeded) as refusal:
        await change_phone(person, phone_code=code)
    assert refusal.value.facts == {"questions": ["last_store"]}
    assert str(right.id) not in str(refusal.value.facts)  # the answer is not in the question
    answer = await change_phone(person, phone_code=code, fact=KnownFact(last_store_id=right.id))
    assert answer.value.outcome is PhoneOutcome.MERGED
    assert (await Member.get(id=till)).canonical_id == person.member_id
    assert wrong.id != right.id


@pytest.mark.parametrize("said", ["other store", "no store", "birthday instead"])
async def test_a_wrong_store_moves_the_number_alone_and_the_card_stays_with_the_till_member(rooms, said):
    right, wrong = await shops(rooms)
    till = await till_member_of(rooms, right)
    person = await a_member(rooms, "o-ming")
    facts = {
        "other store": KnownFact(last_store_id=wrong.id),
        "no store": KnownFact(),
        "birthday instead": KnownFact(birthday="1980-05-01"),
    }
    changed = await change(rooms, person, fact=facts[said])
    assert changed.outcome is PhoneOutcome.TRANSFERRED
    assert (await Card.get(last_store_id=right.id)).member_id == till
    assert await MemberMerge.all().count() == 0


async def test_one_right_fact_of_two_is_enough(rooms):
    right, wrong = await shops(rooms)
    await till_member_of(rooms, right, birthday="1980-05-01")
    person = await a_member(rooms, "o-ming")
    with pytest.raises(PhoneFactNeeded) as refusal:
        await change(rooms, person)
    assert refusal.value.facts == {"questions": ["birthday", "last_store"]}
    changed = await change(rooms, person, fact=KnownFact(last_store_id=wrong.id, birthday="1980-05-01"))
    assert changed.outcome is PhoneOutcome.MERGED


async def test_joining_does_not_take_in_a_till_member_of_long_ago(rooms):
    till = await till_member(rooms)
    rooms.clock.advance(timedelta(days=181))
    await rooms.member("o-ming", phone=NUMBER)
    assert await holder_of(rooms) == till
    assert await Review.all().count() == 1


async def test_a_frozen_till_member_is_neither_taken_in_nor_freezes_anybody(rooms):
    till = await till_member(rooms)
    await Member.filter(id=till).update(status=MemberStatus.FROZEN)
    person = await a_member(rooms, "o-ming")
    assert (await change(rooms, person)).outcome is PhoneOutcome.TRANSFERRED
    assert (await Member.get(id=person.member_id)).status is MemberStatus.ACTIVE


async def test_other_sessions_end_with_a_changed_phone_and_this_one_stays(rooms):
    await rooms.member("o-ming")
    here, there = [
        await rooms.handlers.sessions.open(code=rooms.wechat.login_code("o-ming", code=f"login-{turn}"))
        for turn in range(2)
    ]
    await rooms.handlers.consents.give(here.person, agreed=PHONE)
    await change(rooms, here.person, token=here.token)
    assert (await rooms.handlers.sessions.who(here.token)).member_id == here.person.member_id
    assert len(await rooms.handlers.sessions.of([here.person.member_id])) == 1
    assert there.token != here.token


async def test_a_phone_needs_membership_and_its_own_consent(rooms):
    with pytest.raises(NotAMember):
        await change(rooms, await rooms.person("o-guest"))
    with pytest.raises(PhoneConsentMissing):
        await change(rooms, await rooms.member("o-ming"))
    assert rooms.wechat.calls["phone"] == 0


async def test_a_carriers_own_number_is_refused_and_recorded_once(rooms):
    person = await a_member(rooms, "o-ming")
    for _ in range(2):
        with pytest.raises(PhoneBlocked):
            await change(rooms, person, "13800138000")
    assert await IdentityEvent.filter(act=IdentityAct.BLOCK).count() == 1


async def test_the_same_request_is_answered_from_the_first_time(rooms):
    former = await a_member(rooms, "o-old", NUMBER)
    person, code = await a_member(rooms, "o-new"), rooms.wechat.phone_code(NUMBER)
    ask = rooms.handlers.transfers.change_phone
    first = await ask(person, phone_code=code, request_id="tap")
    again = await ask(person, phone_code=code, request_id="tap")
    assert (again.replayed, again.value) == (True, first.value)
    assert await PhoneTransfer.filter(from_member_id=former.member_id).count() == 1


# --- at the same time


async def fifty_prove_one_number(rooms, prove) -> tuple[int, int]:
    """Fifty members prove one number at once: how many hold it afterwards, and how many calls broke."""
    people = [await a_member(rooms, f"o-{turn}") for turn in range(50)]
    outcomes = await asyncio.gather(*(prove(person) for person in people), return_exceptions=True)
    holders = await Identifier.filter(namespace=Namespace.PHONE, status=IdentifierStatus.ACTIVE).count()
    return holders, sum(isinstance(outcome, BaseException) for outcome in outcomes)


async def test_fifty_members_proving_one_number_at_once_leave_it_with_one_and_a_chain_of_transfers(rooms):
    async def prove(person):
        await change(rooms, person)

    assert await fifty_prove_one_number(rooms, prove) == (1, 0)
    assert await PhoneTransfer.all().count() == 49
    transfers = await PhoneTransfer.all()
    assert len({transfer.from_member_id for transfer in transfers}) == 49  # everybody gave it up at most once
    assert (await IdentityEvent.filter(act=IdentityAct.TRANSFER).count()) == 98


async def test_the_race_above_is_seen_when_nobody_locks(rooms):
    """Negative control: look who holds it, revoke there, write here; no lock, no transaction."""
    everybody_has_looked = asyncio.Barrier(50)

    async def naive(person):
        key = Proof(Namespace.PHONE, "86", NUMBER, "test").key(rooms.vault)
        held = await Identifier.filter(value_hash=key.value_hash, status=IdentifierStatus.ACTIVE)
        await everybody_has_looked.wait()
        for identifier in held:
            await Identifier.filter(id=identifier.id).update(status=IdentifierStatus.REVOKED)
        now = rooms.clock.now()
        await Identifier.create(
            member_id=person.member_id,
            namespace=key.namespace,
            scope=key.scope,
            value_hash=key.value_hash,
            value_cipher="x",
            verified_at=now,
            verified_by="test",
            last_seen_at=now,
        )

    assert await fifty_prove_one_number(rooms, naive) == (1, 49)  # the unique index alone held, and 49 calls broke
