"""渠道: who signed, let in once and within the quota, re-keyed without a pause, and switched off at once."""

import asyncio
from datetime import timedelta

import pytest

from handlers.channels import gate
from handlers.channels.channels import ChannelChange, ChannelDraft
from handlers.channels.gate import ChannelGate, let_in
from handlers.errors import (
    ChannelKeyWeak,
    ChannelNotSigned,
    ChannelOff,
    ChannelQuotaUsed,
    ChannelReplayed,
    ChannelStale,
    ChannelTaken,
    ChannelUnknown,
    MemberUnknown,
    MerchantUnknown,
    OrganizationUnknown,
    RoleMissing,
)
from handlers.rules.channel_calls import KEPT
from models.channels import Channel, ChannelNonce, ChannelUse
from models.database import atomic, rows
from models.ids import new_id
from models.operators import AuditEntry
from models.organizations import Organization
from models.programmes import Merchant
from models.words import BuyerKind, OperatorRole
from tests.handlers.offering import key, operator_at
from tests.handlers.tilling import NEXT_SECRET, SECRET, a_till, heard, signed_headers
from tests.operating import city

TARGET = "/api/v1/channel/members/lookup?a=1"
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def till(rooms):
    return await a_till(rooms)


async def who(till, *, secret=SECRET, code=None, at=None, body=b"{}", said=None, nonce=None):
    """What the gate says to a call; `said`: the body that is signed, where another one comes."""
    at = at or till.rooms.clock.now()
    signed = body if said is None else said
    headers = signed_headers(code or till.channel.code, secret, "POST", TARGET, signed, at=at, nonce=nonce)
    return await till.rooms.handlers.channel_gate.who(heard(headers, "POST", TARGET, body))


class TestSigning:
    async def test_a_signed_call_is_its_channels(self, till):
        assert (await who(till)).channel == till.channel

    async def test_what_is_not_signed_with_its_key_is_nobodys(self, till):
        for wrong in ({"secret": NEXT_SECRET}, {"code": "nosuch"}, {"said": b"{ }"}):
            with pytest.raises(ChannelNotSigned):
                await who(till, **wrong)

    async def test_clocks_may_be_five_minutes_apart(self, till, clock):
        for apart in (-5, 5):
            await who(till, at=clock.now() + apart * MINUTE)
        for apart in (-6, 6):
            with pytest.raises(ChannelStale):
                await who(till, at=clock.now() + apart * MINUTE)

    async def test_both_keys_hold_while_they_are_changed_and_then_the_new_one_alone(self, till, clock, rooms):
        channels = rooms.handlers.channels
        await channels.rotate(till.operator, till.channel.id, key=NEXT_SECRET, overlap=60 * MINUTE, request_id=key())
        for secret in (SECRET, NEXT_SECRET):
            await who(till, secret=secret)
        clock.advance(60 * MINUTE)
        await who(till, secret=NEXT_SECRET)
        with pytest.raises(ChannelNotSigned):
            await who(till)
        await channels.rotate(till.operator, till.channel.id, key=SECRET, overlap=0 * MINUTE, request_id=key())
        with pytest.raises(ChannelNotSigned):
            await who(till, secret=NEXT_SECRET)

    async def test_what_is_switched_off_is_heard_by_nobody_from_the_next_call_on(self, till, rooms):
        channels = rooms.handlers.channels
        signed = await who(till)
        await channels.switch(till.operator, till.channel.id, is_active=False, reason="盗用", request_id=key())
        with pytest.raises(ChannelOff):
            await who(till)
        with pytest.raises(ChannelOff):  # and one that was on its way
            await rooms.handlers.channel_gate.let_in(signed)
        await channels.switch(till.operator, till.channel.id, is_active=True, request_id=key())
        await rooms.handlers.channel_gate.let_in(await who(till))
        acts = await AuditEntry.filter(subject_id=str(till.channel.id)).order_by("id").values_list("action", flat=True)
        assert list(acts) == ["channel.added", "channel.switched_off", "channel.switched_on"]


