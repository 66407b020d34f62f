"""What a kind of benefit has to bring: its terms checked when they are saved, and its part of a claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from models.words import BenefitKind, ClaimState


@dataclass(frozen=True, slots=True)
class BenefitRow:
    """The benefit whose terms are looked at: who it is, and where."""

    id: UUID
    code: str
    organization_id: UUID
    merchant_id: UUID | None


@dataclass(frozen=True, slots=True)
class NewClaim:
    """A claim whose row was written a moment ago in the open transaction. `choices`: codes of the chosen parts."""

    id: UUID
    member_id: UUID
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DuePart:
    """One claim that a package brings along now.

    The caller writes it with `package_id` and its slot (offer and member of the package's claim, `period`, `number`);
    a slot that is taken already was brought before. `per` is the natural period at whose end the part expires.
    """

    package_id: UUID
    member_id: UUID
    benefit: str  # code
    per: str | None  # day, week, month
    period: str  # of the slot
    number: int  # 1, 2, ... up to the part's count


@dataclass(frozen=True, slots=True)
class Fulfilled:
    """What became of a batch.

    `lacking` got nothing although there was room: cannot happen to whoever asked `room` in the same transaction, and
    asks for the batch to be rolled back otherwise. `parts` are further claims for the caller to write and fulfil.
    """

    lacking: frozenset[UUID] = frozenset()
    parts: tuple[DuePart, ...] = ()


class Fulfiller(Protocol):
    """One kind of benefit. `terms` are of the class that TERMS_OF names for it; the first four are pure."""

    kind: BenefitKind
    is_redeemed: bool  # at a merchant's counter, so the benefit needs a merchant
    takes_number: bool  # whoever claims says which phone number it goes to

    def check_terms(self, terms: Any) -> None:
        """Raises BenefitTermsInvalid naming the field."""

    def check_choices(self, terms: Any, choices: Sequence[str]) -> None:
        """What the member picked when claiming. Raises ChoicesInvalid."""

    def uses(self, terms: Any) -> int:
        """How many uses a claim begins with, at least 1; only kinds with `is_redeemed` ever use them."""

    def first_state(self, terms: Any) -> ClaimState:
        """Where a claim stands when its transaction commits."""

    async def ready(self, terms: Any, benefit: BenefitRow) -> None:
        """Whether the rows that the terms name are there, inside the open transaction. Raises BenefitNotReady."""

    async def room(
        self, terms: Any, asked: Sequence[tuple[str, ...]], *, now: datetime, promised: bool = False
    ) -> list[bool]:
        """For each claim that somebody asks for (its choices), in order, whether there is something to give.

        Inside the open transaction, which holds what it counted until it ends. `promised`: it was paid for; where
        others hold what is missing and may leave it, nothing is said yet. Raises SerializationConflict then.
        """

    async def fulfil(self, terms: Any, claims: Sequence[NewClaim], *, now: datetime) -> Fulfilled:
        """The first step of these claims of one benefit, set-based, inside the open transaction."""
