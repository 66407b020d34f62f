"""The service desk: cards looked at, lost, found, replaced, handed over; what two desks decide at once."""

import asyncio

import pytest

from handlers.actors import Operator
from handlers.cards.card_binding import CardProof, pin_hash
from handlers.cards.card_desk import SeenProof
from handlers.cards.card_kinds import KindDraft, add_kind
from handlers.cards.recognition import card_bound_to, number_hash
from handlers.errors import (
    CardHolderChanged,
    CardKindInactive,
    CardNotUnbindable,
    CardNumberWrong,
    CardReceiverInactive,
    CardSpareMissing,
    CardSpareUnusable,
    CardStateWrong,
    CardUnknown,
    DomainError,
    KeyReused,
    MemberUnknown,
    RoleMissing,
)
from handlers.identity.merging import absorb
from handlers.rules.numbers import check_digit
from models.cards import Card
from models.database import atomic, dialect, rows
from models.identity import Identifier, Member
from models.ids import new_id
from models.operators import AuditEntry
from models.organizations import Organization
from models.programmes import CardKind, Merchant
from models.statements import cards as statements
from models.words import CardStatus, IdentifierStatus, MemberStatus, OperatorRole
from tests.operating import city

OVER = {"proof": SeenProof.CARD, "reason": "换了主人"}


def number(body: int) -> str:
    digits = f"66{body:09d}"
    return digits + check_digit(digits)


@pytest.fixture
async def desk(rooms) -> Operator:
    root = await Organization.get(parent=None)
    return Operator(new_id(), root.id, OperatorRole.SUPPORT, "lin", new_id())


@pytest.fixture
async def north(rooms) -> Organization:
    return await city("north")


@pytest.fixture
async def northern(north) -> Operator:
    return Operator(new_id(), north.id, OperatorRole.SUPPORT, "wang", new_id())


@pytest.fixture
async def old(rooms) -> CardKind:
    """A kind of an older system, of a merchant of the root."""
    root = await Organization.get(parent=None)
    await Merchant.create(organization=root, code="books", name="江南书店")
    async with atomic():
        draft = KindDraft("old", "老会员卡", digit_count=12, prefix="66", merchant="books", is_issued=False)
        added = await add_kind(draft, rooms.clock)
    rooms.handlers.card_kinds.forget()
    return await CardKind.get(id=added.id)


async def plastic(rooms, kind: CardKind, body: int, **facts) -> Card:
    """A card of the older system, as an import leaves it."""
    card_id = new_id()
    return await Card.create(
        id=card_id,
        kind=kind,
        programme_id=kind.programme_id,
        number_hash=number_hash(rooms.vault, number(body)),
        number_cipher=rooms.vault.encrypt(number(body), bound_to=card_bound_to(card_id)),
        last4=number(body)[-4:],
        **facts,
    )


async def held(rooms, kind: CardKind, body: int, person, *, is_primary: bool = True) -> Card:
    facts = {"member_id": person.member_id, "status": CardStatus.BOUND, "bound_at": rooms.clock.now()}
    return await plastic(rooms, kind, body, is_primary=is_primary, **facts)


async def own_card(person) -> Card:
    return await Card.get(member_id=person.member_id, kind__code="member")


# --- looking


async def test_the_desk_sees_a_members_cards_and_finds_one_by_its_number_masked(rooms, desk, old):
    ming = await rooms.member()
    card = await held(rooms, old, 1, ming)
    seen = await rooms.handlers.card_desk.of_member(desk, ming.member_id)
    assert {(each.kind, each.last4, each.member_id) for each in seen} >= {("old", card.last4, ming.member_id)}
    for typed in (number(1), f" {number(1)[:4]}-{number(1)[4:]} "):
        (found,) = await rooms.handlers.card_desk.lookup(desk, number=typed)
        assert (found.id, found.last4) == (card.id, card.last4)
    assert await rooms.handlers.card_desk.lookup(desk, number=number(2)) == ()
    assert number(1) not in str(seen) + str(await AuditEntry.all().values()) + str(found)
    entries = await AuditEntry.filter(action="card.searched").order_by("id")
    assert [entry.facts for entry in entries] == [{"found": [str(card.id)]}] * 2 + [{"found": []}]


