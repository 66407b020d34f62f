"""What operators may make an account say: limits, links, and words that cost an account its permissions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from models.words import ReplyTrigger

RESERVED = frozenset({"取消", "人工", "菜单", "同意"})  # ways out and the act of consent stay what they are
MAX_TEXT_BYTES = 2_048  # WeChat: passive and customer-service texts
MAX_URL_BYTES = 1_024
MAX_TITLE = 64
MAX_DESCRIPTION = 120
MAX_PATTERN = 64
MAX_PRIORITY = 1_000

APP_ID = re.compile(r"wx[0-9a-z]{16}")
_SCENE = re.compile(r"[\x21-\x7e]{1,64}")  # WeChat's own limit for string scenes
_LINK = re.compile(r"<a((?:\s+[a-z-]+=\"[^\"<>]*\")+)\s*>([^<>]+)</a>")
_ATTRIBUTE = re.compile(r"([a-z-]+)=\"([^\"]*)\"")
_TAG = re.compile(r"<\s*[A-Za-z/!?]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]|[\ud800-\udfff]")
_LINK_ATTRIBUTES = frozenset({"href", "data-miniprogram-appid", "data-miniprogram-path"})

# 微信外部链接内容管理规范 and 公众平台运营规范: inducing people to share or to follow, and red packets.
_INDUCEMENTS = (
    re.compile(r"红包"),
    re.compile(r"集赞|助力|砍价|拉新"),
    re.compile(r"转发"),
    re.compile(r"邀请(?:好友|朋友)"),
    re.compile(r"(?:分享|朋友圈|转给好友).{0,8}?(?:有礼|领取|领|得|送|抽奖|奖励)"),
    re.compile(r"关注.{0,8}?(?:有礼|领取|领|得|送|抽奖|奖励)"),
)


@dataclass(frozen=True, slots=True)
class SaidText:
    """A sentence or several. The only markup is a link: to https, or to a mini-program."""

    text: str


@dataclass(frozen=True, slots=True)
class SaidArticle:
    """One picture with a title and a link; WeChat shows no more than one in an answer to a message."""

    title: str
    description: str
    picture_url: str
    url: str


@dataclass(frozen=True, slots=True)
class SaidMiniProgram:
    """A way into a mini-program: a card when there is a picture for one, otherwise a link in a text.

    `thumb_media_id` is WeChat's id of an uploaded picture; `url` is for clients that open no mini-programs.
    """

    title: str
    app_id: str
    path: str
    thumb_media_id: str = ""
    url: str = ""

    @property
    def is_card(self) -> bool:
        """Whether there is what WeChat needs for a card."""
        return bool(self.thumb_media_id)


SaidContent = SaidText | SaidArticle | SaidMiniProgram


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with which of our fields; never what was sent."""

    field: str
    problem: str


def problems_of(content: SaidContent) -> list[Problem]:
    """Everything that WeChat would refuse or that our answers must not carry."""
    match content:
        case SaidText(text):
            return list(_text_problems(text))
        case SaidArticle():
            found = [*_title_problems(content.title), *_https("picture_url", content.picture_url)]
            found += _https("url", content.url)
            if len(content.description) > MAX_DESCRIPTION:
                found.append(Problem("description", "too_long"))
            return [*found, *_plain("description", content.description)]
        case SaidMiniProgram():
            found = list(_title_problems(content.title))
            if not APP_ID.fullmatch(content.app_id):
                found.append(Problem("app_id", "not_an_app_id"))
            if not 1 <= len(content.path.encode(errors="replace")) <= MAX_URL_BYTES or re.search(
                r"[\s\"<>]", content.path
            ):
                found.append(Problem("path", "not_a_path"))
            return [*found, *(_https("url", content.url) if content.url else ())]


def problems_of_trigger(trigger: ReplyTrigger, pattern: str) -> list[Problem]:
    """`pattern` as it is compared: keywords normalised, scenes as they are."""
    if trigger is ReplyTrigger.FOLLOW:
        return [Problem("pattern", "must_be_empty")] if pattern else []
    if not pattern:
        return [Problem("pattern", "missing")]
    if len(pattern) > MAX_PATTERN:
        return [Problem("pattern", "too_long")]
    if trigger is ReplyTrigger.SCENE and not _SCENE.fullmatch(pattern):
        return [Problem("pattern", "not_a_scene")]
    return []


def problems_of_window(starts_at: datetime | None, ends_at: datetime | None) -> list[Problem]:
    """A window that never opens is a mistake."""
    is_empty = starts_at is not None and ends_at is not None and ends_at <= starts_at
    return [Problem("ends_at", "not_after_start")] if is_empty else []


def is_open(starts_at: datetime | None, ends_at: datetime | None, now: datetime) -> bool:
    """Half-open: the first instant is inside, the last one is not."""
    return (starts_at is None or starts_at <= now) and (ends_at is None or now < ends_at)


def inducements(content: SaidContent) -> list[str]:
    """Words by which WeChat recognises inducement, in the order in which they stand."""
    match content:
        case SaidText(text):
            said = text
        case SaidArticle():
            said = f"{content.title}\n{content.description}"
        case SaidMiniProgram():
            said = content.title
    found = [(match.start(), match.group()) for pattern in _INDUCEMENTS for match in pattern.finditer(said)]
    return list(dict.fromkeys(word for _, word in sorted(found)))


def is_https(url: str) -> bool:
    """An https address with a host, and nothing in it that could leave an attribute."""
    if not 1 <= len(url.encode(errors="replace")) <= MAX_URL_BYTES or re.search(r"[\s\"'<>\\]|[^\x21-\x7e]", url):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and bool(host) and parts.username is None


def _text_problems(text: str) -> Iterator[Problem]:
    if not text.strip():
        yield Problem("text", "missing")
    if _CONTROL.search(text):
        yield Problem("text", "forbidden_characters")
    elif len(text.encode()) > MAX_TEXT_BYTES:
        yield Problem("text", "too_long")
    if not all(_is_ours(link[1]) for link in _LINK.finditer(text)):
        yield Problem("text", "forbidden_link")
    if _TAG.search(_LINK.sub("", text)):
        yield Problem("text", "html")


def _is_ours(attributes: str) -> bool:
    pairs = _ATTRIBUTE.findall(attributes)
    given = dict(pairs)
    if len(given) != len(pairs) or not given.keys() <= _LINK_ATTRIBUTES:
        return False
    if "data-miniprogram-path" in given and "data-miniprogram-appid" not in given:
        return False
    app_id = given.get("data-miniprogram-appid")
    if app_id is not None and not APP_ID.fullmatch(app_id):
        return False
    return is_https(given["href"]) if "href" in given else app_id is not None


def _title_problems(title: str) -> Iterator[Problem]:
    if not title.strip():
        yield Problem("title", "missing")
    if len(title) > MAX_TITLE:
        yield Problem("title", "too_long")
    yield from _plain("title", title)


def _plain(field: str, value: str) -> Iterator[Problem]:
    if _CONTROL.search(value):
        yield Problem(field, "forbidden_characters")
    if _TAG.search(value):
        yield Problem(field, "html")


def _https(field: str, url: str) -> Iterator[Problem]:
    if not is_https(url):
        yield Problem(field, "not_https")
