"""A flood of messages from one person: taken without work once it is over the limit.

The limit is asked before anything else is done for a push: no look into Redis or the database. It is counted in the
process, so several processes allow as many times more; that is still a bound on what one person can use up.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.inbound import Inbound
from bot.kinds import MENU
from handlers.ports import RateLimiter

CHAT, CHAT_TOLD = "chat", "chat_told"  # names of limits: what is answered, and how often the refusal is said
# Of the events only what people can repeat at will and what changes nothing: who leaves, takes an authorization back
# or pays must be heard however many pushes came before.
_LIMITED_EVENTS = MENU | {"scan", "location", "user_enter_tempsession"}


class Flood(StrEnum):
    """What becomes of a push that is over the limit; also a label of `fanpiao_pushes_total`."""

    TOLD = "flood_told"
    SILENT = "flood_silent"


@dataclass(frozen=True, slots=True)
class ChatLimit:
    """Counts what each person says; `limiter` knows the limits `chat` and `chat_told`."""

    limiter: RateLimiter

    def check(self, inbound: Inbound) -> Flood | None:
        """None: answer as ever. Over the limit a person is told so once per minute, and otherwise taken in silence."""
        if inbound.kind == "event" and inbound.event not in _LIMITED_EVENTS:
            return None
        if not self.limiter.hit(CHAT, inbound.openid):
            return None
        if inbound.kind == "event" and inbound.event == "location":  # sent by the telephone, not by the person
            return Flood.SILENT
        return Flood.SILENT if self.limiter.hit(CHAT_TOLD, inbound.openid) else Flood.TOLD
