"""Leaving: what goes, what stays, and who somebody is who comes back."""

import asyncio
import io
import logging
from contextvars import Context
from dataclasses import dataclass
from datetime import timedelta

import pytest

from app.logs import configure_logging
from handlers.actors import Person
from handlers.errors import DepartureHindered, MergeNotReversible, NotSignedIn, Overloaded
from handlers.identity.proofs import Proof
from handlers.identity.returning import DEPARTED_KEPT, departed_hash, is_returning
from handlers.identity.unmerging import unmerge
from handlers.key_rotation import BOUND_NUMBER, CARD
from handlers.membership.member_views import Profile
from handlers.outbox import later
from handlers.ports import DialogueState
from handlers.privacy.departures import Departures
from handlers.privacy.retention import purge_expired
from handlers.rules.benefit_terms import VoucherTerms
from models.benefits import Benefit
from models.cards import Card, RecentTries
from models.claims import Claim
from models.consents import Consent
from models.database import atomic, dialect, row, rows
from models.identity import Attribution, Follower, Identifier, IdentityEvent, Member, MemberMerge
from models.ids import new_id
from models.linking import BoundNumber, Departed, PhoneTransfer, Review, SeenDevice, Ticket
from models.outbox import Job
from models.programmes import CardKind, Programme
from models.redemptions import Clerk
from models.requests import Request
from models.statements import invariants
from models.words import (
    CardStatus,
    ClaimState,
    ConsentPurpose,
    IdentifierStatus,
    IdentityAct,
    JobState,
    MemberStatus,
    Namespace,
    ReviewKind,
    ReviewState,
    TicketPurpose,
)
from tests.dumping import dump, found_in
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.conftest import MARKETING, MEMBERSHIP, PHONE

PHONE_NUMBER, SECOND_NUMBER, CARD_NUMBER = "13912345670", "13798765430", "8866001234567"
OPENID, CHAT_OPENID, UNIONID, NICKNAME = "o-hong-mini", "o-hong-chat", "u-hong", "小红爱看书"
SEEDED = (PHONE_NUMBER, SECOND_NUMBER, CARD_NUMBER, OPENID, CHAT_OPENID, UNIONID, NICKNAME)


@dataclass
class Life:
    """Somebody with everything that one person can leave behind, and the keyed hashes that stand for them."""

    person: Person
    merged: Person
    token: str
    card: Card
    hashes: set[str]


@pytest.fixture
async def life(rooms) -> Life:
    """A member of two channels, merged, with phone, second number, card, requests, jobs, sessions and cases."""
    chat = await rooms.person(CHAT_OPENID, account="oa")
    oa = await rooms.handlers.accounts.get("oa")
    await rooms.handlers.following.follow(chat, oa, scene="store_7")
    opened = await rooms.handlers.sessions.open(code=rooms.wechat.login_code(OPENID))
    await rooms.handlers.membership.join(
        opened.person,
        agreed=[MEMBERSHIP, PHONE, MARKETING],
        phone_code=rooms.wechat.phone_code(PHONE_NUMBER),
        profile=Profile(nickname=NICKNAME, birthday="1990-02-03"),
        request_id="join-1",
    )
    person = await rooms.person(OPENID, UNIONID)
    await rooms.person(CHAT_OPENID, UNIONID, account="oa")  # the unionid says that the two are one
    card = await _card(rooms, person, phone=PHONE_NUMBER)
    await _leftovers(rooms, person, card)
    hashes = {str(each) for each in await Identifier.all().values_list("value_hash", flat=True)}
    hashes |= {str(each) for each in await BoundNumber.all().values_list("number_hash", flat=True)}
    hashes |= {card.number_hash, card.name_hash, card.pin_hash}
    return Life(person, chat, opened.token, card, hashes)


def _phone_hash(rooms, number: str) -> str:
    return Proof(Namespace.PHONE, "86", number, "test").key(rooms.vault).value_hash


