"""What a person is shown of what is held about them."""

from dataclasses import fields, is_dataclass
from typing import get_args, get_type_hints

import pytest

from handlers.errors import NotSignedIn
from handlers.privacy.personal_data import PersonalData
from miniapp_api.member.privacy_page import FIELDS, POLICY, SECTIONS, STYLE, personal_data_page
from models.database import atomic
from models.identity import Identifier
from models.words import ConsentPurpose, IdentityAct, Namespace
from tests.dumping import dump
from tests.handlers.test_departures import (
    CARD_NUMBER,
    CHAT_OPENID,
    NICKNAME,
    OPENID,
    PHONE_NUMBER,
    SECOND_NUMBER,
    SEEDED,
    UNIONID,
    life,
)

__all__ = ["life"]  # a fixture


async def test_the_export_holds_everything_in_the_clear(rooms, life):
    await rooms.handlers.consents.withdraw(life.person, purpose=ConsentPurpose.MARKETING)
    data = await rooms.handlers.personal_data.export(life.person)
    assert data.member.id == life.person.member_id
    assert data.member.other_ids == (life.merged.member_id,)
    assert data.member.number == (await rooms.handlers.membership.view(life.person)).number
    assert (data.profile.nickname, data.profile.birthday) == (NICKNAME, "1990-02-03")
    assert {(each.namespace, each.value) for each in data.identifiers} == {
        (Namespace.WX_OPENID, OPENID),
        (Namespace.WX_OPENID, CHAT_OPENID),
        (Namespace.WX_UNIONID, UNIONID),
        (Namespace.PHONE, PHONE_NUMBER),
    }
    assert [each.number for each in data.bound_numbers] == [SECOND_NUMBER]
    assert [each.last_seen_at for each in data.devices] == [rooms.clock.now()]
    assert CARD_NUMBER in {each.number for each in data.cards}
    consents = {each.purpose: each.withdrawn_at for each in data.consents}
    assert consents[ConsentPurpose.MARKETING] == rooms.clock.now()
    assert consents[ConsentPurpose.MEMBERSHIP] is None
    assert [(each.account, each.unfollowed_at) for each in data.followings] == [("oa", None)]
    assert [each.scene for each in data.attributions] == ["store_7"]
    assert [each.account for each in data.sessions] == ["mp"]
    assert "join" in {each.operation for each in data.requests}
    texts = {each.text for each in data.messages if each.kind == "send_text"}
    assert texts == {f"{NICKNAME}，您的手机号{PHONE_NUMBER}"}
    assert IdentityAct.MERGE in {each.act for each in data.identity_events}


async def test_exporting_changes_nothing(rooms, life):
    before = await dump()
    await rooms.handlers.personal_data.export(life.person)
    assert await dump() == before


async def test_nothing_of_anybody_else_is_in_it(rooms, life):
    ming = await rooms.member("o-ming", phone="13800138001")
    shown = repr(await rooms.handlers.personal_data.export(ming))
    assert [value for value in SEEDED if value in shown] == []
    assert str(life.person.member_id) not in shown


async def test_an_old_id_of_the_person_exports_the_same(rooms, life):
    by_old_id = await rooms.handlers.personal_data.export(life.merged)
    assert by_old_id == await rooms.handlers.personal_data.export(life.person)


async def test_a_value_whose_key_is_lost_is_empty_and_the_rest_is_shown(rooms, life):
    await Identifier.filter(namespace=Namespace.PHONE).update(value_cipher="lost.AAAA")
    data = await rooms.handlers.personal_data.export(life.person)
    values = {each.namespace: each.value for each in data.identifiers}
    assert values[Namespace.PHONE] is None
    assert values[Namespace.WX_UNIONID] == UNIONID


async def test_whoever_left_has_nothing_to_see(rooms, life):
    await rooms.handlers.departures.leave(life.person)
    with pytest.raises(NotSignedIn):
        await rooms.handlers.personal_data.export(life.person)


async def test_what_an_operator_did_is_told_without_who_it_was(rooms, life):
    from handlers import audit

    class Desk:
        kind, actor_id = "operator", "ada-the-operator"

    async with atomic():
        await audit.record(Desk(), "member.viewed", "member", life.person.member_id, at=rooms.clock.now())
    data = await rooms.handlers.personal_data.export(life.person)
    assert [each.action for each in data.deeds_of_operators] == ["member.viewed"]
    assert "ada-the" not in repr(data)  # ids in hexadecimal may well hold "ada"


async def test_the_page_shows_all_of_it_and_escapes_it(rooms, life):
    await rooms.handlers.membership.change_profile(life.person, changes={"nickname": "<script>alert('\"&')</script>"})
    page = personal_data_page(await rooms.handlers.personal_data.export(life.person))
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#x27;&quot;&amp;&#x27;)&lt;/script&gt;" in page
    for value in (PHONE_NUMBER, SECOND_NUMBER, CARD_NUMBER, OPENID, CHAT_OPENID, UNIONID, "store_7"):
        assert value in page
    assert page.count("<style>") == 1
    assert STYLE in page
    assert "unsafe" not in POLICY


def test_every_section_and_field_has_a_title():
    sections = {field.name for field in fields(PersonalData)} - {"exported_at"}
    assert set(SECTIONS) == sections
    shown = set()
    for name, hint in get_type_hints(PersonalData).items():
        held = next((part for part in (hint, *get_args(hint)) if is_dataclass(part)), None)
        assert held is not None or name == "exported_at"
        shown |= {field.name for field in fields(held)} if held else set()
    assert set(FIELDS) == shown
