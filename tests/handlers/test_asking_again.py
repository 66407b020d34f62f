"""A request that joined two people, asked again by its key: its answer went along with the merge, and is found."""

import pytest

from handlers import group_commit
from handlers.errors import TicketUsed
from handlers.identity.identity import resolve
from handlers.identity.links import LinkResult
from handlers.identity.merging import absorb
from handlers.identity.proofs import Proof
from handlers.identity.transfers import PhoneOutcome
from models.claims import Claim
from models.database import CommitUnknown, atomic
from models.identity import Member, MemberMerge
from models.orders import Order
from models.words import Namespace
from tests.handlers.buying import Buyer, breaches, for_sale
from tests.handlers.claimable import an_offer
from tests.handlers.conftest import PHONE
from tests.handlers.machine.failpoints import Failpoint, How

NUMBER = "13912345670"
HOWS = [How.ANSWER_LOST, How.COMMIT_LOST]


@pytest.fixture
async def linking(far):
    """Somebody new at one channel opens the ticket of a member of another: they are the one who is absorbed."""
    maker = await far.member("o-ming")
    person = await far.person("o-far", account="far0")
    token = (await far.handlers.links.issue(maker, request_id=None)).value.token

    async def link(key="k1"):
        return await far.handlers.links.link(person, ticket=token, confirmed=True, request_id=key)

    return link


async def test_a_link_asked_again_by_a_door_that_knows_the_old_id_is_answered_as_before(linking):
    first = await linking()
    again = await linking()
    assert (again.value, again.replayed) == (first.value, True)
    with pytest.raises(TicketUsed):
        await linking("k2")


@pytest.mark.parametrize("how", HOWS)
async def test_a_link_whose_commit_was_cut_off_is_told_as_what_became_of_it(linking, how):
    answers = []
    failpoint = Failpoint(how, 0)

    async def request():
        answers.append(await linking())

    assert await failpoint.strikes(request) is None
    assert failpoint.has_struck
    assert answers[0].value.result is LinkResult.LINKED
    assert await MemberMerge.all().count() == 1
    assert (await linking()).value == answers[0].value


@pytest.mark.parametrize("how", HOWS)
async def test_a_phone_that_joined_a_till_member_is_told_as_what_became_of_it(rooms, how):
    async with atomic():
        proof = Proof(Namespace.PHONE, "86", NUMBER, "import")
        till = await resolve([proof], now=rooms.clock.now(), vault=rooms.vault)
        # They joined before, so that it is the one who asks who is absorbed.
        await Member.filter(id=till.member_id).update(joined_at=rooms.clock.now(), number="1234567897")
    person = await rooms.member("o-ming")
    await rooms.handlers.consents.give(person, agreed=PHONE)
    code, answers = rooms.wechat.phone_code(NUMBER), []

    async def request():
        answers.append(await rooms.handlers.transfers.change_phone(person, phone_code=code, request_id="k1"))

    failpoint = Failpoint(how, 0)
    assert await failpoint.strikes(request) is None
    assert failpoint.has_struck
    await request()
    assert [answer.value.outcome for answer in answers] == [PhoneOutcome.MERGED] * 2
    assert await MemberMerge.all().count() == 1


def cut_off_while_they_become_another(rooms, monkeypatch, ming, other) -> None:
    """The first commit of a lane stands and is not heard of; before anybody looks, Ming is that other one."""
    real, cut = group_commit.again, []

    async def again(attempt):
        done = await real(attempt)
        if cut:
            return done
        cut.append(done)
        both = {"winner_id": other.member_id, "loser_id": ming.member_id}
        async with atomic():
            await absorb(**both, reason="test", now=rooms.clock.now(), vault=rooms.vault)
        raise CommitUnknown("cut off")

    monkeypatch.setattr(group_commit, "again", again)


async def in_chat(rooms):
    """A member who is known by the official account alone."""
    person = await rooms.person("o-chat", account="oa")
    await Member.filter(id=person.member_id).update(joined_at=rooms.clock.now(), number="1234567897")
    return person


async def test_an_order_whose_commit_was_cut_off_is_one_order_though_its_buyer_was_merged_since(rooms, monkeypatch):
    ming, other = await rooms.member("o-ming"), await in_chat(rooms)
    offer = await for_sale(rooms)
    cut_off_while_they_become_another(rooms, monkeypatch, ming, other)
    answer = await Buyer(rooms, ming).order(offer)
    assert [each.id for each in await Order.all()] == [answer.value.order.id]
    assert await offer.left() == 4
    assert await breaches() == []


async def test_a_claim_whose_commit_was_cut_off_is_one_claim_though_its_member_was_merged_since(rooms, monkeypatch):
    ming, other = await rooms.member("o-ming"), await in_chat(rooms)
    offer = await an_offer(rooms.clock.now(), stock=5, limits=())
    cut_off_while_they_become_another(rooms, monkeypatch, ming, other)
    answer = await rooms.handlers.claiming.claim(ming, offer_id=offer.id, request_id="k1")
    assert [each.id for each in await Claim.all()] == [each.id for each in answer.value.claims]
    assert await offer.left() == 4
    assert await breaches() == []
