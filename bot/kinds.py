"""The messages and events this house knows; all others are `unknown`: answered and counted."""

UNKNOWN = "unknown"

MESSAGES = frozenset(
    {"text", "image", "voice", "video", "shortvideo", "location", "link", "file", "miniprogrampage"},
)

FOLLOWING = frozenset({"subscribe", "unsubscribe", "scan"})

MENU = frozenset(
    {
        "click",
        "view",
        "view_miniprogram",
        "scancode_push",
        "scancode_waitmsg",
        "pic_sysphoto",
        "pic_photo_or_album",
        "pic_weixin",
        "location_select",
    }
)

# Delivered again for up to 24 hours when they were not taken.
CARDS = frozenset(
    {
        "card_pass_check",
        "card_not_pass_check",
        "card_pay_order",
        "card_sku_remind",
        "submit_membercard_user_info",
        "update_member_card",
        "user_consume_card",
        "user_del_card",
        "user_enter_session_from_card",
        "user_get_card",
        "user_gifting_card",
        "user_pay_from_pay_cell",
        "user_view_card",
    }
)

# Each tells of one job; MsgID names it.
FINISHED_JOBS = frozenset({"templatesendjobfinish", "masssendjobfinish", "publishjobfinish"})

# The sender is the platform; the person stands in OpenID.
AUTHORIZATION = frozenset({"user_info_modified", "user_authorization_revoke", "user_authorization_cancellation"})

SUBSCRIBE_MESSAGES = frozenset(
    {"subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"},
)

HUMAN_SERVICE = frozenset({"kf_create_session", "kf_close_session", "kf_switch_session"})

# Said by the platform about the account: the sender is nobody.
CARD_REVIEWS = frozenset({"card_pass_check", "card_not_pass_check", "card_sku_remind", "card_pay_order"})

ACCOUNT_LIFE = frozenset(
    {
        "naming_verify_success",
        "naming_verify_fail",
        "qualification_verify_success",
        "qualification_verify_fail",
        "annual_renew",
        "verify_expired",
    }
)

MINI_PROGRAM = frozenset(
    {
        "user_enter_tempsession",
        "wxa_media_check",
        "wxa_punish_event",
        "trade_manage_remind_access_api",
        "trade_manage_remind_shipping",
        "trade_manage_order_settlement",
    }
)

EVENTS = (
    FOLLOWING
    | MENU
    | CARDS
    | FINISHED_JOBS
    | AUTHORIZATION
    | SUBSCRIBE_MESSAGES
    | HUMAN_SERVICE
    | ACCOUNT_LIFE
    | MINI_PROGRAM
    | {"location"}
)
