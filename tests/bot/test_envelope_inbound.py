"""Every message and event of WeChat's documents, in XML and in JSON, and what keeps two of them apart."""

from datetime import UTC, datetime

import pytest
from wechatpy.events import EVENT_TYPES
from wechatpy.messages import MESSAGE_TYPES

from bot import kinds
from bot.envelope import PushRefused, Refusal
from tests.bot import pushing
from tests.bot.pushing import GH, OPENID, PLAIN, plain

COMMON = {"ToUserName": GH, "FromUserName": OPENID, "CreateTime": pushing.CREATED}
EVENT = COMMON | {"MsgType": "event"}
CARD = {"CardId": "pFS7Fjg8kV1IdDz01r4SQwMkuCKc", "UserCardCode": "12312312"}
PLACE = {"Location_X": "23.134521", "Location_Y": "113.358803", "Scale": 20, "Label": "广州市海珠区"}
ENTRY = {
    "TemplateId": "VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3_3gz3Oc0NIc",
    "SubscribeStatusString": "accept",
    "PopupScene": 2,
}


def message(kind, **fields):
    return COMMON | {"MsgType": kind, "MsgId": 1234567890123456} | fields


def event(name, **fields):
    return EVENT | {"Event": name} | fields


MESSAGES = [
    (message("text", Content="你好"), {"content": "你好", "raw_content": "你好"}),
    (message("text", Content="选一", bizmsgmenuid="101"), {"menu_item": "101"}),
    (message("text", Content="/::) [微笑] 😀 好"), {"raw_content": "/::) [微笑] 😀 好"}),
    (
        message("image", PicUrl="http://mmbiz.qpic.cn/1", MediaId="m1"),
        {"picture_url": "http://mmbiz.qpic.cn/1", "media_id": "m1"},
    ),
    (message("voice", MediaId="m2", Format="amr", MediaId16K="m3", Recognition=""), {"media_id": "m2", "content": ""}),
    (message("voice", MediaId="m2", Format="speex", Recognition="我的权益"), {"content": "", "raw_content": ""}),
    (message("video", MediaId="m4", ThumbMediaId="m5"), {"media_id": "m4"}),
    (message("shortvideo", MediaId="m6", ThumbMediaId="m7"), {"media_id": "m6"}),
    (message("location", **PLACE), {"latitude": 23.134521, "longitude": 113.358803, "label": "广州市海珠区"}),
    (message("link", Title="题", Description="文", Url="https://example.com/"), {"content": ""}),
    (message("file", Title="a.pdf", Description="", FileKey="k", FileMd5="0", FileTotalLen=9), {}),
    (
        message("miniprogrampage", Title="题", AppId="wx1", PagePath="a/b", ThumbUrl="https://a/", ThumbMediaId="m8"),
        {},
    ),
]

