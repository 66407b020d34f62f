"""A shop's own phone: PINs, and who takes it over by one."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest

from handlers.actors import Clerk
from handlers.codec import fingerprint
from handlers.errors import (
    ClerkNotSignedIn,
    ClerkUnknown,
    DomainError,
    KeyReused,
    PinDiffers,
    PinNotYours,
    PinWeak,
    TooManyWrongCodes,
)
from handlers.serving import clerk_switching
from handlers.shops.clerk_sessions import ClerkSignedIn
from models.database import rows
from models.programmes import Merchant
from models.redemptions import Clerk as ClerkRow
from models.redemptions import ClerkSession
from models.requests import Request
from models.statements import clerks as statements
from models.words import ClerkRole
from tests.dumping import dump, found_in
from tests.handlers.counter import Counter, open_counter

PIN, OTHER = "739204", "508817"


@dataclass
class Phone:
    """The shop's phone on the lake, with whoever has it in hand."""

    counter: Counter
    clerk: Clerk
    token: str

    @property
    def switching(self):
        return self.counter.handlers.clerk_switching

    async def open(self, openid: str) -> "Phone":
        """Somebody signs in on it by their own WeChat."""
        opened = await self.counter.handlers.clerk_sessions.open(code=self.counter.rooms.wechat.login_code(openid))
        self.clerk, self.token = await self.who(opened.token), opened.token
        return self

    async def set_pin(self, clerk: Clerk, openid: str, pin: str = PIN) -> None:
        code = self.counter.rooms.wechat.login_code(openid)
        await self.switching.set_pin(clerk, pin=pin, code=code)

    async def switch(self, to: Clerk, pin: str = PIN, *, device: str = "shop") -> ClerkSignedIn:
        return await self.switching.switch(self.clerk, clerk_id=to.id, pin=pin, device_id=device)

    async def who(self, token: str) -> Clerk:
        return await self.counter.handlers.clerk_sessions.who(token)


@pytest.fixture
async def phone(rooms):
    counter = await open_counter(rooms)
    return await Phone(counter, counter.clerk, "").open("o-clerk")


@pytest.fixture
async def lan(phone):
    """A colleague with a PIN."""
    person = await phone.counter.rooms.member("o-lan")
    clerk = await phone.counter.clerk_in(person, store=phone.counter.lake)
    await phone.set_pin(clerk, "o-lan")
    return clerk


async def test_a_colleague_takes_the_phone_over_and_the_old_session_ends(phone, lan):
    opened = await phone.switch(lan)
    assert (await phone.who(opened.token)).id == lan.id
    assert opened.token != phone.token
    with pytest.raises(ClerkNotSignedIn):
        await phone.who(phone.token)
    with pytest.raises(ClerkNotSignedIn):
        await phone.switch(lan)
    assert await ClerkSession.filter(revoked_at=None).count() == 1


async def test_a_pin_is_set_once_for_each_key_and_nobody_finds_it_in_what_is_kept(phone, lan):
    wechat = phone.counter.rooms.wechat
    asked = {"pin": OTHER, "code": wechat.login_code("o-lan"), "request_id": "pin"}
    first = await phone.switching.set_pin(lan, **asked)
    again = await phone.switching.set_pin(lan, **asked)
    assert (first.value, again.value, again.replayed) == (again.value, first.value, True)
    with pytest.raises(KeyReused):
        await phone.switching.set_pin(lan, **{**asked, "pin": PIN})
    (kept,) = await Request.filter(operation="clerk.set_pin")
    facts = {"pin": OTHER, "code": asked["code"], "account": None}
    assert kept.fingerprint not in {fingerprint(facts), fingerprint({"pin": OTHER})}
    assert (await phone.who((await phone.switch(lan, OTHER)).token)).id == lan.id


async def test_the_list_shows_names_of_this_store_s_colleagues_who_have_a_pin_and_nothing_else(phone, lan, clock):
    counter = phone.counter
    await counter.clerk_in(await counter.rooms.member("o-nopin"), store=counter.lake)
    hill = await counter.clerk_in(await counter.rooms.member("o-hill"), store=counter.hill)
    await phone.set_pin(hill, "o-hill")
    other = await Merchant.create(organization_id=counter.merchant.organization_id, code="other", name="别家")
    foreign = await counter.clerk_in(await counter.rooms.member("o-else"), merchant=other)
    await phone.set_pin(foreign, "o-else")
    await phone.set_pin(counter.manager, "o-manager")
    listed = await phone.switching.colleagues(phone.clerk)
    assert {each.id for each in listed} == {lan.id, counter.manager.id}
    assert [field for field in dir(listed[0]) if not field.startswith("_")] == ["id", "name"]
    for gone in (hill, foreign, phone.clerk):
        with pytest.raises(ClerkUnknown):
            await phone.switch(gone)
    await ClerkRow.filter(id=lan.id).update(revoked_at=clock.now())
    with pytest.raises(ClerkUnknown):
        await phone.switch(lan)
    assert {each.id for each in await phone.switching.colleagues(phone.clerk)} == {counter.manager.id}


