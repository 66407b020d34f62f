"""Pools of codes and their files as operators send and see them. The codes themselves are shown to nobody here."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, StringConstraints

from miniapp_api.operator.merchant_shapes import ShortName
from miniapp_api.shapes import Body, Id, Out
from models.words import ImportState

PoolCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class NewCodePoolBody(Body):
    """A pool for a benefit of kind `code_coupon`, which is named by its code. The pool's code never changes."""

    code: PoolCode
    name: ShortName
    benefit: PoolCode
    expires_at: AwareDatetime | None = None


class CodePoolOut(Out):
    """One pool: added = free + assigned."""

    id: Id
    organization_id: Id
    code: str
    name: str
    benefit: str
    expires_at: datetime | None
    added_count: int
    free_count: int
    assigned_count: int
    created_at: datetime


class CodeImportOut(Out):
    """One file. Counts are rows of it: read so far, and of these added, there before, refused."""

    id: Id
    pool: str
    file_name: str
    state: ImportState
    row_count: int
    added_count: int
    repeated_count: int
    refused_count: int
    begun_at: datetime
    finished_at: datetime | None


class RefusedCodeOut(Out):
    """A row that was not taken; `row_number` is its line in the file. Never what stood in it."""

    row_number: int
    code: str
    reason: str