EVENTS = [
    (event("subscribe", EventKey=""), {"scene": "", "key": ""}),
    (event("subscribe", EventKey="qrscene_store_7", Ticket="T"), {"scene": "store_7", "ticket": "T"}),
    (event("subscribe", EventKey="last_trade_no_4200001"), {"scene": "", "key": "last_trade_no_4200001"}),
    (event("subscribe", EventKey="scanbarcode|4|69"), {"scene": "", "key": "scanbarcode|4|69"}),
    (event("unsubscribe", EventKey=""), {"scene": ""}),
    (event("SCAN", EventKey="store_7", Ticket="T"), {"scene": "store_7", "ticket": "T"}),
    (event("SCAN", EventKey="qrscene_7", Ticket="T"), {"scene": "qrscene_7"}),
    (
        event("LOCATION", Latitude="23.137466", Longitude="113.352425", Precision="119.385040"),
        {"latitude": 23.137466, "longitude": 113.352425},
    ),
    (event("CLICK", EventKey="我的"), {"key": "我的", "scene": ""}),
    (event("VIEW", EventKey="https://example.com/", MenuId=46), {"key": "https://example.com/"}),
    (event("view_miniprogram", EventKey="pages/index", MenuId=46), {"key": "pages/index"}),
    (event("scancode_push", EventKey="k", ScanCodeInfo={"ScanType": "qrcode", "ScanResult": "1"}), {"key": "k"}),
    (event("scancode_waitmsg", EventKey="k", ScanCodeInfo={"ScanType": "barcode", "ScanResult": "1"}), {"key": "k"}),
    (
        event("pic_sysphoto", EventKey="k", SendPicsInfo={"Count": 1, "PicList": {"item": {"PicMd5Sum": "a"}}}),
        {"key": "k"},
    ),
    (event("pic_photo_or_album", EventKey="k", SendPicsInfo={"Count": 0, "PicList": ""}), {"key": "k"}),
    (
        event(
            "pic_weixin",
            EventKey="k",
            SendPicsInfo={"Count": 2, "PicList": [{"item": {"PicMd5Sum": "a"}}, {"item": {"PicMd5Sum": "b"}}]},
        ),
        {"key": "k"},
    ),
    (
        event("location_select", EventKey="k", SendLocationInfo=PLACE | {"Poiname": "塔"}),
        {"latitude": 23.134521, "longitude": 113.358803, "label": "广州市海珠区"},
    ),
    (event("TEMPLATESENDJOBFINISH", MsgID=200163836, Status="failed:user block"), {"message_id": ""}),
    (event("MASSSENDJOBFINISH", MsgID=1000, Status="send success", TotalCount=100, CopyrightCheckResult=""), {}),
    (event("PUBLISHJOBFINISH", PublishEventInfo={"publish_id": 2247503051, "publish_status": 0}), {}),
    (event("subscribe_msg_popup_event", SubscribeMsgPopupEvent={"List": [ENTRY, ENTRY]}), {}),
    (event("subscribe_msg_change_event", SubscribeMsgChangeEvent={"List": [ENTRY]}), {}),
    (event("subscribe_msg_sent_event", SubscribeMsgSentEvent={"List": [ENTRY | {"MsgID": 1, "ErrorCode": 0}]}), {}),
    (event("user_info_modified", OpenID="o_person", AppID="wx1", RevokeInfo=1), {"openid": "o_person"}),
    (event("user_authorization_revoke", OpenID="o_person", AppID="wx1", RevokeInfo=1), {"openid": "o_person"}),
    (event("user_authorization_cancellation", OpenID="o_person", AppID="wx1"), {"openid": "o_person"}),
    (event("kf_create_session", KfAccount="a@b"), {}),
    (event("kf_close_session", KfAccount="a@b", CloseType="KF"), {}),
    (event("kf_switch_session", FromKfAccount="a@b", ToKfAccount="c@b"), {}),
    (event("user_get_card", IsGiveByFriend=0, FriendUserName="", OuterStr="store_7", UnionId="u", **CARD), {}),
    (event("user_del_card", **CARD), {}),
    (event("user_consume_card", ConsumeSource="FROM_API", StaffOpenId="o2", OuterStr="", **CARD), {}),
    (event("submit_membercard_user_info", **CARD), {}),
    (event("user_view_card", **CARD), {}),
    (event("user_gifting_card", FriendUserName="o3", IsReturnBack=0, **CARD), {}),
    (event("user_pay_from_pay_cell", TransId="1", LocationId=0, Fee="10000", **CARD), {}),
    (event("user_enter_session_from_card", **CARD), {}),
    (event("update_member_card", ModifyBonus=1, ModifyBalance=0, **CARD), {}),
    (event("card_pass_check", CardId="p1"), {}),
    (event("card_not_pass_check", CardId="p1", RefuseReason="不合规"), {}),
    (event("card_sku_remind", CardId="p1", Detail="库存少"), {}),
    (event("card_pay_order", OrderId="1", Status="ORDER_STATUS_FINANCE_SUCC"), {}),
    (event("naming_verify_success", ExpiredTime=1442401093), {}),
    (event("naming_verify_fail", FailTime=1442401061, FailReason="x"), {}),
    (event("qualification_verify_success", ExpiredTime=1442401156), {}),
    (event("qualification_verify_fail", FailTime=1442401122, FailReason="x"), {}),
    (event("annual_renew", ExpiredTime=1442401004), {}),
    (event("verify_expired", ExpiredTime=1442400900), {}),
    (event("user_enter_tempsession", SessionFrom="sessionFrom"), {}),
    (event("wxa_media_check", isrisky=0, appid="wx1", trace_id="t1", status_code=0), {}),
    (event("wxa_punish_event", punish_id="p", rule_name="r"), {}),
    (event("trade_manage_remind_access_api", msg="m"), {}),
    (event("trade_manage_remind_shipping", transaction_id="4200", merchant_trade_no="n", pay_time=1), {}),
    (event("trade_manage_order_settlement", transaction_id="4200", settlement_time=1), {}),
]


