"""Lists give top-ups: to the number of the row or the member's own, which stands nowhere in the clear meanwhile."""

import pytest

from handlers.errors import GrantNotForOffer
from handlers.grants import granting
from handlers.grants.grant_drafts import GivenRow
from handlers.identity.numbers import number_key
from handlers.key_rotation import BOUND_NUMBER, GRANT_NUMBER, RECHARGE_TO
from handlers.rules.file_rows import RowRefused
from handlers.rules.grant_rows import By, recipient
from handlers.rules.offer_terms import Limit, Period, Wave
from models.claims import Claim
from models.fulfillments import Fulfillment
from models.grants import GrantNumber, GrantRow
from models.ids import new_id
from models.linking import BoundNumber
from models.outbox import Job
from models.words import ClaimState, GrantRowState, GrantState, Heard
from tests.handlers.charging import NUMBER, a_supplier, a_top_up
from tests.handlers.claimable import an_offer
from tests.handlers.giving import desk_of, holds
from tests.handlers.offering import key

OFTEN = (Limit(Period.EVER, 20),)
OWN, BOUND = "13712345679", "13612345679"


@pytest.fixture
async def desk(rooms):
    await a_supplier(rooms)
    return await desk_of(rooms)


def row(person, number=None, quantity=1) -> GivenRow:
    return GivenRow(member=str(person.member_id), quantity=quantity, recharge_to=number)


async def bind(rooms, person, number) -> None:
    number_id, vault = new_id(), rooms.vault
    await BoundNumber.create(
        id=number_id,
        member_id=person.member_id,
        number_hash=number_key(number, "86", vault).value_hash,
        number_cipher=vault.encrypt(number, bound_to=BOUND_NUMBER.bound_to(number_id)),
        tail=number[-4:],
        proven_at=rooms.clock.now(),
    )


def charged(rooms) -> list[str]:
    return sorted(order.recharge_to for order in rooms.supplier.orders.values())


async def test_it_goes_to_the_number_of_the_row_else_to_the_members_own_else_nowhere(rooms, desk):
    ming, hong, gang, hua, lan = await desk.people(5)
    phoned = await rooms.member("o-phone", phone=OWN)
    await bind(rooms, phoned, "13512345679")  # the verified phone goes first
    await bind(rooms, hong, BOUND)
    for number in ("13412345679", "13312345679"):
        await bind(rooms, gang, number)  # two: nobody guesses
    offer = await a_top_up(rooms, stock=9, limits=OFTEN)
    listed = (row(ming, "+86 139-1234-5670"), row(phoned), row(hong), row(gang), row(hua), row(lan, "123"))
    made = await desk.hand_in(offer, rows=listed)
    assert await desk.codes(made) == ["", "", "", *["recharge_to.missing"] * 2, "recharge_to.malformed"]
    assert made.figures.would_count == 3
    await desk.do(made)
    assert charged(rooms) == sorted([NUMBER, OWN, BOUND])
    assert await desk.codes(made) == ["", "", "", *["recharge_to.missing"] * 2, "recharge_to.malformed"]
    assert await Claim.filter(state=ClaimState.USED).count() == 3
    assert await offer.left() == 6
    await holds()


async def test_the_number_waits_encrypted_and_ends_with_the_row(rooms, desk):
    (ming,) = await desk.people(1)
    offer = await a_top_up(rooms, stock=9, limits=OFTEN)
    made = await desk.hand_in(offer, rows=(row(ming, NUMBER, 2),))
    (kept,) = await GrantNumber.all()
    assert rooms.vault.decrypt(kept.number_cipher, bound_to=GRANT_NUMBER.bound_to(kept.id)) == NUMBER
    assert (NUMBER in kept.number_cipher, kept.tail) == (False, NUMBER[-4:])
    (listing,) = (await rooms.handlers.personal_data.export(ming)).listings
    assert listing.recharge_tail == NUMBER[-4:]
    await desk.do(made)
    assert not await GrantNumber.exists()
    claims = await Claim.filter(member_id=ming.member_id)
    ciphers = [(each.recharge_to_cipher, RECHARGE_TO.bound_to(each.id)) for each in claims]
    assert [rooms.vault.decrypt(cipher, bound_to=bound) for cipher, bound in ciphers] == [NUMBER] * 2
    assert len({each.order_no for each in await Fulfillment.all()}) == 2


