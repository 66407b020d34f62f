"""Replies, as operators edit them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, Field, StringConstraints

from handlers.chat.reply_editing import ReplyDraft, ReplySaved, ReplyView, ReplyWarning
from handlers.errors import (
    AccountUnknown,
    NotAnOfficialAccount,
    RepliesFull,
    ReplyInvalid,
    ReplyReserved,
    ReplyUnknown,
    RoleMissing,
)
from handlers.rules.replies import SaidArticle, SaidContent, SaidMiniProgram, SaidText
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, NoContent, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page
from models.words import ReplyTrigger

AccountKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
Pattern = Annotated[str, Field(max_length=64, description="keyword or scene; empty on follow")]
Priority = Annotated[int, Field(ge=0, le=1000, description="the higher speaks first")]


class TextBody(Body):
    """A text of at most 2,048 bytes; the only markup is a link to https or to a mini-program."""

    kind: Literal["text"]
    text: str


class ArticleBody(Body):
    """One picture with a title and a link, both https."""

    kind: Literal["article"]
    title: str
    description: str = ""
    picture_url: str
    url: str


class MiniProgramBody(Body):
    """A card when `thumb_media_id` names an uploaded picture, otherwise a link in a text."""

    kind: Literal["mini_program"]
    title: str
    app_id: str
    path: str
    thumb_media_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,128}$")] = ""
    url: str = ""


ContentBody = Annotated[TextBody | ArticleBody | MiniProgramBody, Field(discriminator="kind")]
_SAID: dict[str, type[SaidContent]] = {"text": SaidText, "article": SaidArticle, "mini_program": SaidMiniProgram}
_KIND_WORDS = {said: word for word, said in _SAID.items()}


def _said(body: TextBody | ArticleBody | MiniProgramBody) -> SaidContent:
    return _SAID[body.kind](**body.model_dump(exclude={"kind"}))


class NewReplyBody(Body):
    """A reply of one official account. The window is half-open; null means no bound."""

    account: AccountKey
    trigger: ReplyTrigger
    pattern: Pattern = ""
    content: ContentBody
    priority: Priority = 0
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    is_enabled: bool = True

    def draft(self) -> ReplyDraft:
        """As the handlers take it."""
        return ReplyDraft(
            trigger=self.trigger,
            content=_said(self.content),
            pattern=self.pattern,
            priority=self.priority,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            is_enabled=self.is_enabled,
        )


class ReplyChangeBody(Body):
    """What changes; absent parts stay. Null takes a bound of the window away, and is no value for anything else."""

    trigger: ReplyTrigger | None = None
    pattern: Pattern | None = None
    content: ContentBody | None = None
    priority: Priority | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    is_enabled: bool | None = None

    def changes(self) -> dict[str, Any]:
        """The parts that were sent."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if self.content is not None:
            sent["content"] = _said(self.content)
        return {name: value for name, value in sent.items() if value is not None or name in {"starts_at", "ends_at"}}


class ContentOut(Out):
    """Only the fields of its kind are filled."""

    kind: Literal["text", "article", "mini_program"]
    text: str | None = None
    title: str | None = None
    description: str | None = None
    picture_url: str | None = None
    url: str | None = None
    app_id: str | None = None
    path: str | None = None
    thumb_media_id: str | None = None


class ReplyOut(Out):
    id: Id
    account: str
    trigger: ReplyTrigger
    pattern: str
    content: ContentOut
    priority: int
    starts_at: AwareDatetime | None
    ends_at: AwareDatetime | None
    is_enabled: bool


class WarningOut(Out):
    """`inducement`: words that WeChat punishes; `command`: the reply hides a word that the chat itself answers."""

    code: str
    words: list[str]


class ReplySavedOut(Out):
    reply: ReplyOut
    warnings: list[WarningOut]


@endpoint(tags=["reply"], auth="operator", refuses=[RoleMissing, AccountUnknown, NotAnOfficialAccount])
async def replies(
    request: web.Request, account: AccountKey | None = None, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[ReplyOut]]:
    """Replies of one account, or of every account of the own organization and below."""
    found = await handlers(request).reply_editing.page(
        operator(request), account=account, after=after(cursor), limit=limit + 1
    )
    ids: list[UUID] = [each.id for each in found]
    return Ok(Page(items=[_out(each) for each in found[:limit]], next_cursor=next_cursor(ids, limit)))


@endpoint(
    tags=["reply"],
    auth="operator",
    refuses=[RoleMissing, AccountUnknown, NotAnOfficialAccount, ReplyInvalid, ReplyReserved, RepliesFull],
)
async def add_reply(request: web.Request, body: NewReplyBody, *, idempotency_key: str) -> Created[ReplySavedOut]:
    """Add a reply; it is heard within two seconds."""
    answer = await handlers(request).reply_editing.create(
        operator(request), account=body.account, draft=body.draft(), request_id=idempotency_key
    )
    return reply(answer, _saved, status=201)


@endpoint(tags=["reply"], auth="operator", refuses=[RoleMissing, ReplyUnknown, ReplyInvalid, ReplyReserved])
async def change_reply(
    request: web.Request, reply_id: Id, /, body: ReplyChangeBody, *, idempotency_key: str | None = None
) -> Ok[ReplySavedOut]:
    """Change parts of a reply."""
    answer = await handlers(request).reply_editing.change(
        operator(request), reply_id, changes=body.changes(), request_id=idempotency_key
    )
    return reply(answer, _saved, status=200)


@endpoint(tags=["reply"], auth="operator", refuses=[RoleMissing, ReplyUnknown])
async def delete_reply(request: web.Request, reply_id: Id, /, *, idempotency_key: str | None = None) -> NoContent:
    """Take a reply away."""
    answer = await handlers(request).reply_editing.delete(operator(request), reply_id, request_id=idempotency_key)
    return NoContent(replayed=answer.replayed)


def _saved(saved: ReplySaved) -> ReplySavedOut:
    return ReplySavedOut(reply=_out(saved.reply), warnings=[_warning(each) for each in saved.warnings])


def _warning(warning: ReplyWarning) -> WarningOut:
    return WarningOut(code=warning.code, words=list(warning.words))


def _out(view: ReplyView) -> ReplyOut:
    content = view.content
    values = {name: getattr(content, name) for name in type(content).__dataclass_fields__}
    return ReplyOut(
        id=view.id,
        account=view.account,
        trigger=view.trigger,
        pattern=view.pattern,
        content=ContentOut(kind=_KIND_WORDS[type(content)], **values),
        priority=view.priority,
        starts_at=view.starts_at,
        ends_at=view.ends_at,
        is_enabled=view.is_enabled,
    )


ROUTES = [
    web.get("/operator/replies", replies),
    web.post("/operator/replies", add_reply),
    web.patch("/operator/replies/{reply_id}", change_reply),
    web.delete("/operator/replies/{reply_id}", delete_reply),
]
