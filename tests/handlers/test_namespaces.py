"""Identifiers beyond WeChat's, through the real tables: tills, platforms, shared devices, words for nothing."""

from datetime import timedelta

import pytest

from gateways.stores import codes
from handlers.errors import MemberUnknown
from handlers.identity.identity import resolve
from handlers.identity.proofs import Proof
from handlers.rules.namespaces import REGISTRY
from models.database import atomic
from models.identity import Identifier, IdentityEvent, Member
from models.words import IdentifierStatus, IdentityAct, Namespace


async def prove(rooms, *proofs, asking=None):
    async with atomic():
        proven = [Proof(namespace, scope, value, "test") for namespace, scope, value in proofs]
        return await resolve(proven, now=rooms.clock.now(), vault=rooms.vault, asking=asking)


async def active(member_id):
    held = Identifier.filter(member_id=member_id, status=IdentifierStatus.ACTIVE)
    return {(each.namespace, each.scope) for each in await held}


async def test_a_till_member_is_found_again_by_the_tills_number_and_gets_a_phone(rooms):
    till = await prove(rooms, (Namespace.POS_MEMBER, "till-7", "A0001"))
    again = await prove(rooms, (Namespace.POS_MEMBER, "till-7", "A0001"), (Namespace.PHONE, "86", "13912345670"))
    assert (till.is_new, again.is_new) == (True, False)
    assert again.member_id == till.member_id
    assert await active(till.member_id) == {(Namespace.POS_MEMBER, "till-7"), (Namespace.PHONE, "86")}


async def test_a_platforms_bind_joins_its_customer_to_the_wechat_member(rooms):
    person = await rooms.member("o-ming")
    shop = await prove(rooms, (Namespace.TMALL_OMID, "brand", "om-1"))
    account = await rooms.handlers.accounts.get("mp")
    joined = await prove(
        rooms, (Namespace.WX_OPENID, account.app.app_id, "o-ming"), (Namespace.TMALL_OMID, "brand", "om-1")
    )
    assert joined.member_id == person.member_id
    assert joined.absorbed == (shop.member_id,)


async def test_a_device_alone_is_nobody(rooms):
    with pytest.raises(MemberUnknown):
        await prove(rooms, (Namespace.DEVICE, "app", "d-1"))
    assert await Member.all().count() == 0


async def test_a_device_is_kept_beside_a_person_for_thirty_days_and_free_after_that(rooms):
    one, other = await rooms.member("o-1"), await rooms.member("o-2")
    device = (Namespace.DEVICE, "app", "d-1")
    assert (await prove(rooms, device, asking=one.member_id)).member_id == one.member_id
    second = await prove(rooms, device, asking=other.member_id)
    assert (second.member_id, second.refused) == (other.member_id, ())
    assert (Namespace.DEVICE, "app") not in await active(other.member_id)
    rooms.clock.advance(timedelta(days=30, seconds=1))
    await prove(rooms, device, asking=other.member_id)
    assert (Namespace.DEVICE, "app") in await active(other.member_id)
    assert (Namespace.DEVICE, "app") not in await active(one.member_id)
    assert await IdentityEvent.filter(act=IdentityAct.CONFLICT).count() == 0


@pytest.mark.parametrize("value", ["00000000", "null", "-1", "anonymous"])
async def test_a_word_for_nothing_identifies_nobody(rooms, value):
    with pytest.raises(MemberUnknown):
        await prove(rooms, (Namespace.POS_MEMBER, "till-7", value))
    person = await rooms.member("o-ming")
    kept_out = await prove(rooms, (Namespace.POS_MEMBER, "till-7", value), asking=person.member_id)
    assert (kept_out.member_id, kept_out.blocked) == (person.member_id, (Namespace.POS_MEMBER,))
    assert (Namespace.POS_MEMBER, "till-7") not in await active(person.member_id)


async def test_a_proven_phone_is_remembered_exactly_as_long_as_the_registry_says():
    lasts = REGISTRY[Namespace.PHONE].proof_lasts
    assert lasts is not None
    assert lasts.total_seconds() == codes.REMEMBERED_SECONDS