async def test_one_number_of_two_kinds_is_two_cards(rooms, desk, old):
    other = await CardKind.create(programme_id=old.programme_id, code="b", name="b", digit_count=12, is_issued=False)
    await plastic(rooms, old, 1)
    await plastic(rooms, other, 1)
    assert {each.kind for each in await rooms.handlers.card_desk.lookup(desk, number=number(1))} == {"old", "b"}


async def test_a_number_is_found_by_an_index(rooms, old):
    if dialect() == "postgres":
        async with atomic():
            await rows("SET LOCAL enable_seqscan = off")  # the tables of a test are too small to be worth an index
            plan = await rows("EXPLAIN " + statements.SEEN_BY_NUMBER.replace("$1", "'h'"))
        found = [str(each["QUERY PLAN"]) for each in plan]
        assert any("Index Cond" in line and "number_hash" in line for line in found), found
    else:
        plan = str(await rows("EXPLAIN QUERY PLAN " + statements.SEEN_BY_NUMBER, "h"))
        assert "kind_id=? AND number_hash=?" in plan


async def test_cards_of_who_was_merged_are_the_survivors_at_the_desk(rooms, desk, old):
    ming, was = await rooms.member("o-ming"), await rooms.member("o-was")
    card = await held(rooms, old, 1, was)
    await Identifier.filter(member_id=was.member_id).update(status=IdentifierStatus.REVOKED)
    async with atomic():
        await absorb(
            winner_id=ming.member_id, loser_id=was.member_id, reason="test", now=rooms.clock.now(), vault=rooms.vault
        )
    for asked in (ming, was):
        seen = await rooms.handlers.card_desk.of_member(desk, asked.member_id)
        assert (card.id, ming.member_id) in {(each.id, each.member_id) for each in seen}
    lost = (await rooms.handlers.card_desk.report_lost(desk, card.id)).value
    assert lost.member_id == ming.member_id
    with pytest.raises(MemberUnknown):
        await rooms.handlers.card_desk.of_member(desk, new_id())


async def test_what_belongs_elsewhere_is_as_unknown_as_nothing(rooms, northern, north, old):
    ming, card_desk = await rooms.member(), rooms.handlers.card_desk
    card, free = await held(rooms, old, 1, ming), await plastic(rooms, old, 2)
    with pytest.raises(MemberUnknown):
        await card_desk.of_member(northern, ming.member_id)
    assert await card_desk.lookup(northern, number=number(1)) == ()
    for card_id in (card.id, free.id, new_id()):
        for act in (card_desk.report_lost, card_desk.report_found, card_desk.replace):
            with pytest.raises(CardUnknown):
                await act(northern, card_id)
        with pytest.raises(MemberUnknown):
            await card_desk.hand_over(northern, card_id, from_member=None, to_member=ming.member_id, **OVER)
    hong = await rooms.member("o-hong")
    await Member.filter(id=hong.member_id).update(organization_id=north.id)
    for card_id in (card.id, free.id, new_id()):
        with pytest.raises(CardUnknown):
            await card_desk.hand_over(northern, card_id, from_member=None, to_member=hong.member_id, **OVER)
    assert await AuditEntry.exclude(action="card.searched").count() == 0
    # A card is where its holder is; one that nobody holds where its merchant is.
    await Member.filter(id=ming.member_id).update(organization_id=north.id)
    await Merchant.filter(code="books").update(organization_id=north.id)
    assert [each.id for each in await card_desk.lookup(northern, number=number(1))] == [card.id]
    assert [each.id for each in await card_desk.lookup(northern, number=number(2))] == [free.id]
    assert (await card_desk.report_lost(northern, free.id)).value.status is CardStatus.LOST


async def test_a_role_without_cards_has_no_desk(rooms, desk):
    ming = await rooms.member()
    finance = Operator(desk.id, desk.organization_id, OperatorRole.FINANCE, "qian", desk.session_id)
    card_desk, card = rooms.handlers.card_desk, await own_card(ming)
    over = {"from_member": None, "to_member": ming.member_id, **OVER}
    for refused in (
        card_desk.of_member(finance, ming.member_id),
        card_desk.lookup(finance, number=number(1)),
        card_desk.report_lost(finance, card.id),
        card_desk.report_found(finance, card.id),
        card_desk.replace(finance, card.id),
        card_desk.hand_over(finance, card.id, **over),
    ):
        with pytest.raises(RoleMissing):
            await refused
    assert await AuditEntry.all().count() == 0


