"""From a push to its answer: once per push, within the platform's patience, whatever happens inside.

The platform waits 5 seconds and delivers a push up to three times with the identical query and body. The first
delivery does the work and stores the answer; every further one gets the same bytes. Work that takes longer than the
budget answers `success`, and what it had to say follows as a customer-service message.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from prometheus_client import Counter

from bot import texts
from bot.inbound import Inbound
from bot.kinds import ACCOUNT_LIFE, AUTHORIZATION, CARD_REVIEWS, FINISHED_JOBS
from bot.replies import Article, Reply, Text, ToHuman
from bot.router import Router
from bot.turn import Turn
from handlers.accounts.accounts import AccountFacts
from handlers.actors import Person
from handlers.catalogue import Handlers
from handlers.errors import DomainError
from handlers.ports import Clock, Dialogues, DialogueState
from models.words import Touchpoint

log = logging.getLogger(__name__)
BUDGET_SECONDS = 4.0
# Events that make nobody known: the person is gone, or the sender is the platform itself.
NO_INTRODUCTION = frozenset({"unsubscribe"}) | AUTHORIZATION | ACCOUNT_LIFE | FINISHED_JOBS | CARD_REVIEWS
# Events in which a person turns to us; whatever goes wrong with others is not worth a message.
ADDRESSED_TO_US = frozenset({"subscribe", "scan", "click"})

Question = Awaitable[DialogueState | None]

inbound_total = Counter("fanpiao_inbound_total", "Messages and events of official accounts", ["account", "kind"])


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is answered, and to whom; nobody when the push concerns no person we know."""

    person: Person | None
    reply: Reply | None


class Answering:
    """Decides what to say, and keeps what took too long."""

    def __init__(
        self,
        handlers: Handlers,
        router: Router,
        dialogues: Dialogues,
        clock: Clock,
        *,
        public_url: str,
        budget_seconds: float = BUDGET_SECONDS,
    ) -> None:
        self._handlers = handlers
        self._router = router
        self._dialogues = dialogues
        self._clock = clock
        self._public_url = public_url
        self.budget_seconds = budget_seconds
        self._late: set[asyncio.Task[None]] = set()

    def recollect(self, account: AccountFacts, inbound: Inbound) -> Question | None:
        """Begin to look up what a typed message may be the answer to."""
        return self._dialogues.look(account.key, inbound.openid) if inbound.kind == "text" else None

    async def within_budget(
        self, account: AccountFacts, inbound: Inbound, question: Question | None = None, *, key: str, since: float
    ) -> Reply | None:
        """The answer, or None (`success`) when it takes longer than what is left of the budget since `since`.

        `since` is a `time.monotonic()` instant; `key` names the push, so that a late answer is sent once.
        """
        loop = asyncio.get_running_loop()
        work, over = asyncio.create_task(self.speak(account, inbound, question)), loop.create_future()
        # By hand what asyncio.wait does, at half its price: every message passes here.
        left = self.budget_seconds - (time.monotonic() - since)
        timer = loop.call_later(max(left, 0.0), _settle, over)
        work.add_done_callback(lambda _: _settle(over))
        await over
        timer.cancel()
        if work.done():
            return work.result().reply
        late = asyncio.create_task(self._send_late(work, key))
        self._late.add(late)
        late.add_done_callback(self._late.discard)
        return None

    async def speak(self, account: AccountFacts, inbound: Inbound, question: Question | None = None) -> Spoken:
        """What to say; never raises. A refusal says its own words, a crash apologises and is logged."""
        _inbounds(account.key, inbound.event or inbound.kind).inc()
        person: Person | None = None
        try:
            person = await self._person(account, inbound)
            if person is None:
                return Spoken(None, None)
            now, url = self._clock.now(), self._public_url
            turn = Turn(inbound, person, account, self._handlers, self._dialogues, url, now, question)
            return Spoken(person, await self._router.answer(turn))
        except DomainError as refusal:
            return Spoken(person, Text(refusal.sentence) if _is_to_us(inbound) else None)
        except Exception:
            log.exception("chat_failed", extra={"account": account.key, "kind": inbound.event or inbound.kind})
            return Spoken(person, Text(texts.FAULT) if _is_to_us(inbound) else None)

    async def close(self, seconds: float) -> None:
        """Give late answers this long to reach the outbox."""
        if self._late:
            await asyncio.wait(self._late, timeout=seconds)

    async def _person(self, account: AccountFacts, inbound: Inbound) -> Person | None:
        if inbound.event in NO_INTRODUCTION:
            # Whoever leaves has left, whether or not they may act.
            return await self._handlers.identity.known(
                account.key, account.app.app_id, inbound.openid, through=Touchpoint.CHAT
            )
        return await self._handlers.following.recognise(account, inbound.openid)

    async def _send_late(self, work: "asyncio.Task[Spoken]", key: str) -> None:
        spoken = await work
        text = _as_message(spoken.reply)
        if spoken.person is not None and text:
            try:
                await self._handlers.notices.answer_late(spoken.person, text=text, key=key)
            except Exception:
                log.exception("late_answer_lost", extra={"account": spoken.person.account})


def _is_to_us(inbound: Inbound) -> bool:
    return inbound.kind != "event" or inbound.event in ADDRESSED_TO_US


def _as_message(reply: Reply | None) -> str:
    """What of a late reply can still be said; a conversation is handed over only in the answer itself."""
    if isinstance(reply, ToHuman):
        return texts.HUMAN_MISSED
    if isinstance(reply, Article):
        return f'<a href="{escape(reply.url, quote=True)}">{reply.title}</a>'
    return reply.content if isinstance(reply, Text) else ""


@lru_cache(maxsize=1024)  # looking a child up by labels costs more than counting
def _inbounds(account: str, kind: str) -> Counter:
    return inbound_total.labels(account, kind)


def _settle(over: "asyncio.Future[None]") -> None:
    if not over.done():
        over.set_result(None)
