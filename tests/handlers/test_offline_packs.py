"""Packs: signed, of a store and a day, with what a device needs and nothing that gives a code away."""

import asyncio
import hashlib
import hmac
from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from handlers.claims.typed_codes import typed_code
from handlers.errors import ClerkNotSignedIn, DeviceClockOff, StoreNeeded, StoreUnknown
from handlers.offline import pack_building, packs
from handlers.offline.packs import OnlineOnly
from handlers.rules.benefit_terms import PartnerCouponTerms, VoucherTerms
from models.benefits import Benefit
from models.identity import Member
from models.offline import OfflineSync, SigningKey
from models.programmes import Merchant
from models.redemptions import Clerk as ClerkRow
from models.words import BenefitKind, ClaimState, MemberStatus
from tests.handlers.counter import open_counter
from tests.handlers.scanning import Device, a_device, offline_claim, opened


@pytest.fixture
async def counter(rooms):
    return await open_counter(rooms)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


def mark_of(counter, pack, claim) -> str:
    """As a device works it out from what somebody shows."""
    code = typed_code(counter.rooms.vault, claim.id, 0)
    return hmac.digest(bytes.fromhex(pack["pack_key"]), code.encode(), hashlib.sha256).hex()[:12]


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_a_device_checks_the_signature_with_the_public_key_and_finds_the_code_by_its_mark(counter, ming):
    claim = await offline_claim(counter, ming, price_fen=900)
    fetched = await (device := await a_device(counter)).sync()
    (key,) = await counter.handlers.offline_packs.keys()
    assert fetched.pack.key_id == key.key_id
    public = Ed25519PublicKey.from_public_bytes(raw(key.public_key))
    public.verify(raw(fetched.pack.signature), raw(fetched.pack.text))
    with pytest.raises(InvalidSignature):
        public.verify(raw(fetched.pack.signature), raw(fetched.pack.text) + b" ")
    pack = opened(fetched)
    ((mark, index, good_from, until),) = pack["entries"]
    assert mark == mark_of(counter, pack, claim)
    assert pack["benefits"][index]["name"] == "咖啡一杯"
    assert (pack["benefits"][index]["value_fen"], until) == (900, None)
    assert good_from == int(claim.valid_from.timestamp())
    assert (pack["store"]["code"], pack["business_on"], pack["key_id"]) == ("S1", "2026-03-02", key.key_id)
    assert pack["ends_at"] == "2026-03-03T00:00:00+08:00"
    assert typed_code(counter.rooms.vault, claim.id, 0).encode() not in raw(fetched.pack.text)
    assert str(claim.id).encode() not in raw(fetched.pack.text)
    assert await OfflineSync.filter(device_id=device.id).count() == 2


async def test_a_pack_holds_what_this_store_may_redeem_offline_today_and_nothing_else(counter, ming, clock):
    good = await offline_claim(counter, ming)
    coupon = PartnerCouponTerms(face_value_fen=500, threshold_fen=2000)
    also = await offline_claim(counter, ming, kind=BenefitKind.PARTNER_COUPON, terms=coupon)
    await counter.claim(ming)  # not offline
    await offline_claim(counter, ming, uses=2)
    await offline_claim(counter, ming, price_fen=5001)
    await offline_claim(counter, ming, terms=VoucherTerms(stores=("S2",)))
    await offline_claim(counter, ming, shows_typed_code=False)
    await offline_claim(counter, ming, expires_at=clock.now())
    await offline_claim(counter, ming, valid_from=clock.now() + timedelta(days=1))
    await offline_claim(counter, ming, state=ClaimState.EXPIRED)
    paused = await offline_claim(counter, ming)
    await Benefit.filter(id=paused.benefit_id).update(is_paused=True)
    other = await Merchant.create(organization_id=counter.merchant.organization_id, code="other", name="别家")
    await offline_claim(counter, ming, merchant=other)
    frozen = await counter.rooms.member("o-frozen")
    await offline_claim(counter, frozen)
    await Member.filter(id=frozen.member_id).update(status=MemberStatus.FROZEN)
    pack = opened((await a_device(counter)).fetched)
    assert {each[0] for each in pack["entries"]} == {mark_of(counter, pack, each) for each in (good, also)}
    assert {each["threshold_fen"] for each in pack["benefits"]} >= {None, 2000}


async def test_what_was_called_back_or_used_today_is_on_the_revocation_list(counter, ming):
    revoked = await offline_claim(counter, ming, state=ClaimState.REVOKED)
    used = await offline_claim(counter, ming)
    await counter.redeem(counter.typed(used))
    pack = opened((await a_device(counter)).fetched)
    assert pack["entries"] == []
    assert set(pack["revoked"]) == {mark_of(counter, pack, each) for each in (revoked, used)}


