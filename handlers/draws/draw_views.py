"""Draws as operators see them, and the one way to find a draw of theirs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.errors import DrawUnknown
from handlers.rules.draw_terms import DrawTerms, terms_of
from handlers.rules.organization_scope import Scope
from models.draws import Draw
from models.words import DrawState


@dataclass(frozen=True, slots=True)
class OperatedDraw:
    """`terms` are the draft's; `version` is the number of what is published, 0 for nothing yet.

    With an `approval_id` nothing was published: a second operator has to approve.
    """

    id: UUID
    organization_id: UUID
    code: str
    keyword: str
    state: DrawState
    version: int
    terms: DrawTerms
    opens_at: datetime | None
    closes_at: datetime | None
    spins: int
    approval_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class DrawVersionView:
    """What was published under a number, when and by which operator."""

    number: int
    terms: DrawTerms
    published_at: datetime
    published_by: UUID | None


@dataclass(frozen=True, slots=True)
class PrizeStock:
    """How one prize stands; None: no limit. added + returned = left + awarded."""

    code: str
    added: int | None
    left: int | None
    returned: int
    awarded: int


def view(found: Draw) -> OperatedDraw:
    """A row as operators see it."""
    row: Any = found
    return OperatedDraw(
        id=row.id,
        organization_id=row.organization_id,
        code=row.code,
        keyword=row.keyword,
        state=row.state,
        version=row.version,
        terms=terms_of(row.terms),
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        spins=row.last_sequence,
    )


async def theirs(scope: Scope, draw_id: UUID, *, locked: bool = False) -> Draw:
    """A draw within the scope, its row locked until the transaction ends. Raises DrawUnknown."""
    found = Draw.filter(id=draw_id, organization_id__in=list(scope.organization_ids))
    draw = await (found.select_for_update(no_key=True) if locked else found).first()
    if draw is None:
        raise DrawUnknown
    return draw
