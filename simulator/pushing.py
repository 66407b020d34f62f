"""The pusher: delivers messages and events to our server the way the platform does."""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.accounts import Account
from simulator.clock import Clock
from simulator.crypto import signature
from simulator.envelopes import Envelope, seal
from simulator.feed import Feed
from simulator.identifiers import nonce
from simulator.line import Line, LineError
from simulator.tampering import Switchboard, Tampering
from simulator.verdicts import Reply, Verdict, judge

_KEPT = 200


@dataclass(frozen=True)
class DeliveryRules:
    """Real seconds, whatever the clock says: `deadline` per delivery, `pause` before the next of `attempts`."""

    deadline: float = 5.0
    attempts: int = 3
    pause: float = 0.2


@dataclass(frozen=True)
class Delivery:
    """One HTTP request of a push and what came back; `status` is None when nothing came in time."""

    attempt: int
    is_duplicate: bool
    sent_at: float
    elapsed_ms: int
    status: int | None
    body: bytes
    verdict: Verdict


@dataclass
class Push:
    """One message or event with every delivery of it. `fields` is what the server is told, before the envelope."""

    id: str
    account: Account
    fields: Mapping[str, object]
    envelope: Envelope
    tampering: Tampering
    deliveries: list[Delivery] = field(default_factory=list)
    replay_of: str | None = None
    is_fault_shown: bool = False

    @property
    def taken(self) -> Delivery | None:
        """The delivery whose answer counts."""
        return next((one for one in self.deliveries if one.verdict.is_taken), None)

    @property
    def reply(self) -> Reply | None:
        """What the account answers, if anything."""
        return self.taken.verdict.reply if self.taken else None

    @property
    def text(self) -> str:
        """The words of a text reply, otherwise empty."""
        return self.reply.text if self.reply else ""


class Pusher:
    """Sends pushes and keeps the latest of them."""

    def __init__(self, line: Line, clock: Clock, rules: DeliveryRules, feed: Feed) -> None:
        self._line = line
        self._clock = clock
        self._feed = feed
        self._numbers = itertools.count(1)
        self.rules = rules
        self.switches = Switchboard()
        self.history: deque[Push] = deque(maxlen=_KEPT)

    async def push(self, account: Account, fields: Mapping[str, object]) -> Push:
        """Deliver `fields`, addresses and CreateTime included, until an answer is taken or no attempt is left."""
        tampering = self.switches.take()
        if tampering.same_second:
            fields = {**fields, "CreateTime": self._latest_second(account, fields["CreateTime"])}
        push = self._record(account, fields, seal(account, fields, self._clock.now(), tampering), tampering)
        await asyncio.sleep(tampering.delay)
        copies = (self._deliver(push, number, is_duplicate=True) for number in range(1, tampering.duplicates + 1))
        if tampering.parallel:
            await asyncio.gather(self._deliver_until_taken(push), *copies)
        else:
            await self._deliver_until_taken(push)
            for copy in copies:
                await copy
        return push

    async def replay(self, earlier: Push) -> Push:
        """Send an earlier push verbatim, once, as somebody who recorded it would."""
        push = self._record(earlier.account, earlier.fields, earlier.envelope, Tampering())
        push.replay_of = earlier.id
        await self._deliver(push, 1)
        return push

    async def verify(self, account: Account) -> bool:
        """What saving the server address in the console does: ask for an echo, in plain text whatever the mode."""
        asked = {"timestamp": str(int(self._clock.now())), "nonce": nonce(), "echostr": nonce()}
        asked["signature"] = signature(account.token, asked["timestamp"], asked["nonce"])
        try:
            answer = await self._line.request(
                "GET", f"/wechat/{account.name}", timeout=self.rules.deadline, params=asked
            )
        except LineError:
            return False
        return answer.status == 200 and answer.body == asked["echostr"].encode()

    def _record(self, account: Account, fields: Mapping[str, object], envelope: Envelope, tampering: Tampering) -> Push:
        push = Push(f"push-{next(self._numbers)}", account, fields, envelope, tampering)
        self.history.append(push)
        self._feed.publish("pushes")
        return push

    def _latest_second(self, account: Account, now: object) -> object:
        return next((push.fields["CreateTime"] for push in reversed(self.history) if push.account is account), now)

    async def _deliver_until_taken(self, push: Push) -> None:
        for attempt in range(1, self.rules.attempts + 1):
            if attempt > 1:
                await asyncio.sleep(self.rules.pause)
            delivery = await self._deliver(push, attempt, is_lost=attempt <= push.tampering.lost_answers)
            if delivery.verdict.is_taken:
                return

    async def _deliver(
        self, push: Push, attempt: int, *, is_duplicate: bool = False, is_lost: bool = False
    ) -> Delivery:
        sent_at, started = self._clock.now(), time.monotonic()
        status, body = None, b""
        try:
            answer = await self._line.request(
                "POST",
                f"/wechat/{push.account.name}",
                timeout=self.rules.deadline,
                params=push.envelope.query,
                headers={"Content-Type": push.envelope.content_type, "User-Agent": "Mozilla/4.0"},
                body=push.envelope.body,
            )
        except LineError as error:
            verdict = Verdict(is_taken=False, reason=str(error))
        else:
            status, body = answer.status, answer.body
            lost = Verdict(is_taken=False, reason="answer lost on the way")
            verdict = lost if is_lost else judge(push.account, push.fields, status, body)
        elapsed_ms = int((time.monotonic() - started) * 1000)
        delivery = Delivery(attempt, is_duplicate, sent_at, elapsed_ms, status, body, verdict)
        push.deliveries.append(delivery)
        self._feed.publish("pushes")
        return delivery
