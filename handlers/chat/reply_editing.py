"""Editing replies: what operators do with them, and what they are told to look at again."""

from collections.abc import Callable, Mapping, Set
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers import audit
from handlers.accounts.account_scope import official_account
from handlers.actors import Operator
from handlers.chat.replies import KINDS, Replies, content_of
from handlers.errors import RepliesFull, ReplyInvalid, ReplyReserved, ReplyUnknown
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.replies import (
    MAX_PRIORITY,
    RESERVED,
    Problem,
    SaidContent,
    inducements,
    problems_of,
    problems_of_trigger,
    problems_of_window,
)
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.accounts import Account
from models.replies import Reply
from models.words import ReplyTrigger

MOST_PER_ACCOUNT = 500


@dataclass(frozen=True, slots=True)
class ReplyDraft:
    """A reply as an operator wants it. The window is half-open; None means no bound."""

    trigger: ReplyTrigger
    content: SaidContent
    pattern: str = ""
    priority: int = 0  # the higher speaks first; among equals the older
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class ReplyView:
    """A reply as it stands."""

    id: UUID
    account: str
    trigger: ReplyTrigger
    pattern: str
    content: SaidContent
    priority: int
    starts_at: datetime | None
    ends_at: datetime | None
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class ReplyWarning:
    """Taken, but look again: `inducement` (WeChat punishes these `words`), `command` (hides a word of ours)."""

    code: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplySaved:
    """The reply after a write, and what its author should look at."""

    reply: ReplyView
    warnings: tuple[ReplyWarning, ...]


@dataclass(frozen=True, slots=True)
class ReplyDeleted:
    """It is not said any more."""

    reply_id: UUID


