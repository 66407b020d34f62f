"""Who somebody is, on the real tables."""

import asyncio

import pytest
from tortoise.exceptions import OperationalError

from handlers.errors import MemberFrozen
from handlers.identity.identity import resolve
from handlers.identity.proofs import Proof
from models.consents import Consent
from models.database import atomic, rows
from models.identity import Identifier, IdentityEvent, Member, MemberMerge
from models.words import ConsentPurpose, IdentifierStatus, IdentityAct, MemberStatus, Namespace
from tests.handlers.conftest import MARKETING, MEMBERSHIP, PHONE


async def test_the_first_contact_makes_somebody_known_and_the_second_finds_them(rooms):
    first, again = await rooms.person("o-ming"), await rooms.person("o-ming")
    assert first == again
    assert first.is_member is False
    assert await Member.all().count() == 1


async def test_ordinals_are_dense_from_one(rooms):
    for name in ("o-a", "o-b", "o-c"):
        await rooms.person(name)
    assert sorted(await Member.all().values_list("ordinal", flat=True)) == [1, 2, 3]


async def test_a_unionid_learnt_later_joins_the_two_channels_and_the_joined_member_survives(rooms):
    follower = await rooms.person("o-chat", account="oa")
    joined = await rooms.member("o-mini", "u-ming")
    now = await rooms.person("o-chat", "u-ming", account="oa")
    assert now.member_id == joined.member_id
    assert now.number == joined.number
    merge = await MemberMerge.get()
    assert (merge.winner_id, merge.loser_id) == (joined.member_id, follower.member_id)
    loser = await Member.get(id=follower.member_id)
    assert (loser.status, loser.canonical_id) == (MemberStatus.MERGED, joined.member_id)


async def test_an_old_id_leads_to_the_person_of_today(rooms):
    follower = await rooms.person("o-chat", account="oa")
    joined = await rooms.member("o-mini", "u-ming")
    await rooms.person("o-chat", "u-ming", account="oa")
    found = await rooms.handlers.identity.person(follower.member_id, "oa", through=follower.through)
    assert found.member_id == joined.member_id


async def test_a_second_unionid_for_one_openid_is_refused_and_recorded_once(rooms):
    await rooms.person("o-ming", "u-one")
    for _ in range(3):
        await rooms.person("o-ming", "u-two")
    conflicts = await IdentityEvent.filter(act=IdentityAct.CONFLICT)
    assert [conflict.namespace for conflict in conflicts] == [Namespace.WX_UNIONID]
    assert await Identifier.filter(namespace=Namespace.WX_UNIONID, status=IdentifierStatus.ACTIVE).count() == 1


async def test_a_phone_of_somebody_else_stays_with_them(rooms):
    holder = await rooms.member("o-old", phone="13912345670")
    code = rooms.wechat.phone_code("13912345670")
    other = await rooms.person("o-new")
    answer = await rooms.handlers.membership.join(other, agreed=[MEMBERSHIP, PHONE], phone_code=code)
    assert answer.value.is_phone_elsewhere
    assert answer.value.member.phone_tail == ""
    phone = await Identifier.get(namespace=Namespace.PHONE, status=IdentifierStatus.ACTIVE)
    assert phone.member_id == holder.member_id
    conflict = await IdentityEvent.get(act=IdentityAct.CONFLICT)
    assert (conflict.member_id, conflict.other_member_id) == (other.member_id, holder.member_id)


async def test_the_stricter_consent_survives_a_merge(rooms):
    chatting = await rooms.member("o-a")
    await rooms.handlers.consents.give(chatting, agreed=MARKETING)
    other = await rooms.person("o-b", account="oa")
    await Consent.create(
        member_id=other.member_id,
        purpose=ConsentPurpose.MARKETING,
        version=MARKETING.version,
        account_id=(await rooms.handlers.accounts.get("oa")).id,
        given_through=other.through,
        given_at=rooms.clock.now(),
        withdrawn_at=rooms.clock.now(),
    )
    await rooms.person("o-a", "u-same")
    await rooms.person("o-b", "u-same", account="oa")
    view = await rooms.handlers.membership.view(chatting)
    assert [consent.purpose for consent in view.consents] == [ConsentPurpose.MEMBERSHIP]


async def test_a_frozen_member_cannot_act(rooms):
    person = await rooms.person("o-ming")
    await Member.filter(id=person.member_id).update(status=MemberStatus.FROZEN)
    with pytest.raises(MemberFrozen):
        await rooms.person("o-ming")


