"""What the bot may answer a push with, and its XML, around the defects of wechatpy's replies.

wechatpy writes CDATA without escaping and lets through characters that XML forbids; either breaks the document, and the
person sees WeChat's error bubble. It has no field for the agent a conversation is handed to.
"""

from dataclasses import dataclass
from functools import cache

from wechatpy.fields import StringField
from wechatpy.replies import ArticlesReply, ImageReply, TextReply, TransferCustomerServiceReply

from bot.payload import ILLEGAL

MAX_TEXT_BYTES = 2048
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence or several; `\\n` breaks lines. More than 2,048 bytes of UTF-8 are cut, with an ellipsis."""

    content: str


@dataclass(frozen=True, slots=True)
class Article:
    """One picture with a title and a link. WeChat drops further articles when it answers a message: there is one."""

    title: str
    description: str
    picture_url: str
    url: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture uploaded to WeChat before."""

    media_id: str


@dataclass(frozen=True, slots=True)
class ToHuman:
    """Hand the conversation to human service; to one agent when `kf_account` (`name@account`) is given."""

    kf_account: str = ""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Say nothing, on purpose."""


Reply = Text | Article | Image | ToHuman | Nothing


class _AgentField(StringField):  # type: ignore[misc]  # wechatpy is untyped
    """TransInfo/KfAccount; nothing at all without an agent."""

    def to_xml(self, value: str | None) -> str:
        return f"<TransInfo><KfAccount><![CDATA[{value}]]></KfAccount></TransInfo>" if value else ""


class _TransferReply(TransferCustomerServiceReply):  # type: ignore[misc]
    agent_account = _AgentField("TransInfo")


def to_xml(reply: Reply | None, *, to: str, sender: str, created: int) -> str:
    """The reply's document, empty when there is nothing to say: WeChat takes an empty Content for an error."""
    envelope = {"target": _safe(to), "source": _safe(sender), "time": created}
    match reply:
        case Text(content) if content := cut(content):
            return _text_form().format(content=_escape(content), **envelope)
        case Article() if reply.title.strip():
            article = {
                "title": _safe(reply.title),
                "description": _safe(reply.description),
                "image": _safe(reply.picture_url),
                "url": _safe(reply.url),
            }
            return str(ArticlesReply(articles=[article], **envelope).render())
        case Image(media_id) if media_id:
            return str(ImageReply(image=_safe(media_id), **envelope).render())
        case ToHuman(kf_account):
            return str(_TransferReply(agent_account=_safe(kf_account), **envelope).render())
        case _:
            return ""


@cache
def _text_form() -> str:
    """What wechatpy makes of a text, with places for what differs: rendering costs more than sealing the result."""
    places = {"target": "{target}", "source": "{source}", "content": "{content}"}
    return str(TextReply(time=0, **places).render()).replace("<CreateTime>0<", "<CreateTime>{time}<")


def cut(content: str) -> str:
    """What WeChat takes of a text: at most 2,048 bytes of UTF-8, line ends as `\\n`, no torn character or link."""
    content = ILLEGAL.sub("", content.replace("\r\n", "\n").replace("\r", "\n"))
    if not content.strip():
        return ""
    encoded = content.encode()
    if len(encoded) <= MAX_TEXT_BYTES:
        return content
    content = encoded[: MAX_TEXT_BYTES - len(_ELLIPSIS.encode())].decode(errors="ignore")
    link = content.rfind("<a ")
    if link > content.rfind("</a>"):  # half a link would be shown as its source
        content = content[:link]
    return content + _ELLIPSIS


def _safe(value: str) -> str:
    return _escape(ILLEGAL.sub("", value))


def _escape(value: str) -> str:
    return value.replace("]]>", "]]]]><![CDATA[>")