async def test_every_store_and_day_has_a_pack_key_of_its_own(counter, ming, clock):
    await offline_claim(counter, ming)
    lake = opened((await a_device(counter)).fetched)
    manager = Device(counter, counter.manager, "manager")
    hill = opened(await manager.sync(store_id=counter.hill.id))
    clock.advance(timedelta(days=1))
    tomorrow = opened((await a_device(counter)).fetched)
    assert len({each["pack_key"] for each in (lake, hill, tomorrow)}) == 3


async def test_more_than_a_pack_holds_or_nothing_at_all_means_online_only(counter, ming, monkeypatch):
    device = await a_device(counter)
    assert (device.fetched.pack.online_only, device.fetched.pack.text) == (OnlineOnly.NOTHING, None)
    monkeypatch.setattr(packs, "KEPT", timedelta(0))
    monkeypatch.setattr(pack_building, "MOST_ENTRIES", 2)
    monkeypatch.setattr(pack_building, "PAGE", 1)
    claims = [await offline_claim(counter, ming) for _ in range(2)]
    assert len(opened(await device.sync())["entries"]) == len(claims)
    await offline_claim(counter, ming)
    assert (await device.sync()).pack.online_only is OnlineOnly.TOO_MANY
    for claim in claims:
        await counter.redeem(counter.typed(claim))
    assert (await device.sync()).pack.online_only is OnlineOnly.TOO_MANY  # what was used today counts as well


async def test_a_page_after_the_other_gives_every_claim_of_a_benefit_once(counter, ming, monkeypatch):
    monkeypatch.setattr(pack_building, "PAGE", 2)
    first = await offline_claim(counter, ming)
    others = [await offline_claim(counter, ming, benefit_id=first.benefit_id) for _ in range(4)]
    pack = opened((await a_device(counter)).fetched)
    expected = sorted(mark_of(counter, pack, each) for each in [first, *others])
    assert sorted(each[0] for each in pack["entries"]) == expected


async def test_a_pack_is_built_once_for_many_who_ask_at_once_and_anew_after_five_seconds(
    counter, ming, clock, monkeypatch
):
    built = []
    real = packs.contents

    async def counted(*args, **kwargs):
        built.append(1)
        return await real(*args, **kwargs)

    monkeypatch.setattr(packs, "contents", counted)
    await offline_claim(counter, ming)
    devices = [Device(counter, counter.clerk, f"d{number}") for number in range(6)]
    await asyncio.gather(*(device.sync() for device in devices))
    assert (len(built), len({device.fetched.pack.signature for device in devices})) == (1, 1)
    assert len({device.fetched.sync_id for device in devices}) == 6
    clock.advance(timedelta(seconds=5))
    await devices[0].sync()
    assert len(built) == 2


async def test_a_clock_a_little_off_is_told_and_one_far_off_gets_no_pack(counter):
    device = await a_device(counter, slow=timedelta(minutes=-6))
    assert (device.fetched.is_clock_warned, device.fetched.offset) == (True, timedelta(minutes=-6))
    assert not (await a_device(counter, slow=timedelta(minutes=5))).fetched.is_clock_warned
    for slow in (timedelta(hours=1), timedelta(hours=-1)):
        with pytest.raises(DeviceClockOff) as refused:
            await a_device(counter, "far", slow=slow)
        assert refused.value.facts == {"offset_ms": slow // timedelta(milliseconds=1)}
    assert await OfflineSync.filter(device_id="far").count() == 0


async def test_whoever_serves_no_more_or_elsewhere_gets_none(counter, clock):
    with pytest.raises(StoreUnknown):
        await Device(counter, counter.clerk, "d").sync(store_id=counter.hill.id)
    with pytest.raises(StoreNeeded):
        await Device(counter, counter.manager, "d").sync()
    await ClerkRow.filter(id=counter.clerk.id).update(revoked_at=clock.now())
    with pytest.raises(ClerkNotSignedIn):
        await Device(counter, counter.clerk, "d").sync()


async def test_the_private_key_is_encrypted_and_a_new_one_signs_after_half_a_year(counter, ming, clock):
    await offline_claim(counter, ming)
    first = (await a_device(counter)).fetched.pack
    row = await SigningKey.get()
    assert row.private_key_cipher.startswith("k1.")
    clock.advance(timedelta(days=180))
    second = (await a_device(counter)).fetched.pack
    assert first.key_id != second.key_id
    assert [each.key_id for each in await counter.handlers.offline_packs.keys()] == [second.key_id, first.key_id]