async def test_no_identifier_stands_in_the_clear(rooms):
    await rooms.member("o-visible-openid", "u-visible-unionid", phone="13912345670")
    everything = str([await rows(f"SELECT * FROM {table}") for table in ("identifier", "member", "identity_event")])
    for plain in ("o-visible-openid", "u-visible-unionid", "13912345670"):
        assert plain not in everything


async def test_the_history_of_identity_cannot_be_edited_or_deleted(rooms):
    await rooms.person("o-ming")
    with pytest.raises(OperationalError, match="append-only"):
        await IdentityEvent.all().update(scope="other")
    with pytest.raises(OperationalError, match="append-only"):
        await IdentityEvent.all().delete()


# --- at the same time


async def first_contacts(rooms, make_known, times: int = 50) -> tuple[int, int]:
    """`times` first contacts of one person at once, half by each account; members made, and calls that broke."""
    outcomes = await asyncio.gather(
        *(make_known(f"o-{'chat' if turn % 2 else 'mini'}", "u-one") for turn in range(times)), return_exceptions=True
    )
    broken = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    return await Member.filter(canonical_id=None).count(), len(broken)


async def test_fifty_first_contacts_of_one_person_at_once_make_one_member(rooms):
    async def make_known(openid, unionid):
        return await rooms.person(openid, unionid, account="oa" if openid == "o-chat" else "mp")

    assert await first_contacts(rooms, make_known) == (1, 0)
    assert await Identifier.filter(status=IdentifierStatus.ACTIVE).count() == 3


async def test_the_race_above_is_seen_when_nobody_locks(rooms):
    """Negative control: look first, write afterwards, without a lock."""
    everybody_has_looked = asyncio.Barrier(50)

    async def naive(openid, unionid):
        proofs = [
            Proof(Namespace.WX_OPENID, openid, openid, "test"),
            Proof(Namespace.WX_UNIONID, "main", unionid, "test"),
        ]
        keys = [proof.key(rooms.vault) for proof in proofs]
        known = await Identifier.filter(value_hash__in=[key.value_hash for key in keys])
        await everybody_has_looked.wait()
        if not known:
            async with atomic():
                await resolve(proofs[:1], now=rooms.clock.now(), vault=rooms.vault)
            async with atomic():
                resolution = await resolve(proofs[:1], now=rooms.clock.now(), vault=rooms.vault)
                unionid_key = keys[1]
                await Identifier.create(
                    member_id=resolution.member_id,
                    namespace=unionid_key.namespace,
                    scope=unionid_key.scope,
                    value_hash=unionid_key.value_hash,
                    value_cipher="x",
                    verified_at=rooms.clock.now(),
                    verified_by="test",
                    last_seen_at=rooms.clock.now(),
                )

    assert await first_contacts(rooms, naive) == (2, 49)


async def test_fifty_different_people_at_once_are_fifty_members(rooms):
    await asyncio.gather(*(rooms.person(f"o-{turn}", f"u-{turn}") for turn in range(50)))
    assert await Member.all().count() == 50
    assert len(set(await Member.all().values_list("ordinal", flat=True))) == 50


async def test_merging_and_attaching_at_once_lose_nothing(rooms):
    """One call merges two members while others attach to either; everybody ends up as one, and nothing dangles."""
    for turn in range(8):
        await rooms.person(f"o-chat-{turn}", account="oa")
        await rooms.person(f"o-mini-{turn}", f"u-{turn}")

    async def merge(turn):
        await rooms.person(f"o-chat-{turn}", f"u-{turn}", account="oa")

    async def attach(turn):
        person = await rooms.person(f"o-chat-{turn}", account="oa")
        phone = [Proof(Namespace.PHONE, "86", f"1391234567{turn}", "test")]
        async with atomic():
            await resolve(phone, now=rooms.clock.now(), vault=rooms.vault, asking=person.member_id)

    await asyncio.gather(*(step(turn) for turn in range(8) for step in (merge, attach, merge)))
    assert await Member.filter(canonical_id=None).count() == 8
    dangling = await Identifier.filter(status=IdentifierStatus.ACTIVE, member__status=MemberStatus.MERGED).count()
    assert dangling == 0
    assert await Identifier.filter(namespace=Namespace.PHONE, status=IdentifierStatus.ACTIVE).count() == 8