async def _card(rooms, person: Person | None, *, phone: str, number: str = CARD_NUMBER) -> Card:
    kind = await CardKind.get_or_none(code="legacy") or await CardKind.create(
        programme=await Programme.first(), code="legacy", name="书友卡", digit_count=13, is_issued=False
    )
    card_id = new_id()
    return await Card.create(
        id=card_id,
        kind=kind,
        programme_id=kind.programme_id,
        member_id=person.member_id if person else None,
        number_hash=rooms.vault.blind_index("test:card", number),
        number_cipher=rooms.vault.encrypt(number, bound_to=CARD.bound_to(card_id)),
        last4=number[-4:],
        status=CardStatus.BOUND if person else CardStatus.UNBOUND,
        is_primary=person is not None,
        phone_hash=_phone_hash(rooms, phone),
        name_hash=rooms.vault.blind_index("test:name", number + NICKNAME),
        pin_hash=rooms.vault.blind_index("test:pin", number),
        opening_balance=120,
        bound_at=rooms.clock.now() if person else None,
    )


async def _leftovers(rooms, person: Person, card: Card) -> None:
    now, number_id = rooms.clock.now(), new_id()
    await BoundNumber.create(
        id=number_id,
        member_id=person.member_id,
        number_hash=_phone_hash(rooms, SECOND_NUMBER),
        number_cipher=rooms.vault.encrypt(SECOND_NUMBER, bound_to=BOUND_NUMBER.bound_to(number_id)),
        tail=SECOND_NUMBER[-4:],
        proven_at=now,
    )
    await Ticket.create(
        token_hash="t" * 64, purpose=TicketPurpose.LINK, member_id=person.member_id, expires_at=now, facts={"n": "x"}
    )
    await SeenDevice.create(member_id=person.member_id, device_hash="d" * 64, first_seen_at=now, last_seen_at=now)
    for subject in (f"member:{person.member_id}", f"card:{card.number_hash}"):
        await RecentTries.create(subject=subject, tried_at=now, first_at=now)
    async with atomic():
        for name in ("waiting", "sent"):
            await later(
                "send_text",
                key=f"late:{name}",
                at=now,
                account="oa",
                member_id=str(person.member_id),
                text=f"{NICKNAME}，您的手机号{PHONE_NUMBER}",
            )
    await Job.filter(key="late:sent").update(state=JobState.DONE, finished_at=now)
    # An operator looked the member up, and the answer is kept for a repeated request.
    await Request.create(
        actor_kind="operator",
        actor_id=str(new_id()),
        operation="find",
        key="k",
        fingerprint="f" * 64,
        result={"id": str(person.member_id), "name": NICKNAME},
    )


async def _broken_rules() -> list[str]:
    return [check.what for check in invariants.CHECKS if await rows(check.sql)]


async def test_a_departure_leaves_nothing_that_identifies_in_any_table_and_nothing_in_the_logs(rooms, life):
    before = await dump()
    # The search finds what is there: every hash, and what stands in the clear.
    assert {value for _, value in found_in(before, life.hashes)} == life.hashes
    assert {value for _, value in found_in(before, SEEDED)} == {PHONE_NUMBER, NICKNAME}
    written = io.StringIO()
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    configure_logging("DEBUG", written)
    try:
        left = await rooms.handlers.departures.leave(life.person)
        await rooms.handlers.departures.sweep_again(str(life.person.member_id))
    finally:
        root.handlers[:] = kept
        root.setLevel(level)
    assert left.was_gone is False
    after = await dump()
    assert found_in(after, [*SEEDED, *life.hashes]) == set()
    assert [value for value in (*SEEDED, *life.hashes, life.token) if value in written.getvalue()] == []
    assert await _broken_rules() == []


async def test_the_bare_row_and_what_must_be_accounted_for_stay(rooms, life):
    cards_before = await Card.all().count()
    await rooms.handlers.departures.leave(life.person)
    member, other = await Member.get(id=life.person.member_id), await Member.get(id=life.merged.member_id)
    for bare in (member, other):
        assert bare.status is MemberStatus.ERASED
        assert (bare.number, bare.joined_at, bare.profile_cipher, bare.phone_tail) == (None, None, "", "")
    assert other.canonical_id == member.id
    assert await Card.all().count() == cards_before
    card = await Card.get(id=life.card.id)
    assert (card.status, card.member_id, card.number_cipher, card.last4) == (CardStatus.ERASED, None, "", "")
    assert (await Attribution.get()).scene == "store_7"
    consents = await Consent.all()
    assert {consent.purpose for consent in consents} >= {ConsentPurpose.MEMBERSHIP, ConsentPurpose.PHONE}
    assert all(consent.withdrawn_at == rooms.clock.now() for consent in consents)
    for table in (Identifier, BoundNumber, SeenDevice, Follower, Ticket, Request, RecentTries):
        assert await table.all().count() == 0
    merge = await MemberMerge.get()
    assert (merge.moved, merge.reversible_until) == ({}, rooms.clock.now())
    assert await IdentityEvent.filter(act=IdentityAct.ERASE).count() == 2


