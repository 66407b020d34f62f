"""Messages an account sends of its own accord: customer service, templates, subscriptions."""

from collections.abc import Mapping

from simulator import templates
from simulator.api.desks import BOTH, MP, OA, OK, Answer, Call, Desk
from simulator.api.menu import refuse_escapes
from simulator.chats import Side
from simulator.errors import WeChatError
from simulator.identifiers import message_id
from simulator.person import Person

desk = Desk()

_MOST_TEXT_BYTES = 2048
_KINDS = {"text", "image", "voice", "video", "music", "news", "msgmenu", "miniprogrampage", "link"}


@desk.post("/cgi-bin/message/custom/send", BOTH)
async def send(call: Call) -> Answer:
    """A customer-service message, while a window is open."""
    refuse_escapes(call.raw)
    person = call.person(call.body.get("touser"))
    kind = call.text("msgtype")
    content = call.body.get(kind)
    if kind not in _KINDS or not isinstance(content, Mapping):
        raise WeChatError(40097)
    shown = _shown(kind, content)
    if kind == "miniprogrampage":
        _must_be_a_card(call, content)
    _must_be_reachable(call, person)
    person.windows[call.account.app_id].spend(call.platform.clock.now())
    call.platform.show(person, call.account, Side.ACCOUNT, kind, shown)
    return OK


@desk.post("/cgi-bin/message/custom/typing", BOTH)
async def typing(call: Call) -> Answer:
    """“对方正在输入”."""
    person = call.person(call.body.get("touser"))
    if call.body.get("command") not in {"Typing", "CancelTyping"}:
        raise WeChatError(45072)
    if not person.windows[call.account.app_id].left(call.platform.clock.now()):
        raise WeChatError(45015)
    return OK


@desk.post("/cgi-bin/message/template/send", OA)
async def send_template(call: Call) -> Answer:
    """A service notice to a follower; its outcome is pushed afterwards."""
    person = call.person(call.body.get("touser"))
    if not person.is_following(call.account):
        raise WeChatError(43004)
    data = _checked(call)
    number = message_id()
    client_id = call.body.get("client_msg_id")
    if isinstance(client_id, str):
        first = call.platform.notices.remember(call.account, client_id, number)
        if first != number:
            return {**OK, "msgid": first}
    is_refused = call.account.app_id in person.refuses
    if not is_refused:
        _show_template(call, person, data)
    status = "failed:user block" if is_refused else "success"
    finished = {"Event": "TEMPLATESENDJOBFINISH", "MsgID": number, "Status": status}
    call.platform.later(person.notified(call.account, finished))
    return {**OK, "msgid": number}


@desk.post("/cgi-bin/message/subscribe/bizsend", OA)
async def send_notice(call: Call) -> Answer:
    """订阅通知 of an official account: one acceptance, one message."""
    return {**OK, "msgid": _send_accepted(call)}


@desk.post("/cgi-bin/message/subscribe/send", MP)
async def send_subscribed(call: Call) -> Answer:
    """订阅消息 of a mini-program: one acceptance, one message."""
    return {**OK, "msgid": _send_accepted(call)}


def _send_accepted(call: Call) -> int:
    person = call.person(call.body.get("touser"))
    data = _checked(call)
    account, template_id = call.account, call.text("template_id")
    if person.accepts[account.app_id, template_id] < 1:
        raise WeChatError(43101)
    person.accepts[account.app_id, template_id] -= 1
    number = message_id()
    _show_template(call, person, data)
    sent = {"TemplateId": template_id, "MsgID": str(number), "ErrorCode": "0", "ErrorStatus": "success"}
    fields = {"Event": "subscribe_msg_sent_event", "SubscribeMsgSentEvent": {"List": sent}}
    call.platform.later(person.notified(account, fields))
    return number


def _checked(call: Call) -> Mapping[str, Mapping[str, object]]:
    wanted = call.account.templates.get(call.text("template_id", 40037))
    if wanted is None:
        raise WeChatError(40037)
    data = call.body.get("data")
    templates.check_values(wanted, data)
    return {name: data[name] for name in wanted} if isinstance(data, Mapping) else {}


def _show_template(call: Call, person: Person, data: Mapping[str, Mapping[str, object]]) -> None:
    lines = "\n".join(f"{name}：{field['value']}" for name, field in data.items())
    page = call.body.get("page") or call.body.get("url") or ""
    content = {"Content": lines, "TemplateId": call.body.get("template_id"), "Url": page}
    call.platform.show(person, call.account, Side.ACCOUNT, "template", content)


def _must_be_a_card(call: Call, content: Mapping[str, object]) -> None:
    """An official account sends cards of mini-programs linked to it, and only with a picture."""
    mine = call.account
    linked = call.platform.by_app_id(str(content.get("appid", mine.app_id)))
    if linked is None or linked.is_official_account or linked.group != mine.group:
        raise WeChatError(40013)
    if not content.get("pagepath"):
        raise WeChatError(40165)
    if not content.get("thumb_media_id"):
        raise WeChatError(40007)


def _must_be_reachable(call: Call, person: Person) -> None:
    if call.account.app_id in person.refuses:
        raise WeChatError(48002)
    if call.account.is_official_account and not person.is_following(call.account):
        raise WeChatError(45015)


def _shown(kind: str, content: Mapping[str, object]) -> Mapping[str, object]:
    """In the words of passive replies, so that a chat has one form for both."""
    if kind == "text":
        text = content.get("content")
        if not isinstance(text, str) or not text:
            raise WeChatError(44004)
        if len(text.encode()) > _MOST_TEXT_BYTES:
            raise WeChatError(45002)
        return {"Content": text}
    if kind == "news":
        articles = content.get("articles")
        if not isinstance(articles, list) or len(articles) != 1 or not isinstance(articles[0], Mapping):
            raise WeChatError(45008)
        article = {name.title(): articles[0].get(name, "") for name in ("title", "description", "url")}
        return {"Articles": {"item": {**article, "PicUrl": articles[0].get("picurl", "")}}}
    return content
