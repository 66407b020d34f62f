"""One turn of a conversation: who said what, where, and what a route may do about it."""

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.inbound import Inbound
from handlers.accounts.accounts import AccountFacts
from handlers.actors import Person
from handlers.catalogue import Handlers
from handlers.ports import Dialogues, DialogueState

LASTS = timedelta(minutes=10)  # how long a question or a numbered list can be answered
LIST = "list"
LIST_MAX = 8


@dataclass(frozen=True, slots=True)
class Turn:
    """What a route needs to answer one message or event."""

    inbound: Inbound
    person: Person
    account: AccountFacts
    handlers: Handlers
    dialogues: Dialogues
    public_url: str
    now: datetime
    question: Awaitable[DialogueState | None] | None = None  # asked for already; of typed messages only

    @property
    def request_id(self) -> str | None:
        """The idempotency key of what this message asks for: the platform's own message id."""
        return f"msg:{self.inbound.message_id}" if self.inbound.message_id else None

    @property
    def act(self) -> str:
        """Names what was done here, once for all deliveries: the message id, or for an event its second."""
        inbound = self.inbound
        what = inbound.message_id or f"{inbound.event}:{int(inbound.created_at.timestamp())}"
        return f"{self.account.key}:{self.person.member_id}:{what}"

    async def ask(self, dialogue: str, step: str, **facts: str) -> None:
        """Wait for the person's answer to a question; a later question replaces an earlier one."""
        await self._keep(DialogueState(dialogue, step, facts))

    async def offer(self, words: list[str]) -> None:
        """Let each of at most eight words be answered by its number, counted from 1."""
        await self._keep(
            DialogueState(LIST, LIST, {str(place): word for place, word in enumerate(words[:LIST_MAX], 1)})
        )

    async def finish(self) -> None:
        """Close whatever question is open."""
        await self.dialogues.drop(self.account.key, self.inbound.openid)

    async def open_question(self) -> DialogueState | None:
        """The question this person had not answered yet when they sent this, if any."""
        asked = await (self.question or self.dialogues.look(self.account.key, self.inbound.openid))
        return asked if asked is not None and asked.member_id == str(self.person.member_id) else None

    async def _keep(self, state: DialogueState) -> None:
        whose = replace(state, member_id=str(self.person.member_id))
        await self.dialogues.keep(self.account.key, self.inbound.openid, whose, lasting=LASTS)