class TestLettingIn:
    async def test_a_call_is_let_in_once_whichever_process_hears_it_and_whatever_became_of_the_cache(
        self, till, rooms, redis, clock
    ):
        signed = await who(till)
        await rooms.handlers.channel_gate.let_in(signed)
        await redis.flushall()
        with pytest.raises(ChannelReplayed):
            await ChannelGate(clock, rooms.vault).let_in(signed)

    async def test_twenty_equal_calls_at_once_are_let_in_once(self, till, rooms):
        signed = await who(till)
        calls = (rooms.handlers.channel_gate.let_in(signed) for _ in range(20))
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(each) for each in done].count(ChannelReplayed) == 19

    async def test_without_the_row_of_a_nonce_all_twenty_would_be(self, till, rooms, monkeypatch):
        """The negative control: nonces that nobody writes down."""

        async def forgetful(nonces, at):
            return set(nonces)

        monkeypatch.setattr(gate, "_hear", forgetful)
        signed = await who(till)
        for _ in range(20):
            await rooms.handlers.channel_gate.let_in(signed)

    async def test_a_nonce_is_kept_for_as_long_as_its_signature_is_good(self, till, rooms, clock):
        signed = await who(till, at=clock.now() + 5 * MINUTE)  # their clock is ahead
        await rooms.handlers.channel_gate.let_in(signed)
        clock.advance(10 * MINUTE)
        assert await rooms.handlers.channel_gate.forget() == 0
        clock.advance(KEPT)
        assert await rooms.handlers.channel_gate.forget() == 1
        assert not await ChannelNonce.exists()

    async def test_the_quota_is_of_a_business_day(self, rooms, clock):
        till = await a_till(rooms, daily_quota=2)
        lets_in = rooms.handlers.channel_gate.let_in
        await lets_in(till.call())
        await lets_in(till.call())
        with pytest.raises(ChannelQuotaUsed) as refused:
            await lets_in(till.call())
        assert refused.value.facts == {"quota": 2, "retry_after": 14 * 3_600}
        clock.advance(timedelta(hours=14))
        await lets_in(till.call())
        async with atomic():
            heavy = await let_in([till.call(2), till.call(1)], at=clock.now())
        assert [type(each) for each in heavy] == [ChannelQuotaUsed, type(None)]
        used = await ChannelUse.filter(channel_id=till.channel.id).order_by("day").values_list("used_count", flat=True)
        assert list(used) == [2, 2]


class TestKeeping:
    async def test_the_key_goes_in_and_never_comes_out(self, till, rooms):
        (seen,) = await rooms.handlers.channels.listing(till.operator, after=None, limit=5)
        assert (seen.code, seen.is_active, seen.used_today) == (till.channel.code, True, 0)
        assert SECRET not in repr(seen)
        stored = await Channel.get()
        assert SECRET not in stored.key_cipher
        assert not [each for each in await rows("SELECT result, fingerprint FROM request") if SECRET in str(each)]

    async def test_weak_keys_taken_codes_and_foreign_places_are_refused(self, till, rooms):
        channels, south = rooms.handlers.channels, await city("南城")
        here = await operator_at(south)
        root = await Organization.get(parent=None)
        await Merchant.create(organization=root, code="mine", name="江南")
        for by, draft, refusal in (
            (till.operator, ChannelDraft("b", "店", "a" * 32), ChannelKeyWeak),
            (till.operator, ChannelDraft(till.channel.code, "店", SECRET), ChannelTaken),
            (here, ChannelDraft("b", "店", SECRET, organization_id=root.id), OrganizationUnknown),
            (here, ChannelDraft("b", "店", SECRET, merchant="mine"), MerchantUnknown),
            (await operator_at(root, OperatorRole.SUPPORT), ChannelDraft("b", "店", SECRET), RoleMissing),
        ):
            with pytest.raises(refusal):
                await channels.add(by, draft, request_id=key())
        assert await channels.listing(here, after=None, limit=5) == ()
        for by, channel_id in ((here, till.channel.id), (till.operator, new_id())):
            with pytest.raises(ChannelUnknown):
                await channels.change(by, channel_id, ChannelChange(name="改名"))

    async def test_a_quota_is_set_and_taken_away(self, till, rooms):
        change = rooms.handlers.channels.change
        assert (await change(till.operator, till.channel.id, ChannelChange(daily_quota=5))).value.daily_quota == 5
        assert (await change(till.operator, till.channel.id, ChannelChange(daily_quota=0))).value.daily_quota is None


class TestLookingUp:
    async def test_a_member_is_found_by_phone_and_who_is_none_is_not(self, till, rooms):
        ming = await rooms.member("o-ming", phone="13912345670")
        await rooms.person("o-hong")
        purchases, find = rooms.handlers.purchases, rooms.handlers.buyer_lookup.find
        found = await find(till.call(), purchases.buyer(BuyerKind.PHONE, "13912345670"))
        assert found.id == ming.member_id
        for kind, value in ((BuyerKind.PHONE, "13912345671"), (BuyerKind.CARD, "123456")):
            with pytest.raises(MemberUnknown):
                await find(till.call(), purchases.buyer(kind, value))
