"""What a kind of reward is asked: whether it can be promised, and to give it, many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.ports import Vault
from handlers.rules.ledger import Cause
from handlers.rules.rewards import Reward
from models.words import RewardedAct

GIVEN = "reward"  # who gives, and the kind of cause


@dataclass(frozen=True, slots=True)
class Gift:
    """A reward of an act for a member (by the canonical id).

    It goes under the id of its own row, which is what makes it happen once.
    """

    id: UUID
    act: RewardedAct
    member_id: UUID
    reward: Reward

    @property
    def kind(self) -> str:
        """Who acts, as claims note it."""
        return GIVEN

    @property
    def actor_id(self) -> str:
        """The reward's row."""
        return str(self.id)

    @property
    def cause(self) -> Cause:
        """What the ledger knows it by."""
        return Cause(GIVEN, str(self.id))


@dataclass(frozen=True, slots=True)
class Given:
    """How much of it there was; `given_id` is the transfer, or the first of the claims. `cut_by`: why it is less."""

    amount: int
    given_id: UUID | None = None
    cut_by: str = ""


@dataclass(frozen=True, slots=True)
class Giving:
    """When and where something is given."""

    at: datetime
    zone: ZoneInfo
    vault: Vault = field(repr=False)


class RewardKind(Protocol):
    """One kind. What cannot be given is cut and said, never refused: nobody loses a check-in over a dry stock."""

    async def problem(self, reward: Reward) -> str:
        """Why it cannot be promised, in words for operators; empty when it can."""
        ...

    async def give(self, gifts: Sequence[Gift], giving: Giving) -> Mapping[UUID, Given]:
        """All of them, by the ids of the gifts; inside the open transaction, which has locked the members' rows.

        Raises SerializationConflict (decide again).
        """
        ...