# --- lost and found


async def test_a_lost_card_that_is_found_is_its_holders_again(rooms, desk):
    ming, card_desk = await rooms.member(), rooms.handlers.card_desk
    card = await own_card(ming)
    with pytest.raises(CardStateWrong):
        await card_desk.report_found(desk, card.id)
    await card_desk.report_lost(desk, card.id, request_id="lost")
    assert (await card_desk.report_lost(desk, card.id, request_id="lost")).replayed
    found = (await card_desk.report_found(desk, card.id)).value
    assert (found.status, found.member_id) == (CardStatus.BOUND, ming.member_id)
    await card.refresh_from_db()
    assert (card.status, card.is_primary, card.lost_at) == (CardStatus.BOUND, True, None)
    entries = await AuditEntry.all().order_by("id").values_list("action", "facts", "organization_id")
    assert [(action, facts) for action, facts, _ in entries] == [
        ("card.lost", {"before": "bound"}),
        ("card.found", {"before": "lost"}),
    ]


async def test_a_card_that_nobody_held_is_free_again_when_found(rooms, desk, old):
    card = await plastic(rooms, old, 1)
    await rooms.handlers.card_desk.report_lost(desk, card.id)
    found = (await rooms.handlers.card_desk.report_found(desk, card.id)).value
    assert (found.status, found.member_id) == (CardStatus.UNBOUND, None)


async def test_what_the_desk_does_is_recorded_where_the_holder_belongs(rooms, desk, north):
    ming = await rooms.member()
    await Member.filter(id=ming.member_id).update(organization_id=north.id)
    await rooms.handlers.card_desk.report_lost(desk, (await own_card(ming)).id)
    assert (await AuditEntry.get()).organization_id == north.id


async def test_two_cards_found_at_once_leave_one_that_is_shown(rooms, desk, old):
    ming = await rooms.member()
    cards = [await held(rooms, old, 1, ming), await held(rooms, old, 2, ming, is_primary=False)]
    for card in cards:
        await rooms.handlers.card_desk.report_lost(desk, card.id)
    await asyncio.gather(*(rooms.handlers.card_desk.report_found(desk, card.id) for card in cards))
    assert await Card.filter(kind_id=old.id, is_primary=True).count() == 1


# --- replacing


async def test_a_replacement_names_its_card_and_its_last_digits(rooms, desk):
    ming = await rooms.member()
    card = await own_card(ming)
    changed = (await rooms.handlers.card_desk.replace(desk, card.id)).value
    fresh = await Card.get(id=changed.new_card)
    assert (fresh.last4, fresh.status, fresh.is_primary) == (changed.new_last4, CardStatus.BOUND, True)
    await card.refresh_from_db()
    assert (card.status, card.replaced_by_id) == (CardStatus.REPLACED, fresh.id)
    with pytest.raises(CardStateWrong):
        await rooms.handlers.card_desk.replace(desk, card.id)


async def test_a_plastic_card_is_replaced_by_another_that_is_free(rooms, desk, old):
    ming, card_desk = await rooms.member(), rooms.handlers.card_desk
    card, spare = await held(rooms, old, 1, ming), await plastic(rooms, old, 2)
    for wrong, refusal in (
        (None, CardSpareMissing),
        ("6600", CardNumberWrong),
        (number(3), CardSpareUnusable),  # there is none
        (number(1), CardSpareUnusable),  # the card itself
    ):
        with pytest.raises(refusal):
            await card_desk.replace(desk, card.id, spare=wrong)
    changed = (await card_desk.replace(desk, card.id, spare=number(2), request_id="r")).value
    assert changed.new_card == spare.id
    assert (await card_desk.replace(desk, card.id, spare=number(2), request_id="r")).replayed
    with pytest.raises(KeyReused):
        await card_desk.replace(desk, card.id, spare=number(3), request_id="r")
    await spare.refresh_from_db()
    assert (spare.member_id, spare.status, spare.is_primary) == (ming.member_id, CardStatus.BOUND, True)
    assert number(2) not in str(await rows("SELECT * FROM request")) + str(await AuditEntry.all().values())


