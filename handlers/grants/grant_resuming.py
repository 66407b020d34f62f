"""A list that was stopped goes on where it stopped: what was done stays done, what waits is done.

Two operators agreed to the list before; that it goes on is said by one, and on record. Each resuming begins a round of
jobs of its own: those of the round before, if any still wait, find another round under way and end.
"""

from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import GrantNothingToDo, GrantStateWrong
from handlers.grants.grant_views import GrantView, theirs, view
from handlers.grants.granting import begin, round_of
from handlers.grants.grants import refuse_repeated
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import rows
from models.grants import GrantBatch, GrantResume, GrantRow
from models.statements import grants as statements
from models.words import GrantRowState


@refusing
class GrantResuming:
    """Lets lists of the operator's subtree go on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def resume(
        self, operator: Operator, grant_id: UUID, *, reason: str, is_again: bool = False, request_id: str
    ) -> Answer[GrantView]:
        """Go on with what waits. `is_again`: although the same list was handed in again meanwhile.

        Raises RoleMissing, GrantUnknown, GrantStateWrong (it is not stopped, or was stopped before anybody had
        approved it), GrantNothingToDo, GrantRepeated, KeyReused.
        """
        scope = await allowed(operator, Capability.GRANTS)

        async def effect() -> GrantView:
            now, grant = self._clock.now(), await theirs(scope, grant_id)
            row: Any = grant
            if not await rows(statements.RESUME, grant_id):
                raise GrantStateWrong(state=str((await GrantBatch.get(id=grant_id)).state))
            if not await GrantRow.exists(grant_id=grant_id, state=GrantRowState.WAITING):
                raise GrantNothingToDo
            if grant.file_hash and not is_again:
                await refuse_repeated(row.offer_id, grant.file_hash, besides=grant_id)
            number = await round_of(grant_id) + 1
            await GrantResume.create(grant_id=grant_id, number=number, reason=reason, operator_id=operator.id)
            await begin(grant_id, at=now, round_number=number)
            told = {"reason": reason, "number": number}
            await record(
                operator, "grant.resumed", "grant", grant_id, at=now, organization_id=row.organization_id, **told
            )
            return await view(await GrantBatch.get(id=grant_id))

        facts = {"id": grant_id, "reason": reason, "is_again": is_again}
        return await once(operator, "grant.resume", request_id, facts=facts, result=GrantView, effect=effect)
