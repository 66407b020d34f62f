"""What a kind of task is asked: whether our own tables say that it was done. Nobody's word counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from handlers.ports import Vault
from handlers.rules.tasks import TaskTerms


@dataclass(frozen=True, slots=True)
class Doer:
    """Who is looked at: the canonical member, and all ids that are theirs. `since`: the period's first instant."""

    member_id: UUID
    ids: tuple[UUID, ...]
    now: datetime
    since: datetime | None
    vault: Vault = field(repr=False)


class TaskKind(Protocol):
    """One kind."""

    async def done(self, doer: Doer, terms: TaskTerms) -> Sequence[str]:
        """For each time that it was done the subject: empty where the member alone matters, else who came."""
        ...
