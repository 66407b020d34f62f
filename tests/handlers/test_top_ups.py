"""直充: one number for one order whatever happens, one effect whoever hears of it, nothing lost when it fails."""

import asyncio
from datetime import timedelta

import orjson
import pytest

from handlers.actors import Person
from handlers.claims.claim_expiry import end
from handlers.claims.issuing import Wanted, issue
from handlers.claims.wallet import Section
from handlers.errors import (
    DepartureHindered,
    KeyReused,
    NoticeForged,
    NoticeUnreadable,
    OfferLimitReached,
    OfferPaused,
    RechargeToInvalid,
    RechargeToMissing,
    RechargeToUnwanted,
)
from handlers.fulfillment import settling
from handlers.fulfillment.settling import CONTRADICTED
from handlers.key_rotation import RECHARGE_TO
from handlers.offers.offers import published
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.fulfillment_states import pause_after
from handlers.rules.offer_terms import Limit, Period
from models.claims import Claim, ClaimEvent, ClaimSlot
from models.database import atomic, dialect, rows
from models.fulfillments import Fulfillment, FulfillmentAttempt, Supplier
from models.identity import Member
from models.outbox import Job
from models.words import ClaimSource, ClaimState, FulfillmentState, Heard, MemberStatus
from tests.handlers.charging import NUMBER, a_supplier, a_top_up, holds, order_of
from tests.handlers.claimable import an_offer


@pytest.fixture
async def supplier(rooms) -> Supplier:
    return await a_supplier(rooms)


async def claimed(rooms, person: Person, offer, key: str = "k", number: str = NUMBER):
    answer = await rooms.handlers.claiming.claim(person, offer_id=offer.id, recharge_to=number, request_id=key)
    return answer.value.claims[0]


async def placed(rooms, claim) -> Fulfillment:
    """The order, as the job after the commit leaves it."""
    order = await order_of(claim.id)
    await rooms.handlers.top_up_orders.look(order.id)
    return await order_of(claim.id)


async def notice(rooms, order: Fulfillment, word: str, *, code: str = "easycharge", amount: int = 1_000):
    said = {"order_no": order.order_no, "status": word, "face_value_fen": amount}
    return await rooms.handlers.top_up_orders.hear(code, {}, orjson.dumps(said))


async def state_of(claim) -> ClaimState:
    return (await Claim.get(id=claim.id)).state


async def said(kind: str) -> int:
    return await Job.filter(kind=kind).count()


# --- claiming


@pytest.mark.usefixtures("supplier")
async def test_a_claim_is_written_with_its_order_its_number_and_its_job(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms, stock=3)
    claim = await claimed(rooms, person, offer, number="+86 139-1234-5670")
    assert (claim.state, claim.expires_at) == (ClaimState.PENDING, None)
    order, stored = await order_of(claim.id), await Claim.get(id=claim.id)
    assert (order.state, order.ordinal, order.look_count) == (FulfillmentState.WAITING, 1, 0)
    assert (order.order_no, order.product, order.face_value_fen) == (order.id.hex, "MOBILE-10", 1_000)
    assert rooms.vault.decrypt(stored.recharge_to_cipher, bound_to=RECHARGE_TO.bound_to(claim.id)) == NUMBER
    assert stored.recharge_to_tail == NUMBER[-4:]
    job = await Job.get(kind="place_top_up")
    assert (job.key, job.payload) == (f"top_up:{order.id}", {"fulfillment_id": str(order.id)})
    await holds()


