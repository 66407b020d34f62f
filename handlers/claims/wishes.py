"""What somebody wants of an offer, and what they got."""

from dataclasses import dataclass, field
from uuid import UUID

from handlers.channels.gate import Signed
from handlers.claims.issuing import Issued
from handlers.outside_points.holding import Held
from handlers.requests import Actor, Answer, Asked
from models.words import ClaimSource


@dataclass(frozen=True, slots=True)
class Claimed:
    """What somebody got: each claim, followed by the parts that came with a package."""

    claims: tuple[Issued, ...]


Outcome = Answer[Claimed]


@dataclass(frozen=True, slots=True)
class Claim:
    """One member's wish, under one key; `quantity` of them or none.

    `call`: a channel's, that asks for them. `hold`: what an account outside holds for it.
    """

    actor: Actor
    member_id: UUID
    source: ClaimSource
    offer_id: UUID
    choices: tuple[str, ...]
    asked: Asked
    recharge_to: str = field(default="", repr=False)
    quantity: int = 1
    call: Signed | None = None
    hold: Held | None = None