def named(cases):
    return [
        pytest.param(fields, expected, id=str(fields.get("Event", fields["MsgType"]))) for fields, expected in cases
    ]


def opened(fields, *, as_json=False):
    return plain(fields, as_json=as_json).opened_with(PLAIN)


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(("fields", "expected"), named(MESSAGES))
def test_every_message_of_the_documents_is_known(fields, expected, as_json):
    inbound = opened(fields, as_json=as_json).inbound
    expected = {"kind": fields["MsgType"], "event": "", "message_id": "1234567890123456", "openid": OPENID} | expected
    assert {name: getattr(inbound, name) for name in expected} == expected
    assert inbound.original_id == GH
    assert inbound.created_at == datetime.fromtimestamp(pushing.CREATED, UTC)


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(("fields", "expected"), named(EVENTS))
def test_every_event_of_the_documents_is_known(fields, expected, as_json):
    inbound = opened(fields, as_json=as_json).inbound
    expected = {"kind": "event", "event": fields["Event"].lower(), "message_id": "", "openid": OPENID} | expected
    assert {name: getattr(inbound, name) for name in expected} == expected


@pytest.mark.parametrize(("fields", "expected"), named(MESSAGES + EVENTS))
def test_xml_and_json_of_one_push_mean_the_same(fields, expected):
    from_xml, from_json = opened(fields), opened(fields, as_json=True)
    assert from_xml.inbound == from_json.inbound
    assert from_xml.dedupe_key == from_json.dedupe_key


def test_the_tables_above_leave_out_nothing_that_is_declared_known():
    assert {fields["MsgType"] for fields, _ in MESSAGES} == kinds.MESSAGES
    assert {fields["Event"].lower() for fields, _ in EVENTS} == kinds.EVENTS


def test_nothing_that_wechatpy_knows_was_overlooked_but_hardware_invoices_and_product_scans():
    made_up_by_wechatpy = {"subscribe_scan", "subscribe_scan_product"}
    left_out = set(EVENT_TYPES) - kinds.EVENTS - made_up_by_wechatpy
    prefixes = ("device_", "user_scan_product", "merchant_order", "shakearound", "poi_", "wifi")
    invoices = {"user_authorize_invoice", "update_invoice_status", "submit_invoice_title"}
    assert {name for name in left_out if not name.startswith(prefixes)} == invoices
    assert set(MESSAGE_TYPES) <= kinds.MESSAGES


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (event("Something_New", EventKey="k"), "something_new"),
        (event("n" * 500), "n" * 64),
        (message("sticker"), "sticker"),
        (COMMON | {"MsgType": "device_event", "Event": "bind"}, "device_event"),
    ],
)
def test_what_nobody_knows_is_unknown_and_keeps_its_name_for_counting(fields, name, as_json):
    inbound = opened(fields, as_json=as_json).inbound
    assert (inbound.kind, inbound.event, inbound.openid) == ("unknown", name, OPENID)


@pytest.mark.parametrize("missing", ["FromUserName", "CreateTime", "MsgType"])
@pytest.mark.parametrize("as_json", [False, True])
def test_without_a_field_that_every_push_has_it_is_malformed(missing, as_json):
    fields = {name: value for name, value in message("text", Content="好").items() if name != missing}
    with pytest.raises(PushRefused) as refused:
        opened(fields, as_json=as_json)
    assert (refused.value.status, refused.value.reason) == (400, Refusal.MALFORMED)