async def test_a_card_that_nobody_holds_is_not_replaced(rooms, desk, old):
    with pytest.raises(CardStateWrong):
        await rooms.handlers.card_desk.replace(desk, (await plastic(rooms, old, 1)).id, spare=number(2))


# --- handing over


async def test_a_card_that_changed_hands_is_the_others_and_the_record_says_what_was_shown(rooms, desk, old):
    ming, hong = await rooms.member(), await rooms.member("o-hong")
    card, next_card = await held(rooms, old, 1, ming), await held(rooms, old, 2, ming, is_primary=False)
    facts = {"from_member": ming.member_id, "to_member": hong.member_id, **OVER}
    changed = (await rooms.handlers.card_desk.hand_over(desk, card.id, **facts)).value
    assert (changed.status, changed.member_id) == (CardStatus.BOUND, hong.member_id)
    mine = {each.id: each.is_primary for each in await rooms.handlers.cards.mine(ming)}
    assert card.id not in mine
    assert mine[next_card.id]
    assert card.id in {each.id for each in await rooms.handlers.cards.mine(hong)}
    assert (await AuditEntry.get()).facts == {
        "before": "bound",
        "from_member": str(ming.member_id),
        "to_member": str(hong.member_id),
        "proof": "card",
        "reason": "换了主人",
    }
    with pytest.raises(CardHolderChanged):
        await rooms.handlers.card_desk.hand_over(desk, card.id, **facts)
    with pytest.raises(CardStateWrong):
        await rooms.handlers.card_desk.hand_over(desk, card.id, **{**facts, "from_member": hong.member_id})


async def test_who_cannot_hold_a_card_is_given_none(rooms, desk, old):
    ming, stranger, frozen = await rooms.member(), await rooms.person("o-new"), await rooms.member("o-frozen")
    await Member.filter(id=frozen.member_id).update(status=MemberStatus.FROZEN)
    card = await held(rooms, old, 1, ming)
    for receiver in (stranger, frozen):
        with pytest.raises(CardReceiverInactive):
            await rooms.handlers.card_desk.hand_over(
                desk, card.id, from_member=ming.member_id, to_member=receiver.member_id, **OVER
            )
    with pytest.raises(MemberUnknown):
        await rooms.handlers.card_desk.hand_over(desk, card.id, from_member=ming.member_id, to_member=new_id(), **OVER)
    await card.refresh_from_db()
    assert card.member_id == ming.member_id


async def test_the_card_of_membership_is_nobody_elses(rooms, desk):
    ming, hong = await rooms.member(), await rooms.member("o-hong")
    with pytest.raises(CardNotUnbindable):
        await rooms.handlers.card_desk.hand_over(
            desk, (await own_card(ming)).id, from_member=ming.member_id, to_member=hong.member_id, **OVER
        )


async def test_a_lost_and_a_free_card_are_handed_over_and_a_replaced_one_is_not(rooms, desk, old):
    ming, hong = await rooms.member(), await rooms.member("o-hong")
    lost, free, replaced = await held(rooms, old, 1, ming), await plastic(rooms, old, 2), await plastic(rooms, old, 3)
    await rooms.handlers.card_desk.report_lost(desk, lost.id)
    await Card.filter(id=replaced.id).update(status=CardStatus.REPLACED)
    for card, whose in ((lost, ming.member_id), (free, None)):
        await rooms.handlers.card_desk.hand_over(desk, card.id, from_member=whose, to_member=hong.member_id, **OVER)
    with pytest.raises(CardStateWrong):
        await rooms.handlers.card_desk.hand_over(desk, replaced.id, from_member=None, to_member=hong.member_id, **OVER)
    assert await Card.filter(member_id=hong.member_id, kind_id=old.id, is_primary=True).count() == 1


async def test_of_a_kind_that_was_switched_off_nothing_is_replaced_bound_or_handed_over(rooms, desk, old):
    ming, hong = await rooms.member(), await rooms.member("o-hong")
    card, own = await held(rooms, old, 1, ming), await own_card(ming)
    await CardKind.all().update(is_active=False)
    with pytest.raises(CardKindInactive):
        await rooms.handlers.card_desk.replace(desk, own.id)
    with pytest.raises(CardKindInactive):
        await rooms.handlers.card_desk.hand_over(
            desk, card.id, from_member=ming.member_id, to_member=hong.member_id, **OVER
        )
    assert (await rooms.handlers.card_desk.report_lost(desk, card.id)).value.status is CardStatus.LOST


