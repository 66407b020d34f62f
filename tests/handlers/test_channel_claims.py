"""渠道代会员领取、查看卡包: within the channel's sight, once for a key, by the rules that hold for the member."""

import asyncio

import pytest

from handlers.channels import gate
from handlers.claims import on_behalf
from handlers.claims.channel_wallet import CLAIMABLE
from handlers.claims.wallet import Section
from handlers.errors import (
    ChannelOff,
    ChannelQuotaUsed,
    ChannelReplayed,
    KeyReused,
    MemberUnknown,
    OfferLimitReached,
    OfferNotForYou,
    OfferSoldOut,
    OfferUnknown,
    PointsShort,
    QuantityInvalid,
)
from handlers.requests import Answer
from handlers.rules.offer_terms import Audience, Limit, Period, Price
from models.channels import ChannelNonce, ChannelUse
from models.claims import Claim, ClaimEvent
from models.identity import Member
from models.ids import new_id
from models.organizations import Organization
from models.programmes import Merchant
from models.words import ClaimSource, MemberStatus
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.offering import benefit_of, key, lives_in
from tests.handlers.test_claiming import crowd, holds, outcomes
from tests.handlers.tilling import Till, a_till
from tests.operating import city


@pytest.fixture
async def till(rooms) -> Till:
    return await a_till(rooms)


async def claim(till: Till, person, offer, *, call=None, request_id=None, **more):
    member_id = person if person is None or not hasattr(person, "member_id") else person.member_id
    claiming = till.rooms.handlers.claiming
    return await claiming.claim_for(
        call or till.call(), member_id, offer_id=offer.id, request_id=request_id or key(), **more
    )


async def wallet(till: Till, person, *parts, limit=20, **more):
    seen = till.rooms.handlers.channel_wallet
    return await seen.show(till.call(), person.member_id, parts=parts or (Section.HELD, CLAIMABLE), limit=limit, **more)


async def shop_of(organization: Organization) -> Merchant:
    return await Merchant.create(organization=organization, code=f"m{new_id().hex[-12:]}", name="江南洗车")


class TestClaiming:
    async def test_what_a_channel_claims_is_the_members_and_says_who_asked(self, till, rooms):
        person, offer = await rooms.member(), await an_offer(rooms.clock.now(), stock=3)
        (issued,) = (await claim(till, person, offer)).value.claims
        stored, event = await Claim.get(id=issued.id), await ClaimEvent.get(claim_id=issued.id)
        assert (stored.member_id, stored.source) == (person.member_id, ClaimSource.CHANNEL)
        assert (event.actor_kind, event.actor_id) == ("channel", str(till.channel.id))
        assert [each.id for each in (await wallet(till, person)).held.items] == [issued.id]
        mine = await rooms.handlers.wallet.section(person, Section.HELD, limit=5)
        assert [each.id for each in mine.items] == [issued.id]
        await holds()

    async def test_asked_again_under_its_key_it_gets_the_first_answer_and_never_a_second_claim(self, till, rooms):
        person, offer = await rooms.member(), await an_offer(rooms.clock.now(), limits=())
        first = await claim(till, person, offer, request_id="k1")
        calls = (claim(till, person, offer, request_id="k1") for _ in range(5))
        assert {each.value for each in await asyncio.gather(*calls)} == {first.value}
        assert await claim(till, person, offer, request_id="k1") == Answer(first.value, replayed=True)
        with pytest.raises(KeyReused):
            await claim(till, person, offer, request_id="k1", quantity=2)
        other = await a_till(rooms)  # another channel's keys are its own
        await claim(other, person, offer, request_id="k1")
        assert await Claim.all().count() == 2

    async def test_the_members_own_rules_hold(self, till, rooms):
        person, now = await rooms.member(), rooms.clock.now()
        once = await an_offer(now, limits=(Limit(Period.EVER, 1),))
        await rooms.handlers.claiming.claim(person, offer_id=once.id, request_id=key())
        dear = await an_offer(now, price=Price(points=5))
        others = await an_offer(now, audience=Audience(card_kinds=("gold",)))
        gone = await an_offer(now, stock=0)
        for offer, refusal in (
            (once, OfferLimitReached),
            (dear, PointsShort),
            (others, OfferNotForYou),
            (gone, OfferSoldOut),
        ):
            with pytest.raises(refusal):
                await claim(till, person, offer)
        for quantity in (0, -1, 21):
            with pytest.raises(QuantityInvalid):
                await claim(till, person, once, quantity=quantity)
        assert await Claim.all().count() == 1

    async def test_twenty_channels_and_members_at_once_share_one_limit(self, till, rooms):
        person, offer = await rooms.member(), await an_offer(rooms.clock.now(), stock=5)
        second, claiming = await a_till(rooms), rooms.handlers.claiming
        calls = [claim(each, person, offer) for each in (till, second) for _ in range(8)]
        calls += [claiming.claim(person, offer_id=offer.id, request_id=key()) for _ in range(4)]
        assert await outcomes(*calls) == {"Claimed": 1, "OfferLimitReached": 19}
        assert await offer.left() == 4
        await holds()


