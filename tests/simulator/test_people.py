import re

import pytest

from simulator import ImpossibleError, Platform, markup
from simulator.chats import Side


def last(backend):
    return markup.parse(backend.requests[-1][2])


async def test_following_by_code_names_the_scene_and_the_ticket(person, oa, backend, ask):
    code = await ask(
        oa,
        "POST",
        "/cgi-bin/qrcode/create",
        body={
            "action_name": "QR_STR_SCENE",
            "expire_seconds": 600,
            "action_info": {"scene": {"scene_str": "store_7"}},
        },
    )
    await person.scan(oa, "store_7")
    event = last(backend)
    assert (event["Event"], event["EventKey"], event["Ticket"]) == ("subscribe", "qrscene_store_7", code["ticket"])
    assert "MsgId" not in event
    info = await ask(oa, "GET", "/cgi-bin/user/info", query={"openid": person.openid(oa)})
    assert (info["subscribe_scene"], info["qr_scene_str"]) == ("ADD_SCENE_QR_CODE", "store_7")


async def test_a_follower_who_scans_is_reported_without_the_prefix(person, oa, backend):
    await person.follow(oa)
    assert last(backend)["EventKey"] == ""
    await person.scan(oa, "store_7")
    assert (last(backend)["Event"], last(backend)["EventKey"]) == ("SCAN", "store_7")


async def test_unfollowing_and_coming_back(person, oa, backend):
    await person.follow(oa)
    await person.unfollow(oa)
    assert last(backend)["Event"] == "unsubscribe"
    with pytest.raises(ImpossibleError):
        await person.say(oa, "在吗")
    await person.follow(oa)
    assert last(backend)["Event"] == "subscribe"


async def test_identifiers_have_the_platforms_shape_and_scope(person, platform, oa, mp, lonely_mp):
    assert re.fullmatch(r"o[A-Za-z0-9_-]{27}", person.openid(oa))
    assert person.openid(oa) != person.openid(mp)
    assert person.unionid(oa) == person.unionid(mp)
    assert person.unionid(lonely_mp) is None
    assert platform.person("小红").unionid(oa) != person.unionid(oa)


def test_the_same_seed_brings_the_same_people_back(oa):
    def first():
        return Platform([oa], backend="http://127.0.0.1:9", seed="demo").person()

    assert first().openid(oa) == first().openid(oa)


@pytest.mark.parametrize(
    ("gesture", "kind", "names"),
    [
        ("send_image", "image", {"PicUrl", "MediaId"}),
        ("send_voice", "voice", {"MediaId", "Format"}),
        ("send_video", "video", {"MediaId", "ThumbMediaId"}),
        ("send_sticker", "text", {"Content"}),
    ],
)
async def test_messages_carry_the_fields_of_their_kind(person, oa, backend, gesture, kind, names):
    await person.follow(oa)
    await getattr(person, gesture)(oa)
    message = last(backend)
    assert message["MsgType"] == kind
    assert names | {"MsgId", "CreateTime", "FromUserName", "ToUserName"} <= message.keys()


async def test_message_ids_increase(person, oa, backend):
    await person.follow(oa)
    await person.say(oa, "一")
    first = int(last(backend)["MsgId"])
    await person.send_location(oa, 30.27, 120.15, "西湖")
    assert int(last(backend)["MsgId"]) > first
    assert last(backend)["Location_X"] == "30.27"


async def test_tapping_the_menu_reports_what_the_button_is(person, oa, mp, platform, backend):
    platform.menus[oa.app_id] = {
        "button": [
            {"type": "click", "name": "签到", "key": "checkin"},
            {"type": "view", "name": "商城", "url": "https://example.com/"},
            {
                "name": "更多",
                "sub_button": [
                    {"type": "miniprogram", "name": "会员码", "appid": mp.app_id, "pagepath": "pages/code"},
                    {"type": "scancode_waitmsg", "name": "扫码", "key": "scan"},
                ],
            },
        ]
    }
    await person.follow(oa)
    seen = []
    for wanted in ("checkin", "商城", "pages/code"):
        await person.tap(oa, wanted)
        seen.append((last(backend)["Event"], last(backend)["EventKey"]))
    assert seen == [
        ("CLICK", "checkin"),
        ("VIEW", "https://example.com/"),
        ("view_miniprogram", "pages/code"),
    ]
    await person.tap(oa, "scan", scanned="6901234567892")
    assert last(backend)["ScanCodeInfo"] == {"ScanType": "qrcode", "ScanResult": "6901234567892"}
    with pytest.raises(ImpossibleError):
        await person.tap(oa, "nothing")


async def test_anything_can_be_pushed_raw(person, oa, backend):
    await person.raw(oa, {"MsgType": "event", "Event": "user_get_card", "CardId": "c1", "CreateTime": 5})
    assert (last(backend)["CardId"], last(backend)["CreateTime"]) == ("c1", "5")


async def test_a_customer_message_of_a_mini_program_needs_no_following(person, mp, backend):
    push = await person.say(mp, "在吗")
    assert backend.requests[-1][0] == "/wechat/mp"
    assert push.taken
    assert person.chat(mp).texts(Side.PERSON) == ["在吗"]