async def test_rejected_or_with_their_member_gone_the_numbers_are_dropped(rooms, desk):
    ming, hong = await desk.people(2)
    offer = await a_top_up(rooms, limits=OFTEN)
    first = await desk.hand_in(offer, rows=(row(ming, NUMBER),))
    await desk.hand_in(offer, rows=(row(hong, NUMBER),))
    await desk.grants.submit(desk.first, first.id, request_id=key())
    await desk.grants.reject(desk.second, first.id, request_id=key())
    assert [each.grant_row_id for each in await GrantNumber.all()] == [
        (await GrantRow.get(member_id=hong.member_id)).id
    ]
    await rooms.handlers.departures.leave(hong)
    assert not await GrantNumber.exists()


async def test_a_number_for_what_goes_to_none_is_refused(rooms, desk):
    ming, hong = await desk.people(2)
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    made = await desk.hand_in(offer, csv=f"会员,充值号码\n{ming.member_id},{NUMBER}\n{hong.member_id},\n")
    assert await desk.codes(made) == ["recharge_to.unwanted", ""]
    assert not await GrantNumber.exists()


async def test_a_batch_that_breaks_off_keeps_its_numbers_and_charges_once(rooms, desk, monkeypatch):
    people = await desk.people(5)
    offer = await a_top_up(rooms, stock=9, limits=OFTEN)
    made = await desk.hand_in(offer, rows=tuple(row(each, NUMBER) for each in people))
    monkeypatch.setattr(granting, "BATCH", 2)
    real, broken = granting.drop, []

    async def breaks_once(row_ids):
        await real(row_ids)
        if not broken:
            broken.append(await GrantNumber.all().count())
            raise ConnectionError

    monkeypatch.setattr(granting, "drop", breaks_once)
    await desk.approve(made)
    await desk.work()
    assert (broken, await GrantNumber.all().count()) == ([3], 5)  # all five are back with the transaction
    await Job.filter(kind="run_grant").update(run_at=rooms.clock.now())
    await desk.work()
    assert (await desk.grants.one(desk.first, made.id)).state is GrantState.DONE
    assert charged(rooms) == [NUMBER] * 5
    await holds()


async def test_what_fails_at_the_supplier_comes_back_and_what_is_under_way_is_taken_back_by_no_list(rooms, desk):
    ming, hong = await desk.people(2)
    offer = await a_top_up(rooms, stock=2, limits=OFTEN)
    rooms.supplier.becomes = Heard.FAILED
    await desk.do(await desk.hand_in(offer, rows=(row(ming, NUMBER),)))
    assert await offer.left() == 2
    rooms.supplier.becomes = Heard.ACCEPTED
    done = await desk.do(await desk.hand_in(offer, rows=(row(hong, NUMBER),)))
    assert done.figures.done_quantity == 1
    assert (await Claim.get(member_id=hong.member_id)).state is ClaimState.PENDING
    assert (await GrantRow.get(member_id=hong.member_id)).state is GrantRowState.DONE
    await holds()


async def test_an_offer_of_waves_alone_is_refused_because_nothing_would_bound_a_list(rooms, desk):
    people = await desk.people(2)
    waves = (Wave("00:00", 1),)
    with pytest.raises(GrantNotForOffer):
        await desk.make(await an_offer(rooms.clock.now(), waves=waves, limits=OFTEN), people)
    bounded = await an_offer(rooms.clock.now(), waves=waves, daily_stock=1, limits=OFTEN)
    done = await desk.do(await desk.make(bounded, people))
    assert await desk.codes(done) == ["", "offer.sold_out"]


def test_the_number_of_a_row_is_normalised_and_a_wrong_one_refused():
    assert recipient({By.OPENID: "o1"}, 1, "+86 139 1234 5670").recharge_to == NUMBER
    assert NUMBER not in repr(recipient({By.OPENID: "o1"}, 1, NUMBER))
    with pytest.raises(RowRefused) as refused:
        recipient({By.OPENID: "o1"}, 1, "13800138000")
    assert refused.value.code == "recharge_to.malformed"