class TestLettingIn:
    async def test_a_call_claims_once_and_counts_for_the_quota_whatever_comes_of_it(self, rooms):
        till, now = await a_till(rooms, daily_quota=3), rooms.clock.now()
        person, offer, gone = await rooms.member(), await an_offer(now), await an_offer(now, stock=0)
        call = till.call()
        await claim(till, person, offer, call=call, request_id="k1")
        with pytest.raises(ChannelReplayed):  # heard already, whatever the key
            await claim(till, person, offer, call=call, request_id="k2")
        with pytest.raises(OfferSoldOut):
            await claim(till, person, gone)
        await wallet(till, person)
        with pytest.raises(ChannelQuotaUsed):
            await claim(till, person, offer, request_id="k1")
        with pytest.raises(ChannelQuotaUsed):
            await wallet(till, person)
        assert (await ChannelUse.get()).used_count == await ChannelNonce.all().count() == 3

    async def test_a_channel_that_is_switched_off_meanwhile_claims_nothing(self, till, rooms):
        person, offer, call = await rooms.member(), await an_offer(rooms.clock.now()), till.call()
        channels = rooms.handlers.channels
        await channels.switch(till.operator, till.channel.id, is_active=False, reason="盗用", request_id=key())
        with pytest.raises(ChannelOff):
            await claim(till, person, offer, call=call)
        with pytest.raises(ChannelOff):
            await wallet(till, person)
        assert not await Claim.exists()

    async def test_twenty_equal_calls_under_other_keys_claim_once(self, till, rooms):
        person, offer, call = await rooms.member(), await an_offer(rooms.clock.now(), limits=()), till.call()
        calls = (claim(till, person, offer, call=call) for _ in range(20))
        assert await outcomes(*calls) == {"Claimed": 1, "ChannelReplayed": 19}

    async def test_without_the_row_of_a_nonce_all_twenty_would_claim(self, till, rooms, monkeypatch):
        """The negative control: nonces that nobody writes down."""

        async def let_in(calls, *, at):
            return [None for _ in calls]

        monkeypatch.setattr(on_behalf, "let_in", let_in)
        person, offer, call = await rooms.member(), await an_offer(rooms.clock.now(), limits=()), till.call()
        calls = (claim(till, person, offer, call=call) for _ in range(20))
        assert await outcomes(*calls) == {"Claimed": 20}
        assert gate.let_in is not let_in


