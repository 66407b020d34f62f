"""Operators' menus: draft, difference, publish, roll back."""

from uuid import uuid4

import pytest

from handlers.actors import Operator
from handlers.errors import (
    AccountUnknown,
    KeyReused,
    MenuInvalid,
    MenuRefused,
    MenuReleaseUnknown,
    NotAnOfficialAccount,
    RoleMissing,
    WeChatUnavailable,
)
from handlers.ports import WeChatGaveUp, WeChatOutcomeUnknown
from models.accounts import Account
from models.database import in_atomic
from models.operators import AuditEntry
from models.organizations import Organization
from models.replies import MenuRelease
from models.words import OperatorRole

FIRST = [{"type": "click", "name": "权益", "key": "权益"}]
SECOND = [{"name": "我的", "sub_button": [{"type": "view", "name": "官网", "url": "https://example.com"}]}]
BAD = [{"type": "click", "name": "权益权益权益", "key": ""}]


@pytest.fixture
async def lin(rooms):
    root = await Organization.get(parent=None)
    return Operator(uuid4(), root.id, OperatorRole.OPERATOR, "lin", uuid4())


@pytest.fixture
def editing(rooms):
    return rooms.handlers.menu_editing


@pytest.fixture
async def shown(rooms):
    """What WeChat shows people."""
    app_id = (await rooms.handlers.accounts.get("oa")).app.app_id
    return lambda: rooms.wechat.menus.get(app_id)


async def test_without_a_draft_the_default_menu_is_wanted(rooms, editing, lin):
    view = await editing.view(lin, account="oa")
    assert view.is_default
    assert [button["name"] for button in view.wanted] == ["领权益", "会员码", "我的"]
    assert view.published == []
    assert view.difference
    assert view.releases == ()


async def test_a_draft_is_kept_and_not_published(rooms, editing, lin, shown):
    view = (await editing.draft(lin, account="oa", buttons=FIRST)).value
    assert (view.wanted, view.is_default) == (FIRST, False)
    assert any("权益" in line for line in view.difference)
    assert shown() is None
    assert (await editing.draft(lin, account="oa", buttons=None)).value.is_default


async def test_publishing_shows_the_draft_and_says_what_changed(rooms, editing, lin, shown):
    await editing.draft(lin, account="oa", buttons=FIRST)
    await editing.publish(lin, account="oa")
    await editing.draft(lin, account="oa", buttons=SECOND)
    published = (await editing.publish(lin, account="oa")).value
    assert shown() == SECOND
    assert any(line.startswith("-") and "权益" in line for line in published.difference)
    assert any(line.startswith("+") and "官网" in line for line in published.difference)
    view = await editing.view(lin, account="oa")
    assert view.difference == ()
    assert [each.buttons for each in view.releases] == [SECOND, FIRST]
    assert {each.published_by for each in view.releases} == {lin.actor_id}


async def test_another_process_draft_is_what_is_published(rooms, editing, lin, shown):
    await rooms.handlers.accounts.get("oa")  # remembered for two seconds
    await Account.filter(key="oa").update(menu=FIRST)
    await editing.publish(lin, account="oa")
    assert shown() == FIRST


async def test_rolling_back_publishes_the_earlier_menu_and_makes_it_wanted(rooms, editing, lin, shown):
    await editing.draft(lin, account="oa", buttons=FIRST)
    earlier = (await editing.publish(lin, account="oa")).value.release_id
    await editing.draft(lin, account="oa", buttons=SECOND)
    await editing.publish(lin, account="oa")
    back = (await editing.roll_back(lin, account="oa", release_id=earlier)).value
    assert shown() == FIRST
    assert back.release_id != earlier
    view = await editing.view(lin, account="oa")
    assert (view.wanted, view.difference) == (FIRST, ())
    assert [each.buttons for each in view.releases] == [FIRST, SECOND, FIRST]


async def test_a_release_of_another_account_is_unknown(rooms, editing, lin, shown):
    await editing.publish(lin, account="oa")
    before = shown()
    elsewhere = await MenuRelease.create(
        account=await Account.get(key="mp"), buttons=SECOND, published_at=rooms.clock.now(), published_by="x"
    )
    for release_id in (elsewhere.id, uuid4()):
        with pytest.raises(MenuReleaseUnknown):
            await editing.roll_back(lin, account="oa", release_id=release_id)
    assert shown() == before


