"""Operators' hands on pools of codes: make one, see how much is left, and how files of codes came in.

A pool is where its benefit is. A command brings the files in; what stands in them is shown to nobody here.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import (
    BenefitUnknown,
    CodeImportUnknown,
    CodePoolNotForKind,
    CodePoolTaken,
    CodePoolUnknown,
)
from handlers.ports import Clock
from handlers.requests import Actor, Answer, once
from handlers.retrying import refusing
from handlers.rules.code_rows import REASONS
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.benefits import Benefit, CodePool
from models.claims import CodeImport
from models.database import require_atomic, rows
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import code_pools as statements
from models.words import BenefitKind, ImportState

NO_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class PoolDraft:
    """What a new pool is. `benefit` is the code of a benefit; `expires_at` the third party's own end of the codes."""

    code: str
    name: str
    benefit: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OperatedPool:
    """One pool. added = free + assigned."""

    id: UUID
    organization_id: UUID
    code: str
    name: str
    benefit: str
    expires_at: datetime | None
    added_count: int
    free_count: int
    assigned_count: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OperatedCodeImport:
    """One file. Counts are rows of it: read, and of these added, there before, refused."""

    id: UUID
    pool: str
    file_name: str
    state: ImportState
    row_count: int
    added_count: int
    repeated_count: int
    refused_count: int
    begun_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefusedCode:
    """A row that was not taken: its line in the file, why, and the same for people. Never what stood in it."""

    row_number: int
    code: str
    reason: str


async def add_pool(by: Actor, draft: PoolDraft, *, scope: Scope | None, now: datetime) -> OperatedPool:
    """A pool for a code coupon, inside the open transaction; without a `scope` for any.

    Raises BenefitUnknown, CodePoolNotForKind, CodePoolTaken, NotInTransaction.
    """
    require_atomic()
    benefit = await Benefit.get_or_none(code=draft.benefit)
    place: UUID | None = benefit.organization_id if benefit else None  # type: ignore[attr-defined]
    if benefit is None or place is None or (scope is not None and not scope.sees(place)):
        raise BenefitUnknown
    if benefit.kind is not BenefitKind.CODE_COUPON:
        raise CodePoolNotForKind
    made = OperatedPool(
        id=new_id(),
        organization_id=place,
        code=draft.code,
        name=draft.name,
        benefit=draft.benefit,
        expires_at=draft.expires_at,
        added_count=0,
        free_count=0,
        assigned_count=0,
        created_at=now,
    )
    kept = await rows(statements.KEEP_POOL, made.id, now, benefit.id, draft.code, draft.name, draft.expires_at)
    if not kept:
        raise CodePoolTaken
    told = {"code": draft.code, "benefit": draft.benefit, "expires_at": draft.expires_at}
    await record(by, "code_pool.added", "code_pool", made.id, at=now, organization_id=place, **told)
    return made


@refusing
class OperatorCodePools:
    """Pools of codes within the operator's subtree."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def listing(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[OperatedPool, ...]:
        """Pools of the subtree with what is left, in the order they were added. Raises RoleMissing."""
        scope = await allowed(operator, Capability.CODE_POOLS)
        found = await rows(statements.POOLS, list(scope.organization_ids), after or NO_ID, limit)
        return tuple(_pool(each) for each in found)

    async def view(self, operator: Operator, code: str) -> OperatedPool:
        """One pool, by its code. Raises RoleMissing, CodePoolUnknown."""
        scope = await allowed(operator, Capability.CODE_POOLS)
        found = [_pool(each) for each in await rows(statements.POOL, code)]
        if not found or not scope.sees(found[0].organization_id):
            raise CodePoolUnknown
        return found[0]

    async def add(self, operator: Operator, draft: PoolDraft, *, request_id: str) -> Answer[OperatedPool]:
        """A pool for a code coupon of the subtree.

        Raises RoleMissing, BenefitUnknown, CodePoolNotForKind, CodePoolTaken, KeyReused.
        """
        scope = await allowed(operator, Capability.CODE_POOLS)

        async def effect() -> OperatedPool:
            return await add_pool(operator, draft, scope=scope, now=self._clock.now())

        return await once(operator, "code_pool.add", request_id, facts=draft, result=OperatedPool, effect=effect)

    async def imports(
        self, operator: Operator, *, pool: str | None = None, before: UUID | None, limit: int
    ) -> tuple[OperatedCodeImport, ...]:
        """Files of the subtree's pools, or of one of them, the newest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.CODE_POOLS)
        found = CodeImport.filter(pool__benefit__organization_id__in=list(scope.organization_ids))
        if pool is not None:
            found = found.filter(pool__code=pool)
        if before is not None:
            found = found.filter(id__lt=before)
        return tuple([_import(each) for each in await found.order_by("-id").limit(limit).prefetch_related("pool")])

    async def view_import(self, operator: Operator, import_id: UUID) -> OperatedCodeImport:
        """One file. Raises RoleMissing, CodeImportUnknown."""
        scope = await allowed(operator, Capability.CODE_POOLS)
        ours = CodeImport.filter(pool__benefit__organization_id__in=list(scope.organization_ids), id=import_id)
        found = await ours.prefetch_related("pool").first()
        if found is None:
            raise CodeImportUnknown
        return _import(found)

    async def refusals(
        self, operator: Operator, import_id: UUID, *, after_row: int, limit: int
    ) -> tuple[RefusedCode, ...]:
        """Rows that were not taken, in the file's order. Raises RoleMissing, CodeImportUnknown."""
        await self.view_import(operator, import_id)
        found = await rows(statements.REFUSALS, import_id, after_row, limit)
        return tuple(RefusedCode(each["row_number"], each["code"], REASONS.get(each["code"], "")) for each in found)


async def pool_of(code: str) -> CodePool | None:
    """The pool of this code, wherever it is."""
    return await CodePool.get_or_none(code=code)


def _pool(found: dict[str, object]) -> OperatedPool:
    added, free = int(str(found["added_count"])), int(str(found["free_count"]))
    ends = found["expires_at"]
    return OperatedPool(
        id=as_uuid(found["id"]),
        organization_id=as_uuid(found["organization_id"]),
        code=str(found["code"]),
        name=str(found["name"]),
        benefit=str(found["benefit"]),
        expires_at=as_instant(ends) if ends is not None else None,
        added_count=added,
        free_count=free,
        assigned_count=added - free,
        created_at=as_instant(found["created_at"]),
    )


def _import(stored: CodeImport) -> OperatedCodeImport:
    return OperatedCodeImport(
        id=stored.id,
        pool=stored.pool.code,
        file_name=stored.file_name,
        state=stored.state,
        row_count=stored.row_count,
        added_count=stored.added_count,
        repeated_count=stored.repeated_count,
        refused_count=stored.refused_count,
        begun_at=stored.created_at,
        finished_at=stored.finished_at,
    )