class TestSight:
    async def test_a_citys_channel_serves_its_own_members_with_its_own_offers(self, rooms):
        north, south = await city("north"), await city("south")
        till, now = await a_till(rooms, organization_id=north.id), rooms.clock.now()
        ming, hong = await crowd(rooms, 2)
        await lives_in(ming, north)
        await lives_in(hong, south)
        ours = await an_offer(now, benefit=await benefit_of(north, "north"))
        theirs = await an_offer(now, benefit=await benefit_of(south, "south"))
        above = await an_offer(now)
        rooms.handlers.offer_catalogue.forget()
        await claim(till, ming, ours)
        for person, offer, refusal in (
            (hong, ours, MemberUnknown),
            (hong, theirs, MemberUnknown),
            (ming, theirs, OfferUnknown),
            (ming, above, OfferUnknown),
        ):
            with pytest.raises(refusal):
                await claim(till, person, offer)
        await rooms.handlers.claiming.claim(ming, offer_id=above.id, request_id=key())
        assert [each.offer_id for each in (await wallet(till, ming)).held.items] == [ours.id]
        with pytest.raises(MemberUnknown):
            await wallet(till, hong)

    async def test_a_merchants_channel_sees_its_merchants_offers_alone(self, rooms):
        root, now = await Organization.get(parent=None), rooms.clock.now()
        shop, other = await shop_of(root), await shop_of(root)
        till, person = await a_till(rooms, merchant=shop.code), await rooms.member()
        ours = await an_offer(now, limits=(), benefit=await a_benefit("洗车", merchant=shop))
        theirs = await an_offer(now, benefit=await a_benefit("咖啡", merchant=other))
        await rooms.handlers.claiming.claim(person, offer_id=theirs.id, request_id=key())
        rooms.handlers.offer_catalogue.forget()
        (issued,) = (await claim(till, person, ours)).value.claims
        with pytest.raises(OfferUnknown):
            await claim(till, person, theirs)
        seen = await wallet(till, person)
        assert [each.id for each in seen.held.items] == [issued.id]
        assert [each.id for each in seen.claimable.items] == [ours.id]

    async def test_whoever_may_not_act_is_nobody_and_so_is_who_never_joined(self, till, rooms):
        offer, stranger, frozen = await an_offer(rooms.clock.now()), *await crowd(rooms, 2)
        await Member.filter(id=stranger.member_id).update(joined_at=None)
        await Member.filter(id=frozen.member_id).update(status=MemberStatus.FROZEN)
        for person in (stranger, frozen, new_id()):
            with pytest.raises(MemberUnknown):
                await claim(till, person, offer)

    async def test_that_somebody_elses_offer_is_sold_out_is_not_told(self, rooms):
        north, south = await city("north"), await city("south")
        till, person = await a_till(rooms, organization_id=north.id), await rooms.member()
        await lives_in(person, north)
        theirs = await an_offer(rooms.clock.now(), stock=0, benefit=await benefit_of(south, "south"))
        other = await rooms.member("o-hong")
        await lives_in(other, south)
        for _ in range(2):
            with pytest.raises(OfferSoldOut):
                await rooms.handlers.claiming.claim(other, offer_id=theirs.id, request_id=key())
        with pytest.raises(OfferUnknown):
            await claim(till, person, theirs)


async def test_the_wallet_goes_page_by_page(till, rooms):
    person, now = await rooms.member(), rooms.clock.now()
    offers = [await an_offer(now) for _ in range(3)]
    for offer in offers:
        await claim(till, person, offer)
    first = (await wallet(till, person, Section.HELD, limit=2)).held
    rest = (await wallet(till, person, Section.HELD, limit=2, held_after=first.after)).held
    assert [each.offer_id for each in (*first.items, *rest.items)] == [offer.id for offer in offers]
    assert (len(first.items), rest.after) == (2, None)
    more = [await an_offer(now) for _ in range(3)]
    rooms.handlers.offer_catalogue.forget()
    page = (await wallet(till, person, CLAIMABLE, limit=2)).claimable
    rest = (await wallet(till, person, CLAIMABLE, limit=2, claimable_after=page.last)).claimable
    assert [each.id for each in (*page.items, *rest.items)] == [offer.id for offer in reversed(more)]
    assert rest.last is None