async def test_an_invalid_menu_names_its_places_and_changes_nothing(rooms, editing, lin):
    await editing.draft(lin, account="oa", buttons=FIRST)
    with pytest.raises(MenuInvalid) as refused:
        await editing.draft(lin, account="oa", buttons=BAD)
    assert refused.value.facts["problems"] == [
        {"field": "buttons.0.name", "problem": "too_long"},
        {"field": "buttons.0.key", "problem": "missing"},
    ]
    assert (await editing.view(lin, account="oa")).wanted == FIRST
    assert await AuditEntry.filter(action="menu.drafted").count() == 1


@pytest.mark.parametrize(
    ("trouble", "refusal"),
    [(WeChatGaveUp(40018), MenuRefused), (WeChatOutcomeUnknown(0), WeChatUnavailable)],
)
async def test_what_wechat_does_not_take_is_no_release(rooms, editing, lin, trouble, refusal):
    rooms.wechat.trouble = trouble
    with pytest.raises(refusal):
        await editing.publish(lin, account="oa", request_id="k1")
    assert await MenuRelease.all().count() == await AuditEntry.all().count() == 0
    view = await editing.view(lin, account="oa")  # what we want is known all the same
    assert (view.published, view.errcode) == (None, trouble.errcode)
    rooms.wechat.trouble = None
    assert not (await editing.publish(lin, account="oa", request_id="k1")).replayed


async def test_wechat_is_never_called_inside_a_transaction(rooms, editing, lin):
    inside = []

    async def publish(_app, _buttons):
        inside.append(in_atomic())

    rooms.wechat.publish_menu = publish
    release = (await editing.publish(lin, account="oa")).value.release_id
    await editing.roll_back(lin, account="oa", release_id=release)
    assert inside == [False, False]


async def test_asking_twice_with_one_key_publishes_once(rooms, editing, lin, shown):
    await editing.draft(lin, account="oa", buttons=FIRST)
    first = await editing.publish(lin, account="oa", request_id="k1")
    await editing.draft(lin, account="oa", buttons=SECOND)
    again = await editing.publish(lin, account="oa", request_id="k1")
    assert again.replayed
    assert again.value == first.value
    assert shown() == FIRST
    assert await MenuRelease.all().count() == rooms.wechat.calls["publish_menu"] == 1
    await editing.roll_back(lin, account="oa", release_id=first.value.release_id, request_id="k2")
    with pytest.raises(KeyReused):
        await editing.roll_back(lin, account="oa", release_id=uuid4(), request_id="k2")


async def test_every_write_is_recorded(rooms, editing, lin):
    await editing.draft(lin, account="oa", buttons=FIRST)
    await editing.draft(lin, account="oa", buttons=FIRST)
    release = (await editing.publish(lin, account="oa")).value.release_id
    await editing.roll_back(lin, account="oa", release_id=release)
    entries = await AuditEntry.all().order_by("id")
    assert [each.action for each in entries] == ["menu.drafted", "menu.published", "menu.rolled_back"]


async def test_only_ones_own_official_accounts_have_menus_to_edit(rooms, editing, lin):
    east = await Organization.create(code="east", name="east", parent=await Organization.get(parent=None))
    stranger = Operator(uuid4(), east.id, OperatorRole.ADMIN, "wu", uuid4())
    support = Operator(uuid4(), lin.organization_id, OperatorRole.SUPPORT, "he", uuid4())
    for operator, account, refusal in (
        (stranger, "oa", AccountUnknown),
        (support, "oa", RoleMissing),
        (lin, "mp", NotAnOfficialAccount),
        (lin, "nowhere", AccountUnknown),
    ):
        for attempt in (
            editing.view(operator, account=account),
            editing.draft(operator, account=account, buttons=FIRST),
            editing.publish(operator, account=account),
            editing.roll_back(operator, account=account, release_id=uuid4()),
        ):
            with pytest.raises(refusal):
                await attempt
    assert rooms.wechat.calls["publish_menu"] == 0


async def test_the_default_menu_links_the_mini_program_of_the_same_open_platform(rooms, editing, lin):
    await Account.filter(key="mp").update(open_platform="another")
    assert [button["name"] for button in (await editing.view(lin, account="oa")).wanted] == ["领权益", "会员码", "我的"]
