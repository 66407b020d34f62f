"""An installation's own measure of one person reaches every place where people become one."""

from datetime import timedelta

import pytest

from app.container import build_handlers
from app.outward import Outward
from app.schema import IdentityMeasure
from gateways.stores.commands import BatchedRedis
from handlers.errors import LinkHeld, MergeTooMuch, PhoneFactNeeded
from handlers.identity.proofs import Proof
from models.identity import MemberMerge
from models.ids import new_id
from models.linking import Review
from models.words import Namespace, ReviewKind
from tests.handlers.conftest import PHONE
from tests.handlers.test_transfers import change, till_member
from tests.operating import first_operator, sign_in
from tests.stories.conftest import town_settings


@pytest.fixture
async def strict(far, redis):
    """The same house, where one merge a day is all that one person has, and a phone sleeps after 90 days."""
    measure = IdentityMeasure(merges_per_day=1, identifiers_per_member=20, phone_dormant_days=90)
    settings = town_settings("sqlite://unused", "memory://", port=8080, platform_port=8090)
    settings = settings.model_copy(update={"identity": measure})
    commands = BatchedRedis(redis)
    far.handlers = build_handlers(
        settings, far.clock, far.vault, far.wechat, commands, Outward(far.supplier, far.points, far.payments)
    )
    yield far
    await commands.aclose()


async def link(rooms, mine, theirs):
    ticket = (await rooms.handlers.links.issue(mine, request_id=str(new_id()))).value.token
    await rooms.handlers.links.link(theirs, ticket=ticket, confirmed=True, request_id=str(new_id()))


async def test_tickets_obey_it(strict):
    ming = await strict.member("o-ming")
    await link(strict, ming, await strict.person("o-0", account="far0"))
    with pytest.raises(LinkHeld):
        await link(strict, ming, await strict.person("o-1", account="far1"))
    assert await Review.filter(kind=ReviewKind.FUSE).count() == 1


async def test_operators_obey_it(strict):
    root, _ = await sign_in(strict.handlers, strict.clock, await first_operator(strict.handlers))
    ming, *others = [await strict.person(f"o-{turn}", account=f"far{turn}") for turn in range(3)]
    merge = strict.handlers.operator_members.merge
    await merge(root, ming.member_id, other_id=others[0].member_id, request_id="k0")
    with pytest.raises(MergeTooMuch) as refusal:
        await merge(root, ming.member_id, other_id=others[1].member_id, request_id="k1")
    assert refusal.value.facts["merges_a_day"] == 1


async def test_signing_in_obeys_it(strict):
    """A unionid shows that three are one: two become one, and the third waits for people."""
    places = [("mp", "o-mp"), ("oa", "o-oa"), ("far0", "o-far")]
    people = [await strict.person(openid, account=account) for account, openid in places]
    apps = [(await strict.handlers.accounts.get(account)).app.app_id for account, _ in places]
    proofs = [Proof(Namespace.WX_OPENID, app, openid, "wechat") for app, (_, openid) in zip(apps, places, strict=True)]
    proofs.append(Proof(Namespace.WX_UNIONID, "main", "u-ming", "wechat"))
    resolution = await strict.handlers.identity.resolve(proofs)
    assert len(resolution.absorbed) == 1
    assert await MemberMerge.all().count() == 1
    review = await Review.get(kind=ReviewKind.FUSE)
    assert {review.member_id, review.other_member_id} | set(resolution.absorbed) == {each.member_id for each in people}


async def test_a_phone_sleeps_when_it_says(strict):
    await till_member(strict, birthday="1980-05-01")
    strict.clock.advance(timedelta(days=91))
    person = await strict.member("o-ming")
    await strict.handlers.consents.give(person, agreed=PHONE)
    with pytest.raises(PhoneFactNeeded):
        await change(strict, person)