async def test_a_name_is_enough_where_one_has_it(phone, lan):
    await ClerkRow.filter(id=lan.id).update(name="阿兰")
    switch = phone.switching.switch
    with pytest.raises(ClerkUnknown):
        await switch(phone.clerk, name="阿强", pin=PIN, device_id="shop")
    twin = await phone.counter.clerk_in(await phone.counter.rooms.member("o-twin"), store=phone.counter.lake)
    await ClerkRow.filter(id=twin.id).update(name="阿兰")
    with pytest.raises(ClerkUnknown):
        await switch(phone.clerk, name="阿兰", pin=PIN, device_id="shop")
    await ClerkRow.filter(id=twin.id).update(name="大兰")
    assert (await switch(phone.clerk, name="阿兰", pin=PIN, device_id="shop")).clerk.id == lan.id


async def test_a_pin_is_set_by_its_clerk_s_own_wechat_and_weak_ones_are_not(phone, lan):
    with pytest.raises(PinNotYours):
        await phone.set_pin(phone.clerk, "o-lan")
    with pytest.raises(PinWeak) as weak:
        await phone.set_pin(phone.clerk, "o-clerk", "123456")
    assert weak.value.facts == {"problem": "sequence"}
    await phone.set_pin(lan, "o-lan", OTHER)
    with pytest.raises(PinDiffers):
        await phone.switch(lan, PIN)
    assert (await phone.switch(lan, OTHER)).clerk.id == lan.id
    dumped = await dump()
    assert found_in(dumped, [PIN, OTHER]) == set()
    assert (await ClerkRow.get(id=lan.id)).pin_hash.startswith("$argon2id$")


async def test_a_colleague_without_a_pin_answers_as_a_wrong_pin(phone):
    bare = await phone.counter.clerk_in(await phone.counter.rooms.member("o-nopin"), store=phone.counter.lake)
    with pytest.raises(PinDiffers):
        await phone.switch(bare)


async def test_guesses_side_by_side_count_like_guesses_in_a_row_and_lock_longer_and_longer(phone, lan, clock):
    guesses = (phone.switch(lan, f"{739205 + number}") for number in range(12))
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["PinDiffers"] * 5 + ["TooManyWrongCodes"] * 7
    with pytest.raises(TooManyWrongCodes) as locked:
        await phone.switch(lan)  # the right one
    assert 0 < locked.value.facts["retry_after"] <= 60
    with pytest.raises(TooManyWrongCodes):
        await phone.switch(lan, device="another")  # whose PIN it is
    with pytest.raises(TooManyWrongCodes):
        await phone.switch(phone.counter.manager)  # on which device
    clock.advance(timedelta(seconds=61))
    with pytest.raises(PinDiffers):
        await phone.switch(lan, OTHER)
    clock.advance(timedelta(seconds=61))
    with pytest.raises(TooManyWrongCodes):
        await phone.switch(lan)
    clock.advance(timedelta(seconds=61))
    await phone.switch(lan)
    await phone.open("o-clerk")
    with pytest.raises(PinDiffers):  # forgiven
        await phone.switch(lan, OTHER)


async def test_a_flushed_cache_gives_no_new_guesses(phone, lan, redis):
    for _ in range(5):
        with pytest.raises(PinDiffers):
            await phone.switch(lan, OTHER)
    await redis.flushall()
    with pytest.raises(TooManyWrongCodes):
        await phone.switch(lan)


async def test_of_several_who_take_the_phone_over_at_once_one_has_it(phone, lan):
    answers = await asyncio.gather(*(phone.switch(lan) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(answer, ClerkSignedIn) for answer in answers) == 1
    assert {type(each) for each in answers if isinstance(each, DomainError)} == {ClerkNotSignedIn}
    assert await ClerkSession.filter(revoked_at=None).count() == 1


async def test_negative_control_without_the_guarded_end_one_session_becomes_several(phone, lan, monkeypatch):
    loose = statements.END_SESSION.replace(" AND revoked_at IS NULL", "")
    monkeypatch.setattr(clerk_switching.statements, "END_SESSION", loose)
    answers = await asyncio.gather(*(phone.switch(lan) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(answer, ClerkSignedIn) for answer in answers) == 4


async def test_whoever_is_revoked_between_the_pin_and_the_switch_gets_no_session(phone, lan, clock, monkeypatch):
    passwords = phone.switching._passwords
    verify = passwords.verify

    async def slow(pin, hashed):
        fits = await verify(pin, hashed)
        await rows(statements.REVOKE_CLERK, lan.id, clock.now())
        return fits

    monkeypatch.setattr(passwords, "verify", slow)
    with pytest.raises(ClerkUnknown):
        await phone.switch(lan)
    assert (await phone.who(phone.token)).id == phone.clerk.id


async def test_a_clerk_of_the_store_becomes_the_manager_by_the_manager_s_pin_alone(phone):
    manager = phone.counter.manager
    await phone.set_pin(manager, "o-manager", OTHER)
    with pytest.raises(PinDiffers):
        await phone.switch(manager)
    assert (await phone.switch(manager, OTHER)).clerk.role is ClerkRole.MANAGER