@pytest.mark.parametrize(
    "odd",
    [
        {"MsgType": ""},
        {"MsgType": "event"},
        {"MsgType": "event", "Event": ""},
        {"CreateTime": "yesterday"},
        {"CreateTime": -1},
        {"CreateTime": "٣"},
        {"CreateTime": "9" * 12},
        {"FromUserName": "o" * 129},
        {"FromUserName": {"a": "b"}},
        {"Content": {"a": "b"}},
        {"Content": ["a", "b"]},
        {"MsgType": ["text", "text"]},
        {"MsgId": {"a": "b"}},
        {"MsgType": "event", "Event": "subscribe", "EventKey": {"a": "b"}},
        {"MsgType": "event", "Event": "subscribe", "EventKey": ["a", "b"]},
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_something_odd_in_the_place_of_a_text_is_malformed(odd, as_json):
    with pytest.raises(PushRefused) as refused:
        opened(message("text", Content="好") | odd, as_json=as_json)
    assert refused.value.reason is Refusal.MALFORMED


@pytest.mark.parametrize("value", ["", "north", "nan", "inf", "91", "-90.1"])
def test_a_latitude_that_is_none_is_left_out(value):
    inbound = opened(message("location", **PLACE | {"Location_X": value})).inbound
    assert (inbound.latitude, inbound.longitude) == (None, 113.358803)


def test_a_scene_longer_than_wechat_allows_attributes_nothing():
    assert opened(event("SCAN", EventKey="s" * 65)).inbound.scene == ""
    assert opened(event("SCAN", EventKey="s" * 64)).inbound.scene == "s" * 64


# --- one or many


@pytest.mark.parametrize("entries", [ENTRY, [ENTRY], [ENTRY, ENTRY | {"PopupScene": 0}]])
@pytest.mark.parametrize("as_json", [False, True])
def test_one_entry_and_many_are_a_list_alike(entries, as_json):
    # XML keeps them in an element named after the event, JSON at the top.
    inner = {"List": entries} if as_json else {"SubscribeMsgPopupEvent": {"List": entries}}
    inbound = opened(event("subscribe_msg_popup_event", **inner), as_json=as_json).inbound
    expected = entries if isinstance(entries, list) else [entries]
    assert [dict(item) for item in inbound.items] == [{k: str(v) for k, v in one.items()} for one in expected]


@pytest.mark.parametrize("nothing", ["", [], None])
def test_an_empty_list_has_no_entries(nothing):
    inbound = opened(event("subscribe_msg_popup_event", List=nothing), as_json=True).inbound
    assert (inbound.items, inbound.fields["List"]) == ((), [])


def test_the_fields_cannot_be_changed():
    with pytest.raises(TypeError):
        opened(message("text", Content="好")).inbound.fields["Content"] = "坏"


# --- what is the same push, and what is not


def keys_of(*pushes):
    return {opened(fields).dedupe_key for fields in pushes}


def test_a_repeated_delivery_has_the_same_key_whatever_its_encryption():
    fields = message("text", Content="好")
    repeats = {plain(fields).opened_with(PLAIN).dedupe_key, pushing.safe(fields).opened_with(pushing.SAFE).dedupe_key}
    assert len(repeats) == 1


def test_a_message_is_known_by_its_msgid():
    one = message("text", Content="好")
    assert len(keys_of(one, one | {"Content": "another text, same MsgId"}, one | {"CreateTime": 1})) == 1
    assert len(keys_of(one, one | {"MsgId": 2})) == 2


def test_a_stored_answer_of_one_person_is_never_that_of_another():
    one = message("text", Content="好")
    assert len(keys_of(one, one | {"FromUserName": "o_other"})) == 2


def test_two_events_of_one_second_are_told_apart_by_event_and_key():
    one = event("CLICK", EventKey="a")
    assert len(keys_of(one, event("CLICK", EventKey="b"), event("VIEW", EventKey="a"), one | {"CreateTime": 1})) == 4


@pytest.mark.parametrize(
    ("one", "difference"),
    [
        (event("user_get_card", **CARD), {"UserCardCode": "2"}),
        (event("user_get_card", **CARD), {"CardId": "2"}),
        (event("user_authorization_revoke", OpenID="o1"), {"OpenID": "o2"}),
        (event("trade_manage_remind_shipping", transaction_id="1"), {"transaction_id": "2"}),
        (event("subscribe_msg_sent_event", List=[{"MsgID": 1}]), {"List": [{"MsgID": 2}]}),
        (event("kf_switch_session", ToKfAccount="a"), {"ToKfAccount": "b"}),
        (event("wxa_media_check", trace_id="1"), {"trace_id": "2"}),
    ],
)
def test_two_events_of_one_second_are_told_apart_by_what_they_are_about(one, difference):
    assert len(keys_of(one, one | difference)) == 2


def test_a_finished_job_is_known_by_its_msgid_at_any_time():
    one = event("TEMPLATESENDJOBFINISH", MsgID=1, Status="success")
    assert len(keys_of(one, one | {"CreateTime": 1})) == 1
    assert len(keys_of(one, one | {"MsgID": 2}, event("MASSSENDJOBFINISH", MsgID=1))) == 3


def test_the_parts_of_a_key_cannot_run_into_each_other():
    assert len(keys_of(event("CLICK", EventKey="a', 'b"), event("CLICK", EventKey="a"))) == 2


def test_keys_are_short_and_tell_nothing():
    assert {len(key) for key in keys_of(message("text", Content="好"), event("CLICK", EventKey="a"))} == {32}
