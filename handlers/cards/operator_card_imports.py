"""How imports of legacy cards stand, as operators see them; a command brings the files in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.actors import Operator
from handlers.cards.card_kind_editing import of_kinds_in
from handlers.errors import CardImportUnknown
from handlers.retrying import refusing
from handlers.rules.card_rows import REASONS
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.cards import CardImport
from models.database import rows
from models.statements import cards as statements
from models.words import ImportState


@dataclass(frozen=True, slots=True)
class OperatedImport:
    """One file. Counts are rows of it: read, and of these added, there before, refused."""

    id: UUID
    kind: str
    file_name: str
    state: ImportState
    row_count: int
    added_count: int
    repeated_count: int
    refused_count: int
    begun_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken: its line in the file, why, and the same for people. Never what stood in it."""

    row_number: int
    code: str
    reason: str


@refusing
class OperatorCardImports:
    """Lists imports into kinds within the operator's subtree."""

    async def listing(self, operator: Operator, *, before: UUID | None, limit: int) -> tuple[OperatedImport, ...]:
        """Imports of the subtree, the newest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.CARD_IMPORTS)
        found = CardImport.filter(of_kinds_in(scope, "kind__")).order_by("-id").limit(limit)
        found = found.filter(id__lt=before) if before else found
        return tuple([_view(each) for each in await found.prefetch_related("kind")])

    async def view(self, operator: Operator, import_id: UUID) -> OperatedImport:
        """One import. Raises RoleMissing, CardImportUnknown."""
        scope = await allowed(operator, Capability.CARD_IMPORTS)
        found = await CardImport.filter(of_kinds_in(scope, "kind__"), id=import_id).prefetch_related("kind").first()
        if found is None:
            raise CardImportUnknown
        return _view(found)

    async def refusals(
        self, operator: Operator, import_id: UUID, *, after_row: int, limit: int
    ) -> tuple[RefusedRow, ...]:
        """Rows that were not taken, in the file's order. Raises RoleMissing, CardImportUnknown."""
        await self.view(operator, import_id)
        found = await rows(statements.REFUSALS, import_id, after_row, limit)
        return tuple(RefusedRow(each["row_number"], each["code"], REASONS.get(each["code"], "")) for each in found)


def _view(stored: CardImport) -> OperatedImport:
    return OperatedImport(
        id=stored.id,
        kind=stored.kind.code,
        file_name=stored.file_name,
        state=stored.state,
        row_count=stored.row_count,
        added_count=stored.added_count,
        repeated_count=stored.repeated_count,
        refused_count=stored.refused_count,
        begun_at=stored.created_at,
        finished_at=stored.finished_at,
    )
