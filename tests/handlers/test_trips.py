"""How often hot acts go to the database: no machine's speed changes these numbers, and they must not creep up."""

import asyncio
from uuid import uuid4

import pytest

from handlers.actors import Operator
from handlers.cards.card_binding import CardProof, pin_hash
from handlers.cards.card_kinds import KindDraft, add_kind
from handlers.cards.recognition import card_bound_to, number_hash
from handlers.errors import CardProofDiffers
from handlers.identity.proofs import Proof
from handlers.merchant_terms import terms_of
from handlers.rules.numbers import check_digit
from models.cards import Card
from models.database import atomic, dialect, rows
from models.ids import new_id
from models.organizations import Organization
from models.words import CardStatus, Namespace, OperatorRole, Touchpoint
from tests.handlers.counter import open_counter
from tests.handlers.tilling import a_till
from tests.handlers.trips import counting_trips

PHONE = "13907104482"


@pytest.fixture
async def cards(rooms):
    """A legacy kind with cards of one PIN, and everybody's kinds read already."""
    async with atomic():
        await add_kind(KindDraft("old", "老会员卡", digit_count=12, prefix="66", is_issued=False), rooms.clock)
    rooms.handlers.card_kinds.forget()
    kind = await rooms.handlers.card_kinds.get("old")
    for body in range(1, 5):
        card_id, number = new_id(), numbered(body)
        await Card.create(
            id=card_id,
            kind_id=kind.id,
            programme_id=kind.programme_id,
            number_hash=number_hash(rooms.vault, number),
            number_cipher=rooms.vault.encrypt(number, bound_to=card_bound_to(card_id)),
            last4=number[-4:],
            pin_hash=pin_hash(rooms.vault, number, "4321"),
        )
    return rooms


def numbered(body: int) -> str:
    digits = f"66{body:09d}"
    return digits + check_digit(digits)


async def bind(rooms, person, body: int):
    return await rooms.handlers.card_binding.bind(
        person, kind="old", number=numbered(body), proof=CardProof(pin="4321"), request_id=f"bind-{body}"
    )


async def test_everything_that_goes_to_the_database_is_counted(rooms):
    with counting_trips() as trips:
        await rows("SELECT 1 AS one")
        assert trips.count == 1
        async with atomic():
            await rows("SELECT 1 AS one")
        assert trips.count == 4
        await Organization.get(parent=None)
    assert trips.count == 5


async def test_binding_a_card_takes_eleven_trips_on_postgres(cards):
    ming = await cards.member()
    await cards.handlers.card_kinds.all()
    with counting_trips() as trips:
        answer = await bind(cards, ming, 1)
    assert answer.value.card.status is CardStatus.BOUND
    assert [each.kind for each in answer.value.also] == ["member"]
    # Known already? Which card? The try. Then begin, ask, who, win, whose city, what is theirs, give, commit.
    assert trips.count <= {"postgres": 11, "sqlite": 16}[dialect()]


async def test_a_wrong_proof_takes_no_more_trips_than_a_right_one(cards):
    ming = await cards.member()
    await cards.handlers.card_kinds.all()
    with counting_trips() as trips, pytest.raises(CardProofDiffers):
        await cards.handlers.card_binding.bind(
            ming, kind="old", number=numbered(1), proof=CardProof(pin="1111"), request_id="wrong"
        )
    assert trips.count <= {"postgres": 8, "sqlite": 11}[dialect()]


@pytest.mark.parametrize("namespace", [Namespace.WX_OPENID, Namespace.WX_UNIONID, Namespace.PHONE])
async def test_whom_an_identifier_means_is_one_trip(rooms, namespace):
    ming = await rooms.member("o-ming", "u-ming", PHONE)
    facts = await rooms.handlers.accounts.get("mp")
    proof = {
        Namespace.WX_OPENID: Proof(Namespace.WX_OPENID, facts.app.app_id, "o-ming", "test"),
        Namespace.WX_UNIONID: Proof(Namespace.WX_UNIONID, facts.open_platform, "u-ming", "test"),
        Namespace.PHONE: Proof(Namespace.PHONE, "86", PHONE, "test"),
    }[namespace]
    with counting_trips() as trips:
        found = await rooms.handlers.identity.recognise("mp", [proof], through=Touchpoint.MINI_PROGRAM)
    assert found.member_id == ming.member_id
    assert trips.count == 1


async def test_of_many_who_are_looked_up_at_once_most_travel_together(rooms):
    await rooms.member("o-ming")
    facts = await rooms.handlers.accounts.get("mp")
    with counting_trips() as trips:
        await asyncio.gather(
            *(
                rooms.handlers.identity.find("mp", facts.app.app_id, f"o-{number}", through=Touchpoint.CHAT)
                for number in range(64)
            )
        )
    assert trips.count <= 3


async def test_an_operators_search_takes_a_bounded_number_of_trips(rooms):
    ming = await rooms.member(phone=PHONE)
    root = await Organization.get(parent=None)
    desk = Operator(uuid4(), root.id, OperatorRole.SUPPORT, "lin", uuid4())
    for shown in ({"phone": PHONE}, {"number": ming.number}):
        with counting_trips() as trips:
            found = await rooms.handlers.operator_members.search(desk, **shown)
        assert [member.id for member in found] == [ming.member_id]
        assert trips.count <= 17


async def test_a_redemption_takes_seven_trips(rooms):
    counter, ming = await open_counter(rooms), await rooms.member("o-ming")
    claim = await counter.claim(ming)
    with counting_trips() as trips:
        await counter.redeem(counter.typed(claim))
    # Begin; known already, who serves and where; which claim, wrong codes, terms; all that is written, commit.
    assert trips.count <= 7


async def test_a_purchase_takes_fourteen_trips(far):
    till, ming = await a_till(far), await far.member("o-ming", phone="13912345670")
    await till.earning()
    await till.rule()
    await till.sell("first", ming)
    with counting_trips() as trips:
        await till.sell("second", ming)
    assert trips.count <= 14


async def test_terms_of_many_merchants_are_one_trip(rooms):
    with counting_trips() as trips:
        found = await terms_of({new_id(): [new_id()] for _ in range(20)})
    assert (trips.count, set(found.values())) == (1, {()})