# --- at once


async def hand_over_twice(rooms, desk, card, ming) -> list[object]:
    others = [await rooms.member(f"o-other-{each}") for each in range(2)]
    acts = (
        rooms.handlers.card_desk.hand_over(desk, card.id, from_member=ming.member_id, to_member=other.member_id, **OVER)
        for other in others
    )
    return await asyncio.gather(*acts, return_exceptions=True)


async def test_two_desks_that_hand_over_one_card_at_once_give_it_to_one(rooms, desk, old):
    ming = await rooms.member()
    card = await held(rooms, old, 1, ming)
    answers = await hand_over_twice(rooms, desk, card, ming)
    assert sorted(type(answer).__name__ for answer in answers) == ["Answer", "CardHolderChanged"]
    (won,) = [answer.value.member_id for answer in answers if not isinstance(answer, DomainError)]
    await card.refresh_from_db()
    assert card.member_id == won
    assert await AuditEntry.filter(action="card.handed_over").count() == 1


async def test_negative_control_without_the_holder_that_was_seen_both_hand_it_over(rooms, desk, old, monkeypatch):
    ming = await rooms.member()
    card = await held(rooms, old, 1, ming)
    monkeypatch.setattr("handlers.cards.card_desk.holder", lambda _: ming.member_id)
    answers = await hand_over_twice(rooms, desk, card, ming)
    assert [type(answer).__name__ for answer in answers] == ["Answer", "Answer"]


async def lose_and_replace(rooms, desk) -> tuple[list[object], Card, int]:
    ming = await rooms.member()
    card, card_desk = await own_card(ming), rooms.handlers.card_desk
    lost = [card_desk.report_lost(desk, card.id) for _ in range(4)]
    acts = [card_desk.replace(desk, card.id), card_desk.replace(desk, card.id), *lost]
    answers = await asyncio.gather(*acts, return_exceptions=True)
    await card.refresh_from_db()
    return answers, card, await Card.filter(member_id=ming.member_id, status=CardStatus.BOUND).count()


def lost_times(answers: list[object]) -> int:
    return sum(not isinstance(each, DomainError) and each.value.status is CardStatus.LOST for each in answers)


async def test_losing_and_replacing_at_once_is_one_replacement(rooms, desk):
    answers, card, bound = await lose_and_replace(rooms, desk)
    replaced = [each.value for each in answers if not isinstance(each, DomainError) and each.value.new_card]
    assert len(replaced) == 1
    assert (card.status, card.replaced_by_id, bound) == (CardStatus.REPLACED, replaced[0].new_card, 1)
    assert {type(answer) for answer in answers if isinstance(answer, Exception)} == {CardStateWrong}
    assert lost_times(answers) <= 1


async def test_negative_control_without_the_state_it_may_come_from_it_is_lost_again_and_again(rooms, desk, monkeypatch):
    guard = "AND status IN ('unbound', 'bound')"
    assert guard in statements.LOSE
    monkeypatch.setattr(statements, "LOSE", statements.LOSE.replace(guard, ""))
    answers, card, _ = await lose_and_replace(rooms, desk)
    # Whichever comes first: a replaced card is lost, or a lost one is lost once more.
    assert lost_times(answers) > 1 or card.status is CardStatus.LOST


async def test_binding_and_reporting_lost_at_once_never_leaves_a_lost_card_bound(rooms, desk, old):
    ming = await rooms.member()
    card = await plastic(rooms, old, 1, pin_hash=pin_hash(rooms.vault, number(1), "4321"))
    await asyncio.gather(
        rooms.handlers.card_binding.bind(ming, kind="old", number=number(1), proof=CardProof(pin="4321")),
        rooms.handlers.card_desk.report_lost(desk, card.id),
        return_exceptions=True,
    )
    await card.refresh_from_db()
    assert (card.status, card.is_primary) == (CardStatus.LOST, False)