@pytest.mark.usefixtures("supplier")
async def test_the_number_stands_nowhere_in_the_clear(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms)
    claim = await claimed(rooms, person, offer)
    await placed(rooms, claim)
    tables = await rows(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if dialect() == "sqlite"
        else "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    for table in tables:
        assert NUMBER not in repr([dict(each) for each in await rows(f'SELECT * FROM "{table["name"]}"')]), table
    assert NUMBER not in repr(claim)


@pytest.mark.usefixtures("supplier")
async def test_the_number_is_part_of_what_was_asked(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms)
    first = await claimed(rooms, person, offer)
    assert await claimed(rooms, person, offer) == first
    with pytest.raises(KeyReused):
        await claimed(rooms, person, offer, number="13912345671")


@pytest.mark.usefixtures("supplier")
@pytest.mark.parametrize(
    ("number", "refusal"),
    [
        (None, RechargeToMissing),
        ("1391234567", RechargeToInvalid),
        ("139123456789", RechargeToInvalid),
        ("12912345670", RechargeToInvalid),
        ("13800138000", RechargeToInvalid),
        ("+852 6123 4567", RechargeToInvalid),
    ],
)
async def test_without_a_real_number_nothing_is_claimed(rooms, number, refusal):
    person, offer = await rooms.member(), await a_top_up(rooms, stock=1)
    with pytest.raises(refusal):
        await rooms.handlers.claiming.claim(person, offer_id=offer.id, recharge_to=number, request_id="k")
    assert (await Claim.exists(), await offer.left()) == (False, 1)


async def test_a_number_for_what_goes_to_none_is_refused(rooms):
    person, offer = await rooms.member(), await an_offer(rooms.clock.now())
    with pytest.raises(RechargeToUnwanted):
        await claimed(rooms, person, offer)


@pytest.mark.usefixtures("supplier")
async def test_many_at_once_get_an_order_each(rooms):
    people, offer = [await rooms.member(f"o-{number}") for number in range(20)], await a_top_up(rooms, stock=12)
    answers = await asyncio.gather(
        *(claimed(rooms, person, offer, number=f"139123400{n:02}") for n, person in enumerate(people)),
        return_exceptions=True,
    )
    assert sum(not isinstance(answer, Exception) for answer in answers) == 12
    assert (await Fulfillment.all().count(), await said("place_top_up")) == (12, 12)
    assert len({order.order_no for order in await Fulfillment.all()}) == 12
    await holds()


# --- the way of an order


@pytest.mark.usefixtures("supplier")
async def test_what_is_done_is_used_and_told_once(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms, stock=1)
    claim = await claimed(rooms, person, offer)
    order = await placed(rooms, claim)
    assert (order.state, await state_of(claim)) == (FulfillmentState.DONE, ClaimState.USED)
    assert rooms.supplier.orders[order.order_no].recharge_to == NUMBER
    events = await ClaimEvent.filter(claim_id=claim.id).order_by("id").values_list("from_state", "to_state")
    assert list(events) == [("", "pending"), ("pending", "issued"), ("issued", "used")]
    await rooms.handlers.top_up_orders.look(order.id)
    assert await notice(rooms, order, "done")
    assert (await said("say_topped_up"), await offer.left(), len(rooms.supplier.calls)) == (1, 0, 1)
    await holds()


@pytest.mark.usefixtures("supplier")
async def test_a_time_out_after_the_work_is_asked_about_and_never_sent_again(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms)
    rooms.supplier.does_silently = True
    claim = await claimed(rooms, person, offer)
    order = await placed(rooms, claim)
    assert (order.state, await state_of(claim)) == (FulfillmentState.SENT, ClaimState.PENDING)
    rooms.clock.advance(pause_after(1))
    assert await rooms.handlers.top_up_orders.poll() == 1
    after = await order_of(claim.id)
    assert (after.state, after.order_no, after.id) == (FulfillmentState.DONE, order.order_no, order.id)
    assert rooms.supplier.calls == [("order", order.order_no), ("query", order.order_no)]
    assert (await state_of(claim), await said("say_topped_up")) == (ClaimState.USED, 1)
    await holds()


@pytest.mark.usefixtures("supplier")
async def test_what_never_arrived_is_sent_again_under_the_same_number(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms)
    rooms.supplier.is_deaf = True
    claim = await claimed(rooms, person, offer)
    order = await placed(rooms, claim)
    rooms.clock.advance(pause_after(1))
    await rooms.handlers.top_up_orders.poll()  # still no answer: nothing is known, so nothing is sent
    rooms.supplier.is_deaf = False
    rooms.clock.advance(pause_after(2))
    await rooms.handlers.top_up_orders.poll()
    assert [what for what, _ in rooms.supplier.calls] == ["order", "query", "query", "order"]
    assert {number for _, number in rooms.supplier.calls} == {order.order_no}
    assert await state_of(claim) is ClaimState.USED
    results = await FulfillmentAttempt.filter(fulfillment_id=order.id).order_by("id").values_list("act", "result")
    assert [(str(act), result) for act, result in results] == [
        ("order", "begun"),
        ("order", "unknown"),
        ("query", "unknown"),
        ("query", "absent"),
        ("order", "begun"),
        ("order", "done"),
    ]


@pytest.mark.usefixtures("supplier")
async def test_what_failed_gives_unit_and_slot_back_and_can_be_had_again(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms, stock=2)
    rooms.supplier.becomes, rooms.supplier.reason = Heard.FAILED, "out_of_stock"
    claim = await claimed(rooms, person, offer)
    with pytest.raises(OfferLimitReached):
        await claimed(rooms, person, offer, "again")
    order = await placed(rooms, claim)
    assert (order.state, await state_of(claim)) == (FulfillmentState.FAILED, ClaimState.REVOKED)
    assert (await offer.left(), await ClaimSlot.exists(), await said("say_top_up_failed")) == (2, False, 1)
    last = await ClaimEvent.filter(claim_id=claim.id).order_by("-id").first()
    assert last.reason == "top_up_failed"
    await holds()
    rooms.supplier.becomes = Heard.DONE
    second = await claimed(rooms, person, offer, "again")
    assert (await placed(rooms, second)).order_no != order.order_no
    assert await state_of(second) is ClaimState.USED
    await holds()


@pytest.mark.usefixtures("supplier")
async def test_what_the_first_supplier_refuses_the_second_does_under_a_number_of_its_own(rooms):
    await a_supplier(rooms, "second")
    person, offer = await rooms.member(), await a_top_up(rooms, fallback="second", stock=1)
    rooms.supplier.becomes = Heard.FAILED
    claim = await claimed(rooms, person, offer)
    await placed(rooms, claim)
    first, second = await Fulfillment.filter(claim_id=claim.id).order_by("ordinal")
    assert (first.state, second.state, second.product) == ("replaced", "waiting", "TEN")
    assert (await state_of(claim), await offer.left(), await said("say_top_up_failed")) == (ClaimState.PENDING, 0, 0)
    await holds()
    await placed(rooms, claim)  # the second refuses as well, and there is no third
    assert [each.state for each in await Fulfillment.all().order_by("ordinal")] == ["replaced", "failed"]
    assert (await state_of(claim), await offer.left(), await said("say_top_up_failed")) == (ClaimState.REVOKED, 1, 1)
    await holds()


async def test_a_paused_second_supplier_is_not_asked(rooms, supplier):
    await a_supplier(rooms, "second", is_paused=True)
    person, offer = await rooms.member(), await a_top_up(rooms, fallback="second")
    rooms.supplier.becomes = Heard.FAILED
    assert (await placed(rooms, await claimed(rooms, person, offer))).state is FulfillmentState.FAILED


@pytest.mark.usefixtures("supplier")
async def test_another_amount_or_number_settles_nothing(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms)
    rooms.supplier.does_silently = True
    claim = await claimed(rooms, person, offer)
    order = await placed(rooms, claim)
    for wrong in ({"amount": 999}, {"code": "nobody"}):
        with pytest.raises((NoticeUnreadable, NoticeForged)):
            await notice(rooms, order, "done", **wrong)
    await a_supplier(rooms, "other")
    with pytest.raises(NoticeUnreadable):  # signed by another supplier than the one that has the order
        await notice(rooms, order, "done", code="other")
    assert await state_of(claim) is ClaimState.PENDING


@pytest.mark.usefixtures("supplier")
async def test_a_supplier_that_takes_its_word_back_is_noted_once_and_changes_nothing(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms, stock=1)
    claim = await claimed(rooms, person, offer)
    order = await placed(rooms, claim)
    for _ in range(3):
        await notice(rooms, order, "failed")
    assert (await state_of(claim), await offer.left()) == (ClaimState.USED, 0)
    assert await FulfillmentAttempt.filter(result=CONTRADICTED).count() == 1
    await holds()


# --- the same heard by many at once


async def race(rooms, order: Fulfillment) -> None:
    """Fifty notices, and the poll among them."""
    rooms.clock.advance(pause_after(1))
    notices = [notice(rooms, order, "done") for _ in range(50)]
    await asyncio.gather(*notices[:25], rooms.handlers.top_up_orders.poll(), *notices[25:])


@pytest.mark.usefixtures("supplier")
async def test_fifty_notices_and_a_poll_at_once_have_one_effect(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms, stock=1)
    rooms.supplier.does_silently = True
    claim = await claimed(rooms, person, offer)
    await race(rooms, await placed(rooms, claim))
    assert await ClaimEvent.filter(claim_id=claim.id).count() == 3
    assert await FulfillmentAttempt.filter(has_moved=True).count() == 1
    assert (await state_of(claim), await said("say_topped_up")) == (ClaimState.USED, 1)
    await holds()


@pytest.mark.usefixtures("supplier")
async def test_without_the_guard_the_same_race_has_more_than_one(rooms, monkeypatch):
    """The negative control: everybody believes the state that was read before, and that theirs is the edge."""
    person, offer = await rooms.member(), await a_top_up(rooms, stock=1)
    rooms.supplier.does_silently = True
    order = await placed(rooms, await claimed(rooms, person, offer))
    seen = (await rows(settling.statements.LOCKED, order.order_no))[0]

    async def as_it_was_read(*_):
        return seen

    async def unguarded(*_, **__) -> bool:
        return True

    monkeypatch.setattr(settling, "row", as_it_was_read)
    monkeypatch.setattr(settling, "move", unguarded)
    await race(rooms, order)
    assert await FulfillmentAttempt.filter(has_moved=True).count() > 1


@pytest.mark.usefixtures("supplier")
async def test_two_who_look_at_once_send_once(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms)
    order = await order_of((await claimed(rooms, person, offer)).id)
    orders = rooms.handlers.top_up_orders
    await asyncio.gather(*(orders.look(order.id) for _ in range(10)), orders.poll())
    assert rooms.supplier.calls == [("order", order.order_no)]


# --- dying in between


class Killed(BaseException):
    """As `kill -9`: nothing after it runs."""


@pytest.mark.usefixtures("supplier")
@pytest.mark.parametrize("arrived", [True, False])
async def test_whoever_dies_between_sending_and_recording_is_followed_by_a_question(rooms, arrived):
    person, offer = await rooms.member(), await a_top_up(rooms)
    claim = await claimed(rooms, person, offer)
    order = await order_of(claim.id)
    honest = rooms.supplier.order

    async def dies(access, said):
        if arrived:
            await honest(access, said)
        raise Killed

    rooms.supplier.order = dies
    with pytest.raises(Killed):
        await rooms.handlers.top_up_orders.look(order.id)
    assert (await order_of(claim.id)).state is FulfillmentState.SENT  # it may have happened
    rooms.supplier.order = honest
    rooms.supplier.calls.clear()
    rooms.clock.advance(pause_after(1))
    await rooms.handlers.top_up_orders.poll()
    assert rooms.supplier.calls[0] == ("query", order.order_no)
    assert len(rooms.supplier.orders) == 1
    assert await state_of(claim) is ClaimState.USED
    await holds()


# --- switched off


async def test_a_paused_supplier_gets_nothing_new_and_is_asked_about_what_it_has(rooms, supplier):
    ming, hong = await rooms.member("o-1"), await rooms.member("o-2")
    offer = await a_top_up(rooms)
    rooms.supplier.does_silently = True
    under_way, waiting = await claimed(rooms, ming, offer), await claimed(rooms, hong, offer, number="13912345671")
    await placed(rooms, under_way)
    await Supplier.filter(id=supplier.id).update(is_paused=True)
    with pytest.raises(OfferPaused):
        await claimed(rooms, await rooms.member("o-3"), offer)
    rooms.clock.advance(timedelta(minutes=1))
    await rooms.handlers.top_up_orders.poll()
    assert (await state_of(under_way), await state_of(waiting)) == (ClaimState.USED, ClaimState.PENDING)
    assert [what for what, _ in rooms.supplier.calls] == ["order", "query"]
    await Supplier.filter(id=supplier.id).update(is_paused=False)
    rooms.clock.advance(timedelta(minutes=1))
    await rooms.handlers.top_up_orders.poll()
    assert [what for what, _ in rooms.supplier.calls] == ["order", "query", "order"]


async def test_what_a_paused_supplier_never_had_is_not_sent_again(rooms, supplier):
    person, offer = await rooms.member(), await a_top_up(rooms)
    rooms.supplier.is_deaf = True
    await placed(rooms, await claimed(rooms, person, offer))
    rooms.supplier.is_deaf = False
    await Supplier.filter(id=supplier.id).update(is_paused=True)
    rooms.clock.advance(timedelta(minutes=1))
    await rooms.handlers.top_up_orders.poll()
    assert [what for what, _ in rooms.supplier.calls] == ["order", "query"]


# --- the member


@pytest.mark.usefixtures("supplier")
async def test_progress_is_seen_in_the_wallet(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms)
    rooms.supplier.does_silently = True
    claim, wallet = await claimed(rooms, person, offer), rooms.handlers.wallet
    assert (await wallet.claim(person, claim.id)).top_up.state is FulfillmentState.WAITING
    await placed(rooms, claim)
    seen = (await wallet.claim(person, claim.id)).top_up
    assert (seen.state, seen.recharge_tail, seen.sent_at) == ("sent", NUMBER[-4:], rooms.clock.now())
    rooms.clock.advance(timedelta(days=400))  # no time runs out over what others do
    sections = await wallet.sections(person, limit=5)
    (item,) = sections[Section.HELD].items
    assert (item.state, item.recharge_tail) == (ClaimState.PENDING, NUMBER[-4:])
    await rooms.handlers.top_up_orders.poll()
    assert (await wallet.claim(person, claim.id)).top_up.closed_at == rooms.clock.now()
    assert (await wallet.sections(person, limit=5))[Section.USED].count == 1


@pytest.mark.usefixtures("supplier")
async def test_the_export_tells_which_numbers_were_charged(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms)
    await claimed(rooms, person, offer)
    (charged,) = (await rooms.handlers.personal_data.export(person)).top_ups
    assert (charged.benefit, charged.number, charged.state) == ("话费10元", NUMBER, ClaimState.PENDING)


@pytest.mark.usefixtures("supplier")
async def test_whoever_ends_claims_takes_back_what_was_not_sent_and_leaves_what_was(rooms):
    offer = await a_top_up(rooms, limits=(Limit(Period.EVER, 9),), stock=2, returns_to_stock=True)
    person = await rooms.member()
    sent, waiting = await claimed(rooms, person, offer, "1"), await claimed(rooms, person, offer, "2")
    rooms.supplier.is_deaf = True
    await placed(rooms, sent)
    async with atomic():
        held = await Claim.all().values("id", "state", "offer_id", "offer_version")
        ended = await end(held, ClaimState.REVOKED, reason="operator", at=rooms.clock.now())
    assert ended == (1, 1)
    assert (await state_of(sent), await state_of(waiting)) == (ClaimState.PENDING, ClaimState.REVOKED)
    assert (await order_of(waiting.id)).state is FulfillmentState.CANCELLED
    await holds()


@pytest.mark.usefixtures("supplier")
async def test_nobody_is_given_a_top_up_without_a_number(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms)
    seen = (await published([offer.id]))[offer.id]
    wanted = [Wanted(person.member_id, ClaimSource.GRANT, person)]
    with pytest.raises(RechargeToMissing):
        async with atomic():
            await issue(seen, wanted, at=rooms.clock.now(), zone=BUSINESS_ZONE, vault=rooms.vault)


@pytest.mark.usefixtures("supplier")
async def test_who_leaves_withdraws_what_was_not_sent(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms, stock=1, returns_to_stock=True)
    claim = await claimed(rooms, person, offer)
    await rooms.handlers.departures.leave(person)
    order = await placed(rooms, claim)  # the job finds nothing to do
    assert (order.state, await state_of(claim)) == (FulfillmentState.CANCELLED, ClaimState.REVOKED)
    assert (rooms.supplier.calls, await offer.left()) == ([], 1)
    assert (await Claim.get(id=claim.id)).recharge_to_cipher == ""
    await holds()


@pytest.mark.usefixtures("supplier")
async def test_who_leaves_waits_for_what_is_under_way(rooms):
    person, offer = await rooms.member(), await a_top_up(rooms, limits=(Limit(Period.EVER, 9),))
    rooms.supplier.does_silently = True
    sent, waiting = await claimed(rooms, person, offer, "1"), await claimed(rooms, person, offer, "2")
    await placed(rooms, sent)
    with pytest.raises(DepartureHindered) as hindered:
        await rooms.handlers.departures.leave(person)
    assert hindered.value.facts["reasons"] == ["top_up.under_way"]
    assert (await order_of(waiting.id)).state is FulfillmentState.WAITING  # they are still here, and so is it
    rooms.clock.advance(timedelta(minutes=1))
    rooms.supplier.does_silently = False
    await rooms.handlers.top_up_orders.poll()
    await rooms.handlers.departures.leave(person)
    assert (await Member.get(id=person.member_id)).status is MemberStatus.ERASED
    await holds()
