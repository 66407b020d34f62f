"""What somebody wants of an offer, and what they got."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from handlers.benefits.kinds import fulfiller
from handlers.channels.gate import Signed
from handlers.claims.issuing import Issued
from handlers.errors import RechargeToInvalid, RechargeToMissing, RechargeToUnwanted
from handlers.outside_points.holding import Held
from handlers.requests import Actor, Answer, Asked
from handlers.rules.eligibility import BenefitFacts
from handlers.rules.phones import normalise
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


def number_of(recharge_to: str | None) -> str:
    """The mainland mobile number that is charged, as it is kept; empty: none was said. Raises RechargeToInvalid."""
    if recharge_to is None:
        return ""
    if number := normalise(recharge_to, "86"):
        return number
    raise RechargeToInvalid


def check_said(benefit: BenefitFacts, choices: Sequence[str], number: str) -> None:
    """Whether somebody said what this benefit asks for, and nothing else.

    Raises ChoicesInvalid, RechargeToMissing, RechargeToUnwanted.
    """
    kind = fulfiller(benefit.kind)
    kind.check_choices(benefit.terms, choices)
    if kind.takes_number != bool(number):
        raise RechargeToMissing if kind.takes_number else RechargeToUnwanted
