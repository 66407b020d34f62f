"""Top-ups in bad weather: a transaction that breaks at each of its statements, suppliers that do anything at all."""

import itertools
import random
from datetime import timedelta

import pytest

from handlers.errors import DomainError
from handlers.ports import SupplierSays
from models.claims import Claim, ClaimEvent
from models.fulfillments import Fulfillment
from models.outbox import Job
from models.words import ClaimState, FulfillmentState, Heard
from tests.handlers.charging import a_supplier, a_top_up, holds, order_of
from tests.handlers.machine.failpoints import Failpoint, How

NUMBER = "13912345670"
SEEDS = range(8)


async def claimed(rooms, offer, person):
    answer = await rooms.handlers.claiming.claim(
        person, offer_id=offer.id, recharge_to=NUMBER, request_id=f"k-{person.member_id}"
    )
    return answer.value.claims[0]


async def messages() -> int:
    return await Job.filter(kind__in=["say_topped_up", "say_top_up_failed"]).count()


@pytest.mark.parametrize("how", [How.ABORT, How.COMMIT_LOST, How.ANSWER_LOST])
@pytest.mark.parametrize("becomes", [Heard.DONE, Heard.FAILED])
async def test_wherever_a_look_breaks_the_next_ones_end_it_once(rooms, how, becomes):
    await a_supplier(rooms)
    offer = await a_top_up(rooms, stock=100)
    rooms.supplier.becomes = becomes
    for at in itertools.count():
        claim = await claimed(rooms, offer, await rooms.member(f"o-{at}"))
        order, point = await order_of(claim.id), Failpoint(how, at)
        await point.strikes(lambda order_id=order.id: rooms.handlers.top_up_orders.look(order_id))
        for _ in range(3):
            rooms.clock.advance(timedelta(hours=1))
            await rooms.handlers.top_up_orders.poll()
        sent = [what for what, number in rooms.supplier.calls if number == order.order_no]
        assert (sent.count("order"), await Fulfillment.filter(claim_id=claim.id).count()) == (1, 1), (at, sent)
        ended = ClaimState.USED if becomes is Heard.DONE else ClaimState.REVOKED
        assert (await Claim.get(id=claim.id)).state is ended
        assert await ClaimEvent.filter(claim_id=claim.id, to_state=ended).count() == 1
        if not point.has_struck:
            break
    assert at >= 2  # at both commits, at least, before it ran through
    assert await messages() == at + 1
    assert await offer.left() == (100 - at - 1 if becomes is Heard.DONE else 100)
    await holds()


class Moody:
    """Suppliers that answer by chance, and keep honest books: what they did for which claim's number."""

    def __init__(self, rooms, chance: random.Random) -> None:
        self.rooms, self.chance, self.books = rooms, chance, rooms.supplier
        self.is_calm = False

    async def order(self, _access, order) -> SupplierSays:
        if not self.is_calm and self.chance.random() < 0.3:
            return SupplierSays(Heard.UNKNOWN, reason="timeout")  # lost on the way in
        first = order.order_no not in self.books.orders
        self.books.orders.setdefault(order.order_no, order)
        if first:
            self.books.states[order.order_no] = self.chance.choice([Heard.ACCEPTED, Heard.DONE, Heard.FAILED])
        return self._answer(order.order_no)

    async def query(self, _access, order_no) -> SupplierSays:
        if self.books.states.get(order_no) is Heard.ACCEPTED and (self.is_calm or self.chance.random() < 0.5):
            self.books.states[order_no] = self.chance.choice([Heard.DONE, Heard.FAILED])
        return self._answer(order_no)

    def _answer(self, order_no: str) -> SupplierSays:
        if not self.is_calm:
            match self.chance.randrange(5):
                case 0:
                    return SupplierSays(Heard.UNKNOWN, reason="unreadable")
                case 1:
                    return SupplierSays(Heard.DONE, "f" * 32, 1_000)  # about somebody else's order
                case 2:
                    return SupplierSays(Heard.DONE, order_no, 1)  # another amount
        return self.books.says(order_no)


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_suppliers_do_a_claim_is_paid_for_once_or_given_back(rooms, seed):
    chance = random.Random(seed)
    await a_supplier(rooms)
    await a_supplier(rooms, "second")
    offer = await a_top_up(rooms, stock=3, fallback="second")
    moody, orders = Moody(rooms, chance), rooms.handlers.top_up_orders
    orders._supplier = moody
    claims = [await claimed(rooms, offer, await rooms.member(f"o-{number}")) for number in range(3)]
    for _ in range(chance.randrange(4, 12)):
        rooms.clock.advance(timedelta(seconds=chance.choice([1, 20, 400])))
        if chance.random() < 0.5:
            await orders.poll()
            continue
        order = await order_of(chance.choice(claims).id)
        try:
            await orders.look(order.id)
        except DomainError as trouble:
            raise AssertionError(order.state) from trouble
    moody.is_calm = True
    for _ in range(8):
        rooms.clock.advance(timedelta(hours=1))
        await orders.poll()
    done = 0
    for claim in claims:
        numbers = await Fulfillment.filter(claim_id=claim.id).values_list("order_no", flat=True)
        paid = sum(moody.books.states.get(str(number)) is Heard.DONE for number in numbers)
        state = (await Claim.get(id=claim.id)).state
        assert (paid, state) in {(1, ClaimState.USED), (0, ClaimState.REVOKED)}
        done += paid
    assert not await Fulfillment.filter(state__in=[FulfillmentState.WAITING, FulfillmentState.SENT]).exists()
    assert (await offer.left(), await messages()) == (3 - done, 3)
    await holds()
