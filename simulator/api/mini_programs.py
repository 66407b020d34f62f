"""What a mini-program's server asks: who logged in, which phone number, codes and links."""

import re

from simulator.api.desks import MP, OK, Answer, Call, Desk, Raw
from simulator.codes import Purpose
from simulator.crypto import session_signature
from simulator.errors import WeChatError
from simulator.identifiers import session_key
from simulator.mini_program import phone_info
from simulator.people import LOGINS_PER_MINUTE
from simulator.person import Person
from simulator.pictures import png

desk = Desk()

_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]*")
_QUERY = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~%]{0,1024}")
_LONGEST_SCENE = 32
_WIDTHS = range(280, 1281)
_MOST_LINK_DAYS = 30


@desk.get("/sns/jscode2session", MP, needs_token=False)
async def log_in(call: Call) -> Answer:
    """Exchange a wx.login code, once and within five minutes."""
    account = call.account_by_secret(call.query.get("appid", ""), call.query.get("secret", ""))
    if call.query.get("grant_type") != "authorization_code":
        raise WeChatError(40002)
    value = call.query.get("js_code", "")
    if not value:
        raise WeChatError(41008)
    code = call.platform.codes.find(Purpose.LOGIN, value)
    if code is None or code.app_id != account.app_id:
        raise WeChatError(40029)
    if code.is_used:
        raise WeChatError(40163)
    person = call.platform.people[code.person_id]
    _count_login(person, call.platform.clock.now())
    code.is_used = True
    if person.is_risky:
        raise WeChatError(40226)
    key = person.session_keys[account.app_id] = session_key()
    return {"session_key": key, **person.identifiers(account)}


def _count_login(person: Person, now: float) -> None:
    if len(person.logins) == LOGINS_PER_MINUTE and now - person.logins[0] < 60:
        raise WeChatError(45011)
    person.logins.append(now)


@desk.get("/wxa/checksession", MP)
async def check_session(call: Call) -> Answer:
    """Whether a session_key is still the person's."""
    person = call.person(call.query.get("openid", ""))
    key = person.session_keys.get(call.account.app_id)
    if key is None or call.query.get("signature") != session_signature(key):
        raise WeChatError(87009)
    return OK


@desk.post("/wxa/business/getuserphonenumber", MP)
async def phone_number(call: Call) -> Answer:
    """Exchange a getPhoneNumber code, once and within five minutes."""
    code = call.platform.codes.find(Purpose.PHONE, call.text("code", 41008))
    if code is None or code.is_used:
        raise WeChatError(40029)
    if code.app_id != call.account.app_id:
        raise WeChatError(40013)
    code.is_used = True
    person = call.platform.people[code.person_id]
    return {**OK, "phone_info": phone_info(person, call.account, call.platform.clock.now())}


@desk.post("/wxa/getwxacodeunlimit", MP)
async def mini_program_code(call: Call) -> Answer:
    """A code with a scene that opens the mini-program."""
    scene = call.body.get("scene")
    if not isinstance(scene, str) or not 1 <= len(scene) <= _LONGEST_SCENE:
        raise WeChatError(40169)
    if not _SCENE.fullmatch(scene):
        raise WeChatError(40129)
    page, width = call.body.get("page", ""), call.body.get("width", 430)
    if not isinstance(page, str) or page.startswith("/") or "?" in page:
        raise WeChatError(41030)
    if not isinstance(width, int) or width not in _WIDTHS:
        raise WeChatError(40097)
    code = call.platform.scene_codes.make(call.account, scene, page=page)
    return Raw(png(code.url, width))


@desk.post("/wxa/sec/order/upload_shipping_info", MP)
async def shipping_info(call: Call) -> Answer:
    """What was paid for was given; of a payment of this mini-program and by this person."""
    order, payer = call.body.get("order_key"), call.body.get("payer")
    if not isinstance(order, dict) or not isinstance(payer, dict) or not call.body.get("shipping_list"):
        raise WeChatError(47001)
    wanted = order.get("transaction_id")
    trade = next((each for each in call.platform.pay.trades.values() if each.transaction_id == wanted), None)
    if trade is None or not wanted or trade.app_id != call.account.app_id:
        raise WeChatError(10060001)
    if trade.openid != payer.get("openid"):
        raise WeChatError(40003)
    trade.is_shipped = True
    return OK


@desk.post("/wxa/generate_urllink", MP)
async def url_link(call: Call) -> Answer:
    """A link that opens the mini-program from a browser; at most 30 days."""
    query, days = call.body.get("query", ""), call.body.get("expire_interval", _MOST_LINK_DAYS)
    path = call.body.get("path", "")
    if not isinstance(path, str):
        raise WeChatError(40165)
    if not isinstance(query, str) or not _QUERY.fullmatch(query):
        raise WeChatError(40212)
    if not isinstance(days, int) or not 1 <= days <= _MOST_LINK_DAYS:
        raise WeChatError(85401)
    now, until = call.platform.clock.now(), call.body.get("expire_time")
    latest = now + _MOST_LINK_DAYS * 86_400
    if until is not None and not (isinstance(until, int) and now < until <= latest + 60):
        raise WeChatError(85401)
    expires_at = float(until) if isinstance(until, int) else now + days * 86_400
    return {**OK, "url_link": call.platform.links.make(call.account, path, query, expires_at)}
