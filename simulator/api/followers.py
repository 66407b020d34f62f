"""What an official account may know of its followers, and the codes that lead people to it."""

from collections.abc import Mapping

from simulator.api.desks import OA, Answer, Call, Desk
from simulator.errors import WeChatError
from simulator.person import Person

desk = Desk()

_MOST_IN_A_BATCH = 100
_LONGEST_SCENE = 64
_DEFAULT_SECONDS = 60
_MOST_SECONDS = 2_592_000
_MOST_PERMANENT = 100_000


@desk.get("/cgi-bin/user/info", OA)
async def user_info(call: Call) -> Answer:
    """One follower."""
    return _info(call, call.person(call.query.get("openid", "")))


@desk.post("/cgi-bin/user/info/batchget", OA)
async def user_infos(call: Call) -> Answer:
    """Up to a hundred followers."""
    wanted = call.body.get("user_list")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= _MOST_IN_A_BATCH:
        raise WeChatError(40097)
    openids = [one.get("openid") if isinstance(one, Mapping) else None for one in wanted]
    return {"user_info_list": [_info(call, call.person(openid)) for openid in openids]}


def _info(call: Call, person: Person) -> dict[str, object]:
    identifiers = person.identifiers(call.account)
    follow = person.follows.get(call.account.app_id)
    if follow is None:
        return {"subscribe": 0, **identifiers}
    is_number = follow.scene is not None and follow.scene.isdecimal()
    return {
        "subscribe": 1,
        **identifiers,
        "language": "zh_CN",
        "subscribe_time": int(follow.since),
        "remark": "",
        "groupid": 0,
        "tagid_list": [],
        "subscribe_scene": follow.way,
        "qr_scene": int(follow.scene or 0) if is_number else 0,
        "qr_scene_str": "" if is_number else follow.scene or "",
    }


@desk.post("/cgi-bin/qrcode/create", OA)
async def create_code(call: Call) -> Answer:
    """A code with a scene; without expire_seconds a temporary one lives a minute."""
    action = call.body.get("action_name")
    if action not in {"QR_SCENE", "QR_STR_SCENE", "QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE"}:
        raise WeChatError(40052)
    is_permanent, is_text = "LIMIT" in str(action), "STR" in str(action)
    scene = _scene(call, is_text=is_text, is_permanent=is_permanent)
    if is_permanent:
        code = call.platform.scene_codes.make(call.account, scene)
        return {"ticket": code.ticket, "url": code.url}
    seconds = call.body.get("expire_seconds", _DEFAULT_SECONDS)
    if not isinstance(seconds, int) or seconds < 1:
        raise WeChatError(40097)
    seconds = min(seconds, _MOST_SECONDS)
    code = call.platform.scene_codes.make(call.account, scene, seconds=seconds)
    return {"ticket": code.ticket, "expire_seconds": seconds, "url": code.url}


def _scene(call: Call, *, is_text: bool, is_permanent: bool) -> str:
    info = call.body.get("action_info")
    scene = info.get("scene") if isinstance(info, Mapping) else None
    value = scene.get("scene_str" if is_text else "scene_id") if isinstance(scene, Mapping) else None
    if is_text:
        if isinstance(value, str) and 1 <= len(value) <= _LONGEST_SCENE:
            return value
    elif isinstance(value, int) and 1 <= value <= (_MOST_PERMANENT if is_permanent else 2**31 - 1):
        return str(value)
    raise WeChatError(40053)
