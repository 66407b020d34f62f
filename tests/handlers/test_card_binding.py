"""Binding cards, being recognised by every kind, and what the service desk does."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from handlers.actors import Operator
from handlers.cards.card_binding import CardProof
from handlers.cards.card_imports import CardImports
from handlers.cards.card_kinds import KindDraft, add_kind
from handlers.errors import (
    CardAlreadyYours,
    CardCoolingDown,
    CardHeld,
    CardKindUnknown,
    CardLost,
    CardNotUnbindable,
    CardNumberWrong,
    CardPhoneOnHold,
    CardProofDiffers,
    CardProofMissing,
    CardReplaced,
    CardStateWrong,
    CardTriesUsedUp,
    CardUnknown,
    DomainError,
    KeyReused,
    NotAMember,
    PhoneCodeRefused,
    TicketExpired,
    TicketInvalid,
    TicketNotYours,
    TicketUsed,
)
from handlers.identity.merging import absorb
from handlers.import_files import examine
from handlers.rules.numbers import check_digit
from models.cards import Card, RecentTries
from models.database import atomic, rows
from models.identity import Identifier, Member
from models.linking import Review
from models.operators import AuditEntry
from models.organizations import Organization
from models.programmes import CardKind, Merchant, Store
from models.statements import cards as statements
from models.words import CardStatus, IdentifierStatus, OperatorRole
from tests.handlers.conftest import MEMBERSHIP

PIN = CardProof(pin="4321")


def number(body: int = 1) -> str:
    digits = f"66{body:09d}"
    return digits + check_digit(digits)


@pytest.fixture
async def cards(rooms, tmp_path: Path):
    """A legacy kind with three cards: of a PIN, of a phone, of a name and a store."""
    root = await Organization.get(parent=None)
    merchant = await Merchant.create(organization=root, code="books", name="江南书店")
    await Store.create(merchant=merchant, code="S1", name="湖滨店")
    draft = KindDraft("old", "老会员卡", digit_count=12, prefix="66", merchant="books", is_issued=False)
    async with atomic():
        await add_kind(draft, rooms.clock)
    rooms.handlers.card_kinds.forget()
    lines = [f"{number(1)},,,4321,", f"{number(2)},13912345670,,,", f"{number(3)},,李明,,S1"]
    lines += [f"{number(body)},,,4321," for body in range(10, 70)]
    file = tmp_path / "cards.csv"
    file.write_text("\n".join(["卡号,手机号,姓名,密码,门店", *lines]), "utf-8")
    imports = CardImports(rooms.clock, rooms.vault, rooms.handlers.card_kinds)
    async for _ in imports.run(examine(file), kind="old"):
        pass
    return rooms


@pytest.fixture
async def desk(rooms) -> Operator:
    root = await Organization.get(parent=None)
    return Operator(uuid4(), root.id, OperatorRole.SUPPORT, "lin", uuid4())


async def bind(rooms, person, body: int = 1, proof: CardProof = PIN, **more):
    return await rooms.handlers.card_binding.bind(person, kind="old", number=number(body), proof=proof, **more)


# --- recognising


async def test_joining_issues_a_card_of_every_kind_and_says_which(rooms):
    person = await rooms.person()
    joined = (await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], request_id="tap")).value
    assert [(card.kind, card.kind_name, card.status, card.is_primary) for card in joined.cards] == [
        ("member", "会员卡", CardStatus.BOUND, True)
    ]
    again = await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP], request_id="tap")
    assert (again.replayed, again.value.cards) == (True, joined.cards)
    assert (await rooms.handlers.membership.join(person, agreed=[MEMBERSHIP])).value.cards == joined.cards
    assert await Card.all().count() == 1


async def test_somebody_who_has_not_joined_has_no_card(rooms):
    assert await rooms.handlers.cards.mine(await rooms.person()) == ()


async def add(rooms, code: str = "co", **more):
    async with atomic():
        return await add_kind(KindDraft(code, "联名卡", digit_count=14, prefix="70", **more), rooms.clock)


async def test_a_kind_added_later_is_there_at_first_touch(rooms):
    ming = await rooms.member()
    await add(rooms)
    rooms.handlers.card_kinds.forget()
    assert {card.kind for card in await rooms.handlers.cards.mine(ming)} == {"member", "co"}


async def test_a_kind_added_later_reaches_everybody_by_the_job_and_only_once(rooms):
    for each in range(7):
        await rooms.member(f"o-{each}")
    await rooms.person("o-not-joined")
    added = await add(rooms)
    first = await rooms.handlers.cards.recognise_kind(added.id)
    again = await rooms.handlers.cards.recognise_kind(added.id)
    assert (first.seen, first.added, first.is_done) == (8, 7, True)
    assert (again.seen, again.added, again.is_done) == (0, 0, True)
    assert await Card.filter(kind_id=added.id).count() == 7


async def test_the_job_goes_on_where_it_stopped(rooms, monkeypatch):
    for each in range(5):
        await rooms.member(f"o-{each}")
    added = await add(rooms)
    monkeypatch.setattr("handlers.cards.cards.BATCH", {"sqlite": 2, "postgres": 2})
    monkeypatch.setattr("handlers.cards.cards.SECONDS_PER_JOB", 0.0001)
    seen = 0
    for _ in range(5):
        seen += (await rooms.handlers.cards.recognise_kind(added.id)).seen
    monkeypatch.setattr("handlers.cards.cards.SECONDS_PER_JOB", 60)
    seen += (await rooms.handlers.cards.recognise_kind(added.id)).seen
    assert seen == 5
    assert (await CardKind.get(id=added.id)).recognised_up_to == max(
        await Member.all().values_list("ordinal", flat=True)
    )
    assert await Card.filter(kind_id=added.id).count() == 5


async def test_first_touch_and_job_at_once_give_one_card(rooms):
    members = [await rooms.member(f"o-{each}") for each in range(10)]
    added = await add(rooms)
    rooms.handlers.card_kinds.forget()
    touches = [rooms.handlers.cards.mine(member) for member in members * 2]
    await asyncio.gather(rooms.handlers.cards.recognise_kind(added.id), *touches)
    assert await Card.filter(kind_id=added.id).count() == 10


async def test_after_a_merge_both_cards_are_the_survivors_and_one_is_shown_first(rooms):
    ming, old = await rooms.member("o-ming"), await rooms.member("o-old")
    await Identifier.filter(member_id=old.member_id).update(status=IdentifierStatus.REVOKED)
    async with atomic():
        await absorb(
            winner_id=ming.member_id, loser_id=old.member_id, reason="test", now=rooms.clock.now(), vault=rooms.vault
        )
    mine = await rooms.handlers.cards.mine(ming)
    assert [card.is_primary for card in mine].count(True) == 1
    assert len(mine) == 2
    await rooms.handlers.membership.join(ming, agreed=[MEMBERSHIP])
    assert await Card.all().count() == 2


# --- binding


async def test_a_card_is_bound_by_pin_and_the_others_are_named(cards):
    ming = await cards.member()
    bound = (await bind(cards, ming)).value
    assert (bound.card.kind, bound.card.last4, bound.card.status) == ("old", number(1)[-4:], CardStatus.BOUND)
    assert [card.kind for card in bound.also] == ["member"]
    assert {card.kind for card in await cards.handlers.cards.mine(ming)} == {"member", "old"}


async def test_by_the_phone_it_was_issued_to(cards):
    ming = await cards.member()
    wrong = CardProof(phone_code=cards.wechat.phone_code("13912345671"))
    with pytest.raises(CardProofDiffers):
        await bind(cards, ming, 2, wrong)
    right = CardProof(phone_code=cards.wechat.phone_code("13912345670"))
    assert (await bind(cards, ming, 2, right)).value.card.kind == "old"


async def test_a_phone_taken_over_from_somebody_else_opens_their_card_only_after_a_day(cards):
    """二次放号: whoever has the number now need not be who bought with it."""
    transfers = cards.handlers.transfers
    for openid in ("o-former", "o-new"):
        person = await cards.member(openid, phone=f"1391234{'0000' if openid == 'o-former' else '9999'}")
        code = cards.wechat.phone_code("13912345670")
        await transfers.change_phone(person, phone_code=code, request_id=str(uuid4()))
    proof = CardProof(phone_code=cards.wechat.phone_code("13912345670"))
    with pytest.raises(CardPhoneOnHold):
        await bind(cards, person, 2, proof)
    cards.clock.advance(timedelta(hours=24))
    later = CardProof(phone_code=cards.wechat.phone_code("13912345670"))
    assert (await bind(cards, person, 2, later)).value.card.kind == "old"


async def test_by_name_and_last_store(cards):
    ming, store = await cards.member(), await Store.get()
    for proof in (CardProof(name="李明", store_id=uuid4()), CardProof(name="李 红", store_id=store.id)):
        with pytest.raises(CardProofDiffers):
            await bind(cards, ming, 3, proof)
    with pytest.raises(CardProofMissing):
        await bind(cards, ming, 3, CardProof(name="李明"))
    assert (await bind(cards, ming, 3, CardProof(name=" 李明 ", store_id=store.id))).value.card.kind == "old"


async def test_a_phone_code_of_another_mini_program_is_no_attempt(cards):
    with pytest.raises(PhoneCodeRefused):
        await bind(cards, await cards.member(), 2, CardProof(phone_code="of-another"))
    assert await RecentTries.all().count() == 0


async def test_a_typing_mistake_is_no_attempt(cards):
    ming = await cards.member()
    for wrong in (number(1)[:-1] + str((int(number(1)[-1]) + 1) % 10), number(1)[:-1], "70" + number(1)[2:]):
        with pytest.raises(CardNumberWrong):
            await cards.handlers.card_binding.bind(ming, kind="old", number=wrong, proof=PIN)
    assert await RecentTries.all().count() == 0


async def test_an_unknown_kind_and_somebody_who_has_not_joined_are_refused(cards):
    with pytest.raises(CardKindUnknown):
        await cards.handlers.card_binding.bind(await cards.member(), kind="no", number=number(), proof=PIN)
    with pytest.raises(NotAMember):
        await bind(cards, await cards.person("o-stranger"))


async def test_before_the_proof_every_card_answers_alike(cards, desk):
    hong, ming = await cards.member("o-hong"), await cards.member()
    await bind(cards, hong, 10)
    lost, replaced = await Card.get(last4=number(11)[-4:]), await Card.get(last4=number(12)[-4:])
    await cards.handlers.card_desk.report_lost(desk, lost.id)
    await Card.filter(id=replaced.id).update(status=CardStatus.REPLACED)
    answers = set()
    for member, body in ((ming, 10), (ming, 11), (ming, 12), (ming, 999)):
        with pytest.raises(CardProofDiffers) as refusal:
            await bind(cards, member, body, CardProof(pin="0000"))
        answers.add((refusal.value.code, refusal.value.message))
        assert "left" in refusal.value.facts
    assert len(answers) == 1


async def test_after_the_proof_the_reason_is_said(cards, desk):
    hong, ming = await cards.member("o-hong"), await cards.member()
    await bind(cards, hong, 10)
    with pytest.raises(CardHeld):
        await bind(cards, ming, 10)
    review = await Review.get()
    assert (review.kind, review.member_id, review.other_member_id) == ("card_held", ming.member_id, hong.member_id)
    for body, status, refusal in ((11, CardStatus.LOST, CardLost), (12, CardStatus.REPLACED, CardReplaced)):
        await Card.filter(last4=number(body)[-4:]).update(status=status)
        with pytest.raises(refusal):
            await bind(cards, ming, body)


async def test_binding_it_again_says_that_it_is_theirs_and_is_no_attempt(cards):
    ming = await cards.member()
    await bind(cards, ming)
    for proof in (PIN, CardProof(pin="0000"), CardProof()):
        with pytest.raises(CardAlreadyYours):
            await bind(cards, ming, 1, proof)
    assert await RecentTries.filter(first_at__not_isnull=True).count() == 0


async def test_the_same_request_gets_the_first_answer_and_is_no_attempt(cards):
    ming = await cards.member()
    first = await bind(cards, ming, request_id="tap")
    again = await bind(cards, ming, request_id="tap")
    assert (again.replayed, again.value) == (True, first.value)
    with pytest.raises(KeyReused):
        await bind(cards, ming, 2, request_id="tap")


async def test_the_stored_request_holds_neither_number_nor_pin(cards):
    await bind(cards, await cards.member(), request_id="tap")
    stored = str(await rows("SELECT * FROM request")) + str(await rows("SELECT * FROM card"))
    assert number(1) not in stored
    # As a word of its own: four digits in a row stand in some random id sooner or later.
    assert not re.search(r"(?<![\w-])4321(?![\w-])", stored.replace(number(1)[-4:], ""))


# --- attempts


async def test_five_wrong_proofs_an_hour_then_not_even_the_right_one(cards):
    ming, left = await cards.member(), []
    for _ in range(5):
        with pytest.raises(CardProofDiffers) as refusal:
            await bind(cards, ming, 1, CardProof(pin="0000"))
        left.append(refusal.value.facts["left"])
    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(CardTriesUsedUp) as full:
        await bind(cards, ming)
    assert 0 < full.value.retry_after <= 3601
    cards.clock.advance(timedelta(seconds=full.value.retry_after))
    assert (await bind(cards, ming)).value.card.kind == "old"


async def test_one_member_at_many_cards_and_many_members_at_one_card(cards):
    ming = await cards.member()
    for body in range(20, 25):
        with pytest.raises(CardProofDiffers):
            await bind(cards, ming, body, CardProof(pin="0000"))
    with pytest.raises(CardTriesUsedUp):
        await bind(cards, ming, 25)
    others = [await cards.member(f"o-{each}") for each in range(6)]
    for other in others[:5]:
        with pytest.raises(CardProofDiffers):
            await bind(cards, other, 30, CardProof(pin="0000"))
    with pytest.raises(CardTriesUsedUp):
        await bind(cards, others[5], 30)


async def test_attempts_survive_a_flush_of_redis(cards, redis):
    ming = await cards.member()
    for _ in range(5):
        with pytest.raises(CardProofDiffers):
            await bind(cards, ming, 1, CardProof(pin="0000"))
    await redis.flushall()
    with pytest.raises(CardTriesUsedUp):
        await bind(cards, ming)


async def test_fifty_guesses_at_once_are_five(cards):
    ming = await cards.member()
    guesses = [bind(cards, ming, 1, CardProof(pin=f"{pin:04d}")) for pin in range(50)]
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert {type(answer) for answer in answers} == {CardProofDiffers, CardTriesUsedUp}
    assert sum(isinstance(answer, CardProofDiffers) for answer in answers) == 5


async def test_a_card_that_was_bound_does_not_use_up_tries(cards):
    ming = await cards.member()
    for body in range(10, 18):
        await bind(cards, ming, body)
    assert await Card.filter(member_id=ming.member_id).count() == 9


# --- races


async def test_fifty_identical_binds_bind_once_and_answer_alike(cards):
    ming = await cards.member()
    answers = await asyncio.gather(*(bind(cards, ming, request_id="tap") for _ in range(50)))
    assert len({answer.value.card.id for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert await Card.filter(kind__code="old", status=CardStatus.BOUND).count() == 1


async def test_fifty_members_binding_fifty_cards_all_succeed(cards):
    members = [await cards.member(f"o-{each}") for each in range(50)]
    binds = [bind(cards, member, 10 + each) for each, member in enumerate(members)]
    answers = await asyncio.gather(*binds)
    assert {answer.value.card.status for answer in answers} == {CardStatus.BOUND}
    owners = await Card.filter(kind__code="old", status=CardStatus.BOUND).values_list("member_id", flat=True)
    assert sorted(owners) == sorted(member.member_id for member in members)


async def race_for_one_card(cards) -> list[object]:
    members = [await cards.member(f"o-{each}") for each in range(4)]
    return await asyncio.gather(*(bind(cards, member) for member in members), return_exceptions=True)


async def test_four_members_binding_one_card_are_one_holder(cards):
    answers = await race_for_one_card(cards)
    assert sorted(type(answer).__name__ for answer in answers) == ["Answer", "_Held", "_Held", "_Held"]
    assert all(isinstance(answer, CardHeld) for answer in answers if isinstance(answer, DomainError))


async def test_negative_control_without_the_guard_the_race_is_seen(cards, monkeypatch):
    guard = "status = 'unbound' AND (bindable_from IS NULL OR bindable_from <= $3)"
    for name in ("BIND", "BIND_AND_GIVE_BACK"):
        assert guard in getattr(statements, name)
        monkeypatch.setattr(statements, name, getattr(statements, name).replace(guard, "status <> 'replaced'"))
    answers = await race_for_one_card(cards)
    assert sum(type(answer).__name__ == "Answer" for answer in answers) > 1


async def test_two_cards_of_one_kind_at_once_leave_one_primary(cards):
    ming = await cards.member()
    await asyncio.gather(*(bind(cards, ming, body) for body in range(10, 14)))
    primary = await Card.filter(member_id=ming.member_id, kind__code="old", is_primary=True).count()
    assert primary == 1


# --- tickets


async def ticket_of(cards, person) -> str:
    begun = await cards.handlers.card_binding.begin(person, kind="old", number=number())
    return begun.link.path.partition("ticket=")[2]


async def test_a_ticket_goes_on_with_a_proof_and_is_used_once(cards):
    ming = await cards.member()
    ticket = await ticket_of(cards, ming)
    go_on = cards.handlers.card_binding.bind_by_ticket
    with pytest.raises(CardProofMissing) as missing:
        await go_on(ming, ticket=ticket, proof=CardProof())
    assert missing.value.facts == {"kind": "old", "kind_name": "老会员卡", "last4": number()[-4:]}
    with pytest.raises(CardProofDiffers):
        await go_on(ming, ticket=ticket, proof=CardProof(pin="0000"))
    bound = await go_on(ming, ticket=ticket, proof=PIN, request_id="tap")
    assert bound.value.card.kind == "old"
    assert (await go_on(ming, ticket=ticket, proof=PIN, request_id="tap")).replayed
    with pytest.raises(TicketUsed):
        await go_on(ming, ticket=ticket, proof=PIN)


async def test_tickets_that_are_forwarded_forged_or_late_open_nothing(cards):
    ming, hong = await cards.member(), await cards.member("o-hong")
    ticket, go_on = await ticket_of(cards, ming), cards.handlers.card_binding.bind_by_ticket
    with pytest.raises(TicketNotYours):
        await go_on(hong, ticket=ticket, proof=PIN)
    with pytest.raises(TicketInvalid):
        await go_on(ming, ticket="x" * len(ticket), proof=PIN)
    cards.clock.advance(timedelta(minutes=10))
    with pytest.raises(TicketExpired):
        await go_on(ming, ticket=ticket, proof=PIN)


async def test_the_ticket_row_does_not_show_the_number(cards):
    await ticket_of(cards, await cards.member())
    assert number() not in str(await rows("SELECT * FROM ticket"))


# --- unbinding and the service desk


async def test_unbinding_frees_the_card_after_seven_days(cards):
    ming, hong = await cards.member(), await cards.member("o-hong")
    card = (await bind(cards, ming)).value.card
    gone = (await cards.handlers.cards.unbind(ming, card.id)).value
    assert gone.bindable_from == cards.clock.now() + timedelta(days=7)
    with pytest.raises(CardCoolingDown):
        await bind(cards, hong)
    cards.clock.advance(timedelta(days=7))
    assert (await bind(cards, hong)).value.card.id == card.id


async def test_unbinding_the_shown_card_shows_the_next(cards):
    ming = await cards.member()
    first, second = [(await bind(cards, ming, body)).value.card for body in (10, 11)]
    await cards.handlers.cards.unbind(ming, first.id)
    assert [(card.id, card.is_primary) for card in await cards.handlers.cards.mine(ming) if card.kind == "old"] == [
        (second.id, True)
    ]


async def test_somebody_elses_card_is_as_unknown_as_none(cards):
    ming, hong = await cards.member(), await cards.member("o-hong")
    card = (await bind(cards, ming)).value.card
    for card_id in (card.id, uuid4()):
        with pytest.raises(CardUnknown):
            await cards.handlers.cards.unbind(hong, card_id)


async def test_the_card_of_membership_stays(cards):
    ming = await cards.member()
    (card,) = await cards.handlers.cards.mine(ming)
    with pytest.raises(CardNotUnbindable):
        await cards.handlers.cards.unbind(ming, card.id)


async def test_a_lost_card_is_replaced_by_one_of_a_new_number(cards, desk):
    ming = await cards.member()
    (card,) = await cards.handlers.cards.mine(ming)
    await cards.handlers.card_desk.report_lost(desk, card.id)
    with pytest.raises(CardStateWrong):
        await cards.handlers.card_desk.report_lost(desk, card.id)
    assert [each.status for each in await cards.handlers.cards.mine(ming)] == [CardStatus.LOST]
    changed = (await cards.handlers.card_desk.replace(desk, card.id)).value
    mine = {each.id: each for each in await cards.handlers.cards.mine(ming)}
    assert mine[card.id].status is CardStatus.REPLACED
    assert (mine[changed.new_card].status, mine[changed.new_card].is_primary) == (CardStatus.BOUND, True)
    hashes = await Card.filter(member_id=ming.member_id).values_list("number_hash", flat=True)
    assert len(set(hashes)) == 2
    assert sorted(await AuditEntry.all().values_list("action", flat=True)) == ["card.lost", "card.replaced"]


async def test_a_desk_of_another_city_sees_no_such_card(cards, desk):
    ming = await cards.member()
    card = (await bind(cards, ming)).value.card
    city = await Organization.create(parent=await Organization.get(parent=None), code="city", name="杭州")
    elsewhere = Operator(uuid4(), city.id, OperatorRole.SUPPORT, "wang", uuid4())
    with pytest.raises(CardUnknown):
        await cards.handlers.card_desk.report_lost(elsewhere, card.id)
    await Member.filter(id=ming.member_id).update(organization_id=city.id)
    assert (await cards.handlers.card_desk.report_lost(elsewhere, card.id)).value.status is CardStatus.LOST
