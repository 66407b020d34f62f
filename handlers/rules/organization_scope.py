"""What an operator sees: the own organization and everything below it."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Scope:
    """A subtree of organizations. Rows without an organization belong to the root alone."""

    organization_ids: frozenset[UUID]
    is_root: bool

    def sees(self, organization_id: UUID | None) -> bool:
        """Whether a row of this organization is within the scope."""
        return self.is_root if organization_id is None else organization_id in self.organization_ids
