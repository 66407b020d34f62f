"""Lists as operators see them, and the one way to find a list of theirs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.errors import GrantUnknown
from handlers.rules.organization_scope import Scope
from models.database import rows
from models.grants import GrantBatch
from models.statements import grants as statements
from models.words import GrantKind, GrantRowState, GrantState


@dataclass(frozen=True, slots=True)
class CodeCount:
    """How many rows there are with one reason (`handlers.rules.grant_rows.REASONS`)."""

    code: str
    count: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Rows by what became of them. Of those that wait, `expected` are the ones that the dry run sees refused."""

    would_count: int
    expected: tuple[CodeCount, ...]
    done_count: int
    done_quantity: int
    refused: tuple[CodeCount, ...]


@dataclass(frozen=True, slots=True)
class GrantView:
    """One list. `row_count` is how many lines it has."""

    id: UUID
    kind: GrantKind
    offer_id: UUID
    organization_id: UUID
    undoes: UUID | None
    state: GrantState
    reason: str
    is_beyond_limits: bool
    is_told: bool
    returns_to_stock: bool
    row_count: int
    figures: Figures
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RowView:
    """One line: whom it means and what became of it; never what stood in it. `claim_ids` are those it brought."""

    row_number: int
    member_id: UUID | None
    quantity: int
    state: GrantRowState
    code: str
    reason: str
    claim_ids: tuple[UUID, ...]
    done_at: datetime | None


async def figures_of(grant_id: UUID) -> Figures:
    """Counted from the rows, which are the truth."""
    found = await rows(statements.FIGURES, grant_id)
    by_state: dict[GrantRowState, list[Any]] = {}
    for each in sorted(found, key=lambda one: str(one["code"])):
        by_state.setdefault(GrantRowState(each["state"]), []).append(each)
    waiting, done = by_state.get(GrantRowState.WAITING, []), by_state.get(GrantRowState.DONE, [])
    return Figures(
        would_count=sum(int(each["row_count"]) for each in waiting if not each["code"]),
        expected=tuple(CodeCount(each["code"], int(each["row_count"])) for each in waiting if each["code"]),
        done_count=sum(int(each["row_count"]) for each in done),
        done_quantity=sum(int(each["quantity"]) for each in done),
        refused=tuple(
            CodeCount(each["code"], int(each["row_count"])) for each in by_state.get(GrantRowState.REFUSED, [])
        ),
    )


async def view(stored: GrantBatch) -> GrantView:
    """A row as operators see it, with its figures."""
    row: Any = stored
    return GrantView(
        id=row.id,
        kind=row.kind,
        offer_id=row.offer_id,
        organization_id=row.organization_id,
        undoes=row.undoes_id,
        state=row.state,
        reason=row.reason,
        is_beyond_limits=bool(row.is_beyond_limits),
        is_told=bool(row.is_told),
        returns_to_stock=bool(row.returns_to_stock),
        row_count=row.row_count,
        figures=await figures_of(row.id),
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


async def theirs(scope: Scope, grant_id: UUID) -> GrantBatch:
    """A list within the scope. Raises GrantUnknown."""
    found = await GrantBatch.get_or_none(id=grant_id, organization_id__in=list(scope.organization_ids))
    if found is None:
        raise GrantUnknown
    return found