async def test_a_claim_that_is_used_in_part_while_its_member_leaves_ends_too(rooms, life):
    if dialect() == "sqlite":
        pytest.skip("SQLite has one writer: one of the two is over before the other begins")
    offer = await an_offer(rooms.clock.now(), benefit=await a_benefit(terms=VoucherTerms(uses=2)))
    claimed = await rooms.handlers.claiming.claim(life.person, offer_id=offer.id, request_id="k")
    claim_id = claimed.value.claims[0].id
    async with atomic():  # what a counter does
        await rows("UPDATE claim SET uses_left = 1, state = 'partly_used' WHERE id = $1 RETURNING id", claim_id)
        leaving = asyncio.create_task(rooms.handlers.departures.leave(life.person), context=Context())
        while not await rows("SELECT pid FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - until it waits for us
            await asyncio.sleep(0.01)
    await leaving
    assert (await Claim.get(id=claim_id)).state is ClaimState.REVOKED


async def test_claims_end_go_back_to_the_stock_and_a_clerk_serves_no_more(rooms, life):
    offer = await an_offer(rooms.clock.now(), stock=5, returns_to_stock=True)
    claimed = await rooms.handlers.claiming.claim(life.person, offer_id=offer.id, request_id="k")
    benefit = await Benefit.get(id=offer.benefit_id)
    clerk = await Clerk.create(member_id=life.person.member_id, merchant_id=benefit.merchant_id, name=NICKNAME)
    assert await offer.left() == 4
    await rooms.handlers.departures.leave(life.person)
    assert (await Claim.get(id=claimed.value.claims[0].id)).state is ClaimState.REVOKED
    assert await offer.left() == 5
    await clerk.refresh_from_db()
    assert (clerk.name, clerk.revoked_at) == ("", rooms.clock.now())


async def test_a_merge_of_somebody_who_left_can_not_be_taken_back(rooms, life):
    await rooms.handlers.departures.leave(life.person)
    merge = await MemberMerge.get()
    with pytest.raises(MergeNotReversible):
        async with atomic():
            await unmerge(merge.id, now=rooms.clock.now(), vault=rooms.vault)
    assert (await Member.get(id=life.merged.member_id)).status is MemberStatus.ERASED


async def test_messages_that_wait_are_never_sent_and_those_sent_keep_no_text(rooms, life):
    await rooms.handlers.departures.leave(life.person)
    jobs = {job.key: job for job in await Job.filter(kind="send_text")}
    assert {job.state for job in jobs.values()} == {JobState.DONE}
    assert [job.payload for job in jobs.values()] == [{}, {}]
    assert jobs["late:waiting"].last_error.startswith("cancelled")
    assert jobs["late:sent"].last_error == ""


async def test_a_job_under_way_loses_its_lease(rooms, life):
    until = rooms.clock.now() + timedelta(minutes=1)
    await Job.filter(key="late:waiting").update(state=JobState.RUNNING, lease_owner="w", lease_until=until, fence=3)
    await rooms.handlers.departures.leave(life.person)
    job = await Job.get(key="late:waiting")
    assert (job.state, job.fence, job.lease_owner) == (JobState.DONE, 4, None)


async def test_sessions_and_dialogues_end_everywhere(rooms, life, redis):
    from gateways.stores.commands import BatchedRedis
    from gateways.stores.dialogues import RedisDialogues

    commands = BatchedRedis(redis)
    dialogues = RedisDialogues(commands)
    state = DialogueState("bind", "number", {"kind": "legacy"}, str(life.person.member_id))
    await dialogues.keep("oa", CHAT_OPENID, state, lasting=timedelta(minutes=10))
    assert await dialogues.look("oa", CHAT_OPENID) == state
    assert (await rooms.handlers.sessions.who(life.token)).member_id == life.person.member_id
    left = await rooms.handlers.departures.leave(life.person)
    assert left.sessions_ended == 1
    with pytest.raises(NotSignedIn):
        await rooms.handlers.sessions.who(life.token)
    assert await dialogues.look("oa", CHAT_OPENID) is None
    await commands.aclose()


async def test_without_redis_the_departure_stands_and_the_job_ends_the_sessions(rooms, life, monkeypatch):
    async def away(_ids: object) -> int:
        raise Overloaded(retry_after=2)

    with monkeypatch.context() as outage:
        outage.setattr(rooms.handlers.sessions, "end_all", away)
        left = await rooms.handlers.departures.leave(life.person)
        assert left.sessions_ended == 0
        with pytest.raises(Overloaded):  # tried again by the worker
            await rooms.handlers.departures.sweep_again(str(life.person.member_id))
    with pytest.raises(NotSignedIn):  # nothing opens with it, whether or not it is still there
        await rooms.handlers.membership.view(life.person)
    job = await Job.get(kind="sweep_departure")
    assert job.run_at == rooms.clock.now() + timedelta(minutes=1)
    await rooms.handlers.departures.sweep_again(job.payload["erased_id"])
    assert await rooms.handlers.sessions.of([life.person.member_id]) == []


async def test_leaving_twice_is_leaving_once(rooms, life):
    await rooms.handlers.departures.leave(life.person)
    before = await dump()
    rooms.clock.advance(timedelta(hours=1))
    again = await rooms.handlers.departures.leave(life.person)
    by_the_other_id = await rooms.handlers.departures.leave(life.merged)
    assert (again.was_gone, by_the_other_id.was_gone) == (True, True)
    after = await dump()
    merges = ("member_merge",)  # how long it could be undone: moved along, and of no consequence
    assert {t: text for t, text in after.items() if t not in merges} == {
        t: text for t, text in before.items() if t not in merges
    }


async def test_two_departures_at_once_are_one(rooms, life):
    done = await asyncio.gather(*(rooms.handlers.departures.leave(life.person) for _ in range(8)))
    assert sorted(left.was_gone for left in done) == [False] + [True] * 7
    assert await IdentityEvent.filter(act=IdentityAct.ERASE).count() == 2
    assert {each.visit_count for each in await Departed.all()} == {1}


async def test_what_is_open_keeps_a_person_from_leaving_and_nothing_changes(rooms, life):
    async def an_order(_ids: object) -> str | None:
        return "order.open"

    async def no_balance(_ids: object) -> str | None:
        return None

    before = await dump()
    handlers = rooms.handlers
    departures = Departures(
        rooms.clock, rooms.vault, handlers.sessions, handlers.departures._dialogues, [an_order, no_balance]
    )
    with pytest.raises(DepartureHindered) as refusal:
        await departures.leave(life.person)
    assert refusal.value.facts == {"reasons": ["order.open"], "left_fen": 0, "paid_claims": 0}
    assert await dump() == before
    assert (await handlers.sessions.who(life.token)).is_member


async def test_a_hindrance_is_asked_about_every_id_of_the_person(rooms, life):
    asked: list[object] = []

    async def remember(ids: object) -> str | None:
        asked.append(ids)
        return None

    handlers = rooms.handlers
    await Departures(rooms.clock, rooms.vault, handlers.sessions, handlers.departures._dialogues, [remember]).leave(
        life.person
    )
    assert asked == [sorted([life.person.member_id, life.merged.member_id])]


async def test_somebody_who_comes_back_is_a_new_member_but_not_a_new_customer(rooms, life):
    await rooms.handlers.departures.leave(life.person)
    back = await rooms.person(CHAT_OPENID, account="oa")
    assert back.member_id not in {life.person.member_id, life.merged.member_id}
    assert back.is_member is False
    assert await is_returning([back.member_id], now=rooms.clock.now(), vault=rooms.vault)
    stranger = await rooms.person("o-stranger")
    assert not await is_returning([stranger.member_id], now=rooms.clock.now(), vault=rooms.vault)


async def test_after_two_years_nobody_is_remembered(rooms, life):
    await rooms.handlers.departures.leave(life.person)
    back = await rooms.person(OPENID)
    rooms.clock.advance(DEPARTED_KEPT)
    assert not await is_returning([back.member_id], now=rooms.clock.now(), vault=rooms.vault)
    assert (await purge_expired(rooms.clock.now()))["departed"] == 0  # half-open: at the very instant it is still there
    rooms.clock.advance(timedelta(microseconds=1))
    assert (await purge_expired(rooms.clock.now()))["departed"] == 4
    assert await Departed.all().count() == 0


async def test_leaving_again_counts_the_visits_and_starts_the_two_years_anew(rooms):
    for _ in range(2):
        await rooms.handlers.departures.leave(await rooms.person("o-often"))
        rooms.clock.advance(timedelta(days=100))
    departed = await Departed.get()
    assert departed.visit_count == 2
    assert departed.left_at == rooms.clock.now() - timedelta(days=100)


async def test_what_is_remembered_matches_no_identifier_of_any_table(rooms, life):
    await rooms.handlers.departures.leave(life.person)
    kept = {departed.value_hash for departed in await Departed.all()}
    assert kept == {
        departed_hash(rooms.vault, namespace, value)
        for namespace, value in [
            (Namespace.WX_OPENID, OPENID),
            (Namespace.WX_OPENID, CHAT_OPENID),
            (Namespace.WX_UNIONID, UNIONID),
            (Namespace.PHONE, PHONE_NUMBER),
        ]
    }
    assert kept.isdisjoint(life.hashes)


async def test_a_cipher_whose_key_is_lost_keeps_nobody_from_leaving(rooms, life):
    await Identifier.filter(namespace=Namespace.PHONE).update(value_cipher="lost.AAAA")
    await rooms.handlers.departures.leave(life.person)
    assert await Identifier.all().count() == 0
    assert await Departed.all().count() == 3


async def test_others_keep_what_is_theirs_and_lose_only_the_record_of_a_number_that_moved_on(rooms, life):
    ming = await rooms.member("o-ming", phone="13800138001")
    await Identifier.create(
        member_id=ming.member_id,
        namespace=Namespace.PHONE,
        scope="86",
        value_hash=_phone_hash(rooms, PHONE_NUMBER),
        value_cipher="k1.old",
        status=IdentifierStatus.REVOKED,
        verified_at=rooms.clock.now(),
        verified_by="wechat",
        last_seen_at=rooms.clock.now(),
    )
    await PhoneTransfer.create(
        namespace=Namespace.PHONE,
        from_member_id=ming.member_id,
        to_member_id=life.person.member_id,
        tail=PHONE_NUMBER[-4:],
        transferred_at=rooms.clock.now(),
        held_until=rooms.clock.now(),
    )
    await Review.create(
        kind=ReviewKind.CONFLICT,
        member_id=ming.member_id,
        other_member_id=life.person.member_id,
        pair="a:b",
        evidence={"tail": PHONE_NUMBER[-4:]},
        opened_at=rooms.clock.now(),
    )
    unbound = await _card(rooms, None, phone=PHONE_NUMBER, number="8866009999993")
    mings = await _card(rooms, ming, phone="13800138001", number="8866008888884")
    await rooms.handlers.departures.leave(life.person)
    assert found_in(await dump(), life.hashes) == set()
    assert (await rooms.handlers.membership.view(ming)).phone_tail == "8001"
    assert await Identifier.filter(member_id=ming.member_id, status=IdentifierStatus.ACTIVE).count() == 2
    assert (await Card.get(id=mings.id)).phone_hash == _phone_hash(rooms, "13800138001")
    legacy = await Card.get(id=unbound.id)
    assert (legacy.status, legacy.phone_hash) == (CardStatus.UNBOUND, "")
    assert legacy.pin_hash == unbound.pin_hash
    assert (await PhoneTransfer.get()).tail == ""
    case = await Review.get()
    assert (case.state, case.decision, case.evidence) == (ReviewState.DISMISSED, "departed", {})


async def test_whoever_still_writes_for_somebody_who_left_is_refused(rooms, life):
    await rooms.handlers.departures.leave(life.person)
    handlers, person = rooms.handlers, life.person
    for attempt in (
        lambda: handlers.membership.change_profile(person, changes={"nickname": "x"}),
        lambda: handlers.membership.join(person, agreed=[MEMBERSHIP]),
        lambda: handlers.membership.join(
            person, agreed=[MEMBERSHIP, PHONE], phone_code=rooms.wechat.phone_code("13800138005")
        ),
        lambda: handlers.consents.give(person, agreed=MARKETING),
        lambda: handlers.consents.withdraw(person, purpose=ConsentPurpose.MARKETING),
        lambda: handlers.personal_data.export(person),
    ):
        with pytest.raises(NotSignedIn):
            await attempt()
    assert await Identifier.all().count() == 0
    assert await _broken_rules() == []


@pytest.mark.parametrize("round_", range(6))
async def test_a_departure_and_what_the_person_does_on_another_device_never_mix(rooms, round_):
    person = await rooms.member("o-both", phone="13800138009")

    async def act() -> None:
        await asyncio.sleep(round_ / 1000)
        for _ in range(4):
            try:
                await rooms.handlers.membership.join(
                    person, agreed=[MEMBERSHIP, PHONE, MARKETING], phone_code=rooms.wechat.phone_code("13800138009")
                )
                await rooms.handlers.membership.change_profile(person, changes={"nickname": NICKNAME})
            except NotSignedIn:
                return

    async def go() -> None:
        await asyncio.sleep(0.004)
        await rooms.handlers.departures.leave(person)

    await asyncio.gather(act(), act(), go())
    assert await _broken_rules() == []
    erased = await row("SELECT status FROM member WHERE id = $1", person.member_id)
    assert erased is not None
    assert erased["status"] == MemberStatus.ERASED
    assert await Identifier.filter(member_id=person.member_id).count() == 0


async def test_without_the_sweep_the_rules_are_seen_to_be_broken(rooms, life):
    """The negative control of the rule that `doctor` checks: a row that is only flagged breaks it."""
    await Member.filter(id=life.person.member_id).update(status=MemberStatus.ERASED)
    assert "注销的会员没有留下个人信息" in await _broken_rules()


async def test_withdrawing_the_phone_consent_deletes_the_numbers_and_says_what_follows(rooms, life):
    changed = (await rooms.handlers.consents.withdraw(life.person, purpose=ConsentPurpose.PHONE)).value
    assert changed.changed
    assert "手机号" in changed.consequence
    dumped = await dump()
    gone = {_phone_hash(rooms, PHONE_NUMBER), _phone_hash(rooms, SECOND_NUMBER)}
    assert found_in(dumped, gone, but={"card"}) == set()
    phone = await Identifier.get(namespace=Namespace.PHONE)
    assert (phone.status, phone.value_hash, phone.value_cipher) == (IdentifierStatus.REVOKED, "", "")
    number = await BoundNumber.get()
    assert (number.status, number.number_cipher, number.tail) == (IdentifierStatus.REVOKED, "", "")
    assert (await rooms.handlers.membership.view(life.person)).phone_tail == ""
    event = await IdentityEvent.get(act=IdentityAct.UNBIND)
    assert event.evidence == {"reason": "consent_withdrawn"}
    # The number is free again, for this person or for another.
    code = rooms.wechat.phone_code(PHONE_NUMBER)
    await rooms.handlers.membership.join(life.person, agreed=[MEMBERSHIP, PHONE], phone_code=code)
    assert (await rooms.handlers.membership.view(life.person)).phone_tail == PHONE_NUMBER[-4:]


async def test_withdrawing_any_other_consent_touches_nothing_else(rooms, life):
    changed = (await rooms.handlers.consents.withdraw(life.person, purpose=ConsentPurpose.MARKETING)).value
    assert changed.changed
    assert await Identifier.filter(namespace=Namespace.PHONE, status=IdentifierStatus.ACTIVE).count() == 1
    assert await Consent.filter(withdrawn_at=None).count() == 2


def test_every_purpose_says_what_follows_from_withdrawing_it(rooms):
    terms = rooms.handlers.consents.terms()
    assert {each.purpose for each in terms} == set(ConsentPurpose)
    assert all(each.consequence.endswith("。") for each in terms)
    assert len({each.consequence for each in terms}) == len(terms)