@refusing
class ReplyEditing:
    """Keeps operators' replies."""

    def __init__(self, clock: Clock, replies: Replies, *, comparable: Callable[[str], str], commands: Set[str]) -> None:
        """`comparable` brings what people type into one spelling; `commands` are the words the chat itself answers."""
        self._clock = clock
        self._replies = replies
        self._comparable = comparable
        self._commands = commands

    async def page(
        self, operator: Operator, *, account: str | None = None, after: UUID | None = None, limit: int = 50
    ) -> tuple[ReplyView, ...]:
        """Replies in the order in which they were made, of one account or of all within the operator's scope.

        Raises RoleMissing, AccountUnknown, NotAnOfficialAccount.
        """
        if account is not None:
            rows = Reply.filter(account_id=(await official_account(operator, account)).id)
        else:
            scope = await allowed(operator, Capability.CONTENT)
            rows = Reply.filter(account__organization_id__in=list(scope.organization_ids))
        if after is not None:
            rows = rows.filter(id__gt=after)
        return tuple([_view(row) for row in await rows.order_by("id").limit(limit).select_related("account")])

    async def create(
        self, operator: Operator, *, account: str, draft: ReplyDraft, request_id: str | None = None
    ) -> Answer[ReplySaved]:
        """Add a reply; it is heard everywhere within two seconds.

        Raises RoleMissing, AccountUnknown, NotAnOfficialAccount, ReplyInvalid, ReplyReserved, RepliesFull, KeyReused.
        """
        draft = self._checked(draft)

        async def effect() -> ReplySaved:
            speaker = await official_account(operator, account)
            if await Reply.filter(account_id=speaker.id).count() >= MOST_PER_ACCOUNT:
                raise RepliesFull(limit=MOST_PER_ACCOUNT)
            row = await Reply.create(account=speaker, **_columns(draft))
            return await self._saved(operator, "reply.created", row, speaker, draft)

        facts = {"account": account, "draft": draft}
        answer = await once(operator, "create_reply", request_id, facts=facts, result=ReplySaved, effect=effect)
        self._replies.forget()
        return answer

    async def change(
        self, operator: Operator, reply_id: UUID, *, changes: Mapping[str, Any], request_id: str | None = None
    ) -> Answer[ReplySaved]:
        """Change the named parts of a reply (fields of ReplyDraft).

        Raises RoleMissing, ReplyUnknown, ReplyInvalid, ReplyReserved, KeyReused.
        """

        async def effect() -> ReplySaved:
            row = await self._own(operator, reply_id)
            before = _draft(row)
            draft = self._checked(replace(before, **changes))
            if draft == before:
                return ReplySaved(_view(row), self._warnings(draft))
            await row.update_from_dict(_columns(draft)).save()
            return await self._saved(operator, "reply.changed", row, row.account, draft)

        facts = {"id": reply_id, "changes": changes}
        answer = await once(operator, "change_reply", request_id, facts=facts, result=ReplySaved, effect=effect)
        self._replies.forget()
        return answer

    async def delete(
        self, operator: Operator, reply_id: UUID, *, request_id: str | None = None
    ) -> Answer[ReplyDeleted]:
        """Take a reply away. Raises RoleMissing, ReplyUnknown, KeyReused."""

        async def effect() -> ReplyDeleted:
            row = await self._own(operator, reply_id)
            await row.delete()
            await self._note(operator, "reply.deleted", row, row.account)
            return ReplyDeleted(reply_id)

        answer = await once(operator, "delete_reply", request_id, facts=reply_id, result=ReplyDeleted, effect=effect)
        self._replies.forget()
        return answer

    async def _own(self, operator: Operator, reply_id: UUID) -> Reply:
        scope = await allowed(operator, Capability.CONTENT)
        row = await Reply.filter(id=reply_id).select_related("account").select_for_update(of=("reply",)).first()
        if row is None or not scope.sees(row.account.organization_id):  # type: ignore[attr-defined]
            raise ReplyUnknown
        return row

    def _checked(self, draft: ReplyDraft) -> ReplyDraft:
        """The draft with its keyword as it will be compared."""
        is_keyword = draft.trigger in {ReplyTrigger.EXACT, ReplyTrigger.CONTAINS}
        pattern = self._comparable(draft.pattern).lower() if is_keyword else draft.pattern
        found = [*problems_of_trigger(draft.trigger, pattern), *problems_of(draft.content)]
        found += problems_of_window(draft.starts_at, draft.ends_at)
        if not 0 <= draft.priority <= MAX_PRIORITY:
            found.append(Problem("priority", "out_of_range"))
        if found:
            raise ReplyInvalid(problems=[{"field": each.field, "problem": each.problem} for each in found])
        if draft.trigger is ReplyTrigger.EXACT and pattern in RESERVED:
            raise ReplyReserved
        return replace(draft, pattern=pattern)

    def _warnings(self, draft: ReplyDraft) -> tuple[ReplyWarning, ...]:
        found = []
        if words := inducements(draft.content):
            found.append(ReplyWarning("inducement", tuple(words)))
        if draft.trigger is ReplyTrigger.EXACT and draft.pattern in self._commands:
            found.append(ReplyWarning("command", (draft.pattern,)))
        return tuple(found)

    async def _saved(
        self, operator: Operator, action: str, row: Reply, account: Account, draft: ReplyDraft
    ) -> ReplySaved:
        await self._note(operator, action, row, account)
        return ReplySaved(_view(row), self._warnings(draft))

    async def _note(self, operator: Operator, action: str, row: Reply, account: Account) -> None:
        await audit.record(
            operator,
            action,
            "reply",
            row.id,
            at=self._clock.now(),
            organization_id=account.organization_id,  # type: ignore[attr-defined]
            account=account.key,
            reply=_draft(row),
        )


def _columns(draft: ReplyDraft) -> dict[str, Any]:
    content = draft.content
    return {
        "trigger": draft.trigger,
        "pattern": draft.pattern,
        "kind": KINDS[type(content)],
        "content": asdict(content),
        "priority": draft.priority,
        "starts_at": draft.starts_at,
        "ends_at": draft.ends_at,
        "is_enabled": draft.is_enabled,
    }


def _draft(row: Reply) -> ReplyDraft:
    return ReplyDraft(
        trigger=row.trigger,
        content=content_of(row),
        pattern=row.pattern,
        priority=row.priority,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        is_enabled=row.is_enabled,
    )


def _view(row: Reply) -> ReplyView:
    return ReplyView(
        id=row.id,
        account=row.account.key,
        trigger=row.trigger,
        pattern=row.pattern,
        content=content_of(row),
        priority=row.priority,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        is_enabled=row.is_enabled,
    )
