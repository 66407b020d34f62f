"""Would the platform take this answer?"""

from collections.abc import Mapping
from dataclasses import dataclass

from simulator import markup
from simulator.accounts import Account, Mode
from simulator.crypto import CipherError, decrypt_message, signature

_MAX_CONTENT_BYTES = 2048
_MESSAGE_KINDS = {"text", "image", "voice", "video", "shortvideo", "location", "link"}
_REQUIRED = {
    "text": "Content",
    "image": "Image",
    "voice": "Voice",
    "video": "Video",
    "music": "Music",
    "news": "Articles",
    "transfer_customer_service": None,
}
_MAX_ARTICLES = 8


@dataclass(frozen=True)
class Reply:
    """A passive reply, decrypted and taken apart; the content of an account's bubble."""

    kind: str
    fields: Mapping[str, object]

    @property
    def text(self) -> str:
        """The words of a text reply, otherwise empty."""
        return str(self.fields.get("Content", ""))

    @property
    def articles(self) -> list[Mapping[str, str]]:
        """The cards of a news reply."""
        articles = self.fields.get("Articles")
        items = articles.get("item", []) if isinstance(articles, Mapping) else []
        return items if isinstance(items, list) else [items]


@dataclass(frozen=True)
class Verdict:
    """Whether a delivery counts, why not, and what it said; no reply means that the account stays silent."""

    is_taken: bool
    reason: str
    reply: Reply | None = None


class _RefusedError(Exception):
    """The answer would be delivered again; the words say why."""


def judge(account: Account, pushed: Mapping[str, object], status: int, body: bytes) -> Verdict:
    """Judge one HTTP answer to one push."""
    if status != 200:
        return Verdict(is_taken=False, reason=f"status {status}")
    if body in {b"", b"success"}:
        return Verdict(is_taken=True, reason="silent")
    try:
        reply = _read(account, body)
        _check_addresses(pushed, reply)
        _check_content(account, pushed, reply)
    except (_RefusedError, markup.MarkupError, CipherError) as error:
        return Verdict(is_taken=False, reason=str(error))
    return Verdict(is_taken=True, reason="reply", reply=Reply(str(reply["MsgType"]), reply))


def _read(account: Account, body: bytes) -> markup.Parsed:
    parsed = markup.parse(body)
    if "Encrypt" not in parsed:
        if account.mode is Mode.SAFE:
            raise _RefusedError("unencrypted reply in safe mode")
        return parsed
    if account.mode is Mode.PLAIN or account.aes_key is None:
        raise _RefusedError("encrypted reply in plain mode")
    encrypted, timestamp, nonce = (str(parsed.get(name, "")) for name in ("Encrypt", "TimeStamp", "Nonce"))
    if parsed.get("MsgSignature") != signature(account.token, timestamp, nonce, encrypted):
        raise _RefusedError("wrong MsgSignature")
    return markup.parse(decrypt_message(account.aes_key, account.app_id, encrypted))


def _check_addresses(pushed: Mapping[str, object], reply: markup.Parsed) -> None:
    if reply.get("ToUserName") != pushed["FromUserName"] or reply.get("FromUserName") != pushed["ToUserName"]:
        raise _RefusedError("ToUserName and FromUserName not swapped")
    if not str(reply.get("CreateTime", "")).isdecimal():
        raise _RefusedError("CreateTime is not a number")


def _check_content(account: Account, pushed: Mapping[str, object], reply: markup.Parsed) -> None:
    kind = reply.get("MsgType")
    if not isinstance(kind, str) or kind not in _REQUIRED:
        raise _RefusedError(f"unknown MsgType {kind}")
    if not account.is_official_account and kind != "transfer_customer_service":
        raise _RefusedError("a mini-program answers success, nothing, or hands over")
    required = _REQUIRED[kind]
    if required is not None and not reply.get(required):
        raise _RefusedError(f"{required} is empty")
    if kind == "text" and len(str(reply["Content"]).encode()) > _MAX_CONTENT_BYTES:
        raise _RefusedError(f"Content is longer than {_MAX_CONTENT_BYTES} bytes")
    if kind == "news":
        _check_articles(pushed, reply)


def _check_articles(pushed: Mapping[str, object], reply: markup.Parsed) -> None:
    count = len(Reply("news", reply).articles)
    if str(count) != reply.get("ArticleCount"):
        raise _RefusedError("ArticleCount differs from the articles")
    allowed = 1 if pushed["MsgType"] in _MESSAGE_KINDS else _MAX_ARTICLES
    if not 1 <= count <= allowed:
        raise _RefusedError(f"{count} articles, {allowed} allowed here")
